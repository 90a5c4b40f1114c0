"""The host's ports that a container needs, and whose they are."""

from __future__ import annotations

import pytest
from builders import at, make_container, make_observation, make_wanted

from sglaunch.plan.ports import held_ports, host_ports, taken_ports
from sglaunch.spec.server import Server
from sglaunch.spec.values import PortBinding

WEB = {"80/tcp": (PortBinding("8080"),)}
SERVER = Server("org/model", port=30000)


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
