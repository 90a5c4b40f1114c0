"""The host's ports that a container needs, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from builders import BEN, at, make_container, make_observation, make_wanted, project

from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.ports import held_ports, host_ports, taken_ports
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.steps import ContainerPlan
from sglaunch.spec.container import Wanted
from sglaunch.spec.labels import decode
from sglaunch.spec.server import Server, listens
from sglaunch.spec.values import PortBinding

WEB = {"80/tcp": (PortBinding("8080"),)}
SERVER = Server("org/model", port=30000)
NODE_0 = Server("org/model", args={"nnodes": 2, "dist-init-addr": "10.0.0.1:5000", "nccl-port": 5900})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"ports": WEB}, {8080: "ports.80/tcp"}),
        ({"ports": {"80/tcp": (PortBinding(""),)}}, {}),
        ({"ports": {"53/udp": (PortBinding("5353"),)}}, {}),
        ({"server": SERVER, "command": None}, {30000: "server.port"}),
        ({"server": SERVER, "command": None, "network_mode": "host"}, {30000: "server.port"}),
        ({"ports": WEB, "network_mode": "host"}, {}),
        ({"server": NODE_0, "command": None}, {30000: "server.port"}),
        (
            {"server": NODE_0, "command": None, "network_mode": "host"},
            {30000: "server.port", 5000: "server.args.dist-init-addr", 5900: "server.args.nccl-port"},
        ),
    ],
)
def test_the_ports_a_profile_takes_of_its_host(options: dict[str, object], expected: dict[int, str]) -> None:
    assert host_ports(make_wanted(**options).spec) == expected


def test_a_taken_port_names_its_holder_and_the_line_that_asks_for_it() -> None:
    wanted = make_wanted(ports=WEB, origins={"ports": at(7)})
    (problem,) = taken_ports(wanted, make_observation(taken_ports={8080: "pid 7 (nginx) of ben", 9: "x"}), None)
    assert problem.message == "port 8080 of the host is taken by pid 7 (nginx) of ben"
    assert (problem.path, problem.place) == ("ports.80/tcp", at(7).place)


def test_its_own_containers_port_is_free_for_the_one_that_replaces_it() -> None:
    wanted = make_wanted(ports=WEB)
    own = make_container(wanted)
    assert held_ports(own) == {8080}
    assert taken_ports(wanted, make_observation(own, taken_ports={8080: "container ana-eval-dev"}), own) == ()


def test_a_container_that_does_not_run_holds_nothing() -> None:
    assert held_ports(make_container(make_wanted(ports=WEB), status="exited")) == set()


def test_a_server_on_the_hosts_network_holds_its_own_port() -> None:
    wanted = make_wanted(server=SERVER, command=None, network_mode="host")
    assert held_ports(make_container(wanted)) == {30000}


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({}, {30000}),
        ({"node-rank": 1, "dist-init-addr": "10.0.0.1:5000"}, {30000}),
        ({"node-rank": "0", "dist-init-addr": "[fd00::1]:5000"}, {30000, 5000}),
        ({"dist-init-addr": "env:"}, {30000}),
        ({"attn-dp": 2}, {30000, *range(30234, 30240)}),
        ({"enable-dp-attention": True, "dist-init-addr": "10.0.0.1:5000"}, {30000, *range(5000, 5007)}),
        ({"disaggregation-mode": "prefill"}, {30000, 8998}),
        ({"disaggregation-mode": "prefill", "disaggregation-bootstrap-port": 9100}, {30000, 9100}),
        ({"disaggregation-mode": "decode"}, {30000}),
    ],
)
def test_the_ports_a_server_listens_on(args: dict[str, object], expected: set[int]) -> None:
    server = Server("org/model", args=args)
    assert set(listens(server)) == expected
    wanted = make_wanted(server=server, command=None, network_mode="host")
    assert held_ports(make_container(wanted)) == expected


# What this plan leaves, and what it brings up beside


def problems(*wanted: Wanted, there: Sequence[ObservedContainer] = (), **choices: bool) -> list[str]:
    plan = plan_up(wanted, make_observation(*there), project(), Choices(**choices))
    return [problem.message for one in plan.containers for problem in one.problems]


def test_two_profiles_of_one_run_cannot_have_the_same_port() -> None:
    web, api = make_wanted("web", ports=WEB), make_wanted("api", ports=WEB)
    (told,) = problems(web, api)
    assert told == "port 8080 of the host is taken by profile web (ana-eval-web), which is brought up too"
    assert problems(web, api, start=False) == []


def test_the_port_of_a_container_that_the_plan_leaves_is_taken() -> None:
    web, api = make_wanted("web", ports=WEB), make_wanted("api", ports=WEB)
    (told,) = problems(api, there=[make_container(web)])
    assert told == "port 8080 of the host is taken by container ana-eval-web of ana"
    assert problems(api, there=[make_container(web, status="exited")]) == []


def test_the_port_of_another_owners_container_of_the_same_profile_is_taken() -> None:
    mine = make_wanted("web", container_name="mine", ports=WEB)
    (told,) = problems(mine, there=[make_container(make_wanted("web", ports=WEB), owner=BEN)])
    assert told == "port 8080 of the host is taken by container ana-eval-web of ben"


def test_a_port_goes_from_one_profile_to_another_in_one_run() -> None:
    moved = make_wanted("web", ports={"80/tcp": (PortBinding("8081"),)})
    taking = make_wanted("api", ports=WEB)
    there = [make_container(make_wanted("web", ports=WEB))]
    assert problems(moved, taking, there=there) == []


def test_an_orphan_that_goes_gives_its_port_first() -> None:
    orphan, api = make_container(make_wanted("gone", ports=WEB)), make_wanted("api", ports=WEB)
    plan = plan_up([api], make_observation(orphan), project(), Choices(remove_orphans=True))
    assert [problem for one in plan.containers for problem in one.problems] == []
    assert plan.containers[0].after == (orphan.name,)
    assert problems(api, there=[orphan]) != []


AUTO = make_wanted("server", server=Server("org/model", port=0), command=None)


def given(port: int, **changes: Any) -> ObservedContainer:
    return make_container(AUTO, assigned={"port": port}, ports=(f"0.0.0.0:{port}->{port}/tcp",), **changes)


def chosen(plan: ContainerPlan) -> int:
    """The port in the label of the container that a plan makes."""
    (applied,) = [decode(step.labels) for step in plan.steps if step.op == "create"]
    assert applied is not None
    return int(applied.assigned["port"])


def test_an_automatic_port_avoids_what_others_of_the_run_ask_for() -> None:
    fixed = make_wanted("web", ports={"80/tcp": (PortBinding("30000"),)})
    plan = plan_up([fixed, AUTO], make_observation(), project(), Choices())
    assert chosen(plan.containers[1]) == 30001


@pytest.mark.parametrize(
    ("status", "taken", "action"),
    [
        ("exited", True, "recreate"),
        ("exited", False, "start"),
        ("running", True, "none"),
    ],
)
def test_a_stopped_server_whose_automatic_port_was_taken_gets_another(status: str, taken: bool, action: str) -> None:
    seen = make_observation(given(30000, status=status), listening=frozenset({30000} if taken else ()))
    (plan,) = plan_up([AUTO], seen, project(), Choices()).containers
    assert plan.action == action
    if action == "recreate":
        assert "port 30000, which it was given, is taken" in str(plan.steps[0].cause)
        assert chosen(plan) == 30001
