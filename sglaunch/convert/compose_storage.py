"""Volumes, secrets, configs and the build of a compose service; pure.

Compose puts the project's name before that of a volume; ours are the engine's own names.
"""

from __future__ import annotations

from typing import Any

from sglaunch.convert.compose_service import Service, engine_name
from sglaunch.convert.found import Found
from sglaunch.spec.mounts import BY_TYPE, COLON, IGNORED_MODES, MODES, VOLUME_TYPES
from sglaunch.spec.values import looks_secret

_PATH = ("/", ".", "~", "$")
_PLAIN = ("type", "source", "target", "read_only", "consistency")
_BUILD = (
    *("context", "dockerfile", "dockerfile_inline", "args", "target", "tags", "cache_from", "cache_to", "platforms"),
    *("secrets", "ssh", "labels", "extra_hosts", "network", "shm_size", "no_cache", "pull"),
)


def volumes(service: Service, found: Found) -> None:
    """Short and long forms; a source that is no path is a volume."""
    listed = [_long(service, item) if item.is_map else _short(service, item) for item in found.items()]
    kept = [entry for entry in listed if entry is not None]
    if kept:
        service.keys["volumes"] = [*service.keys.get("volumes", ()), *kept]


def target(volume: Any) -> str:
    """The container path of a volume as it stands in a profile, "" where it is not plain."""
    if isinstance(volume, dict):
        return str(volume.get("target", ""))
    parts = COLON.split(volume)
    return parts[1] if len(parts) > 1 else parts[0]


def _short(service: Service, item: Found) -> str:
    parts = COLON.split(item.text())
    if len(parts) == 1:
        return service.texts.of(parts[0], item)
    source, target = parts[0], service.texts.of(parts[1], item)
    modes = []
    for mode in ",".join(parts[2:]).split(",") if parts[2:] else ():
        if mode in (*MODES, *IGNORED_MODES) or "$" in mode:
            modes.append(service.texts.of(mode, item))
        else:
            service.notes.lose(item, f"the mount option {mode!r} is not carried")
    return ":".join([_source(service, source, item), target, *([",".join(modes)] if modes else [])])


def _source(service: Service, source: str, item: Found) -> str:
    if not source.startswith(_PATH):
        return _volume(service, source, item)
    move = service.texts.moved(item)

    def literal(word: str) -> str:
        return move(word) if word.startswith(_PATH) or not word else _volume(service, word, item)

    done = service.texts.interpolated(source, item, literal).text
    return move(done) if source.startswith(".") else done


def _volume(service: Service, key: str, item: Found) -> str:
    """The engine's name of a volume."""
    entry = service.resource("volumes", key)
    if key not in service.composed.resources.get("volumes", {}):
        return service.texts.of(key, item)
    name, external = engine_name(service, entry, key)
    for option in ("driver", "driver_opts"):
        if (given := entry.get(option)) is not None and given.value not in ("local", {}):
            hint = f"create it: docker volume create --driver DRIVER --opt KEY=VALUE {name}"
            service.notes.lose(given, "a profile cannot say how a volume is made", hint)
    if name != key and not external:
        service.notes.remark("volumes", f"compose's volume {key} is {name} on the engine")
    return name


def _long(service: Service, item: Found) -> Any:
    entry: dict[str, Any] = {}
    kind = item.get("type")
    if kind is None or kind.text() not in VOLUME_TYPES:
        service.notes.lose(item, f"a mount of type {kind.text() if kind else 'unknown'} is not carried")
        return None
    for key, inner in item.entries():
        if key == "source":
            is_bind = kind.text() == "bind"
            entry[key] = service.texts.plain_path(inner) if is_bind else _volume(service, inner.text(), inner)
        elif key in _PLAIN:
            entry[key] = service.texts.scalar(inner)
        elif key in BY_TYPE and inner.is_map:
            kept = {word: service.texts.scalar(one) for word, one in inner.entries() if word in BY_TYPE[key]}
            for word, one in inner.entries():
                if word not in BY_TYPE[key]:
                    service.notes.lose(one, "is not carried")
            entry.update({key: kept} if kept else {})
        elif not key.startswith("x-"):
            service.notes.lose(inner, "is not carried")
    return entry


