"""`sglaunch plan`: what up would do, and which line says so. Looks, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sglaunch.commands.asking import answer
from sglaunch.errors import ConfigError, EngineError, Problem, Refused
from sglaunch.pipeline import prepare
from sglaunch.plain import replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.steps import REFUSE, Plan
from sglaunch.project import Common
from sglaunch.report.clean import clean
from sglaunch.report.problems import warning_lines
from sglaunch.report.progress import say

CHECK_FOUND = 3


def run(common: Common, profiles: Sequence[str], choices: Choices, *, check: bool = False, frozen: bool = False) -> int:
    """Prints the plan. With `check`, status 3 says that something is pending."""
    prepared = prepare(common, profiles, frozen=frozen)
    plan, _ = prepared.plan(choices)
    return show_plan(common, plan, prepared.config.sources, prepared.config.warnings, check=check)


def show_plan(
    common: Common,
    plan: Plan,
    sources: Mapping[str, Sequence[str]] | None = None,
    warnings: Sequence[Problem] = (),
    *,
    check: bool = False,
) -> int:
    """The plan as the answer; mistakes and refusals in it decide the status."""
    if common.json:
        plan = replace(plan, warnings=(*warnings, *plan.warnings))
    else:
        for line in warning_lines(warnings):
            say(line)
    answer(common, plan, [clean(line) for line in plan.lines()] or ["nothing to do"])
    problems = [problem for one in plan.containers for problem in one.problems]
    if problems and not common.json:
        raise ConfigError(problems, sources)
    if problems:
        return ConfigError.status
    if any(one.action == REFUSE for one in plan.containers):
        return Refused.status
    if any(one.shortage for one in plan.containers):
        return EngineError.status
    return CHECK_FOUND if check and not plan.is_empty else 0
