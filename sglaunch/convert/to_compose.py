"""Profiles as a Compose file, which creates the same containers without sglaunch; pure.

The profile's vocabulary is Compose's, so most rows of the table only spell a value. A secret is passed through by name;
`$` is doubled, since Compose interpolates every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sglaunch.convert import leaving
from sglaunch.convert.compose_keys import KEYS
from sglaunch.convert.to_compose_build import build_of
from sglaunch.errors import Problem
from sglaunch.plain import Struct
from sglaunch.plan.order import by_container, needs
from sglaunch.spec.container import ContainerSpec, Wanted, expand
from sglaunch.spec.server import KEY_TARGET

_CONTAINER = "container:"
_HEALTHY = "service_healthy"


class ComposeFile(Struct, frozen=True):
    """The document, and what it cannot say."""

    document: Mapping[str, Any]
    losses: tuple[Problem, ...]


def to_compose(project: str, profiles: Sequence[Wanted]) -> ComposeFile:
    """One file with a service for each profile."""
    losses: list[Problem] = []
    settled: list[Wanted] = []
    for wanted in profiles:
        one, lost = leaving.settled(wanted)
        one, cards = leaving.every_card(one)
        settled.append(one)
        losses += [*lost, *cards]
    document: dict[str, Any] = {"name": _project_name(project), "services": {}}
    for one in settled:
        spec = expand(one.spec)
        document["services"][one.profile] = _service(one, spec, settled)
        for section, entries in _resources(one, spec):
            document.setdefault(section, {}).update(entries)
        losses += [*leaving.consent(one), *leaving.chosen_gpus(one), *_losses(one, spec, settled)]
    return ComposeFile(document, tuple(losses))


def _project_name(project: str) -> str:
    """Compose takes lower case, digits, - and _, beginning with a letter or digit."""
    return re.sub(r"^[^a-z0-9]+", "", re.sub(r"[^a-z0-9_-]", "-", project.lower())) or "project"


def _options(spec: ContainerSpec, services: Mapping[str, str]) -> dict[str, Any]:
    """What the spec says, by the table; what is unset is left out."""
    default = ContainerSpec("", "")
    rows = {
        key: spell(value)
        for field, (key, spell) in KEYS.items()
        if (value := getattr(spec, field)) != getattr(default, field)
    }
    if not spec.networks and not spec.network_mode:
        # Else Compose would make a network of the project's own.
        rows["network_mode"] = "bridge"
    rows |= {key: _shared(rows[key], services) for key in ("network_mode", "ipc", "pid") if key in rows}
    if spec.volumes_from:
        # By service, Compose 2.26 would lose the mode.
        rows["volumes_from"] = [f"{_CONTAINER}{name}" for name in spec.volumes_from]
    if spec.logging_driver or spec.logging_options:
        driver = {"driver": spec.logging_driver} if spec.logging_driver else {}
        rows["logging"] = driver | ({"options": dict(spec.logging_options)} if spec.logging_options else {})
    return rows


def _service(wanted: Wanted, spec: ContainerSpec, exported: Sequence[Wanted]) -> dict[str, Any]:
    containers = by_container(exported)
    service = _options(spec, containers)
    if wanted.build is not None:
        service["build"] = build_of(wanted.build)
    if needed := needs(wanted, containers):
        service["depends_on"] = {name: {"condition": _condition(wanted, name, exported)} for name in needed}
    if wanted.settings.pull_policy in ("always", "never", "build"):
        service["pull_policy"] = wanted.settings.pull_policy
    if wanted.env_files:
        service["env_file"] = [
            path if required else {"path": path, "required": False} for path, required in wanted.env_files.items()
        ]
    service = {key: _escaped(value) for key, value in service.items()}
    if environment := _environment(wanted, spec):
        service["environment"] = environment
    if spec.server is None and wanted.spec.server is not None and wanted.spec.server.api_key:
        service["configs"] = [{"source": _key_name(wanted), "target": KEY_TARGET, "mode": 0o400}]
    return service


def _shared(mode: str, services: Mapping[str, str]) -> str:
    """A container of this file is named by its service, so that it is made first."""
    name = mode.removeprefix(_CONTAINER)
    return f"service:{services[name]}" if mode.startswith(_CONTAINER) and name in services else mode


def _condition(wanted: Wanted, name: str, exported: Sequence[Wanted]) -> str:
    """Compose asks a healthcheck, and takes one that is not there for a failure."""
    return _HEALTHY if name in wanted.settings.needs_ready and _is_checked(name, exported) else "service_started"


def _is_checked(name: str, exported: Sequence[Wanted]) -> bool:
    checks = [one.spec.healthcheck for one in exported if one.profile == name]
    return any(check is not None and not check.disable for check in checks)


def _environment(wanted: Wanted, spec: ContainerSpec) -> dict[str, str | None]:
    """Null takes the caller's value. What a file of variables brings is left to it."""
    of_files = leaving.of_files(wanted)
    secret = set(leaving.secrets(spec, wanted.secret_names))
    found: dict[str, str | None] = {}
    for name, value in spec.environment.items():
        if name in of_files:
            continue
        found[name] = None if name in secret or not isinstance(value, str) else value.replace("$", "$$")
    return found


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _escaped(inner) for key, inner in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def _key_name(wanted: Wanted) -> str:
    return f"{wanted.profile}-api-key"


