"""volumes, tmpfs and devices to one long form each, keyed by container path; pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from typing import Any

from sglaunch.config.node import Node, Problems, join
from sglaunch.config.shorthand_paths import Paths
from sglaunch.config.suggest import nearest
from sglaunch.spec.mounts import BY_TYPE, CDI_NAME, IGNORED_MODES, MODES, VOLUME_NAME, VOLUME_TYPES
from sglaunch.spec.values import parse_size

VOLUME_KEYS = ("type", "source", "target", "read_only", "bind", "volume", "tmpfs", "consistency")
DEVICE_KEYS = ("source", "target", "permissions")


def volumes(node: Node, path: str, paths: Paths, problems: Problems) -> Node:
    """Short (`source:target:ro`) and long volumes as target -> {type, source, read_only, ...}."""
    if not node.is_list:
        problems.error(node, path, f"must be a list such as [./data:/data], found {node.kind}")
        return node
    result: dict[str, Node] = {}
    for item in node.value:
        try:
            target, entry = _long(item, path, paths, problems) if item.is_map else _short(item, paths)
        except ValueError as error:
            problems.error(item, path, str(error))
            continue
        if target in result:
            problems.error(item, join(path, target), "mounted twice in one list", "keep one of the two")
        result[target] = entry
    return node.with_value(result)


def container_path(text: str) -> str:
    """A container path, absolute and without trailing slash."""
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is not a container path; it must begin with /")
    return posixpath.normpath(text)


def _short(item: Node, paths: Paths) -> tuple[str, Node]:
    parts = item.written().split(":") if item.is_scalar else []
    if not 1 <= len(parts) <= 3 or not all(parts):
        raise ValueError(f"{item.written()!r} is not a volume; write source:target or source:target:ro")
    values: dict[str, Any] = {}
    if len(parts) == 1:
        return container_path(parts[0]), _entry(item, {"type": "volume"})
    source, target = parts[0], parts[1]
    for mode in parts[2].split(",") if len(parts) == 3 else ():
        if mode in IGNORED_MODES:
            continue
        if mode not in MODES:
            raise ValueError(f"{mode!r} is not a mount option; {nearest(mode, MODES) or 'allowed are ro and rw'}")
        key, value = MODES[mode]
        values[key] = value
    values.update(_source(item, source, paths))
    return container_path(target), _entry(item, values)


def _source(item: Node, source: str, paths: Paths) -> dict[str, Any]:
    """A source that looks like a path is a bind; a bare name is a volume of the engine."""
    if source.startswith(("/", ".", "~")):
        return {"type": "bind", "source": paths.absolute(item.origin.place.file, source)}
    if not VOLUME_NAME.fullmatch(source):
        raise ValueError(f"{source!r} is neither a path nor a volume name; a relative path begins with ./")
    return {"type": "volume", "source": source}


def _long(item: Node, path: str, paths: Paths, problems: Problems) -> tuple[str, Node]:
    values: dict[str, Any] = {}
    for key, inner in item.items():
        if key not in VOLUME_KEYS:
            problems.error(inner.key, join(path, key), "unknown key of a volume", nearest(key, VOLUME_KEYS))
        elif key in BY_TYPE:
            values.update(_nested(inner, join(path, key), BY_TYPE[key], problems))
        elif not inner.is_scalar:
            problems.error(inner, join(path, key), f"must be text, found {inner.kind}")
        elif key == "read_only":
            values[key] = inner.value
    kind, source, target = (_text(item, key) for key in ("type", "source", "target"))
    if kind not in VOLUME_TYPES:
        raise ValueError(f"a volume's type is one of {', '.join(VOLUME_TYPES)}, found {kind or 'nothing'}")
    if not target:
        raise ValueError("a volume needs target: the path in the container")
    if kind == "tmpfs":
        size = f"size={parse_size(values['size'])}" if "size" in values else ""
        mode = f"mode={values['mode']}" if "mode" in values else ""
        return container_path(target), _entry(item, {"options": ",".join(filter(None, (size, mode)))})
    if kind == "bind":
        if not source:
            raise ValueError("a bind needs source: the path on the host")
        source = paths.absolute(item.origin.place.file, source)
    return container_path(target), _entry(item, {**values, "type": kind, "source": source})


def _nested(node: Node, path: str, allowed: Sequence[str], problems: Problems) -> dict[str, Any]:
    if not node.is_map and node.value is not None:
        problems.error(node, path, f"must be a mapping, found {node.kind}")
    for word, inner in node.items():
        if word not in allowed:
            problems.error(inner.key, join(path, word), "unknown key", nearest(word, allowed))
    return {word: inner.value for word, inner in node.items() if word in allowed}


def _text(item: Node, key: str) -> str:
    node = item.get(key)
    return node.written() if node is not None and node.is_scalar else ""


def _entry(item: Node, values: dict[str, Any]) -> Node:
    return item.with_value({key: item.with_value(value) for key, value in values.items() if value not in ("", None)})


def tmpfs(node: Node, path: str, problems: Problems) -> Node:
    """`/path:options` as path -> options."""
    result: dict[str, Node] = {}
    for item in node.value if node.is_list else (node,):
        target, _, options = item.written().partition(":") if item.is_scalar else ("", "", "")
        try:
            result[container_path(target)] = item.with_value(options)
        except ValueError as error:
            problems.error(item, path, str(error))
    return node.with_value(result)


def devices(node: Node, path: str, problems: Problems) -> Node:
    """`/dev/a:/dev/b:rw` and CDI names as container path -> {path, permissions}."""
    if not node.is_list:
        problems.error(node, path, f"must be a list such as [/dev/kfd], found {node.kind}")
        return node
    result: dict[str, Node] = {}
    for item in node.value:
        try:
            target, values = _device(item, path, problems)
        except ValueError as error:
            problems.error(item, path, str(error))
            continue
        result[target] = _entry(item, values)
    return node.with_value(result)


def _device(item: Node, path: str, problems: Problems) -> tuple[str, dict[str, Any]]:
    if item.is_map:
        for key, inner in item.items():
            if key not in DEVICE_KEYS:
                problems.error(inner.key, join(path, key), "unknown key of a device", nearest(key, DEVICE_KEYS))
        parts = [_text(item, "source"), _text(item, "target"), _text(item, "permissions")]
        # `docker compose config` writes a CDI name as source and target.
        if CDI_NAME.fullmatch(parts[0]) and parts[1] in ("", parts[0]):
            return parts[0], {"path": parts[0]}
    else:
        parts = [*item.written().split(":"), "", ""][:3]
        if CDI_NAME.fullmatch(item.written()):
            return item.written(), {"path": item.written()}
        if parts[1] and not parts[1].startswith("/"):
            parts = [parts[0], "", parts[1]]
    host, target, permissions = parts
    if not host.startswith("/"):
        raise ValueError(f"{host!r} is not a device; write /dev/name, /dev/a:/dev/b:rwm or a CDI name vendor/class=x")
    if not re.fullmatch(r"[rwm]{0,3}", permissions):
        raise ValueError(f"{permissions!r} are not device permissions; write letters of rwm")
    return container_path(target or host), {"path": posixpath.normpath(host), "permissions": permissions or "rwm"}
