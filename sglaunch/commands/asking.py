"""The question a verb asks before something is lost; without a terminal, the flags that answer it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sglaunch.engine import trace
from sglaunch.engine.apply import Report
from sglaunch.errors import ConsentNeeded
from sglaunch.pipeline import Common, Consent
from sglaunch.plan.steps import Plan
from sglaunch.report.data import plan_data
from sglaunch.report.problems import warning_lines
from sglaunch.report.progress import json_lines, lines, say, silent
from sglaunch.report.prompt import choose, is_terminal


def consent(common: Common, choices: Sequence[str], agree: str, flags: str) -> Consent:
    """Consent for a plan: `choices` as they are shown; the letter `agree` goes on, the other one keeps."""

    def ask(plan: Plan) -> Plan | None:
        if common.yes:
            return plan
        reasons = [reason for one in plan.containers for reason in one.consent]
        if not is_terminal():
            raise ConsentNeeded("; ".join(reasons), flags)
        for line in plan.lines():
            say(line)
        keep = next(choice[choice.index("[") + 1] for choice in choices if f"[{agree}]" not in choice)
        return plan if choose("go on?", choices, keep) == agree else None

    return ask


def reporter(common: Common) -> Report:
    """Where the events of apply go."""
    return silent if common.quiet else json_lines if common.json else lines


def tell_calls() -> None:
    """From now on each engine command line is told on stderr (--verbose)."""
    trace.listen(lambda words: say(f"+ {trace.shown(words)}"))


def warn(common: Common, plan: Plan) -> None:
    """A plan's warnings on stderr; in JSON they are in the answer."""
    if not common.json:
        for line in warning_lines([*(w for one in plan.containers for w in one.warnings), *plan.warnings]):
            say(line)


def answer(common: Common, plan: Plan, text: Sequence[str]) -> None:
    """The answer on stdout: JSON, or lines."""
    show_json(plan_data(plan)) if common.json else show(text)


def show(lines: Sequence[str]) -> None:
    """Lines of the answer."""
    for line in lines:
        print(line)  # noqa: T201 - stdout carries the answer


def show_json(data: object) -> None:
    """The one JSON document of the answer."""
    print(json.dumps(data, indent=2, ensure_ascii=False))  # noqa: T201 - stdout carries the answer
