"""Defaults of the core's values in one place, so that a test states only what matters to it.

The world of these values: ana's project `eval` with the profile `dev`, one image, and a container made from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sglaunch.errors import Origin, Place
from sglaunch.plain import names_of, replace
from sglaunch.plan.diff import applied_spec
from sglaunch.plan.observation import Observation, ObservedContainer, Project
from sglaunch.plan.options import LIVE
from sglaunch.spec.container import ContainerSpec, Settings, Wanted, expand
from sglaunch.spec.labels import Applied, Owner, fingerprints
from sglaunch.spec.server import Server
from sglaunch.spec.values import Secret

ANA, BEN = Owner(1000, "ana"), Owner(1001, "ben")
CONFIG = "/home/ana/eval/sglaunch.yaml"
IMAGE, IMAGE_ID, MOVED_ID = "img:1", f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
SALT = "a salt"
COMMAND = ("sleep", "infinity")

_SETTINGS = set(names_of(Settings))
_WANTED = set(names_of(Wanted)) - {"spec", "settings", "profile"}
_APPLIED = set(names_of(Applied))


def project(**changes: Any) -> Project:
    """Ana's project."""
    return replace(Project("eval", CONFIG, ANA), **changes)


def make_spec(**options: Any) -> ContainerSpec:
    """A spec of nothing but name, image and a command that stays."""
    return ContainerSpec(**{"container_name": "ana-eval-dev", "image": IMAGE, "command": COMMAND, **options})


def make_wanted(profile: str = "dev", **options: Any) -> Wanted:
    """A profile resolved. Options go where they belong: to the settings, to Wanted itself, the rest to the spec."""
    settings = {name: value for name, value in options.items() if name in _SETTINGS}
    around = {name: value for name, value in options.items() if name in _WANTED}
    spec = {name: value for name, value in options.items() if name not in _SETTINGS | _WANTED}
    return Wanted(
        **{"project": "eval", "config_file": CONFIG, "profile": profile, **around},
        spec=make_spec(**{"container_name": f"ana-eval-{profile}", **spec}),
        settings=Settings(**settings),
    )


def at(line: int, layer: str = "project", column: int = 5) -> Origin:
    """A place in the project's file."""
    return Origin(Place("sglaunch.yaml", line, column), layer)


def identity(name: str) -> str:
    """The id a container of this name has."""
    return hashlib.sha256(name.encode()).hexdigest()


def make_container(made_from: Wanted | None = None, **changes: Any) -> ObservedContainer:
    """The container that `up` made of a profile, then `changes`: fields of it, of its label, or of its live options.

    `unreadable`: the label's spec cannot be read.
    """
    wanted = made_from or make_wanted()
    spec = wanted.spec
    unreadable = changes.pop("unreadable", False)
    labels = {name: changes.pop(name) for name in list(changes) if name in _APPLIED}
    options = {option.field: changes.pop(option.field) for option in LIVE if option.field in changes}
    secrets = {name: value for name, value in spec.environment.items() if isinstance(value, Secret)}
    applied = Applied(
        project=wanted.project,
        profile=wanted.profile,
        owner=ANA,
        config=wanted.config_file,
        spec=applied_spec(spec),
        image=IMAGE_ID,
        secrets=fingerprints(secrets, SALT),
        salt=SALT if secrets else "",
    )
    applied = replace(applied, **labels, **({"spec": None} if unreadable else {}))
    name = changes.get("name", spec.container_name)
    status = changes.get("status", "running")
    values: dict[str, Any] = {
        "id": identity(name),
        "name": name,
        "status": status,
        "image_id": IMAGE_ID,
        "image_ref": spec.image,
        "created": "2026-03-01T09:00:00Z",
        "started": "" if status == "created" else "2026-03-01T09:00:01Z",
        "applied": applied,
        "auto_remove": spec.auto_remove,
        "network_mode": _network_mode(spec),
        "networks": frozenset(spec.networks),
        "partners": {
            field: identity(mode.removeprefix("container:"))
            for field in ("network_mode", "ipc", "pid")
            if (mode := getattr(spec, field)).startswith("container:")
        },
        "live": {**live_options(spec), **options},
        "env": {name: value if isinstance(value, Secret) else Secret(value) for name, value in _given(spec).items()},
        "ports": tuple(
            f"{binding.ip or '0.0.0.0'}:{binding.port}->{port}"
            for port, bindings in expand(spec).ports.items()
            for binding in bindings
        ),
    }
    if isinstance(spec.server, Server) and not unreadable:
        values["server_port"] = spec.server.port
    return ObservedContainer(**{**values, **changes})


def _network_mode(spec: ContainerSpec) -> str:
    """An engine keeps the id of another container."""
    kind, container, name = spec.network_mode.partition("container:")
    return f"{container}{identity(name)}" if container and not kind else spec.network_mode or "default"


def foreign_container(name: str = "ana-eval-dev", **changes: Any) -> ObservedContainer:
    """A container that somebody made without sglaunch."""
    return make_container(make_wanted(container_name=name), applied=None, **changes)


def live_options(spec: ContainerSpec) -> dict[str, Any]:
    """What the engine shows of the live options of a container made from a spec."""
    shown = {option.field: getattr(spec, option.field) or None for option in LIVE}
    if shown["mem_limit"] and not shown["memswap_limit"]:
        shown["memswap_limit"] = 2 * shown["mem_limit"]
    return {**shown, "restart": spec.restart}


def make_observation(*containers: ObservedContainer, missing: Iterable[str] = (), **changes: Any) -> Observation:
    """Ana's look at the engine: these containers, the image there, every bind source there but the `missing` ones."""
    values: dict[str, Any] = {
        "owner": ANA,
        "containers": tuple(sorted(containers, key=lambda one: one.name)),
        "images": {IMAGE: IMAGE_ID},
        "paths": dict.fromkeys(missing, False),
        "salt": SALT,
    }
    return Observation(**{**values, **changes})


def _given(spec: ContainerSpec) -> Mapping[str, str | Secret]:
    return {name: value for name, value in spec.environment.items() if value is not None}
