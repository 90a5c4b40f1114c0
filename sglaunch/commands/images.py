"""`sglaunch pull`: the images of the profiles, each once."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.commands.asking import answer, reporter
from sglaunch.commands.plan import show_plan
from sglaunch.pipeline import Common, act, prepare
from sglaunch.plan.reconcile import plan_pull


def pull(common: Common, profiles: Sequence[str], *, dry_run: bool = False) -> int:
    """Pulls the images of the named profiles, or of all."""
    prepared = prepare(common, profiles)
    plan = plan_pull(prepared.wanted, "asked")
    if dry_run:
        return show_plan(common, plan)
    act(plan, prepared.engine, lambda _: None, reporter(common))
    answer(common, plan, [f"{step.target}  pulled" for step in plan.steps("pull")])
    return 0
