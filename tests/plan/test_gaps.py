"""What an engine lacks is refused with the option, the engine and its version, or left out where only the built-in
asks; and what differs between engines comes from one value."""

from __future__ import annotations

from typing import Any

import pytest
from builders import at, make_container, make_observation, make_wanted, project

from sglaunch.convert.to_create import create_call
from sglaunch.plain import replace
from sglaunch.plan.capabilities import Capabilities, known, number
from sglaunch.plan.choices import Choices
from sglaunch.plan.gaps import GAPS, fitted
from sglaunch.plan.reconcile import plan_up
from sglaunch.spec.values import Device, Gpus, Healthcheck, Mount, NetworkAttachment, Secret

DOCKER_20, DOCKER_28 = known("docker", "20.10.24+dfsg1"), known("docker", "28.5.2")
PODMAN = known("podman", "4.3.1")
NERDCTL_20 = known("nerdctl", "2.0.3", server="1.6.20~ds1", has_init=False)
NERDCTL_23 = known("nerdctl", "2.3.5", server="2.1.9")
CDI = {"devices": {"nvidia.com/gpu=0": Device("nvidia.com/gpu=0")}}
GATEWAY = {"extra_hosts": {"host": ("host-gateway",)}}
CHECK = {"healthcheck": Healthcheck("true")}

# Options, an engine -> a piece of what it is refused with; "" where it is taken.
REFUSED: list[tuple[dict[str, Any], Capabilities, str]] = [
    (CDI, DOCKER_20, "docker 20.10.24+dfsg1 cannot do this; docker has it from 25.0 on"),
    (CDI, DOCKER_28, ""),
    (CDI, PODMAN, ""),
    (CDI, NERDCTL_20, "nerdctl has it from 2.1.0 on"),
    (CDI, NERDCTL_23, ""),
    (GATEWAY, PODMAN, "podman 4.3.1 cannot do this; podman has it from 4.7 on"),
    (GATEWAY, known("podman", "5.0.0"), ""),
    (GATEWAY, DOCKER_20, ""),
    (CHECK, NERDCTL_20, "nerdctl has it from 2.1.3 on"),
    (CHECK, NERDCTL_23, ""),
    ({"stdin_open": True}, NERDCTL_23, "nerdctl 2.3.5 cannot do this"),
    ({"auto_remove": True}, NERDCTL_23, "cannot remove what runs in the background"),
    ({"auto_remove": True}, PODMAN, ""),
    ({"device_cgroup_rules": ("c 1:3 mr",)}, NERDCTL_20, "cannot do this"),
    ({"networks": {"n": NetworkAttachment(("alias",))}}, NERDCTL_20, "cannot do this"),
    ({"networks": {"n": NetworkAttachment()}}, NERDCTL_20, ""),
    ({"logging_driver": "local"}, NERDCTL_20, "cannot do this"),
    ({"ipc": "none"}, NERDCTL_20, "cannot do this"),
    ({"volumes": {"/d": Mount("bind", "/d", selinux="z")}}, NERDCTL_20, "from 2.3.6 on"),
    ({"volumes_from": ("other",)}, NERDCTL_20, "cannot do this"),
    ({"init": True}, NERDCTL_20, "nerdctl needs tini, which is not here"),
    ({"init": True}, NERDCTL_23, ""),
    ({"restart": "unless-stopped"}, NERDCTL_20, "unless-stopped needs containerd 1.7, and this is 1.6.20~ds1"),
    ({"restart": "always"}, NERDCTL_20, "always needs containerd 1.7"),
    ({"restart": "always"}, NERDCTL_23, ""),
    ({"restart": "on-failure:3"}, NERDCTL_23, ""),
    ({"environment": {"KEY": Secret("a\nb")}}, NERDCTL_23, "a secret of several lines"),
    ({"environment": {"KEY": Secret("a\nb")}}, PODMAN, ""),
    ({"gpus": Gpus(-1)}, known("docker", "4.3.1", server="podman"), "would get no GPU and not say so"),
    ({"gpus": Gpus(-1)}, PODMAN, ""),
]


@pytest.mark.parametrize(("options", "engine", "words"), REFUSED)
def test_an_option_is_taken_or_refused_with_the_reason(
    options: dict[str, Any], engine: Capabilities, words: str
) -> None:
    (path,) = options
    wanted = make_wanted(**options, origins={path.replace("logging_", "logging."): at(7)})
    seen = make_observation(engine=engine)
    (plan,) = plan_up([wanted], seen, project(), Choices()).containers
    told = [problem for problem in plan.problems if not problem.message.startswith("port")]
    assert bool(told) == bool(words), [str(problem) for problem in told]
    for problem in told:
        assert words in problem.message
        assert (problem.place, bool(problem.hint)) == (at(7).place, True)


def test_every_row_is_tried_above() -> None:
    rows = {gap.path for gaps in GAPS.values() for gap in gaps}
    named = {{"logging_driver": "logging.driver"}.get(path, path) for options, _, _ in REFUSED for path in options}
    assert rows <= named


