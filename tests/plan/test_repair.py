"""What a recreate that was cut off left behind, for each point at which it can be cut off, and how it is put right."""

from __future__ import annotations

import pytest
from builders import BEN, make_container, make_observation, make_wanted, project

from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.repair import leftovers, plan_repair, repaired

NAME, NEW, OLD = "ana-eval-dev", "ana-eval-dev.new", "ana-eval-dev.old"
BEFORE, DURING, AFTER = "2026-03-01T09:00:00Z", "2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"


def old(name: str = NAME, **changes: object) -> ObservedContainer:
    return make_container(name=name, **{"created": BEFORE, **changes})


def new(name: str = NEW, **changes: object) -> ObservedContainer:
    return make_container(name=name, **{"created": DURING, "status": "created", "started": "", **changes})


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
    "the new one runs": (
        [old(OLD, **STOPPED), new(NAME, status="running", started=AFTER)],
        [f"settle {NAME}", f"remove {OLD}"],
    ),
    "the new one ran and stopped": ([old(OLD, **STOPPED), new(NAME, status="exited", started=AFTER)], []),
    "the new one keeps exiting": ([old(OLD, **STOPPED), new(NAME, status="restarting", started=AFTER)], []),
    "one that runs and is older": ([old(OLD, **STOPPED), old(NAME, created="2026-03-01T08:00:00Z")], []),
    "the old one vanished as it stopped": ([new()], [f"remove {NEW}"]),
    "only the old one is left": ([old(OLD, **STOPPED)], [f"rename {OLD}->{NAME}"]),
    "another user's": ([old(), new(owner=BEN)], []),
    "another user's name": ([old(owner=BEN), new()], [f"remove {NEW}"]),
}


def shown(containers: list[ObservedContainer], profiles: tuple[str, ...] = ()) -> list[str]:
    plan = plan_repair(make_observation(*containers), project(), profiles)
    return [f"{step.op} {step.target}{f'->{step.to}' if step.to else ''}" for step in plan.steps()]


@pytest.mark.parametrize("case", CASES)
def test_what_was_cut_off_is_put_right(case: str) -> None:
    containers, steps = CASES[case]
    assert shown(containers) == steps


@pytest.mark.parametrize("case", CASES)
def test_nothing_that_ever_ran_is_removed_unless_its_replacement_runs(case: str) -> None:
    containers, _ = CASES[case]
    seen = make_observation(*containers)
    for step in plan_repair(seen, project(), ()).steps("remove"):
        gone = seen.named(step.target)
        main = seen.named(NAME)
        assert gone is not None
        assert not gone.started or (main is not None and main.status == "running" and main.created > gone.created)


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
    assert f"docker rm {OLD}" in problem.hint


def test_only_the_named_profiles_are_repaired() -> None:
    api = make_wanted("api")
    containers = [old(), new(), make_container(api), make_container(api, name="ana-eval-api.new", status="created")]
    assert shown(containers, ("api",)) == ["remove ana-eval-api.new"]
    assert shown(containers, ("api", "dev")) == ["remove ana-eval-api.new", f"remove {NEW}"]
