"""A compose service over the one it extends, by Compose's rules; pure.

Mappings merge key by key, sequences append, scalars are replaced (github.com/compose-spec/compose-go, override). What
can be written as a list or as a mapping becomes a mapping first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sglaunch.config.node import Node
from sglaunch.spec.mounts import COLON

_REPLACED = ("command", "entrypoint", "healthcheck.test")
_ASSIGNED = ("environment", "labels", "annotations", "sysctls", "build.args", "build.labels", "build.ssh")
_NAMED = ("depends_on", "networks")
_SINGLE = ("dns", "dns_search", "env_file", "tmpfs", "label_file")


def merged(base: Node, own: Node, path: str = "") -> Node:
    """`own` over `base`; every value keeps its place."""
    if own.tag == "reset":
        return own.with_value(None)
    if own.tag == "override" or path in _REPLACED or base.value is None:
        return own
    if own.value is None:
        return base
    base, own = (_alike(node, path) for node in (base, own))
    if base.is_map and own.is_map:
        return _mapping(base, own, path)
    if base.is_list and own.is_list:
        return own.with_value(_sequence(base, own, path))
    return own


def _mapping(base: Node, own: Node, path: str) -> Node:
    if path == "logging" and _text(base, "driver") != _text(own, "driver") and own.get("driver") is not None:
        return own
    result = dict(base.items())
    for key, node in own.items():
        inner = f"{path}.{key}" if path else key
        found = merged(result[key], node, inner) if key in result else node
        result[key] = found
    return own.with_value({key: node for key, node in result.items() if node.tag != "reset"})


def _sequence(base: Node, own: Node, path: str) -> tuple[Node, ...]:
    """Those of the base whose key is not written anew, then the own ones."""
    key = _KEYS.get(path, _same)
    written = {key(item) for item in own.value}
    return (*(item for item in base.value if key(item) not in written), *own.value)


def _alike(node: Node, path: str) -> Node:
    if path in _SINGLE and node.is_scalar:
        return node.with_value((node,))
    if path == "build" and node.is_scalar:
        return node.with_value({"context": node})
    if not node.is_list:
        return node
    if path in _ASSIGNED or path == "extra_hosts":
        sign = "=" if path != "extra_hosts" else ":"
        return node.with_value({name: _value(item, sign) for item in node.value if (name := _name(item, sign))})
    if path in _NAMED:
        started = {"condition": "service_started"} if path == "depends_on" else {}
        filled = {item.written(): {k: item.with_value(v) for k, v in started.items()} for item in node.value}
        return node.with_value({name: node.with_value(entry or None) for name, entry in filled.items()})
    return node


def _name(item: Node, sign: str) -> str:
    return item.written().partition(sign)[0] if item.is_scalar else ""


def _value(item: Node, sign: str) -> Node:
    _, found, value = item.written().partition(sign)
    return item.with_value(value if found else None)


def _text(node: Node, key: str) -> str:
    inner = node.get(key)
    return inner.written() if inner is not None and inner.is_scalar else ""


def _target(item: Node) -> str:
    """The container path of a volume or a device."""
    if item.is_map:
        return _text(item, "target")
    parts = COLON.split(item.written())
    return parts[1] if len(parts) > 1 else parts[0]


def _port(item: Node) -> str:
    if item.is_map:
        return ":".join(_text(item, key) for key in ("host_ip", "published", "target", "protocol"))
    return item.written()


def _same(item: Node) -> str:
    return repr(item.plain())


_KEYS: Mapping[str, Callable[[Node], str]] = {"volumes": _target, "devices": _target, "ports": _port}
