"""Folds the texts of a profile, lowest first, by one table of rules per path; pure.

The texts are in long form, so a keyed sequence is a mapping by now. Mappings merge key by key, scalars are replaced;
what differs is in RULES. `null` removes what lies beneath, except where Compose gives it a meaning. Every node keeps
the origin of its value, and `beneath` the value it replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from sglaunch.config.node import Node, Problems, join
from sglaunch.plain import replace

MERGE, REPLACE, KEEP_NULL, PATCH = "merge", "replace", "merge, null is a value", "merge as a JSON merge patch"

# Path pattern -> rule, first match wins; `*` is one key. What is not here merges if it is a mapping, appends without
# duplicates if it is a list, and is replaced if it is a scalar. A JSON merge patch (RFC 7396) replaces lists too, and
# null in it is what it says to remove.
RULES: Sequence[tuple[str, str]] = (
    ("environment", KEEP_NULL),
    ("build.args", KEEP_NULL),
    ("volumes.*", REPLACE),
    ("devices.*", REPLACE),
    ("ports.*", REPLACE),
    ("ulimits.*", REPLACE),
    ("extra_hosts.*", REPLACE),
    ("secret_env.*", REPLACE),
    ("gpus", REPLACE),
    ("command", REPLACE),
    ("entrypoint", REPLACE),
    ("shell", REPLACE),
    ("healthcheck.test", REPLACE),
    ("server.launcher", REPLACE),
    ("server.args.*", REPLACE),
    ("kubernetes.patch", PATCH),
    ("kubernetes.patch.*", PATCH),
)


def rule_for(path: str) -> str:
    """The rule of a path; see RULES."""
    depth = path.count(".")
    for pattern, rule in RULES:
        if pattern.count(".") == depth and fnmatchcase(path, pattern):
            return rule
        # A key may hold dots itself (a sysctl, a path); only the first level of such a mapping is keyed.
        if pattern.endswith(".*") and path.startswith(pattern[:-1]):
            return rule
    return MERGE


def merge(texts: Sequence[Node], problems: Problems) -> Node:
    """The texts folded; the result of no text is an error of the caller."""
    result = _without_nulls(texts[0], "")
    for text in texts[1:]:
        result = merge_two(result, text, "", problems)
    return result


def merge_two(base: Node, over: Node, path: str, problems: Problems) -> Node:
    """`over` upon `base`. A clash of kinds is a problem naming both places."""
    rule = rule_for(path)
    replaces = rule == REPLACE or (rule == PATCH and not (over.is_map and base.is_map))
    if over.tag == "override" or replaces or (over.is_scalar and base.is_scalar):
        return replace(_without_nulls(over, path), beneath=base)
    if base.is_map and over.is_map:
        return _merge_maps(base, over, path, rule, problems)
    if base.is_list and over.is_list:
        kept = list(base.value)
        kept += [item for item in over.value if item.plain() not in [old.plain() for old in kept]]
        return replace(over, value=tuple(kept), beneath=base)
    if base.value is None:
        return _without_nulls(over, path)
    message = f"{over.kind} cannot be merged with {base.kind} from {base.origin.place} ({base.origin.layer})"
    problems.error(over, path, message, "write the same kind, or !override to replace it")
    return over


def _merge_maps(base: Node, over: Node, path: str, rule: str, problems: Problems) -> Node:
    result = dict(base.items())
    if path == "logging" and _another_driver(base, over):
        result.pop("options", None)
    for key, node in over.items():
        inner = join(path, key)
        if _removes(node, rule):
            lower = result.pop(key, None)
            if lower is not None and lower.value and node.text == "" and node.tag != "reset":
                hint = f"write `{key}: null` to remove them, or delete the key to keep them"
                problems.warn(node.key or node, inner, f"is empty, which removes the values of {lower.origin}", hint)
        elif key in result:
            result[key] = merge_two(result[key], node, inner, problems)
        else:
            result[key] = _without_nulls(node, inner)
    return replace(over, value=result, beneath=base)


def _another_driver(base: Node, over: Node) -> bool:
    """Whether both name a logging driver, and not the same: options are the driver's own."""
    drivers = [node.value for text in (base, over) if (node := text.get("driver")) is not None and node.value]
    return len(drivers) == 2 and drivers[0] != drivers[1]


def _removes(node: Node, rule: str) -> bool:
    return node.tag == "reset" or (node.value is None and rule not in (KEEP_NULL, PATCH))


def _without_nulls(node: Node, path: str) -> Node:
    """A text with nothing beneath it: what it removes is simply not there."""
    if not node.is_map:
        return node
    rule = rule_for(path)
    kept = {key: _without_nulls(i, join(path, key)) for key, i in node.items() if not _removes(i, rule)}
    return node.with_value(kept)
