"""What a recreate that was cut off left behind, for each point at which it can be cut off, and how it is put right."""

from __future__ import annotations

from typing import Any

import pytest
from builders import BEN, make_container, make_observation, make_wanted, project

from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.repair import leftovers, plan_repair, repaired
from sglaunch.plan.steps import NONE, REMOVE, REPAIR, ContainerPlan, Plan
from sglaunch.spec.container import Readiness, Wanted
from sglaunch.spec.server import Server

NAME, NEW, OLD = "ana-eval-dev", "ana-eval-dev.new", "ana-eval-dev.old"
BEFORE, DURING, AFTER = "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"


def old(name: str = NAME, made_from: Wanted | None = None, **changes: object) -> ObservedContainer:
    return make_container(made_from, name=name, **{"created": BEFORE, **changes})


def new(name: str = NEW, made_from: Wanted | None = None, **changes: object) -> ObservedContainer:
    return make_container(made_from, name=name, **{"created": DURING, "status": "created", "started": "", **changes})


STOPPED = {"status": "exited", "finished": AFTER}
# What is there -> the steps, in short.
CASES: dict[str, tuple[list[ObservedContainer], list[str]]] = {
    "nothing was cut off": ([old()], []),
    "the replacement was made": ([old(), new()], [f"remove {NEW}"]),
    "the old one was stopped": ([old(**STOPPED), new()], [f"remove {NEW}", f"start {NAME}"]),
    "the old one was stopped before, by somebody": (
        [old(status="exited", finished="2026-03-01T09:30:00Z"), new()],
        [f"remove {NEW}"],
    ),
    "the old one was set aside": (
        [old(OLD, **STOPPED), new()],
        [f"remove {NEW}", f"rename {OLD}->{NAME}", f"start {NAME}"],
    ),
    "the new one took the name": (
        [old(OLD, **STOPPED), new(NAME)],
        [f"remove {NAME}", f"rename {OLD}->{NAME}", f"start {NAME}"],
    ),
    "the new one runs": ([old(OLD, **STOPPED), new(NAME, status="running", started=AFTER)], []),
    "the new one ran and stopped": ([old(OLD, **STOPPED), new(NAME, status="exited", started=AFTER)], []),
    "a new one that ran was about to be removed": (
        [old(**STOPPED), new(status="exited", started=AFTER)],
        [f"start {NAME}"],
    ),
    "a new one that ran gave the name back": (
        [old(OLD, **STOPPED), new(status="running", started=AFTER)],
        [f"stop {NEW}", f"rename {OLD}->{NAME}", f"start {NAME}"],
    ),
    "a new one is paused beside the old one": (
        [old(**STOPPED), new(status="paused", started=AFTER)],
        [f"unpause {NEW}", f"stop {NEW}", f"start {NAME}"],
    ),
    "only a new one that ran is left": ([new(status="running", started=AFTER)], [f"rename {NEW}->{NAME}"]),
    "the younger one is called the old one": (
        [old(OLD, **STOPPED), new(status="exited", started=BEFORE, created="2026-03-01T08:00:00Z")],
        [f"rename {NEW}->{NAME}"],
    ),
    "fractions of a second": (
        [old(created="2026-03-01T10:00:00.12Z", **STOPPED), new(created="2026-03-01T10:00:00.1Z", started=AFTER)],
        [],
    ),
    "the new one keeps exiting": ([old(OLD, **STOPPED), new(NAME, status="restarting", started=AFTER)], []),
    "one that runs and is older": ([old(OLD, **STOPPED), old(NAME, created="2026-03-01T08:00:00Z")], []),
    "the old one vanished as it stopped": ([new()], [f"remove {NEW}"]),
    "only the old one is left": ([old(OLD, **STOPPED)], [f"rename {OLD}->{NAME}"]),
    "another user's": ([old(), new(owner=BEN)], []),
    "another user's name": ([old(owner=BEN), new()], [f"remove {NEW}"]),
}


def shown(containers: list[ObservedContainer], profiles: tuple[str, ...] = ()) -> list[str]:
    return short(plan_repair(make_observation(*containers), project(), profiles))


def short(plan: Plan) -> list[str]:
    return [f"{step.op} {step.target}{f'->{step.to}' if step.to else ''}" for step in plan.steps()]


@pytest.mark.parametrize("case", CASES)
def test_what_was_cut_off_is_put_right(case: str) -> None:
    containers, steps = CASES[case]
    assert shown(containers) == steps


