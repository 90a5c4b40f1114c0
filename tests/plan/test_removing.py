"""down, rm, start, stop and restart: their plans for each state of a container, and whose containers they touch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders import BEN, foreign_container, make_container, make_observation, make_wanted, project

from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.removing import plan_down, plan_restart, plan_start, plan_stop
from sglaunch.plan.steps import Plan

NAME = "ana-eval-dev"
AUTO = make_wanted(auto_remove=True)
LOST = f"consent    {NAME} would be removed; what was written in its own layer would be lost (protect: true)"


def down(*containers: ObservedContainer, profiles: tuple[str, ...] = (), unprotected: tuple[str, ...] = ()) -> Plan:
    return plan_down(make_observation(*containers), project(), profiles, unprotected, {})


def shown(plan: Plan) -> list[str]:
    """The plan's lines without the columns."""
    return [" ".join(line.split()) for line in plan.lines()]


def each(plan: Plan) -> dict[str, str]:
    """Container -> its steps, in short."""
    return {one.container: ", ".join(step.op for step in one.steps) for one in plan.containers}


def removed(plan: Plan) -> set[str]:
    return {step.target for step in plan.steps("remove", "gone")}


CONSENT = " ".join(LOST.split())

DOWN: dict[str, tuple[ObservedContainer, list[str]]] = {
    "running": (make_container(), [f"1 stop {NAME} asked", f"2 remove {NAME} asked", CONSENT]),
    "exited": (make_container(status="exited"), [f"1 remove {NAME} asked", CONSENT]),
    "created": (make_container(status="created"), [f"1 remove {NAME} asked"]),
    "dead": (make_container(status="dead"), [f"1 remove {NAME} asked", CONSENT]),
    "paused": (
        make_container(status="paused"),
        [f"1 unpause {NAME} it is paused", f"2 stop {NAME} asked", f"3 remove {NAME} asked", CONSENT],
    ),
    "restarting": (make_container(status="restarting"), [f"1 stop {NAME} asked", f"2 remove {NAME} asked", CONSENT]),
    "removing": (make_container(status="removing"), [f"1 gone {NAME} asked"]),
    "running, removed as it stops": (make_container(AUTO), [f"1 stop {NAME} asked", f"2 gone {NAME} asked", CONSENT]),
    "created, removed as it stops": (make_container(AUTO, status="created"), [f"1 remove {NAME} asked"]),
    "its layer holds nothing": (
        make_container(layer_size=0),
        [f"1 stop {NAME} asked", f"2 remove {NAME} asked"],
    ),
}


@pytest.mark.parametrize("case", DOWN)
def test_down_stops_what_serves_and_removes_it(case: str) -> None:
    container, expected = DOWN[case]
    assert shown(down(container)) == [f"{NAME} remove", *expected]


def test_down_asks_nothing_for_a_profile_that_is_not_protected() -> None:
    assert CONSENT not in shown(down(make_container(), unprotected=("dev",)))
    assert CONSENT in shown(down(make_container(), unprotected=("other",)))


DEV, API = make_container(), make_container(make_wanted("api"))
MIXED = (
    DEV,
    API,
    make_container(make_wanted("ben"), owner=BEN),
    make_container(make_wanted("train"), project="train"),
    make_container(make_wanted("there"), config="/elsewhere/sglaunch.yaml", config_exists=True),
    make_container(make_wanted("moved"), config="/before/sglaunch.yaml", config_exists=False),
    foreign_container("ana-eval-other"),
    make_container(name="ana-eval-dev.old", status="exited"),
    make_container(name="ana-eval-dev.new", status="created"),
)


def test_down_without_names_takes_all_that_is_ours_and_nothing_else() -> None:
    """A project that moved is ours, and so is what an interrupted recreate left."""
    names = {"ana-eval-api", "ana-eval-dev", "ana-eval-dev.new", "ana-eval-dev.old", "ana-eval-moved"}
    assert removed(down(*MIXED)) == names


def test_down_with_names_takes_these_profiles_alone() -> None:
    assert removed(down(*MIXED, profiles=("api",))) == {"ana-eval-api"}
    assert removed(down(*MIXED, profiles=("dev",))) == {"ana-eval-dev", "ana-eval-dev.new", "ana-eval-dev.old"}
    assert each(down(*MIXED, profiles=("ben", "nobody"))) == {"ana-eval-ben": ""}, "refused"


