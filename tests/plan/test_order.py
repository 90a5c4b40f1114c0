"""Which containers are worked on at once, and which come one after the other."""

from __future__ import annotations

from typing import Any

import pytest
from builders import make_container, make_observation, make_wanted, project

from sglaunch.plan import order
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import Observation, ObservedContainer
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.removing import plan_down, plan_start, plan_stop
from sglaunch.plan.steps import Plan
from sglaunch.spec.dependencies import dependency_order
from sglaunch.spec.values import PortBinding

PORT = {"80/tcp": (PortBinding("31800"),)}


def up(*wanted: dict[str, Any], seen: Observation | None = None) -> dict[str, tuple[str, ...] | None]:
    profiles = [make_wanted(**{"container_name": one["profile"], **one}) for one in wanted]
    plan = plan_up(profiles, seen or make_observation(), project(), Choices())
    return {one.profile: one.after for one in plan.containers}


@pytest.mark.parametrize(
    ("second", "after"),
    [
        ({}, ()),
        ({"depends_on": ["a"]}, ("a",)),
        ({"network_mode": "container:a"}, ("a",)),
        ({"ipc": "container:a"}, ("a",)),
        ({"pid": "container:a"}, ("a",)),
        ({"volumes_from": ["a:ro"]}, ("a",)),
        ({"network_mode": "container:elsewhere"}, ()),
    ],
)
def test_what_is_needed_comes_first_and_the_rest_at_once(second: dict[str, Any], after: tuple[str, ...]) -> None:
    assert up({"profile": "b", **second}, {"profile": "a"}) == {"a": (), "b": after}


def test_a_port_is_taken_once_the_one_that_had_it_has_let_go() -> None:
    holder = make_container(make_wanted(profile="a", container_name="a", ports=PORT), ports=("0.0.0.0:31800->80/tcp",))
    seen = make_observation(holder)
    assert up({"profile": "a"}, {"profile": "b", "ports": PORT}, seen=seen) == {"a": (), "b": ("a",)}


@pytest.mark.parametrize("verb", ["down", "stop", "start"])
def test_the_other_verbs_go_by_what_the_files_say_is_needed(verb: str) -> None:
    status = "exited" if verb == "start" else "running"
    names = ("a", "b", "c")
    seen = make_observation(*(make_container(make_wanted(profile=n, container_name=n), status=status) for n in names))
    needed = {"a": ["b"], "c": [], "b": []}
    plans: dict[str, Plan] = {
        "down": plan_down(seen, project(), (), names, needed),
        "stop": plan_stop(seen, project(), names, needed),
        "start": plan_start(seen, project(), names, needed),
    }
    found = [(one.profile, one.after) for one in plans[verb].containers]
    if verb == "start":
        assert found == [("b", ()), ("a", ("b",)), ("c", ())]
    else:
        assert found == [("a", ()), ("b", ("a",)), ("c", ())]


def test_a_circle_of_needs_is_taken_down_all_the_same() -> None:
    seen = make_observation(*(make_container(make_wanted(profile=n, container_name=n)) for n in ("a", "b")))
    plan = plan_down(seen, project(), (), ("a", "b"), {"a": ["b"], "b": ["a"]})
    assert sorted(one.profile for one in plan.containers) == ["a", "b"]


def test_many_levels_are_walked_once_and_a_long_chain_does_not_overflow() -> None:
    """Ways through 24 levels of 10 double with each level; what is counted is visits, not time."""
    layers = [[f"l{level}-{number}" for number in range(10)] for level in range(24)]
    needed = {
        name: layers[level + 1] if level + 1 < len(layers) else [] for level in range(24) for name in layers[level]
    }
    visits: list[str] = []

    def needs(name: str) -> list[str]:
        visits.append(name)
        return needed[name]

    ordered = dependency_order(layers[0], needs)
    assert len(visits) == len(needed) == len(ordered)
    assert all(ordered.index(other) < ordered.index(name) for name, others in needed.items() for other in others)
    chain = [str(number) for number in range(5000)]
    assert dependency_order(["0"], lambda name: chain[int(name) + 1 : int(name) + 2]) == chain[::-1]


def test_a_cycle_is_reported_at_the_name_that_closes_it() -> None:
    needed = {"a": ["b"], "b": ["c", "d"], "c": ["a"], "d": []}
    cycles: list[tuple[list[str], str]] = []
    ordered = dependency_order("abcd", needed.__getitem__, lambda path, name: cycles.append((list(path), name)))
    assert (ordered, cycles) == (["c", "d", "b", "a"], [(["a", "b", "c"], "a")])


def test_the_ports_of_each_container_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many containers there are: a look at each of them for each profile grows with the square."""
    wanted = [make_wanted(profile=f"p{n}", container_name=f"p{n}") for n in range(30)]
    looked: list[ObservedContainer] = []
    monkeypatch.setattr(order, "held_ports", lambda one: looked.append(one) or {})
    plan_up(wanted, make_observation(*(make_container(one) for one in wanted)), project(), Choices())
    assert len(looked) == len(wanted)
