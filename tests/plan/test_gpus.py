"""Which GPUs a counted request gets, whose they are, and what is told when there are too few."""

from __future__ import annotations

import pytest
from builders import BEN, at, foreign_container, make_container, make_observation, make_wanted, project

from sglaunch.plain import replace
from sglaunch.plan.assign import AUTO_PORTS, assign
from sglaunch.plan.choices import Choices
from sglaunch.plan.gpus import Shortage, busy, choose, holder_lines, reserved, shared
from sglaunch.plan.observation import Gpu, GpuProcess, Observation, ObservedContainer
from sglaunch.plan.reconcile import plan_up
from sglaunch.spec.container import Settings
from sglaunch.spec.labels import decode
from sglaunch.spec.server import Server
from sglaunch.spec.values import Device, Gpus

GIB = 1 << 30
TWO = Gpus(count=2)
WORK = GpuProcess(7, "python3", "ben")


def gpu(index: int, **changes: object) -> Gpu:
    return replace(Gpu(index, f"GPU-{index}", "H200", 80 * GIB, 80 * GIB, nodes=(f"/dev/nvidia{index}",)), **changes)


def look(*gpus: Gpu, containers: tuple[ObservedContainer, ...] = ()) -> Observation:
    return make_observation(*containers, gpus=gpus)


def holder(*uuids: str, **changes: object) -> ObservedContainer:
    wanted = make_wanted("other", container_name="ben-x")
    return make_container(wanted, **{"owner": BEN, "assigned": {"gpus": list(uuids)}, **changes})


FOUR = tuple(gpu(index) for index in range(4))


def test_idle_devices_are_taken_with_the_most_free_memory_first() -> None:
    seen = look(gpu(0, memory_free=70 * GIB), gpu(1), gpu(2, processes=(WORK,)), gpu(3))
    assert choose(TWO, seen, None) == ("GPU-1", "GPU-3")


def test_a_device_whose_memory_somebody_unseen_has_is_not_idle() -> None:
    seen = look(gpu(0, memory_free=70 * GIB), gpu(1, memory_free=79 * GIB))
    assert choose(Gpus(count=1), seen, None) == ("GPU-1",)
    found = choose(TWO, seen, None)
    assert isinstance(found, Shortage)
    assert "a process that cannot be seen from here" in found.table[0]
    assert choose(Gpus(count=2, min_free=60 * GIB), seen, None) == ("GPU-1", "GPU-0")


@pytest.mark.parametrize("status", ["running", "created", "paused", "restarting"])
def test_what_another_users_container_has_is_not_given_away(status: str) -> None:
    assert choose(TWO, look(*FOUR, containers=(holder("GPU-0", "GPU-1", status=status),)), None) == ("GPU-2", "GPU-3")


def test_an_exited_container_reserves_nothing() -> None:
    seen = look(*FOUR, containers=(holder("GPU-0", status="exited"),))
    assert reserved(seen, None) == {}


