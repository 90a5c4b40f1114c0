"""Cards of AMD, Ascend and Intel: chosen as NVIDIA's are, given by their device nodes, held by who has these."""

from __future__ import annotations

from typing import Any

import pytest
from builders import at, foreign_container, make_container, make_observation, make_wanted, project

from sglaunch.plain import replace
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.choices import Choices
from sglaunch.plan.gpus import devices_of, reserved, shared
from sglaunch.plan.observation import Gpu, GpuProcess, Observation, ObservedContainer
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.steps import ContainerPlan, Step
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.container import Wanted
from sglaunch.spec.labels import decode
from sglaunch.spec.values import Device, Gpus

GIB = 1 << 30
NODES = {
    "rocm": lambda number: (f"/dev/dri/renderD{128 + number}",),
    "npu": lambda number: (f"/dev/davinci{number}",),
    "xpu": lambda number: (f"/dev/dri/card{number}", f"/dev/dri/renderD{128 + number}"),
}
KINDS = tuple(NODES)


def card(kind: str, number: int, **changes: object) -> Gpu:
    vendor = CARDS[kind].vendor
    made = Gpu(number, f"{vendor}-{number}", "Card", 64 * GIB, 64 * GIB, nodes=NODES[kind](number), vendor=vendor)
    return replace(made, **changes)


def cards(kind: str, count: int = 4) -> tuple[Gpu, ...]:
    return tuple(card(kind, number) for number in range(count))


def asking(kind: str, profile: str = "dev", gpus: Gpus | None = None, **options: Any) -> Wanted:
    return make_wanted(profile, accelerator=kind, gpus=gpus or Gpus(count=2), **options)


def planned(wanted: Wanted, seen: Observation) -> ContainerPlan:
    (found,) = plan_up([wanted], seen, project(), Choices()).containers
    return found


def created(plan: ContainerPlan) -> Step:
    return next(step for step in plan.steps if step.op == "create")


