"""The keys of a profile by path: what they mean, and which of a text's are none; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sglaunch.config.node import Node, Problems
from sglaunch.config.profile import NOT_CARRIED, model_at, not_carried, shape, unknown
from sglaunch.plain import Struct

Steps = Sequence[str | int]


class Meaning(Struct, frozen=True):
    """What a key is for, and the value it has where no layer writes one."""

    description: str
    default: Any = None


def meaning(steps: Steps) -> Meaning | None:
    """That of a path in long form (`server.ready.stall`, an entry of `volumes`); None for no key of a profile."""
    for depth in range(len(steps) - 1, -1, -1):
        model = model_at(steps[:depth])
        field = model.model_fields.get(str(steps[depth])) if model is not None else None
        if field is None:
            continue
        further = len(steps) - depth - 1
        if further == 0:
            return Meaning(field.description or "", field.get_default(call_default_factory=True))
        containers, inner = shape(field.annotation)
        free = containers > 0 and inner is None
        return Meaning(field.description or "") if further <= containers or free else None
    return None


def check_keys(text: Node, problems: Problems) -> None:
    """Unknown keys of a text in long form. A null one would be gone when the layers are merged, and remove nothing."""
    known = {key: node for key, node in text.items() if not key.startswith("x-") and key != "extends"}
    for key, hint in NOT_CARRIED.items():
        if key in known:
            not_carried(known.pop(key), key, hint, problems)
    _check(text.with_value(known), (), problems)


def _check(node: Node, steps: tuple[str | int, ...], problems: Problems) -> None:
    model = model_at(steps)
    for key, inner in node.items():
        if model is not None and key not in model.model_fields:
            unknown(inner, (*steps, key), problems)
        else:
            _check(inner, (*steps, key), problems)
    for number, inner in enumerate(node.value if node.is_list else ()):
        _check(inner, (*steps, number), problems)