def volumes_from(service: Service, found: Found) -> None:
    """A service stands for its container; `container:NAME` is one of its own."""
    listed = []
    for item in found.items():
        name, _, mode = item.text().removeprefix("container:").partition(":")
        if not item.text().startswith("container:"):
            name = service.container_of(name)
        listed.append(f"{name}:{mode}" if mode else name)
    service.keys["volumes_from"] = listed


def secrets(service: Service, found: Found) -> None:
    """A file's secret is a read-only mount, as Compose makes of it."""
    for item in found.items():
        key, target = _named(item)
        inside = target if target.startswith("/") else f"/run/secrets/{target or key}"
        hint = "write secret_env: [NAME], or a read-only volume of the file"
        _mounted(service, item, service.resource("secrets", key), inside, hint)


def configs(service: Service, found: Found) -> None:
    """A file's config is a read-only mount, as Compose makes of it."""
    for item in found.items():
        key, target = _named(item)
        hint = "write it to a file and mount that read-only"
        _mounted(service, item, service.resource("configs", key), target or f"/{key}", hint)


def _named(item: Found) -> tuple[str, str]:
    """Which secret or config, and where it is to be, "" where that is not said."""
    name = item.get("source") if item.is_map else item
    target = item.get("target") if item.is_map else None
    return name.text() if name is not None else "", target.text() if target is not None else ""


def _mounted(service: Service, item: Found, entry: Found, inside: str, hint: str) -> None:
    file, variable = entry.get("file"), entry.get("environment")
    if file is not None:
        source = service.texts.plain_path(file)
        # A bare name would be a volume.
        source = source if source.startswith(("/", ".", "~", "{{")) else f"./{source}"
        mount = f"{source}:{service.texts.of(inside, item)}:ro"
        service.keys["volumes"] = [*service.keys.get("volumes", ()), mount]
    elif variable is not None and looks_secret(variable.text()):
        message = f"the file {inside} with the value of {variable.text()} is not made"
        service.notes.lose(item, message, f"write secret_env: [{variable.text()}], or put it in a file and mount that")
    else:
        service.notes.lose(item, f"the file {inside} is not made", hint)


def build(service: Service, found: Found) -> None:
    """A folder, or the keys that a profile has too; the folder as the project sees it."""
    if found.is_scalar:
        service.keys["build"] = service.texts.plain_path(found)
        return
    entry: dict[str, Any] = {}
    for key, inner in found.entries():
        if inner.value is None or key.startswith("x-"):
            continue
        if key not in _BUILD:
            service.notes.lose(inner, "is not carried", "write it into the Dockerfile")
        elif key == "context":
            entry[key] = service.texts.plain_path(inner)
        elif key == "secrets":
            entry.update(_build_secrets(service, inner))
        elif key == "args":
            entry[key] = _arguments(service, inner)
        else:
            entry[key] = service.texts.tree(inner)
    service.keys["build"] = entry


def _arguments(service: Service, found: Found) -> dict[str, Any]:
    """Without secrets: arguments are stored in the image, where everybody reads them."""
    if found.is_list:
        parts = [(item.text().partition("="), item) for item in found.items()]
        pairs = [(name, item, service.texts.of(value, item) if sign else None) for (name, sign, value), item in parts]
    else:
        pairs = [(name, item, service.texts.scalar(item)) for name, item in found.entries()]
    arguments: dict[str, Any] = {}
    for name, item, value in pairs:
        if looks_secret(name):
            hint = f"write build.secrets: {{{name}: {{environment: {name}}}}}, and RUN --mount=type=secret,id={name}"
            service.notes.lose(item, f"{name} is left out: arguments of a build are stored in the image", hint)
        else:
            arguments[name] = value
    return arguments


def _build_secrets(service: Service, found: Found) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item in found.items():
        name = item.get("source") if item.is_map else item
        key = name.text() if name is not None else ""
        entry = service.resource("secrets", key)
        file, variable = entry.get("file"), entry.get("environment")
        if file is not None:
            made[key] = {"file": service.texts.plain_path(file)}
        elif variable is not None:
            made[key] = {"environment": variable.text()}
        else:
            service.notes.lose(item, "the build's secret is not carried", "write build.secrets with a file")
    return {"secrets": made} if made else {}
