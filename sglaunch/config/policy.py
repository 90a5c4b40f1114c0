"""The site's `policy` as data; pure. Texts in it may hold templates: `allow: ["/home/{{ user }}"]`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sglaunch.config.node import Node, Problems, join
from sglaunch.config.suggest import nearest
from sglaunch.errors import Origin
from sglaunch.spec.policy import DENIABLE, Policy
from sglaunch.spec.values import parse_size

_Read = Callable[[Node, str, Problems], Any]
_Rules = Mapping[str, "tuple[str, _Read] | _Rules"]


def read_policy(node: Node, problems: Problems) -> Policy:
    """The rendered policy of the site file; each mistake in it is a problem at its place."""
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for path, field, read, inner in _written(node, "policy", _RULES, problems):
        origins[path.removeprefix("policy.")] = inner.origin
        before = len(problems.errors)
        value = read(inner, path, problems)
        if len(problems.errors) == before:
            values[field] = value
    if "container_name.pattern" in origins:
        origins["container_name"] = origins["container_name.pattern"]
    return Policy(**values, origins=origins)


def _written(node: Node, path: str, rules: _Rules, problems: Problems) -> Iterator[tuple[str, str, _Read, Node]]:
    """Path, field, reader and node of each rule that is written."""
    if not node.is_map:
        problems.error(node, path, f"must be a mapping, found {node.kind}", f"keys are {', '.join(rules)}")
    for key, inner in node.items():
        rule = rules.get(key)
        if key.startswith("x-") or inner.value is None:
            continue
        if rule is None:
            problems.error(inner.key, join(path, key), "unknown rule", nearest(key, rules))
        elif isinstance(rule, tuple):
            yield join(path, key), *rule, inner
        else:
            yield from _written(inner, join(path, key), rule, problems)


def _text(node: Node, path: str, problems: Problems) -> str:
    if not isinstance(node.value, str):
        problems.error(node, path, f"must be text, found {node.kind}")
    return node.written()


def _pattern(node: Node, path: str, problems: Problems) -> str:
    text = _text(node, path, problems)
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        problems.error(node, path, f"{text!r} is not a regular expression: {error}", "write one such as '^[a-z]+-sgl-'")
    return text


def _texts(node: Node, path: str, problems: Problems) -> tuple[str, ...]:
    if not node.is_list:
        problems.error(node, path, f"must be a list, found {node.kind}")
        return ()
    return tuple(_text(item, path, problems) for item in node.value)


def _folders(node: Node, path: str, problems: Problems) -> tuple[str, ...]:
    folders = _texts(node, path, problems)
    for folder, item in zip(folders, node.value if node.is_list else (), strict=False):
        if not folder.startswith("/"):
            problems.error(item, path, f"{folder!r} is not an absolute path", "begin it with /")
    return tuple(posixpath.normpath(folder) for folder in folders)


def _options(node: Node, path: str, problems: Problems) -> tuple[str, ...]:
    rules = _texts(node, path, problems)
    for rule, item in zip(rules, node.value if node.is_list else (), strict=False):
        option = rule.partition("=")[0]
        if option not in DENIABLE:
            problems.error(item, path, f"{option!r} is not an option that can be forbidden", nearest(option, DENIABLE))
    return rules


def _count(node: Node, path: str, problems: Problems) -> int:
    if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value < 0:
        problems.error(node, path, f"must be a number, found {node.kind}")
        return 0
    return node.value


def _size(node: Node, path: str, problems: Problems) -> int:
    try:
        return parse_size(node.value)
    except ValueError as error:
        problems.error(node, path, str(error))
        return 0


_RULES: _Rules = {
    "container_name": {"pattern": ("name_pattern", _pattern), "example": ("name_example", _text)},
    "labels": ("labels", _texts),
    "mounts": {"allow": ("allow_mounts", _folders), "deny": ("deny_mounts", _folders)},
    "deny": ("deny", _options),
    "images": ("images", _texts),
    "max_gpus": ("max_gpus", _count),
    "max_shm": ("max_shm", _size),
}
