"""Text, lists of text, words of a command and host paths: what the long forms of several keys share; pure."""

from __future__ import annotations

import shlex

from sglaunch.config.node import Node, Problems
from sglaunch.config.shorthand_paths import Paths
from sglaunch.plain import Struct


class Scope(Struct, frozen=True):
    """What a lengthening function needs beside the node."""

    paths: Paths
    problems: Problems


def wrong(node: Node, path: str, scope: Scope, allowed: str) -> Node:
    scope.problems.error(node, path, f"must be {allowed}, found {node.kind}")
    return node


def text_of(node: Node, path: str, scope: Scope) -> Node:
    """A scalar as the text that was written; null stays null."""
    if not node.is_scalar:
        return wrong(node, path, scope, "text")
    return node if node.value is None else node.with_value(node.written(), node.text)


def texts(node: Node, path: str, scope: Scope) -> Node:
    """`x` or `[x, y]` as a list of text."""
    items = node.value if node.is_list else (node,)
    if node.is_map:
        return wrong(node, path, scope, "text or a list of text")
    return node.with_value(tuple(text_of(item, path, scope) for item in items))


def words(node: Node, path: str, scope: Scope) -> Node:
    """A command: a list of words, or a line that is split as a shell would (no shell runs it)."""
    if node.is_map:
        return wrong(node, path, scope, "a list of words or a line of text")
    if node.is_list:
        return texts(node, path, scope)
    try:
        split = shlex.split(node.written())
    except ValueError as error:
        scope.problems.error(node, path, f"cannot be split into words: {str(error).lower()}", "write it as a list")
        return node
    return node.with_value(tuple(node.with_value(word) for word in split))


def read_here(file: Node, path: str, scope: Scope) -> Node:
    """A file that is read on this machine, wherever the container runs."""
    return scope.problems.attempt(file, path, lambda: scope.paths.here(file))


def resolved(file: Node, path: str, scope: Scope) -> Node:
    return scope.problems.attempt(file, path, lambda: scope.paths.resolved(file))