@pytest.mark.parametrize(
    ("engine", "options", "user", "userns"),
    [
        (PODMAN, {"as_caller": True}, "7:8", ""),
        (replace(PODMAN, rootless=True), {"as_caller": True}, "7:8", "keep-id"),
        (replace(PODMAN, rootless=True), {"as_caller": True, "userns_mode": "host"}, "7:8", "host"),
        (replace(PODMAN, rootless=True), {}, "7:8", ""),
        (replace(DOCKER_28, rootless=True), {"as_caller": True}, "0:0", ""),
        (replace(NERDCTL_23, rootless=True), {"as_caller": True}, "0:0", ""),
        (DOCKER_28, {"as_caller": True}, "7:8", ""),
    ],
)
def test_the_caller_is_who_the_engine_maps_to_it(
    engine: Capabilities, options: dict[str, Any], user: str, userns: str
) -> None:
    spec = fitted(make_wanted(user="7:8", **options), engine)[0].spec
    assert (spec.user, spec.userns_mode) == (user, userns)
    arguments = create_call(spec, {}, engine).arguments
    assert (arguments["user"], arguments.get("userns", "")) == (user, userns)


@pytest.mark.parametrize(
    ("options", "field", "left"),
    [({"init": True}, "init", False), ({"restart": "unless-stopped"}, "restart", "no")],
)
def test_what_only_the_built_in_asks_gives_way_with_a_warning(
    options: dict[str, Any], field: str, left: object
) -> None:
    made, problems, warnings = fitted(make_wanted(**options, soft=frozenset({field})), NERDCTL_20)
    assert (getattr(made.spec, field), problems) == (left, [])
    (warning,) = warnings
    assert warning.path == field


def test_several_nodes_are_refused_by_every_engine() -> None:
    """An engine is one machine, and a rank that is alone waits for the others for ever."""
    wanted = make_wanted("big", nodes=2, origins={"nodes": at(6)})
    for engine in ("docker", "podman", "nerdctl"):
        _, (problem,), _ = fitted(wanted, known(engine, ""))
        assert str(problem).startswith("sglaunch.yaml:6:5: nodes: runs on 2 machines, and an engine is one")
        assert "sglaunch export kubernetes big" in problem.hint
    (plan,) = plan_up([wanted], make_observation(), project(), Choices()).containers
    assert plan.problems


def test_of_several_replicas_an_engine_gets_one() -> None:
    made, problems, (warning,) = fitted(make_wanted(replicas=2, origins={"replicas": at(6)}), known("docker", ""))
    assert str(warning) == "sglaunch.yaml:6:5: replicas: an engine gets one of them"
    assert problems == []
    assert made.spec == make_wanted().spec


def test_gpus_never_give_way() -> None:
    wanted = make_wanted(gpus=Gpus(-1), soft=frozenset({"gpus"}))
    _, problems, warnings = fitted(wanted, known("docker", "4.3.1", server="podman"))
    assert [problem.path for problem in problems] == ["gpus"]
    assert warnings == []


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("1.7.7", "2.0.0"),
        ("2.0.3", "2.0.5"),
        ("20.10.24+dfsg1", "25.0"),
        ("v2.0.3", "2.1"),
        ("1.6.20~ds1", "1.7.0-rc.1"),
    ],
)
def test_versions_have_an_order(low: str, high: str) -> None:
    assert number(low) < number(high)
    assert known("docker", low).older_than(high)
    assert not known("docker", high).older_than(low)
    assert not known("docker", "").older_than(high), "an unknown one is taken for new"


# How a replacement goes where an engine cannot make it beside the old one, nor change options in place


def steps(engine: Capabilities, **changes: Any) -> list[str]:
    wanted = make_wanted(recreate="always", protect=False, **changes)
    there = make_container(make_wanted(recreate="always", protect=False))
    (plan,) = plan_up([wanted], make_observation(there, engine=engine), project(), Choices()).containers
    return [f"{step.op} {step.target.removeprefix('ana-eval-')}" for step in plan.steps]


def test_the_old_one_makes_room_where_both_cannot_be_there() -> None:
    assert steps(NERDCTL_20, environment={"A": "1"}) == [
        *("stop dev", "rename dev", "create dev", "start dev", "settle dev", "remove dev.old"),
    ]
    assert steps(PODMAN, environment={"A": "1"})[:2] == ["create dev.new", "stop dev"]


@pytest.mark.parametrize(("engine", "first"), [(DOCKER_20, "update dev"), (PODMAN, "create dev.new")])
def test_limits_change_in_place_or_with_a_new_container(engine: Capabilities, first: str) -> None:
    assert steps(engine, cpus=2.0)[0] == first


def test_a_healthcheck_that_nobody_runs_is_not_waited_for() -> None:
    from sglaunch.plan.replacing import ready_steps
    from sglaunch.spec.container import Readiness

    wanted = make_wanted(readiness=Readiness())
    assert len(ready_steps(wanted, "", DOCKER_20)) == 1
    assert ready_steps(wanted, "", known("podman", "4.3.1", systemd=False)) == []
    assert len(ready_steps(make_wanted(readiness=Readiness(30000)), "", known("podman", "4.3.1", systemd=False))) == 1
