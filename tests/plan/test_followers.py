"""Containers that Podman does not remove while others share a namespace of them."""

from __future__ import annotations

from builders import make_container, make_observation, make_wanted, project

from sglaunch.plain import replace
from sglaunch.plan.capabilities import PODMAN
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import Observation
from sglaunch.plan.order import followers
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.removing import plan_down

PROJECT = project()
OLD = make_wanted("net", protect=False)
NET = make_wanted("net", environment={"A": "new"}, recreate="always", protect=False)
IN = make_wanted("in", network_mode="container:ana-eval-net", recreate="always", protect=False)
MESSAGE = "podman cannot remove ana-eval-net while ana-eval-in exists, which shares its namespaces"


def podman(status: str) -> Observation:
    seen = make_observation(make_container(OLD), make_container(IN, status=status))
    return replace(seen, engine=replace(seen.engine, name=PODMAN))


def test_a_stopped_follower_is_replaced_and_stays_stopped() -> None:
    seen = podman("exited")
    alone = plan_up([NET], seen, PROJECT, Choices())
    assert [str(one) for plan in alone.containers for one in plan.problems] == [MESSAGE + "; remove ana-eval-in too"]
    assert followers(alone, seen, PROJECT, [NET]) == ["in"]
    both = plan_up([NET, IN], seen, PROJECT, Choices(followers=frozenset({"in"})))
    assert [one.container for one in both.containers] == ["ana-eval-net", "ana-eval-in", "ana-eval-net.old"]
    assert not [problem for one in both.containers for problem in one.problems]
    assert "start" not in [step.op for step in both.containers[1].steps]
    assert [step.line().split() for step in both.containers[2].steps] == [["remove", "ana-eval-net.old"]]
    assert both.containers[2].after is not None
    assert "ana-eval-in" in both.containers[2].after


def test_down_removes_who_shares_first_or_names_them() -> None:
    seen = podman("created")
    (alone,) = plan_down(seen, PROJECT, ["net"], ["net", "in"], {}).containers
    assert MESSAGE in str(alone.problems[0])
    both = plan_down(seen, PROJECT, [], ["net", "in"], {}).containers
    assert [one.container for one in both] == ["ana-eval-in", "ana-eval-net"]
    assert not [problem for one in both for problem in one.problems]
    docker = replace(seen, engine=make_observation().engine)
    assert not plan_down(docker, PROJECT, ["net"], ["net"], {}).containers[0].problems
