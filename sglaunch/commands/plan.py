"""`sglaunch plan`: what up would do, and which line says so. Looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.commands.asking import answer, show_json
from sglaunch.errors import ConfigError, Refused
from sglaunch.pipeline import Common, prepare
from sglaunch.plan.reconcile import Choices
from sglaunch.plan.steps import REFUSE, Plan
from sglaunch.report.clean import clean
from sglaunch.report.data import plan_data
from sglaunch.report.problems import warning_lines
from sglaunch.report.progress import say

CHECK_FOUND = 3


def run(common: Common, profiles: Sequence[str], choices: Choices, *, check: bool = False) -> int:
    """Prints the plan. With `check`, status 3 says that something is pending."""
    prepared = prepare(common, profiles)
    choices = with_known(choices, prepared.config.names)
    plan = prepared.plan(prepared.observe(), choices)
    return show_plan(common, plan, prepared.config.sources, prepared.config.warnings, check=check)


def with_known(choices: Choices, names: Sequence[str]) -> Choices:
    """The choices with every profile of the project, which tells an orphan."""
    from dataclasses import replace

    return replace(choices, known_profiles=frozenset(names))


def show_plan(
    common: Common,
    plan: Plan,
    sources: object = None,
    warnings: Sequence[object] = (),
    *,
    check: bool = False,
) -> int:
    """The plan as the answer; mistakes and refusals in it decide the status."""
    if common.json:
        show_json(plan_data(plan))
    else:
        for line in warning_lines(warnings):  # type: ignore[arg-type]
            say(line)
        answer(common, plan, [clean(line) for line in plan.lines()] or ["nothing to do"])
    problems = [problem for one in plan.containers for problem in one.problems]
    if problems and not common.json:
        raise ConfigError(problems, sources)  # type: ignore[arg-type]
    if problems:
        return ConfigError.status
    if any(one.action == REFUSE for one in plan.containers):
        return Refused.status
    return CHECK_FOUND if check and not plan.is_empty else 0