def given(plan: ContainerPlan) -> tuple[set[str], list[str]]:
    """Device nodes that a container is created with, and the choice in its label."""
    step = created(plan)
    applied = decode(step.labels)
    assert step.spec is not None
    assert applied is not None
    assert step.spec.gpus is None, "no engine is asked for NVIDIA devices"
    return set(step.spec.devices), list(applied.assigned.get("gpus", ()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_count_gives_the_nodes_of_idle_cards_alone_and_the_label_says_which(kind: str) -> None:
    first = card(kind, 0, processes=(GpuProcess(7),))
    seen = make_observation(gpus=(first, *cards(kind)[1:]))
    plan = planned(asking(kind, devices={"/dev/kfd": Device("/dev/kfd")}), seen)
    nodes, chosen = given(plan)
    assert nodes == {"/dev/kfd", *NODES[kind](1), *NODES[kind](2)}
    assert chosen == [card(kind, 1).uuid, card(kind, 2).uuid]
    applied = decode(created(plan).labels)
    assert applied is not None
    assert (applied.spec or {})["gpus"] == {"count": 2}
    assert plan_up([asking(kind)], seen, project(), Choices()).chooses_gpus, "under the lock of the machine"


@pytest.mark.parametrize("kind", KINDS)
def test_the_choice_is_no_change_and_is_kept_by_a_recreate(kind: str) -> None:
    wanted = asking(kind)
    busy = tuple(card(kind, n, processes=(GpuProcess(7),) if n > 1 else ()) for n in range(4))
    own = make_container(wanted, assigned={"gpus": [card(kind, 2).uuid, card(kind, 3).uuid]})
    seen = make_observation(own, gpus=busy)
    assert planned(wanted, seen).action == "none"
    again = planned(asking(kind, hostname="other"), seen)
    assert (again.action, given(again)[0]) == ("recreate", {*NODES[kind](2), *NODES[kind](3)})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "ids", [lambda kind: ("1", "3"), lambda kind: (card(kind, 1).uuid, NODES[kind](3)[-1].rpartition("/")[2])]
)
def test_ids_are_numbers_uuids_or_nodes(kind: str, ids: Any) -> None:
    nodes, chosen = given(planned(asking(kind, gpus=Gpus(ids=ids(kind))), make_observation(gpus=cards(kind))))
    assert nodes == {*NODES[kind](1), *NODES[kind](3)}
    assert chosen == [card(kind, 1).uuid, card(kind, 3).uuid]


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_the_machine_lacks_is_a_mistake_with_those_it_has(kind: str) -> None:
    (problem,) = planned(asking(kind, gpus=Gpus(ids=("1", "9"))), make_observation(gpus=cards(kind, 2))).problems
    assert (problem.path, problem.message) == ("gpus", "this machine has no card 9")
    assert f"1 ({card(kind, 1).uuid})" in problem.hint


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_the_nodes_of_a_card_holds_it_whoever_made_it(kind: str) -> None:
    seen = make_observation(
        foreign_container("theirs", device_nodes=(NODES[kind](0)[-1], "/dev/kfd")),
        foreign_container("old", device_nodes=(NODES[kind](2)[-1],), status="exited"),
        gpus=cards(kind, 3),
    )
    assert list(reserved(seen, None)) == [card(kind, 0).uuid]
    assert given(planned(asking(kind), seen))[1] == [card(kind, 1).uuid, card(kind, 2).uuid]
    plan = planned(asking(kind, gpus=Gpus(count=3)), seen)
    assert plan.shortage[0] == "3 GPUs wanted, 2 of 3 free"
    assert "container theirs" in plan.shortage[1]


def test_who_has_the_whole_folder_shares_all_cards_and_holds_none() -> None:
    seen = make_observation(foreign_container("all", device_nodes=("/dev/kfd", "/dev/dri")), gpus=cards("rocm", 1))
    assert reserved(seen, None) == {}
    assert "container all" in shared(seen, None)["amd-0"][0]


def test_a_privileged_container_with_all_cards_shares_them() -> None:
    theirs = make_container(replace(ascend(), spec=replace(ascend().spec, privileged=True)), name="other")
    seen = make_observation(theirs, gpus=(*cards("npu", 16), *cards("rocm")))
    assert reserved(seen, None) == {}
    assert set(shared(seen, None)) == {f"ascend-{n}" for n in range(16)}


def test_ids_of_nvidia_devices_are_none_of_another_vendors() -> None:
    both = (*cards("rocm"), *(Gpu(n, f"GPU-{n}", "H200", GIB, GIB, nodes=(f"/dev/nvidia{n}",)) for n in range(2)))
    assert devices_of(("0",), (), both) == ({"GPU-0"}, set())
    assert devices_of(("all",), (), both) == (set(), {"GPU-0", "GPU-1"})
    assert devices_of(("amd.com/gpu=1",), (), both) == ({"amd-1"}, set())
    seen = make_observation(foreign_container("theirs", gpu_ids=("0", "1")), gpus=both)
    assert given(planned(asking("rocm"), seen))[1] == ["amd-0", "amd-1"]
    (problem,) = planned(make_wanted(gpus=Gpus(count=3)), seen).problems
    assert "has 2 GPUs" in problem.message, "those of another vendor are not counted"


@pytest.mark.parametrize("kind", KINDS)
def test_profiles_of_one_plan_get_different_cards_those_that_name_them_first(kind: str) -> None:
    wanted = [asking(kind, "a"), asking(kind, "b", gpus=Gpus(ids=("0", "1")))]
    plan = plan_up(wanted, make_observation(gpus=cards(kind)), project(), Choices())
    chosen = {one.profile: given(one)[1] for one in plan.containers}
    assert chosen == {
        "a": [f"{CARDS[kind].vendor}-{n}" for n in (2, 3)],
        "b": [f"{CARDS[kind].vendor}-{n}" for n in (0, 1)],
    }
    wanted = [asking(kind, "a"), asking(kind, "b")]
    first, second = plan_up(wanted, make_observation(gpus=cards(kind)), project(), Choices()).containers
    assert not set(given(first)[1]) & set(given(second)[1])
    all_of_them = [asking(kind, "a", gpus=Gpus(count=4)), asking(kind, "b", gpus=Gpus(count=1))]
    plan = plan_up(all_of_them, make_observation(gpus=cards(kind)), project(), Choices())
    assert not plan.containers[0].shortage
    assert plan.containers[1].shortage or plan.containers[1].problems


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_counted_is_said_with_what_to_write(kind: str) -> None:
    for others in (None, (Gpu(0, "GPU-0", "H200", GIB, GIB),)):
        seen = make_observation(gpus=others, gpu_problem="no driver is loaded")
        (problem,) = planned(asking(kind), seen).problems
        assert problem.path == "gpus"
        assert "no driver is loaded" in problem.message
        assert "gpus: all" in problem.hint
    plan = planned(asking(kind, gpus=Gpus(ids=("0", "5"))), make_observation(gpus=None, gpu_problem="none"))
    if kind == "npu":
        assert given(plan)[0] == {"/dev/davinci0", "/dev/davinci5"}, "the number is the node's"
    else:
        assert plan.problems


def test_free_memory_cannot_be_asked_where_the_driver_does_not_tell_it() -> None:
    seen = make_observation(gpus=tuple(card("xpu", n, memory_total=0, memory_free=0) for n in range(2)))
    assert given(planned(asking("xpu"), seen))[1] == ["intel-0", "intel-1"]
    (problem,) = planned(asking("xpu", gpus=Gpus(count=1, min_free=GIB)), seen).problems
    assert "does not tell how much memory" in problem.message
    assert "gpus: 1" in problem.hint


def test_free_memory_and_idleness_are_asked_of_cards_too() -> None:
    busy = card("rocm", 0, memory_free=60 * GIB, processes=(GpuProcess(7),))
    seen = make_observation(gpus=(busy, card("rocm", 1, memory_free=40 * GIB)))
    assert given(planned(asking("rocm", gpus=Gpus(count=1, min_free=50 * GIB)), seen))[1] == ["amd-0"]
    assert planned(asking("rocm", gpus=Gpus(count=1, min_free=50 * GIB, idle=True)), seen).shortage


def test_an_ascend_driver_that_keeps_a_tenth_of_a_card_leaves_it_idle() -> None:
    assert card("npu", 0, memory_total=32768, memory_free=32768 - 3437).idle
    assert not card("rocm", 0, memory_total=32768, memory_free=32768 - 3437).idle


def test_written_devices_beat_those_of_a_card() -> None:
    written = {"/dev/dri/renderD128": Device("/dev/dri/renderD128", "r")}
    step = created(planned(asking("rocm", devices=written), make_observation(gpus=cards("rocm", 2))))
    assert step.spec is not None
    assert step.spec.devices["/dev/dri/renderD128"].permissions == "r"


def test_an_engine_that_gives_no_nvidia_device_gives_cards_all_the_same() -> None:
    seen = make_observation(gpus=cards("rocm"), engine=Capabilities(gpus=""))
    assert not planned(asking("rocm"), seen).problems
    assert planned(make_wanted(gpus=Gpus(count=-1)), seen).problems


def test_cards_are_not_checked_as_nvidia_devices_are_after_an_update() -> None:
    wanted = asking("rocm", mem_limit=2 * GIB)
    own = make_container(asking("rocm"), assigned={"gpus": ["amd-0", "amd-1"]})
    plan = planned(wanted, make_observation(own, gpus=cards("rocm")))
    assert [step.op for step in plan.steps] == ["update"]


# All cards: what the accelerator brings, as many as the machine has


def ascend(**written: Device) -> Wanted:
    usual = {f"/dev/davinci{n}": Device(f"/dev/davinci{n}") for n in range(8)}
    devices = {**usual, "/dev/hisi_hdc": Device("/dev/hisi_hdc"), **written}
    here = at(3)
    origins = {"accelerator": here} | {f"devices.{path}": here for path in devices if path not in written}
    origins |= {f"devices.{path}": at(9) for path in written}
    return make_wanted(accelerator="npu", devices=devices, origins=origins)


@pytest.mark.parametrize("count", [1, 8, 16])
def test_all_ascend_devices_are_those_that_the_machine_has(count: int) -> None:
    there = {f"/dev/davinci{n}": n < count for n in range(64)}
    seen = make_observation(paths=there)
    assert given(planned(ascend(), seen))[0] == {"/dev/hisi_hdc", *(path for path, found in there.items() if found)}
    read_only = {"/dev/davinci0": Device("/dev/davinci0", "r"), "/dev/davinci9": Device("/dev/davinci9")}
    step = created(planned(ascend(**read_only), seen))
    assert step.spec is not None
    assert step.spec.devices["/dev/davinci0"].permissions == "r"
    assert "/dev/davinci9" in step.spec.devices, "what somebody wrote stays, there or not"


def test_the_number_of_ascend_devices_is_no_change_of_a_profile() -> None:
    own: ObservedContainer = make_container(ascend())
    seen = make_observation(own, paths={f"/dev/davinci{n}": n < 16 for n in range(64)})
    assert planned(ascend(), seen).action == "none"
    assert given(planned(ascend(), make_observation()))[0] == {*(f"/dev/davinci{n}" for n in range(8)), "/dev/hisi_hdc"}
