"""What every layer said of one value, for `config PROFILE KEY`; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sglaunch.config.node import Node
from sglaunch.errors import Origin

MASKED = "********"


def candidates(merged: Node, key: str) -> list[tuple[Origin, Any]]:
    """Every layer's value of a key, nearest first: the one that holds, then those it replaced."""
    node: Node | None = merged
    for step in _steps(merged, key):
        node = node.get(step) if node is not None else None
    found = []
    while node is not None:
        found.append((node.origin, MASKED if node.secret else node.plain()))
        node = node.beneath
    return found


def _steps(node: Node, key: str) -> Iterable[str]:
    """The keys of a path; a key may hold dots itself."""
    rest = key
    while rest and node.is_map:
        step = next((name for name in node.value if rest == name or rest.startswith(name + ".")), rest)
        yield step
        rest = rest[len(step) + 1 :]
        node = node.value.get(step, node)