@pytest.mark.parametrize("case", CASES)
def test_nothing_that_ever_ran_is_removed(case: str) -> None:
    containers, _ = CASES[case]
    seen = make_observation(*containers)
    assert [seen.named(step.target).started for step in plan_repair(seen, project(), ()).steps("remove")] in ([], [""])


@pytest.mark.parametrize("case", CASES)
def test_after_the_repairs_there_is_nothing_to_repair(case: str) -> None:
    containers, _ = CASES[case]
    seen = make_observation(*containers)
    after = repaired(seen, plan_repair(seen, project(), ()))
    assert plan_repair(after, project(), ()).containers == ()


def test_what_no_rule_can_put_right_is_told_and_left() -> None:
    containers, _ = CASES["the new one ran and stopped"]
    (problem,) = leftovers(make_observation(*containers), project())
    assert OLD in problem.message
    assert "sglaunch up dev" in problem.hint


# A new container that has the name, while the old one is set aside.


SERVER: dict[str, Any] = {"server": Server("Qwen/Qwen3-8B"), "command": None, "readiness": Readiness(30000)}
AS_WRITTEN, EDITED, CORRECTED = (make_wanted(**SERVER, shm_size=size) for size in (0, 1, 2))
BACK = [f"stop {NAME}", f"rename {NAME}->{NEW}", f"rename {OLD}->{NAME}", f"start {NAME}"]
UP = {"status": "running", "started": AFTER}
SUCCESSORS: dict[str, tuple[ObservedContainer, Wanted, list[str]]] = {
    # The new one, the files -> the repair. The old one was made of EDITED.
    "it loads": (new(NAME, AS_WRITTEN, **UP), AS_WRITTEN, [f"settle {NAME}", f"ready {NAME}", f"remove {OLD}"]),
    "it stopped": (
        new(NAME, AS_WRITTEN, status="exited", started=AFTER),
        AS_WRITTEN,
        [f"start {NAME}", f"settle {NAME}", f"ready {NAME}", f"remove {OLD}"],
    ),
    "it is paused": (
        new(NAME, AS_WRITTEN, status="paused", started=AFTER),
        AS_WRITTEN,
        [f"unpause {NAME}", f"settle {NAME}", f"ready {NAME}", f"remove {OLD}"],
    ),
    "the files want the old one again": (new(NAME, AS_WRITTEN, **UP), EDITED, BACK),
    "it stopped, and the files were corrected": (
        new(NAME, AS_WRITTEN, status="exited", started=AFTER),
        CORRECTED,
        BACK[1:],
    ),
}


@pytest.mark.parametrize("case", SUCCESSORS)
def test_a_new_one_proves_that_it_is_ready_before_the_old_one_is_removed(case: str) -> None:
    successor, wanted, steps = SUCCESSORS[case]
    seen = make_observation(old(OLD, EDITED, **STOPPED), successor)
    plan = plan_up([wanted], seen, project(), Choices())
    repair = plan.only(REPAIR)
    assert short(repair) == steps
    assert not any(one.consent for one in repair.containers)
    if "ready" in " ".join(steps):
        first = next(repair.steps())
        assert short(Plan((ContainerPlan("", "", "", steps=first.undo),))) == BACK


def test_a_new_one_that_ran_and_gave_way_is_removed_with_consent_alone() -> None:
    left = [old(**UP), new(status="exited", started=AFTER)]
    (gone, kept) = plan_up([make_wanted()], make_observation(*left), project(), Choices()).containers
    assert (gone.container, gone.action, bool(gone.consent), kept.action) == (NEW, REMOVE, True, NONE)
    refused = plan_up([make_wanted()], make_observation(*left), project(), Choices(no_recreate=True))
    assert [one.container for one in refused.containers] == [NAME]
    free = plan_up([make_wanted(protect=False)], make_observation(*left), project(), Choices())
    assert [one.consent for one in free.containers] == [(), ()]


def test_only_the_named_profiles_are_repaired() -> None:
    api = make_wanted("api")
    containers = [old(), new(), make_container(api), make_container(api, name="ana-eval-api.new", status="created")]
    assert shown(containers, ("api",)) == ["remove ana-eval-api.new"]
    assert shown(containers, ("api", "dev")) == ["remove ana-eval-api.new", f"remove {NEW}"]


def test_a_stop_that_may_be_under_way_is_waited_for_before_a_start() -> None:
    (one,) = plan_up([make_wanted()], make_observation(old(stopping=True)), project(), Choices()).containers
    assert (one.action, [step.op for step in one.steps]) == ("start", ["stopped", "start", "settle"])
    (kept,) = plan_up([make_wanted()], make_observation(old(stopping=True)), project(), Choices(start=False)).containers
    assert kept.steps == ()
