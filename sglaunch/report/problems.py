"""Errors and warnings as text with the source line and a caret, and as JSON data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sglaunch.errors import EngineError, Problem, SglaunchError
from sglaunch.report.clean import clean
from sglaunch.spec.columns import width
from sglaunch.spec.values import MASK, TOKEN, looks_secret

SCHEMA_VERSION = 1
_ASSIGNED = re.compile(r"([\w.-]+)([\"']?\s*[:=]\s*)(?!\s*(?:[|>&*{\[]|$))(.+)")
# A value that is one template and nothing else holds no secret itself.
_TEMPLATE = re.compile(r"""["']?\{\{[^{}]*\}\}["']?[\s,}\]]*""")
_LONG = 160


def error_lines(error: SglaunchError) -> Iterator[str]:
    """Every problem of an error: place, path, what and what next; then the quoted line; then the last log lines."""
    for problem in error.problems():
        yield clean(str(problem))
        yield from quote(problem, error.sources)
    if isinstance(error, EngineError):
        failure = error.failure
        if failure.detail and failure.detail not in failure.message:
            yield f"    the engine said: {clean(failure.detail)}"
        yield from (f"    | {clean(line)}" for line in failure.log)
        for other in error.beside:
            yield from error_lines(other)


def quote(problem: Problem, sources: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The line a problem is about, with a caret under its column; what looks secret in it is masked."""
    place = problem.place
    lines = sources.get(place.file, ()) if place else ()
    if place is None or not 0 < place.line <= len(lines):
        return
    source = mask(lines[place.line - 1])
    start = max(0, place.column - _LONG // 2)
    shown = clean(source[start : start + _LONG]).replace("\t", " ")
    column = min(place.column - start, len(shown) + 1)
    yield f"    {shown}"
    yield f"    {' ' * width(shown[: column - 1])}^"


def mask(line: str) -> str:
    """A source line whose secret-looking values are stars, in as many columns as they took."""

    def hide(match: re.Match[str]) -> str:
        name, separator, value = match.groups()
        if not looks_secret(name):
            return name + separator + mask(value) if _ASSIGNED.search(value) else match[0]
        return name + separator + (value if _TEMPLATE.fullmatch(value) else MASK)

    return TOKEN.sub(MASK, _ASSIGNED.sub(hide, line))


def warning_lines(warnings: Iterable[Problem]) -> Iterator[str]:
    """One line a warning."""
    return (f"warning: {clean(str(warning))}" for warning in warnings)


def loss_lines(losses: Iterable[Problem]) -> Iterator[str]:
    """One line for each thing that another form cannot say."""
    return (f"not carried: {clean(str(loss))}" for loss in losses)


def problem_data(problem: Problem) -> dict[str, Any]:
    """A problem as the JSON contract has it."""
    place = problem.place
    return {
        "file": place.file if place else None,
        "line": place.line or None if place else None,
        "column": place.column or None if place else None,
        "path": problem.path or None,
        "message": clean(problem.message),
        "hint": clean(problem.hint) or None,
    }


def errors_data(error: SglaunchError) -> dict[str, Any]:
    """Every problem of an error as the JSON answer."""
    return {"schema_version": SCHEMA_VERSION, "errors": list(_errors(error))}


def _errors(error: SglaunchError) -> Iterator[dict[str, Any]]:
    """A failure of engine or container also has its kind, and the log lines that show it."""
    if not isinstance(error, EngineError):
        yield from (problem_data(problem) for problem in error.problems())
        return
    failure = error.failure
    more = {"kind": failure.kind, "detail": clean(failure.detail) or None, "log": [clean(line) for line in failure.log]}
    yield from ({**problem_data(problem), **more} for problem in error.problems())
    for other in error.beside:
        yield from _errors(other)
