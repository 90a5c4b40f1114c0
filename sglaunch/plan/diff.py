"""The spec against what was applied and what is observed: a list of changes, each with its origin and effect; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sglaunch.errors import Origin
from sglaunch.plain import Struct, defaults_of, names_of
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.observation import SERVING, ObservedContainer
from sglaunch.plan.options import BY_FIELD, LIVE, NOTHING, RECREATE, UPDATE, recreate_part, show
from sglaunch.spec.canonical import SECRET_VALUE, plain
from sglaunch.spec.container import ContainerSpec, Wanted, origin_of, wants_nvidia
from sglaunch.spec.labels import fingerprints
from sglaunch.spec.server import DEFAULT_LAUNCHER, NO_PROXIES, STANDARD_LAUNCHERS, Server, direct_hosts
from sglaunch.spec.values import MASK, Healthcheck, Secret

# Fields that are spelled with a dot in profile words.
_WORDS = {"logging_driver": "logging.driver", "logging_options": "logging.options"}
_NESTED: Mapping[str, frozenset[str]] = {
    "server": frozenset(names_of(Server)),
    "healthcheck": frozenset(names_of(Healthcheck)),
}
_DOCKER = Capabilities()
_UNLIMITED = (None, "", 0)
_SHORT_ID = 12
# Left out of the canonical form, these are what an absent side of a change means.
_DEFAULTS: Mapping[str, Any] = {
    **{name: default for name, default in defaults_of(ContainerSpec).items() if isinstance(default, bool)},
    **{
        f"server.{name}": list(default) if isinstance(default, tuple) else default
        for name, default in (dict.fromkeys(names_of(Server)) | defaults_of(Server)).items()
        if name != "args"
    },
}


class Change(Struct, frozen=True):
    """One value that differs: its path in profile words, both sides, who wrote the new one, and what it takes."""

    field: str
    old: Any
    new: Any
    origin: Origin | None = None
    effect: str = RECREATE


def changes(
    wanted: Wanted, observed: ObservedContainer, image_id: str | None, engine: Capabilities = _DOCKER
) -> list[Change]:
    """Every difference between a profile and its container, in the order of the option table."""
    found = [*_recreate_changes(wanted, observed, engine), *_secret_changes(wanted, observed)]
    found += _image_changes(wanted, observed, image_id, any(change.field == "image" for change in found))
    found += _live_changes(wanted, observed, engine) if engine.shows_live else []
    found += _network_changes(wanted, observed) if engine.connects else []
    if observed.name != wanted.spec.container_name:
        found.append(_change("container_name", observed.name, wanted.spec.container_name, wanted, UPDATE))
    return found


def applied_spec(spec: ContainerSpec, engine: Capabilities = _DOCKER) -> dict[str, Any]:
    """The part of a spec that the label keeps: what changes in place too, where inspect would not show it."""
    return recreate_part(plain(spec)) if engine.shows_live else plain(spec)


def _change(path: str, old: Any, new: Any, wanted: Wanted, effect: str) -> Change:
    return Change(path, old, new, origin_of(path, wanted.origins), effect)


def _recreate_changes(wanted: Wanted, observed: ObservedContainer, engine: Capabilities) -> Iterator[Change]:
    assert observed.applied is not None
    if observed.applied.spec is None:
        yield Change("labels", "unreadable", "rewritten", None, RECREATE)
        return
    old, new = dict(_flat(observed.applied.spec)), dict(_flat(applied_spec(wanted.spec, engine)))
    silent = {f"environment.{name}" for name, value in wanted.spec.environment.items() if value is None}
    direct = set(direct_hosts(wanted.spec.server))
    for path in (f"environment.{name}" for name in NO_PROXIES if name in wanted.passed):
        # Hosts that are added to a value passed through are no change: another release of sglaunch adds others.
        pair = (old.get(path), new.get(path))
        if all(isinstance(text, str) for text in pair) and len({_hosts(str(text), direct) for text in pair}) == 1:
            silent.add(path)
    launchers = {tuple(side.get("server.launcher") or DEFAULT_LAUNCHER) for side in (old, new)}
    if "server.launcher" not in wanted.origins and launchers <= set(STANDARD_LAUNCHERS):
        # Chosen by the image, and both start the same server: what runs stays.
        silent.add("server.launcher")
    for path in [*new, *(path for path in old if path not in new)]:
        if old.get(path) != new.get(path) and path not in silent:
            field = path.partition(".")[0]
            before, after = _shown(path, field, old.get(path)), _shown(path, field, new.get(path))
            yield _change(_word(path), before, after, wanted, RECREATE)


def _hosts(text: str, without: set[str]) -> frozenset[str]:
    return frozenset(text.split(",")) - without


def _secret_changes(wanted: Wanted, observed: ObservedContainer) -> Iterator[Change]:
    """Values of secrets are compared by salted fingerprint, and never shown."""
    assert observed.applied is not None
    known, salt = observed.applied.secrets, observed.applied.salt
    values = {name: value for name, value in wanted.spec.environment.items() if isinstance(value, Secret)}
    for name, mark in fingerprints(values, salt).items():
        if name in known and known[name] != mark:
            yield _change(f"environment.{name}", MASK, f"{MASK} (changed)", wanted, RECREATE)


def _image_changes(
    wanted: Wanted, observed: ObservedContainer, image_id: str | None, other_image: bool
) -> Iterator[Change]:
    """A tag that names another local image by now. Under `recreate: ask` it is told and left: somebody pulls daily."""
    if image_id and observed.image_id and image_id != observed.image_id and not other_image:
        # What is built here moves because this project's files did; a tag, because somebody pulled.
        effect = RECREATE if wanted.settings.recreate == "always" or wanted.build is not None else NOTHING
        ref = wanted.spec.image
        old, new = (f"{ref} ({_short(identity)})" for identity in (observed.image_id, image_id))
        yield _change("image", old, new, wanted, effect)


def _live_changes(wanted: Wanted, observed: ObservedContainer, engine: Capabilities) -> Iterator[Change]:
    recreates = wanted.settings.gpu_update == "recreate" and wants_nvidia(wanted) and observed.status in SERVING
    for option in LIVE:
        assert option.live is not None
        value, is_now = getattr(wanted.spec, option.field), observed.live.get(option.field)
        value = _expected(option.field, value, wanted.spec, is_now)
        removed = value in _UNLIMITED
        if value == is_now or (not is_now and (removed or value == option.live.reset)):
            continue
        in_place = option.field in engine.updates and not recreates and not (removed and option.live.reset is None)
        effect = UPDATE if in_place else RECREATE
        yield _change(option.field, show(option.field, is_now), show(option.field, value or None), wanted, effect)


def _network_changes(wanted: Wanted, observed: ObservedContainer) -> Iterator[Change]:
    """Networks that the container was made with, and that it was disconnected from since."""
    assert observed.applied is not None
    made_with = (observed.applied.spec or {}).get("networks") or {}
    for name in wanted.spec.networks:
        if name in made_with and name not in observed.networks:
            yield _change(f"networks.{name}", "disconnected", "connected", wanted, UPDATE)


def _expected(field: str, value: Any, spec: ContainerSpec, is_now: Any) -> Any:
    """Unset, memswap_limit is twice the memory; an engine that cannot limit swap shows -1 or nothing for it."""
    if field == "memswap_limit" and value in _UNLIMITED:
        return is_now if is_now in (None, -1) or not spec.mem_limit else 2 * spec.mem_limit
    return value


def _flat(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        option = BY_FIELD.get(name)
        if option is not None and option.keyed and isinstance(value, Mapping):
            yield from ((f"{name}.{key}", _as_told(name, inner)) for key, inner in value.items())
        elif name in _NESTED and isinstance(value, Mapping):
            yield from _flat_nested(name, value)
        elif option is not None:
            yield name, value


def _as_told(field: str, entry: Any) -> Any:
    """An entry as the engine has it: whether we create a missing folder of the host is no part of a mount."""
    if field != "volumes" or not isinstance(entry, Mapping):
        return entry
    return {name: value for name, value in entry.items() if name != "create_host_path"}


def _flat_nested(path: str, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in data.items():
        if key not in _NESTED[path]:
            continue
        if path == "server" and key == "args" and isinstance(value, Mapping):
            yield from ((f"{path}.{key}.{name}", inner) for name, inner in value.items())
        else:
            yield f"{path}.{key}", value


def _shown(path: str, field: str, value: Any) -> Any:
    if value == SECRET_VALUE:
        return MASK
    if value is None:
        return _DEFAULTS.get(path)
    return show(field, value) if path == field or BY_FIELD[field].keyed else value


def _word(path: str) -> str:
    field, dot, rest = path.partition(".")
    return _WORDS.get(field, field) + dot + rest


def _short(identity: str) -> str:
    return identity.removeprefix("sha256:")[:_SHORT_ID]
