"""Networks, namespaces and volumes that containers of real Docker share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import docker
from real_engines import ENGINES, RealEngine
from sglaunch_cli import Sglaunch

ONE = "{image: IMAGE, command: [sleep, infinity], stop_signal: SIGKILL, recreate: always, protect: false"


@pytest.fixture
def network(sglaunch: Sglaunch) -> Iterator[str]:
    name = f"{sglaunch.project}-net"
    docker("network", "create", name)
    yield name
    docker("rm", "--force", sglaunch.name("a"), check=False)
    docker("network", "rm", name)


@pytest.mark.docker
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


@pytest.mark.docker
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


@pytest.mark.docker
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


@pytest.mark.docker
def test_a_service_that_is_no_profile_is_an_error_at_its_place(sglaunch: Sglaunch) -> None:
    sglaunch.write(f"project: PROJECT\nprofiles:\n  a:\n    network_mode: service:aa\n    extends: b\n  b: {ONE}}}\n")
    told = sglaunch("plan", status=2).stderr
    assert "sglaunch.yaml:4:19: network_mode: unknown profile 'aa'" in told


FILE = f"""\
project: PROJECT
profiles:
  a: {ONE}, labels: {{v: '1'}}}}
  app: {ONE}, network_mode: 'service:a', labels: {{w: '1'}}}}
  deep: {ONE}, pid: 'service:app'}}
"""


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ENGINES])
def place(request: pytest.FixtureRequest, real_engine: RealEngine, unique: str, tmp_path: Path) -> Iterator[Sglaunch]:
    """A project in which `deep` shares something of `app`, which shares something of `a`."""
    one = Sglaunch(
        tmp_path, unique, "sglaunch-test/busybox:1", {**real_engine.environment, "SGLAUNCH_ENGINE": real_engine.name}
    )
    one.write(FILE)
    one("trust", "--yes")
    yield one
    for profile in ("deep", "app", "a"):
        for name in (one.name(profile), f"{one.name(profile)}.new", f"{one.name(profile)}.old"):
            real_engine.run("rm", "--force", name, check=False)


def running(place: Sglaunch, real: RealEngine) -> dict[str, bool]:
    """By name, whether each container of the project runs."""
    seen = [real.inspect(one) for one in real.containers(place.project)]
    return {one["Name"].lstrip("/").rpartition("-")[2]: bool(one["State"]["Running"]) for one in seen}


ALL = {"a": True, "app": True, "deep": True}


def test_who_shares_follows_in_order_on_every_engine(place: Sglaunch, real_engine: RealEngine) -> None:
    place("up", "-d")
    place.edit("v: '1'", "v: '2'")
    first = real_engine.containers(place.project)
    place("up", "-d", "a")
    assert running(place, real_engine) == ALL
    assert not set(first) & set(real_engine.containers(place.project))
    second = real_engine.containers(place.project)
    place("up", "-d")
    assert real_engine.containers(place.project) == second
    place("down")
    assert not real_engine.containers(place.project)


def test_a_recreate_whose_follower_fails_is_finished_by_the_next_up(place: Sglaunch, real_engine: RealEngine) -> None:
    place("up", "-d")
    place.edit("v: '1'", "v: '2'")
    place.edit("w: '1'", "w: '2'}, entrypoint: [/no-such-program], environment: {A: a")
    place("up", "-d", status=1)
    assert running(place, real_engine) == {"a": True, "a.old": False, "app": False, "deep": False}
    place.edit("entrypoint: [/no-such-program], ", "")
    place("up", "-d")
    assert running(place, real_engine) == ALL
    assert {one["action"] for one in json.loads(place("plan", "--json").stdout)["containers"]} == {"none"}


def test_a_stopped_follower_stays_stopped(place: Sglaunch, real_engine: RealEngine) -> None:
    place("up", "-d")
    place("stop", "app", "deep")
    place.edit("v: '1'", "v: '2'")
    place("up", "-d", "a")
    assert running(place, real_engine) == {"a": True, "app": False, "deep": False}
    place("up", "-d")
    assert running(place, real_engine) == ALL


def test_down_of_a_container_that_others_depend_on(place: Sglaunch, real_engine: RealEngine) -> None:
    place("up", "-d")
    if real_engine.name == "podman":
        refused = place("down", "a", status=2).stderr
        assert f"cannot remove {place.name('a')} while {place.name('app')} exists" in refused
        assert running(place, real_engine) == ALL
        place("down", "a", "app", "deep")
        assert not running(place, real_engine)
    else:
        place("down", "a")
        place("up", "-d")
        assert running(place, real_engine) == ALL
