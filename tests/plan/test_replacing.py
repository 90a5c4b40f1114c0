"""What a replacement must do before the old container goes."""

from __future__ import annotations

import pytest
from builders import make_container, make_observation, make_wanted, project

from sglaunch.plain import replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.replacing import UNWATCHED_SECONDS
from sglaunch.plan.steps import Step
from sglaunch.spec.container import Readiness, Wanted

OLD = make_wanted(recreate="always", protect=False)


def serving(wanted: Wanted) -> Wanted:
    return replace(wanted, settings=replace(wanted.settings, readiness=Readiness(port=30000)))


def proof(wanted: Wanted, choices: Choices) -> list[Step]:
    """The steps between the start of the new one and the removal of the old one."""
    plan = plan_up([wanted], make_observation(make_container(OLD)), project(), choices)
    steps = list(plan.containers[0].steps)
    ops = [step.op for step in steps]
    assert ops[-1] == "remove"
    return steps[ops.index("start") + 1 : -1]


CHANGED = make_wanted(recreate="always", protect=False, environment={"A": "new"})


@pytest.mark.parametrize("wait", [True, False])
def test_what_only_runs_must_keep_running_a_moment(wait: bool) -> None:
    (step,) = proof(CHANGED, Choices(wait=wait))
    assert (step.op, dict(step.values)) == ("settle", {})


def test_what_answers_must_answer() -> None:
    settle, ready = proof(serving(CHANGED), Choices())
    assert (settle.op, dict(settle.values)) == ("settle", {})
    assert (ready.op, ready.values["readiness"].port) == ("ready", 30000)


def test_what_answers_but_nobody_waits_for_must_run_ten_seconds() -> None:
    (step,) = proof(serving(CHANGED), Choices(wait=False))
    assert (step.op, step.values["seconds"]) == ("settle", UNWATCHED_SECONDS)
    assert UNWATCHED_SECONDS == 10
