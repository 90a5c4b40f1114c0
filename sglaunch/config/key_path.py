"""The path of a key as people write it (`server.args.tp-size`, `volumes[0]`), and what stands at it; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sglaunch.config.keys import Steps
from sglaunch.config.node import Node
from sglaunch.config.profile import model_at
from sglaunch.spec.server import flag_word

_INDEX = re.compile(r"\[(\d+)\]\.?|(\d+)(?:\.|(?=\[)|$)")


def steps_of(key: str, nodes: Iterable[Node], plain: Sequence[Any]) -> tuple[str | int, ...]:
    """The steps of a path as people write it. A key may hold dots itself: the longest one that is there is meant."""
    steps: list[str | int] = []
    rest, within = key, list(nodes)
    while rest:
        names = {name for node in within for name, _ in node.items()}
        names |= {str(name) for one in plain if isinstance(one, Mapping) for name in one}
        near = sorted((n for n in names if rest == n or rest.startswith((f"{n}.", f"{n}["))), key=len, reverse=True)
        index = _INDEX.match(rest) if any(node.is_list for node in within) or rest.startswith("[") else None
        if near:
            step: str | int = near[0]
            rest = rest[len(near[0]) :].removeprefix(".")
        elif index:
            step = int(index[1] or index[2])
            rest = rest[index.end() :]
        else:
            free = bool(steps) and model_at(steps) is None
            word = rest if free else re.split(r"[.\[]", rest, maxsplit=1)[0]
            rest = rest[len(word) :].removeprefix(".")
            step = _alias(steps, word, names)
        steps.append(step)
        within = [inner for node in within if (inner := child(node, step)) is not None]
        plain = [one[step] for one in plain if isinstance(one, Mapping) and step in one]
    return tuple(steps)


def _alias(steps: Sequence[str | int], word: str, names: Iterable[str]) -> str:
    """`server.args.tp-size` is tp, `ports.80` is 80/tcp."""
    if list(steps) == ["server", "args"]:
        return flag_word(word)
    return f"{word}/tcp" if list(steps) == ["ports"] and f"{word}/tcp" in names else word


def child(node: Node, step: str | int) -> Node | None:
    """The value of a key of a mapping, or the item of a list."""
    if node.is_list and isinstance(step, int):
        inner: Node | None = node.value[step] if step < len(node.value) else None
        return inner
    return node.get(str(step))


def node_at(node: Node, steps: Steps) -> Node | None:
    """The node at a path; None where there is none."""
    found: Node | None = node
    for step in steps:
        found = child(found, step) if found is not None else None
    return found


def value_at(spec: Any, steps: Steps) -> tuple[Any, bool]:
    """The value of a plain spec at a path, and whether it has one."""
    for step in steps:
        if isinstance(spec, list) and isinstance(step, int):
            spec = dict(enumerate(spec))
        if not isinstance(spec, Mapping) or step not in spec:
            return None, False
        spec = spec[step]
    return spec, True
