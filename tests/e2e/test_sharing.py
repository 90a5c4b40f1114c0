"""Networks, namespaces and volumes that containers of real Docker share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from docker_engine import docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

ONE = "{image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, recreate: always, protect: false"


@pytest.fixture
def network(sglaunch: Sglaunch) -> Iterator[str]:
    name = f"{sglaunch.project}-net"
    docker("network", "create", name)
    yield name
    docker("rm", "--force", sglaunch.name("a"), check=False)
    docker("network", "rm", name)


@pytest.mark.parametrize("first", ["stop", ""])
def test_a_network_that_was_disconnected_is_joined_again_in_place(sglaunch: Sglaunch, network: str, first: str) -> None:
    sglaunch.write(f"project: PROJECT\nprofiles:\n  a: {ONE}, networks: {{{network}: {{aliases: [db]}}}}}}\n")
    sglaunch("up", "-d")
    before = sglaunch.identity("a")
    if first:
        sglaunch(first, "a")
    docker("network", "disconnect", network, sglaunch.name("a"))
    (change,) = sglaunch.plan()["changes"]
    assert (change["field"], change["new"], change["effect"]) == (f"networks.{network}", "connected", "update")
    sglaunch("up", "-d")
    assert sglaunch.identity("a")[0] == before[0]
    assert "db" in sglaunch.inspect("a")["NetworkSettings"]["Networks"][network]["Aliases"]
    assert sglaunch.plan()["action"] == "none"


def test_volumes_from_takes_the_form_of_compose(sglaunch: Sglaunch) -> None:
    lender = f"{sglaunch.project}-lender"
    docker("run", "--detach", "--name", lender, "--volume", "/data", sglaunch.image, "sleep", "1000")
    sglaunch.write(f"project: PROJECT\nprofiles:\n  a: {ONE}, volumes_from: ['container:{lender}:ro']}}\n")
    sglaunch("trust", "--yes")
    sglaunch("up", "-d")
    (mount,) = sglaunch.inspect("a")["Mounts"]
    assert (mount["Destination"], mount["RW"]) == ("/data", False)
    assert sglaunch.plan()["action"] == "none"
    sglaunch("down")
    assert mount["Name"] in docker("volume", "ls", "--quiet").stdout.split()
    docker("rm", "--force", "--volumes", lender)
