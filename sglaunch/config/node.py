"""Node: a YAML value that knows where it was written, by which layer, and what it replaced."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sglaunch.errors import Origin, Place, Problem
from sglaunch.plain import Struct, names_of, replace
from sglaunch.spec.values import MASK, TOKEN, masked


class Node(Struct, frozen=True, eq=False):
    """A scalar, a mapping of nodes or a sequence of nodes. Frozen: each stage returns new nodes.

    `text` is a scalar as it was written (`1.10`, `022`), where its meaning as a number would lose that.
    `reads`: what templates in it read, as `env.NAME`, `vars.NAME` and `project`.
    `key` is the place of the key that led here. `tag` is "override" or "reset". `beneath` is the lower layer's value.
    """

    value: Any
    origin: Origin
    key: Place | None = None
    text: str | None = None
    tag: str = ""
    secret: bool = False
    reads: frozenset[str] = frozenset()
    beneath: Node | None = None

    def __eq__(self, other: object) -> bool:
        """What a layer beneath had says nothing of the value."""
        if not isinstance(other, Node):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _COMPARED)

    __hash__ = None  # type: ignore[assignment]  # a mapping of nodes has none either

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def is_scalar(self) -> bool:
        return not (self.is_map or self.is_list)

    @property
    def kind(self) -> str:
        """What a person calls it: mapping, list, text, number, true/false, null."""
        if self.is_map:
            return "a mapping"
        if self.is_list:
            return "a list"
        names: Mapping[type, str] = {bool: "true/false", int: "a number", float: "a number", type(None): "null"}
        return names.get(type(self.value), "text")

    def items(self) -> Iterator[tuple[str, Node]]:
        """The entries of a mapping, in written order; nothing for other kinds."""
        return iter(self.value.items()) if self.is_map else iter(())

    def get(self, key: str) -> Node | None:
        """An entry of a mapping, or None."""
        return self.value.get(key) if self.is_map else None

    def with_value(self, value: Any, text: str | None = None) -> Node:
        """The same place, another value."""
        return replace(self, value=value, text=text)

    def plain(self) -> Any:
        """The value without places: what validation reads."""
        if self.is_map:
            return {key: node.plain() for key, node in self.value.items()}
        if self.is_list:
            return [node.plain() for node in self.value]
        return self.value

    def written(self) -> str:
        """A scalar as text: as written where that is known, else as YAML would write it."""
        if self.text is not None:
            return self.text
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "" if self.value is None else str(self.value)

    def at(self, path: tuple[str | int, ...]) -> Node:
        """The node at a path, or the nearest one above it."""
        node = self
        for part in path:
            if node.is_map and str(part) in node.value:
                node = node.value[str(part)]
            elif node.is_list and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
            else:
                break
        return node


_COMPARED = tuple(name for name in names_of(Node) if name != "beneath")


class Problems:
    """Collects the mistakes and warnings of a run, so that all are shown at once."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def error(self, where: Node | Place | None, path: str, message: str, hint: str = "") -> None:
        self._add(self.errors, _problem(where, path, message, hint))

    def warn(self, where: Node | Place | None, path: str, message: str, hint: str = "") -> None:
        self._add(self.warnings, _problem(where, path, message, hint))

    @staticmethod
    def _add(kept: list[Problem], problem: Problem) -> None:
        if problem not in kept:
            kept.append(problem)

    def attempt(self, node: Node, path: str, parse: Callable[[], Node]) -> Node:
        """The parsed node; a ValueError becomes a problem at the node, which then stays as it was."""
        try:
            return parse()
        except ValueError as error:
            self.error(node, path, str(error))
            return node


def _problem(where: Node | Place | None, path: str, message: str, hint: str) -> Problem:
    """The problem; of a value that is secret, or holds a token, no part is quoted in it."""
    values = [(one.secret, one.written()) for _, one in leaves(where)] if isinstance(where, Node) else []
    texts: list[str] = []
    if any(secret or TOKEN.search(text) for secret, text in values):
        texts, message = [text for _, text in values if text], _QUOTED.sub(MASK, message)
    hidden = [TOKEN.sub(MASK, masked(text, texts)) for text in (message, path, hint)]
    return Problem(hidden[0], _place(where), *hidden[1:])


_QUOTED = re.compile(r"'[^']*'|\x22[^\x22]*\x22")


def _place(where: Node | Place | None) -> Place | None:
    return where.origin.place if isinstance(where, Node) else where


def join(path: str, key: str) -> str:
    """`environment` and `A` make `environment.A`."""
    return f"{path}.{key}" if path else key


def leaves(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Every scalar within a value, with its path."""
    if node.is_scalar:
        yield path, node
    for key, inner in node.items():
        yield from leaves(inner, join(path, key))
    for number, inner in enumerate(node.value if node.is_list else ()):
        yield from leaves(inner, f"{path}[{number}]")