def _resources(wanted: Wanted, spec: ContainerSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    """What stands beside the services. Networks and volumes are those of the engine, under their own names."""
    named = [mount.source for mount in spec.volumes.values() if mount.type == "volume" and mount.source]
    if named:
        yield "volumes", {name: {"external": True} for name in named}
    if spec.networks:
        yield "networks", {name: {"external": True} for name in spec.networks}
    server = wanted.spec.server
    if server is not None and server.api_key:
        text = f'api-key: "${{{server.api_key}:?is the key of the server}}"\n'
        yield "configs", {_key_name(wanted): {"content": text}}
    if wanted.build is not None and wanted.build.secrets:
        secrets = wanted.build.secrets.items()
        yield "secrets", {name: {"file": one.file} if one.file else {"environment": name} for name, one in secrets}


def _losses(wanted: Wanted, spec: ContainerSpec, exported: Sequence[Wanted]) -> Iterator[Problem]:
    of_files = leaving.of_files(wanted)
    for name in leaving.secrets(spec, wanted.secret_names):
        if name in of_files:
            continue
        path = f"environment.{name}"
        message = f"{name} is secret, and its value stays here: Compose takes it from the shell it runs in"
        file = wanted.secret_files.get(name)
        hint = f'export {name}="$(cat {file})" there' if file else f"export {name}=... there"
        yield leaving.problem(wanted, path, message, hint)
    for name in spec.volumes_from:
        if ":" in name:
            yield leaving.problem(wanted, "volumes_from", f"{name}: Compose mounts it writable, whatever stands there")
    if spec.auto_remove:
        yield leaving.problem(wanted, "auto_remove", "Compose keeps stopped containers", "`docker compose down`")
    for name in (name for name in sorted(wanted.settings.needs_ready) if not _is_checked(name, exported)):
        message = f"Compose waits until {name} is started, not until it answers"
        yield leaving.problem(wanted, f"depends_on.{name}", message, f"give {name} a healthcheck, and write {_HEALTHY}")
    for name in (mount.source for mount in spec.volumes.values() if mount.type == "volume" and mount.source):
        message = f"the volume {name} must be there: Compose would give one of its own another name"
        yield leaving.problem(wanted, "volumes", message, f"`docker volume create {name}`")
    if any(mount.create_host_path for mount in spec.volumes.values()):
        message = "folders of caches that are missing are made by the engine, as root"
        yield leaving.problem(wanted, "caches", message, "make them before")
    if wanted.settings.pull_policy not in ("missing", "always", "never", "build"):
        message = f"{wanted.settings.pull_policy}: older Compose does not know it; what is missing is pulled"
        yield leaving.problem(wanted, "pull_policy", message)
    if wanted.settings.replicas > 1:
        yield leaving.problem(wanted, "replicas", "a container with a name is one", "write one profile for each")
    if wanted.settings.nodes > 1:
        yield leaving.problem(wanted, "nodes", "a Compose file is for one machine", "`sglaunch export kubernetes`")
    if wanted.settings.mirrors:
        yield Problem("registry_mirrors are not asked", hint="set them in the engine")
    hint = f"`docker compose logs -f {wanted.profile}` shows where its start is"
    yield from leaving.readiness(wanted, hint)
