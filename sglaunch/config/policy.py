"""The site's `policy` as data; pure. Texts in it may hold templates: `allow: ["/home/{{ user }}"]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from sglaunch.config.node import Node, Problems, join
from sglaunch.config.suggest import nearest
from sglaunch.errors import Origin
from sglaunch.spec.meaning import clean, spelled
from sglaunch.spec.policy import DENIABLE, Policy
from sglaunch.spec.values import parse_size

_Read = Callable[[Node, str, Problems], Any]


class Rule(NamedTuple):
    """A field of Policy, what reads it, and what it asks."""

    field: str
    read: _Read
    description: str


Rules = Mapping[str, "Rule | Rules"]


def read_policy(node: Node, problems: Problems) -> Policy:
    """The rendered policy of the site file; each mistake in it is a problem at its place."""
    values: dict[str, Any] = {}
    origins: dict[str, Origin] = {}
    for path, field, read, inner in _written(node, "policy", RULES, problems):
        origins[path.removeprefix("policy.")] = inner.origin
        before = len(problems.errors)
        value = read(inner, path, problems)
        if len(problems.errors) == before:
            values[field] = value
    if "container_name.pattern" in origins:
        origins["container_name"] = origins["container_name.pattern"]
    return Policy(**values, origins=origins)


def _written(node: Node, path: str, rules: Rules, problems: Problems) -> Iterator[tuple[str, str, _Read, Node]]:
    """Path, field, reader and node of each rule that is written."""
    if not node.is_map:
        problems.error(node, path, f"must be a mapping, found {node.kind}", f"keys are {', '.join(rules)}")
    for key, inner in node.items():
        rule = rules.get(key)
        if key.startswith("x-") or inner.value is None:
            continue
        if rule is None:
            problems.error(inner.key, join(path, key), "unknown rule", nearest(key, rules))
        elif isinstance(rule, Rule):
            yield join(path, key), rule.field, rule.read, inner
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
    return tuple(clean(folder) for folder in folders)


def _options(node: Node, path: str, problems: Problems) -> tuple[str, ...]:
    rules = _texts(node, path, problems)
    for rule, item in zip(rules, node.value if node.is_list else (), strict=False):
        option, has_value, value = rule.partition("=")
        if option not in DENIABLE:
            problems.error(item, path, f"{option!r} is not an option that can be forbidden", nearest(option, DENIABLE))
        elif has_value:
            _check_value(item, path, option, value, problems)
    return rules


def _check_value(node: Node, path: str, option: str, value: str, problems: Problems) -> None:
    try:
        spelled(option, value)
    except ValueError as error:
        problems.error(node, path, f"{option}: {error}", f"write a value of {option}, or {option} alone for every one")


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


RULES: Rules = {
    "container_name": {
        "pattern": Rule("name_pattern", _pattern, "regular expression that names must match"),
        "example": Rule("name_example", _text, "a name that does, for messages"),
    },
    "labels": Rule("labels", _texts, "labels that every container must have"),
    "mounts": {
        "allow": Rule("allow_mounts", _folders, "folders of the host that may be mounted, and what lies in them"),
        "deny": Rule("deny_mounts", _folders, "folders of the host that may not"),
    },
    "deny": Rule("deny", _options, "options that may not be used: privileged, network_mode=host"),
    "images": Rule("images", _texts, "images that may be used; * is any text"),
    "max_gpus": Rule("max_gpus", _count, "GPUs that one container may have"),
    "max_shm": Rule("max_shm", _size, "shared memory that one container may have"),
}
