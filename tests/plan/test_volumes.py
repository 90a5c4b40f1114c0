"""Anonymous volumes: which a replacement mounts again, which are removed, and when somebody is asked first."""

from __future__ import annotations

from typing import Any

import pytest
from builders import make_container, make_observation, make_wanted, project

from sglaunch.convert.from_inspect import container
from sglaunch.plan import consent
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import ObservedContainer, Volume
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.removing import plan_down, plan_stop
from sglaunch.plan.steps import Plan
from sglaunch.plan.volumes import inherited
from sglaunch.spec.container import Settings, Wanted
from sglaunch.spec.values import Mount

NAME = "ana-eval-dev"
DATA, SCRATCH = Volume("/data", "d" * 64), Volume("/scratch", "5" * 64)
EMPTY = Volume("/data", "d" * 64, "/var/x", 0)
FULL = Volume("/data", "d" * 64, "/var/x", 9, ("f (9 bytes)",))
ANONYMOUS = make_wanted(volumes={"/scratch": Mount("volume")})
CHANGED = {"A": "2"}

# What the replacement is to be -> which targets of /data (the image's) and /scratch (the profile's) it mounts again.
AGAIN: dict[str, tuple[Wanted, list[str]]] = {
    "the same": (ANONYMOUS, ["/data", "/scratch"]),
    "read-only": (make_wanted(volumes={"/scratch": Mount("volume", read_only=True)}), ["/data", "/scratch"]),
    "the profile's is gone": (make_wanted(), ["/data"]),
    "a bind instead": (
        make_wanted(volumes={"/scratch": Mount("volume"), "/data": Mount("bind", "/srv")}),
        ["/scratch"],
    ),
    "a named volume instead": (make_wanted(volumes={"/scratch": Mount("volume", "mine")}), ["/data"]),
    "a tmpfs instead": (make_wanted(tmpfs={"/data": ""}), []),
    "another's volumes instead": (make_wanted(volumes_from=("lender:ro",)), []),
}


@pytest.mark.parametrize("case", AGAIN)
def test_what_is_mounted_again(case: str) -> None:
    wanted, expected = AGAIN[case]
    old = make_container(ANONYMOUS, volumes=(DATA, SCRATCH))
    lender = make_container(make_wanted("lender", container_name="lender"), volumes=(Volume("/data", "e" * 64),))
    assert [one.target for one in inherited(wanted, old, make_observation(old, lender))] == expected


def test_it_is_mounted_by_its_name_and_the_label_keeps_the_words_of_the_profile() -> None:
    wanted = make_wanted(volumes={"/scratch": Mount("volume", read_only=True)}, environment=CHANGED)
    old = make_container(ANONYMOUS, volumes=(SCRATCH,))
    (create,) = plan_up([wanted], make_observation(old), project(), Choices()).steps("create")
    assert create.spec is not None
    assert create.spec.volumes == {"/scratch": Mount("volume", SCRATCH.name, read_only=True)}
    assert SCRATCH.name not in "".join(create.labels.values())


def mount(name: str, target: str = "/data", kind: str = "volume") -> dict[str, Any]:
    return {"Type": kind, "Name": name, "Source": f"/v/{name}/_data", "Destination": target}


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ([mount("d" * 64)], ["/data"]),
        ([mount("d" * 64, "/data/")], ["/data"]),
        ([mount("mine")], []),
        ([mount("e" * 64)], []),
        ([{"Type": "bind", "Source": "/srv/" + "d" * 64, "Destination": "/data"}], []),
        (None, []),
    ],
)
def test_a_volume_is_anonymous_by_its_name_unless_the_profile_names_it(mounts: Any, expected: list[str]) -> None:
    from fake_engine import inspect_data

    made = make_wanted(volumes={"/other": Mount("volume", "e" * 64)})
    seen = container({**inspect_data(make_container(made)), "Mounts": mounts})
    assert [one.target for one in seen.volumes] == expected


@pytest.mark.parametrize(
    ("settings", "lost", "asked"),
    [
        (Settings(recreate="always"), (FULL,), "9 bytes written in its volume at /data would be lost: f (9 bytes)"),
        (Settings(recreate="always"), (DATA,), "what was written in its volume at /data would be lost"),
        (Settings(recreate="always"), (EMPTY,), ""),
        (Settings(recreate="always"), (), ""),
        (Settings(recreate="always", protect=False), (FULL,), ""),
        (Settings(), (), "its volume at /data is kept"),
    ],
)
def test_a_recreate_asks_for_what_is_not_mounted_again(settings: Settings, lost: Any, asked: str) -> None:
    reasons = consent.for_recreate(settings, make_container(layer_size=0, volumes=lost or (FULL,)), lost)
    assert asked in "".join(reasons)
    assert bool(asked) == bool(reasons)


def down(*there: ObservedContainer, profiles: tuple[str, ...] = (), **options: Any) -> Plan:
    return plan_down(make_observation(*there), project(), profiles, (), {}, **options)


@pytest.mark.parametrize("status", ["running", "exited", "created"])
@pytest.mark.parametrize(("volume", "asks"), [(FULL, True), (DATA, True), (EMPTY, False)])
def test_down_counts_what_is_in_a_volume_and_removes_it_with_its_container(
    volume: Volume, asks: bool, status: str
) -> None:
    plan = down(make_container(status=status, layer_size=0, volumes=(volume,)))
    assert bool(plan.containers[0].consent) == asks
    assert [step.op for step in plan.steps("remove", "erase")] == ["remove", "erase"]


def test_a_snapshot_keeps_the_volumes_that_hold_work_and_names_them() -> None:
    other = Volume("/empty", "0" * 64, "/var/y", 0)
    plan = down(make_container(layer_size=0, volumes=(FULL, other)), snapshot=True)
    assert [step.target for step in plan.steps("erase")] == [other.name]
    assert FULL.name in str(plan.containers[0].warnings[0])
    recreate = plan_up(
        [make_wanted(tmpfs={"/data": ""})],
        make_observation(make_container(layer_size=0, volumes=(FULL,))),
        project(),
        Choices(snapshot=True),
    )
    assert list(recreate.steps("erase")) == []
    assert FULL.name in str(recreate)


def test_the_volumes_of_another_are_left_to_it() -> None:
    lender = make_container(make_wanted("lender"), layer_size=0, volumes=(FULL,))
    borrower = make_container(make_wanted(volumes_from=("ana-eval-lender",)), layer_size=0, volumes=(FULL,))
    plan = down(lender, borrower, profiles=("dev",))
    assert (list(plan.steps("erase")), plan.containers[0].consent) == ([], ())
    # Once the lender is gone, they are its own.
    assert len(list(down(borrower).steps("erase"))) == 1


def test_a_stop_that_removes_the_container_removes_its_volumes_too() -> None:
    auto = make_container(make_wanted(auto_remove=True), layer_size=0, volumes=(FULL,))
    plan = plan_stop(make_observation(auto), project(), ("dev",), {})
    assert [step.op for step in plan.steps()] == ["stop", "gone", "erase"]
    assert "its volume at /data would be lost" in str(plan)
