"""A key of a profile for people and for programs: its meaning, its value, and every layer's candidate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from sglaunch.errors import Origin
from sglaunch.report.clean import clean
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.spec.columns import fitted, table

_RULES = {
    "replace": "of several layers the nearest wins",
    "merge": "layers are merged key by key",
    "append": "layers are appended, without duplicates",
}
_FATES = {
    "removes": "removes what lies beneath",
    "replaces the whole": "replaces the whole entry, and leaves this out",
    "gives way": "gives way: what is written beats it",
}


class Candidate(Protocol):
    """What a layer, or the expansion of another key, says."""

    @property
    def value(self) -> Any: ...
    @property
    def origin(self) -> Origin: ...
    @property
    def fate(self) -> str: ...
    @property
    def by(self) -> str: ...


class Explained(Protocol):
    """What is told of a key."""

    @property
    def description(self) -> str: ...
    @property
    def value(self) -> Any: ...
    @property
    def rule(self) -> str: ...
    @property
    def candidates(self) -> Sequence[Candidate]: ...
    @property
    def winner(self) -> Candidate | None: ...


def explained_lines(key: str, found: Explained, effect: str, columns: int | None = None) -> list[str]:
    """Meaning, rules, value, and the candidates with an arrow at those that made the value.

    `columns`: of the terminal that it must fit.
    """
    takes = (
        effect if effect.startswith(("a ", "nothing", "renamed")) else f"a {effect}" if effect != "in place" else effect
    )
    passed = found.value is None and found.winner is not None
    value = "the caller's, which has none" if passed else _text(found.value)
    lines = [f"{key}: {found.description}", f"a change: {takes}; {_RULES[found.rule]}", f"value: {value}"]
    if found.winner is None:
        why = "what layers wrote is removed" if found.candidates else "no layer writes it"
        lines.append(f"{why}: this is the default")
    made = ("wins", "merged", "appended")
    rows = [
        [
            "->" if one.fate in made else "",
            _text(one.value),
            f"{one.origin} ({one.origin.layer})",
            _FATES.get(one.fate, one.fate) + (f", from {one.by}" if one.by else ""),
        ]
        for one in found.candidates
    ]
    said = [clean(line) for line in lines]
    said = said if columns is None else list(fitted(said, columns))
    return said + table([[clean(cell) for cell in row] for row in rows], columns)


def explained_data(key: str, found: Explained, effect: str) -> dict[str, Any]:
    """The answer of `config PROFILE KEY --json`."""
    winner = found.winner
    return {
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "value": found.value,
        "description": found.description,
        "effect": effect,
        "rule": found.rule,
        "winner": _where(winner) if winner else None,
        "candidates": [{"value": one.value, **_where(one), "fate": one.fate} for one in found.candidates],
    }


def _where(one: Candidate) -> dict[str, Any]:
    return {"origin": str(one.origin), "layer": one.origin.layer, "from": one.by or None}


def _text(value: Any) -> str:
    """In one line."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
