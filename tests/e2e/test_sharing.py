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


def shared(sglaunch: Sglaunch) -> bool:
    """Whether profile `app` runs in the network of the container that profile `a` has now."""
    seen = sglaunch.inspect("app")
    same = bool(seen["HostConfig"]["NetworkMode"] == f"container:{sglaunch.identity('a')[0]}")
    return same and bool(seen["State"]["Running"])


def test_who_shares_a_network_follows_and_is_repaired(sglaunch: Sglaunch) -> None:
    app = ONE.replace("recreate: always", "network_mode: 'service:a', recreate: ask")
    sglaunch.write(f"project: PROJECT\nprofiles:\n  a: {ONE}, labels: {{v: '1'}}}}\n  app: {app}}}\n")
    # What is shared is needed, as Compose has it.
    sglaunch("up", "-d", "app")
    assert shared(sglaunch)

    sglaunch.edit("v: '1'", "v: '2'")
    asked = sglaunch("up", "-d", "a", status=3).stderr
    assert "app would be replaced" in asked
    sglaunch("up", "-d", "a", "--yes")
    assert shared(sglaunch)
    assert "none" in sglaunch("plan", "app").stdout

    # Who does not run is left alone, until somebody wants it.
    sglaunch("stop", "app")
    sglaunch.edit("v: '2'", "v: '3'")
    sglaunch("up", "-d", "a", "--yes")
    assert not sglaunch.inspect("app")["State"]["Running"]
    assert "was " in sglaunch("plan", "app").stdout
    sglaunch("up", "-d", "--yes")
    assert shared(sglaunch)

    docker("rm", "--force", sglaunch.name("a"))
    sglaunch("up", "-d", "--yes")
    assert shared(sglaunch)
    sglaunch("down", "--yes")


def test_a_service_that_is_no_profile_is_an_error_at_its_place(sglaunch: Sglaunch) -> None:
    sglaunch.write(f"project: PROJECT\nprofiles:\n  a:\n    network_mode: service:aa\n    extends: b\n  b: {ONE}}}\n")
    told = sglaunch("plan", status=2).stderr
    assert "sglaunch.yaml:4:19: network_mode: unknown profile 'aa'" in told