FOREIGN: dict[str, tuple[dict[str, tuple[str, ...]], list[int]]] = {
    "an index": ({"gpu_ids": ("1",)}, [1]),
    "a UUID": ({"gpu_ids": ("GPU-2",)}, [2]),
    "the beginning of a UUID, in any case": ({"gpu_ids": ("gpu-long",)}, [3]),
    "no UUID": ({"gpu_ids": ("GPU-",)}, []),
    "an unknown one": ({"gpu_ids": ("7", "GPU-x", "MIG-x")}, []),
    "CDI by index": ({"gpu_ids": ("nvidia.com/gpu=0", "nvidia.com/gpu=gpu2")}, [0, 2]),
    "CDI by UUID": ({"gpu_ids": ("nvidia.com/gpu=GPU-1",)}, [1]),
    "CDI of others": ({"gpu_ids": ("amd.com/gpu=0", "amd.com/gpu=1")}, []),
    "nodes": ({"device_nodes": ("/dev/nvidiactl", "/dev/nvidia1", "/dev/nvidia10")}, [1]),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_a_container_of_others_has_by_id_is_reserved(case: str) -> None:
    shown, indexes = FOREIGN[case]
    gpus = (*FOUR[:3], gpu(3, uuid="GPU-long-name"))
    seen = look(*gpus, containers=(foreign_container("web", **shown),))
    assert reserved(seen, None) == {gpus[index].uuid: "container web, since 2026-03-01T09:00" for index in indexes}
    assert choose(Gpus(count=4 - len(indexes)), seen, None) == tuple(g.uuid for g in gpus if g.index not in indexes)
    assert isinstance(choose(Gpus(count=5 - len(indexes)), seen, None), Shortage)


def test_an_index_names_every_mig_instance_of_a_device_and_a_colon_one_of_them() -> None:
    instances = (gpu(0, uuid="MIG-a"), gpu(0, uuid="MIG-b"), gpu(1))
    for name, expected in {"0": {"MIG-a", "MIG-b"}, "0:1": {"MIG-b"}, "mig0:0": {"MIG-a"}, "0:2": set()}.items():
        assert set(reserved(look(*instances, containers=(foreign_container("x", gpu_ids=(name,)),)), None)) == expected


def test_what_a_profile_pins_is_reserved_by_its_label_where_inspect_shows_nothing() -> None:
    pinned = make_container(make_wanted("pinned", gpus=Gpus(ids=("0", "GPU-1"))), status="created")
    assert set(reserved(look(*FOUR, containers=(pinned,)), None)) == {"GPU-0", "GPU-1"}


@pytest.mark.parametrize(
    "shown",
    [{"gpu_ids": ("all",)}, {"gpu_ids": ("nvidia.com/gpu=all",)}, {"device_nodes": sum((g.nodes for g in FOUR), ())}],
)
def test_who_has_all_devices_reserves_none_and_is_shown(shown: dict[str, tuple[str, ...]]) -> None:
    seen = look(*FOUR, containers=(foreign_container("dev", **shown), holder("GPU-0")))
    assert set(reserved(seen, None)) == {"GPU-0"}
    assert set(shared(seen, None)) == {f"GPU-{index}" for index in range(4)}
    assert choose(Gpus(count=3), seen, None) == ("GPU-1", "GPU-2", "GPU-3")
    table = choose(Gpus(count=4), seen, None).table
    since = ", since 2026-03-01T09:00"
    assert [line.partition("80.0g  ")[2] for line in table[:2]] == [f"container ben-x of ben{since}", "idle"]
    assert table[4:] == (f"all  container dev{since}",)


def test_what_passes_while_a_container_is_replaced_does_not_hold_its_devices_against_it() -> None:
    wanted = make_wanted(gpus=TWO)
    own = make_container(wanted, assigned={"gpus": ["GPU-2", "GPU-3"]})
    aside = replace(own, id="x", name=f"{own.name}.old", status="created")
    assert choose(TWO, look(*FOUR, containers=(own, aside)), own) == ("GPU-2", "GPU-3")
    other = foreign_container(f"{own.name}.old", gpu_ids=("3",))
    assert choose(TWO, look(*FOUR, containers=(own, other)), own) == ("GPU-0", "GPU-1")


def test_devices_are_kept_while_they_serve_though_its_own_processes_use_them() -> None:
    own = make_container(assigned={"gpus": ["GPU-2", "GPU-3"]})
    seen = look(*FOUR[:2], *(gpu(index, processes=(WORK,)) for index in (2, 3)), containers=(own,))
    assert choose(TWO, seen, own) == ("GPU-2", "GPU-3")


@pytest.mark.parametrize(
    "own",
    [
        make_container(assigned={"gpus": ["GPU-2", "GPU-9"]}),  # one of them is gone
        make_container(assigned={"gpus": ["GPU-2"]}),  # it had fewer
        make_container(assigned={"gpus": ["GPU-2", "GPU-3"]}, status="exited"),  # somebody else uses them meanwhile
    ],
)
def test_devices_that_no_longer_serve_are_chosen_anew(own: ObservedContainer) -> None:
    seen = look(*FOUR[:2], gpu(2, processes=(WORK,)), gpu(3, processes=(WORK,)), containers=(own,))
    assert choose(TWO, seen, own) == ("GPU-0", "GPU-1")


def test_enough_free_memory_is_asked_of_each_device_and_processes_matter_only_with_idle() -> None:
    seen = look(gpu(0, memory_free=10 * GIB), gpu(1, memory_free=60 * GIB, processes=(WORK,)), gpu(2))
    assert choose(Gpus(count=2, min_free=40 * GIB), seen, None) == ("GPU-2", "GPU-1")
    assert isinstance(choose(Gpus(count=2, min_free=40 * GIB, idle=True), seen, None), Shortage)


def test_too_few_are_told_with_who_has_what() -> None:
    seen = look(gpu(0), gpu(1, processes=(WORK,), memory_free=20 * GIB), containers=(holder("GPU-0"),))
    found = choose(TWO, seen, None)
    assert isinstance(found, Shortage)
    assert found.message == "2 GPUs wanted, 0 of 2 free"
    assert found.table[0].startswith("0  H200  0 bytes of 80.0g  container ben-x of ben")
    assert found.table[1] == "1  H200  60.0g of 80.0g  pid 7 (python3) of ben"


def test_without_nvml_a_count_is_refused_with_what_works_instead() -> None:
    wanted = make_wanted(gpus=TWO)
    for containers in ((), (make_container(make_wanted(gpus=TWO, command=("sleep", "1"))),)):
        seen = make_observation(*containers, gpus=None, gpu_problem="NVML does not answer")
        (found,) = plan_up([wanted], seen, project(), Choices()).containers
        (problem,) = found.problems
        assert (problem.path, found.shortage) == ("gpus", ())
        assert "NVML does not answer" in problem.message
        assert "gpus: all" in problem.hint


def test_idle_devices_are_said_to_be_idle() -> None:
    assert holder_lines([gpu(0)], {}) == ["0  H200  0 bytes of 80.0g  idle"]


def test_for_a_stopped_container_it_is_told_who_has_its_devices_now() -> None:
    own = make_container(assigned={"gpus": ["GPU-0", "GPU-1"]}, status="exited")
    seen = look(gpu(0), gpu(1, processes=(WORK,)), containers=(own, holder("GPU-0")))
    assert [line.split(":")[0] for line in busy(own, seen)] == ["GPU-0", "GPU-1"]
    assert busy(own, look(*FOUR, containers=(own,))) == []


# In a plan


def test_profiles_of_one_plan_get_different_devices_and_the_label_says_which() -> None:
    wanted = [make_wanted("a", gpus=TWO), make_wanted("b", gpus=TWO)]
    plan = plan_up(wanted, look(*FOUR), project(), Choices())
    creates = list(plan.steps("create"))
    given = [decode(step.labels).assigned["gpus"] for step in creates]
    assert given == [["GPU-0", "GPU-1"], ["GPU-2", "GPU-3"]]
    assert [step.spec.gpus for step in creates if step.spec] == [Gpus(ids=tuple(one)) for one in given]
    assert plan.chooses_gpus


PINS: dict[str, dict[str, object]] = {
    "ids": {"gpus": Gpus(ids=("0", "1"))},
    "UUIDs": {"gpus": Gpus(ids=("GPU-0", "GPU-1"))},
    "nodes": {"devices": {f"/dev/nvidia{n}": Device(f"/dev/nvidia{n}") for n in range(2)}},
    "CDI": {"devices": {f"nvidia.com/gpu={n}": Device(f"nvidia.com/gpu={n}") for n in range(2)}},
    "NVIDIA's runtime": {"runtime": "nvidia", "environment": {"NVIDIA_VISIBLE_DEVICES": "0,1"}},
}


@pytest.mark.parametrize("case", PINS)
def test_profiles_that_name_devices_are_served_before_those_that_count_whatever_the_order(case: str) -> None:
    counted, pinned = make_wanted("counted", gpus=TWO), make_wanted("pinned", **PINS[case])
    for wanted in (
        [counted, pinned],
        [pinned, counted],
        [counted, replace(pinned, settings=Settings(depends_on=("counted",)))],
    ):
        plan = plan_up(wanted, look(*FOUR), project(), Choices())
        given = {decode(step.labels).profile: decode(step.labels).assigned for step in plan.steps("create")}
        assert given == {"counted": {"gpus": ["GPU-2", "GPU-3"]}, "pinned": {}}
        assert plan.chooses_gpus
        assert [one.profile for one in plan.containers] == [one.profile for one in wanted], "the order is that written"


def test_who_pins_a_device_waits_for_those_who_choose() -> None:
    plan = plan_up([make_wanted(gpus=Gpus(ids=("0",)))], look(*FOUR), project(), Choices())
    assert plan.chooses_gpus
    assert not plan_up([make_wanted(gpus=Gpus(count=-1))], look(*FOUR), project(), Choices()).chooses_gpus


TOO_MANY: dict[str, tuple[list[Gpus], str]] = {
    "more than there are": ([Gpus(count=5)], "5 wanted; this machine has 4 GPUs"),
    "larger than there are": ([Gpus(count=1, min_free=200 * GIB)], "1 wanted; this machine has 0 GPUs with 200.0g"),
    "several profiles": (
        [Gpus(count=2), Gpus(ids=("3",)), TWO],
        "2 wanted; this machine has 4 GPUs, and 3 of them go to other profiles of this command",
    ),
}


@pytest.mark.parametrize("case", TOO_MANY)
def test_a_count_that_no_waiting_helps_is_a_mistake_at_once(case: str) -> None:
    requests, message = TOO_MANY[case]
    wanted = [make_wanted(f"p{n}", gpus=one, origins={"gpus": at(7)}) for n, one in enumerate(requests)]
    for containers in (
        (),
        tuple(make_container(replace(one, spec=replace(one.spec, command=("true",)))) for one in wanted),
    ):
        plan = plan_up(wanted, look(*FOUR, containers=containers), project(), Choices())
        (problem,) = [problem for one in plan.containers for problem in one.problems]
        assert (problem.path, problem.message, str(problem.place)) == ("gpus", message, str(at(7).place))


def test_the_choice_is_no_change_of_the_request() -> None:
    wanted = make_wanted(gpus=TWO)
    (step,) = plan_up([wanted], look(*FOUR), project(), Choices()).steps("create")
    applied = decode(step.labels)
    assert applied is not None
    assert applied.spec == {**(applied.spec or {}), "gpus": {"count": 2}}
    made = replace(make_container(wanted), applied=applied)
    assert plan_up([wanted], look(*FOUR, containers=(made,)), project(), Choices()).containers[0].action == "none"


def test_a_server_whose_devices_are_in_use_is_not_started_and_another_is_with_a_warning() -> None:
    seen = look(*FOUR[:1], gpu(1, processes=(WORK,)))
    for options, is_refused in (({"server": Server("m"), "command": None}, True), ({}, False)):
        wanted = make_wanted(gpus=TWO, **options)
        own = make_container(wanted, assigned={"gpus": ["GPU-0", "GPU-1"]}, status="exited")
        (one,) = plan_up([wanted], replace(seen, containers=(own,)), project(), Choices()).containers
        assert bool(one.shortage) == is_refused
        assert bool(one.warnings) != is_refused


# port: auto


AUTO = make_wanted(server=Server("m", port=0), command=None)


def port(seen: Observation, own: ObservedContainer | None = None) -> int:
    made, shortage = assign(AUTO, seen, own)
    assert shortage is None
    assert made.spec.server is not None
    assert made.assigned == {"port": made.spec.server.port}
    return made.spec.server.port


def test_the_first_port_is_taken_that_nobody_listens_on_and_no_container_was_given() -> None:
    other = make_container(make_wanted("api"), assigned={"port": 30001}, status="exited")
    assert port(make_observation(other, listening=frozenset({30000}))) == 30002


def test_the_port_is_kept_across_a_recreate_though_its_own_server_listens_on_it() -> None:
    own = make_container(AUTO, assigned={"port": 30007})
    assert port(make_observation(own, listening=frozenset({30007})), own) == 30007


def test_a_stopped_server_gets_another_port_when_somebody_listens_on_its_own() -> None:
    own = make_container(AUTO, assigned={"port": 30007}, status="exited")
    assert port(make_observation(own, listening=frozenset({30007})), own) == 30000


def test_a_full_range_is_a_shortage() -> None:
    _, shortage = assign(AUTO, make_observation(listening=frozenset(AUTO_PORTS)), None)
    assert shortage is not None
    assert "30000" in shortage.message
