"""Compose's short forms of `build`: a folder for a mapping, names for secrets, paths of this machine; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sglaunch.config.node import Node
from sglaunch.config.shorthand_values import Scope, read_here, text_of
from sglaunch.spec.build import is_remote

_Lengthen = Callable[[Node, str, Scope], Node]


def build(node: Node, path: str, scope: Scope, table: Mapping[str, _Lengthen]) -> Node:
    """A mapping whose context, and whose secrets' files, are absolute; its other keys by `table`."""
    if not node.is_map:
        node = node.with_value({"context": text_of(node, path, scope)})
    result = {}
    for key, inner in node.items():
        below = f"{path}.{key}"
        if inner.value is None or inner.tag == "reset":
            result[key] = inner
        elif key == "context":
            here = isinstance(inner.value, str) and not is_remote(inner.value)
            result[key] = read_here(inner, below, scope) if here else inner
        else:
            result[key] = table[key](inner, below, scope) if key in table else inner
    if "secrets" in result and result["secrets"].is_map:
        secrets = result["secrets"]
        files = {name: _secret(entry, f"{path}.secrets.{name}", scope) for name, entry in secrets.items()}
        result["secrets"] = secrets.with_value(files)
    return node.with_value(result)


def _secret(entry: Node, path: str, scope: Scope) -> Node:
    file = entry.get("file") if entry.is_map else None
    if file is None or not isinstance(file.value, str):
        return entry
    return entry.with_value({**entry.value, "file": read_here(file, f"{path}.file", scope)})