def test_down_of_nothing_is_an_empty_plan() -> None:
    assert down().containers == ()


# start, stop, restart

Verb = Callable[..., Plan]
STATES: dict[str, tuple[str, str, str]] = {
    # status: (start, stop, restart)
    "created": ("start, settle", "", "restart, settle"),
    "exited": ("start, settle", "", "restart, settle"),
    "running": ("", "stop", "restart, settle"),
    "paused": ("unpause", "unpause, stop", "unpause, restart, settle"),
    "restarting": ("", "stop", "restart, settle"),
}


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize(("number", "verb"), list(enumerate([plan_start, plan_stop, plan_restart])))
def test_each_verb_does_what_the_state_needs(status: str, number: int, verb: Verb) -> None:
    plan = verb(make_observation(make_container(status=status)), project(), ["dev"], {})
    assert each(plan) == {NAME: STATES[status][number]}
    action = ("start", "stop", "restart")[number] if STATES[status][number] else "none"
    assert [one.action for one in plan.containers] == [action]


@pytest.mark.parametrize("verb", [plan_start, plan_stop, plan_restart])
def test_a_profile_without_a_container_is_a_problem_that_names_up(verb: Verb) -> None:
    (one,) = verb(make_observation(), project(), ["dev"], {}).containers
    assert (one.action, one.steps) == ("refuse", ())
    assert [problem.hint for problem in one.problems] == ["`sglaunch up dev` creates it"]


@pytest.mark.parametrize("verb", [plan_start, plan_stop, plan_restart])
def test_a_container_that_is_not_ours_is_refused_by_name_and_owner(verb: Verb) -> None:
    (one,) = verb(make_observation(make_container(owner=BEN, status="paused")), project(), ["dev"], {}).containers
    assert (one.action, one.steps, one.problems) == ("refuse", (), ())
    assert one.reason == f"container {NAME} belongs to ben"


@pytest.mark.parametrize("verb", [plan_start, plan_stop, plan_restart])
def test_only_the_named_profiles_are_touched_in_the_order_they_are_named(verb: Verb) -> None:
    seen = make_observation(*MIXED)
    assert list(each(verb(seen, project(), ["api"], {}))) == ["ana-eval-api"]
    assert list(each(verb(seen, project(), ["dev", "api"], {}))) == [NAME, "ana-eval-api"]


@pytest.mark.parametrize("verb", [plan_start, plan_stop, plan_restart])
def test_what_an_interrupted_recreate_set_aside_is_put_back_first(verb: Verb) -> None:
    left = make_container(name=f"{NAME}.old", status="exited")
    repair, own = verb(make_observation(left), project(), ["dev"], {}).containers
    assert (repair.action, each(Plan((repair,)))) == ("repair", {NAME: "rename"})
    assert own.container == NAME


def test_stopping_a_container_that_is_removed_as_it_stops_asks_as_removing_it_does() -> None:
    stop = plan_stop(make_observation(make_container(AUTO)), project(), ["dev"], {})
    assert [one.consent for one in stop.containers] == [one.consent for one in down(make_container(AUTO)).containers]
    assert stop.containers[0].consent
    already = plan_stop(make_observation(make_container(AUTO, status="created")), project(), ["dev"], {})
    assert already.containers[0].consent == ()


@pytest.mark.parametrize("status", ["running", "paused"])
def test_a_container_that_is_removed_as_it_stops_cannot_be_restarted(status: str) -> None:
    (one,) = plan_restart(make_observation(make_container(AUTO, status=status)), project(), ["dev"], {}).containers
    assert (one.action, one.steps) == ("refuse", ())
    assert "--force-recreate dev" in one.problems[0].hint


def test_down_of_a_named_profile_whose_container_is_anothers_refuses_as_stop_does() -> None:
    theirs, passing = make_container(owner=BEN), make_container(owner=BEN, name=f"{NAME}.old")
    for plan in (down(theirs, profiles=("dev",)), plan_stop(make_observation(theirs), project(), ["dev"], {})):
        refused = [(one.profile, one.action, one.reason) for one in plan.containers]
        assert refused == [("dev", "refuse", f"container {NAME} belongs to ben")]
    assert down(theirs).containers == ()
    assert down(passing, profiles=("dev",)).containers == ()
    mine = make_container()
    assert [one.action for one in down(mine, passing, profiles=("dev",)).containers] == ["remove"]
