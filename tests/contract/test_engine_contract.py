"""One behaviour for the real engine and the fake one, call by call: so what the other tests prove on the fake holds.

Every call of engine/protocol.py is here, its refusals by the kind of failure, and what our reader of inspect shows
after it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import ANA, CONFIG, IMAGE, IMAGE_ID, make_spec
from docker_engine import IMAGE as REAL_IMAGE
from fake_engine import FakeEngine
from real_engines import ENGINES, RealEngine, deny_device

from sglaunch.convert.from_inspect import container, is_container, local_image
from sglaunch.convert.to_create import create_call
from sglaunch.engine.detect import Choice, connect
from sglaunch.engine.protocol import Engine
from sglaunch.engine.ready import just_before
from sglaunch.engine.settle import look
from sglaunch.engine.trace import listen
from sglaunch.errors import EngineError
from sglaunch.plain import replace
from sglaunch.plan.observation import ObservedContainer
from sglaunch.spec.build import Build
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.labels import Applied, encode
from sglaunch.spec.values import Device, Mount, NetworkAttachment, PortBinding, Secret

STAYS = ("sleep", "300")
MIB = 1 << 20


@dataclass
class World:
    """An engine with one image, and names that are nobody else's."""

    engine: Engine
    image: str
    image_id: str
    project: str
    real: RealEngine | None = None

    def name(self, suffix: str) -> str:
        return f"{self.project}-{suffix}"

    def spec(self, suffix: str = "a", **options: Any) -> ContainerSpec:
        # Process 1 without a handler of SIGTERM takes the whole grace to stop.
        given = {"image": self.image, "command": STAYS, "stop_signal": "SIGKILL", **options}
        return make_spec(container_name=self.name(suffix), **given)

    def make(self, suffix: str = "a", *, start: bool = False, project: str = "", **options: Any) -> str:
        """Creates a container with our labels; returns its name."""
        spec = self.spec(suffix, **options)
        applied = Applied(project or self.project, suffix, ANA, CONFIG, {"image": spec.image}, self.image_id)
        self.engine.create(create_call(spec, encode(applied)))
        if start:
            self.engine.start(spec.container_name)
        return spec.container_name

    def look(self, name: str) -> ObservedContainer:
        seen = look(name, self.engine)
        assert seen is not None, f"{name} is gone"
        return seen

    def status(self, name: str) -> str:
        seen = look(name, self.engine)
        return "gone" if seen is None else seen.status

    def ended(self, name: str) -> ObservedContainer:
        """The container once it no longer runs."""
        for _ in range(100):
            if (seen := self.look(name)).status != "running":
                return seen
        raise AssertionError(f"{name} still runs")


@pytest.fixture(params=["fake", *(pytest.param(name, marks=getattr(pytest.mark, name)) for name in ENGINES)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    project = request.getfixturevalue("unique")
    if request.param == "fake":
        yield World(FakeEngine(), IMAGE, IMAGE_ID, project)
        return
    real: RealEngine = request.getfixturevalue("real_engine")
    engine = connect(Choice(request.param))
    identity = local_image(real.inspect(REAL_IMAGE, "image"), engine.capabilities).id
    yield World(engine, REAL_IMAGE, identity, project, real)
    real.remove(project)


@pytest.fixture
def network(world: World) -> Iterator[str]:
    """A network of the engine's, with a range to choose an address from."""
    name = world.name("net")
    if isinstance(world.engine, FakeEngine):
        world.engine.networks.add(name)
        yield name
        return
    assert world.real is not None
    third = int.from_bytes(os.urandom(1), "big")
    world.real.run("network", "create", "--subnet", f"10.213.{third}.0/24", name)
    yield name
    world.real.remove(world.project)
    world.real.run("network", "rm", name)


@pytest.fixture
def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def needs(world: World, what: str) -> None:
    """Skips where the engine says that it cannot: plans never ask it then."""
    if not getattr(world.engine.capabilities, what):
        pytest.skip(f"{world.engine.capabilities} has no {what}")


def lacks(world: World, engine: str, reason: str) -> None:
    """Skips on an engine that behaves otherwise, with what sglaunch does about it."""
    if world.real is not None and world.real.name == engine:
        pytest.skip(f"{world.engine.capabilities}: {reason}")


def kind(caught: pytest.ExceptionInfo[EngineError]) -> str:
    return caught.value.failure.kind


# create, inspect, list_ids


def test_a_created_container_is_seen_with_name_image_and_label(world: World) -> None:
    seen = world.look(world.make())
    assert (seen.status, seen.name, seen.image_id) == ("created", world.name("a"), world.image_id)
    assert seen.image_ref.removeprefix("localhost/").removeprefix("docker.io/") == world.image
    assert seen.applied == Applied(world.project, "a", ANA, CONFIG, {"image": world.image}, world.image_id)
    assert (seen.started, seen.exit_code, seen.auto_remove) == ("", 0, False)


def test_a_created_container_is_found_by_its_id_too(world: World) -> None:
    name = world.make()
    identity = world.look(name).id
    found = world.engine.inspect([identity], size=False)
    assert container(found[identity]).name == name


def test_a_long_spec_comes_back_from_its_labels(world: World) -> None:
    spec = {"labels": {f"key{number}": "x" * 100 for number in range(200)}, "image": world.image}
    labels = encode(Applied(world.project, "a", ANA, CONFIG, spec))
    world.engine.create(create_call(world.spec(), labels))
    seen = world.look(world.name("a"))
    assert seen.applied is not None
    assert seen.applied.spec == spec


def test_inspect_finds_containers_and_images_in_one_call_and_leaves_out_what_is_not_there(world: World) -> None:
    one, two = world.make("a"), world.make("b")
    asked = [one, world.name("nothing"), two, world.image, world.name("no-image") + ":1"]
    found = world.engine.inspect(asked, size=False)
    assert list(found) == [one, two, world.image]
    assert [is_container(data) for data in found.values()] == [True, True, False]
    image = local_image(found[world.image], world.engine.capabilities)
    assert image.id == world.image_id
    assert world.image in image.names


def test_inspect_of_nothing_known_is_empty(world: World) -> None:
    assert world.engine.inspect([world.name("nothing")], size=False) == {}
    assert world.engine.inspect([], size=False) == {}


def test_the_size_of_the_writable_layer_is_told_only_when_asked(world: World) -> None:
    name = world.make()
    assert container(world.engine.inspect([name], size=False)[name]).layer_size is None
    size = container(world.engine.inspect([name], size=True)[name]).layer_size
    assert size is not None
    assert size <= 4096, "a folder's own size, with some engines"


def test_ids_are_listed_by_project_stopped_ones_included(world: World) -> None:
    mine, other = world.make("a"), world.make("b", project=world.name("other"))
    assert world.engine.list_ids(world.project) == [world.look(mine).id]
    assert {world.look(mine).id, world.look(other).id} <= set(world.engine.list_ids(None))
    assert world.engine.list_ids(world.name("nobody")) == []


def test_the_environment_arrives(world: World) -> None:
    seen = world.look(world.make(environment={"A": "1", "EMPTY": "", "TEXT": "a=b c", "UNSET": None}))
    given = {name: value.reveal() for name, value in seen.env.items()}
    assert {name: given[name] for name in ("A", "EMPTY", "TEXT")} == {"A": "1", "EMPTY": "", "TEXT": "a=b c"}
    assert "UNSET" not in given
    assert "PATH" in given, "the image's own environment is part of it"


# what create refuses


def test_create_refuses_an_image_that_is_not_here(world: World) -> None:
    with pytest.raises(EngineError) as caught:
        world.make(image=f"{world.project}/no-such-image:1")
    assert kind(caught) == "image-missing"
    assert world.status(world.name("a")) == "gone"


def test_create_refuses_a_name_that_is_taken(world: World) -> None:
    name = world.make()
    before = world.look(name).id
    with pytest.raises(EngineError) as caught:
        world.make()
    assert kind(caught) == "name-conflict"
    assert world.look(name).id == before


def test_create_refuses_a_bind_whose_source_is_missing_and_makes_no_folder(world: World, tmp_path: Any) -> None:
    lacks(world, "nerdctl", "it only warns; plans look for the source themselves")
    source = tmp_path / "nothing here"
    if isinstance(world.engine, FakeEngine):
        world.engine.missing.add(str(source))
    with pytest.raises(EngineError) as caught:
        world.make(volumes={"/data": Mount("bind", str(source))})
    assert kind(caught) == "bad-mount"
    assert str(source) in caught.value.message
    assert world.status(world.name("a")) == "gone"
    assert not source.exists()


def test_a_missing_network_fails_the_start_at_the_latest(world: World) -> None:
    with pytest.raises(EngineError) as caught:
        world.make(networks={world.name("no-net"): NetworkAttachment()}, start=True)
    assert kind(caught) == "network-missing"
    assert world.name("no-net") in caught.value.message


# start, stop, restart, unpause


def test_a_started_container_runs(world: World) -> None:
    seen = world.look(world.make(start=True))
    assert seen.status == "running"
    assert seen.started


def test_start_of_a_running_and_stop_of_a_stopped_container_do_nothing(world: World) -> None:
    name = world.make(start=True)
    world.engine.start(name)
    assert world.status(name) == "running"
    world.engine.stop(name)
    world.engine.stop(name)
    assert world.status(name) == "exited"


def test_a_container_without_a_grace_stops_at_once(world: World) -> None:
    lacks(world, "nerdctl", "a grace of 0 is taken for none written")
    name = world.make(start=True, stop_signal="SIGTERM", stop_grace_period=0.0)
    began = time.monotonic()
    world.engine.stop(name)
    assert world.status(name) == "exited"
    assert time.monotonic() - began < 10, "the grace that an engine gives unasked"


def test_stop_of_a_container_that_never_started_leaves_it(world: World) -> None:
    name = world.make()
    world.engine.stop(name)
    assert world.status(name) == "created"


def test_a_stopped_container_tells_its_exit_code(world: World) -> None:
    name = world.make(start=True)
    world.engine.stop(name)
    assert (world.status(name), world.look(name).exit_code) == ("exited", 137)


@pytest.mark.parametrize(("program", "code"), [("true", 0), ("false", 1)])
def test_a_program_that_ends_at_once_starts_without_an_error(world: World, program: str, code: int) -> None:
    seen = world.ended(world.make(start=True, command=(program,)))
    assert (seen.status, seen.exit_code) == ("exited", code)


def test_a_program_that_ends_is_started_again_under_a_restart_policy(world: World) -> None:
    lacks(world, "podman", "it is up again at once, without a state between")
    name = world.make(start=True, command=("false",), restart="always")
    seen = world.ended(name)
    assert (seen.status, seen.exit_code) == ("restarting", 1)
    world.engine.stop(name)
    assert world.status(name) == "exited"


def test_a_program_that_the_image_lacks_fails_the_start_and_leaves_the_container(world: World) -> None:
    name = world.make(command=("no-such-program",))
    with pytest.raises(EngineError) as caught:
        world.engine.start(name)
    assert kind(caught) == "command-not-found"
    assert "no-such-program" in caught.value.message
    assert world.status(name) == "created"


def test_a_host_port_is_claimed_at_start_and_only_once(world: World, free_port: str) -> None:
    lacks(world, "nerdctl", "releases before 2.1.3 let two have it; plans ask who publishes what")
    ports = {"80/tcp": (PortBinding(free_port, "127.0.0.1"),)}
    first, second = world.make("a", ports=ports, start=True), world.make("b", ports=ports)
    with pytest.raises(EngineError) as caught:
        world.engine.start(second)
    assert kind(caught) == "port-taken"
    assert free_port in caught.value.message
    assert (world.status(first), world.status(second)) == ("running", "created")
    port = int(free_port)
    assert world.engine.publishing({port, 1}) == {port: f"{first} of {world.look(first).applied.owner.name}"}
    world.engine.stop(first)
    assert world.engine.publishing({port, 1}) == {}
    world.engine.start(second)
    assert world.look(second).ports == (f"127.0.0.1:{free_port}->80/tcp",)


def test_restart_runs_a_stopped_and_a_running_container(world: World) -> None:
    name = world.make()
    world.engine.restart(name)
    identity = world.look(name).id
    world.engine.restart(name)
    assert (world.status(name), world.look(name).id) == ("running", identity)


def test_unpause_refuses_a_container_that_is_not_paused(world: World) -> None:
    name = world.make(start=True)
    with pytest.raises(EngineError):
        world.engine.unpause(name)
    assert world.status(name) == "running"


def pause(world: World, name: str) -> None:
    """There is no such call: only somebody else pauses containers."""
    if isinstance(world.engine, FakeEngine):
        world.engine.containers[world.look(name).id]["State"]["Status"] = "paused"
    else:
        assert world.real is not None
        world.real.run("pause", name)


def test_a_paused_container_resumes_and_cannot_be_started_nor_removed(world: World) -> None:
    name = world.make(start=True)
    pause(world, name)
    assert world.status(name) == "paused"
    for call in (world.engine.start, world.engine.remove):
        with pytest.raises(EngineError):
            call(name)
    world.engine.unpause(name)
    assert world.status(name) == "running"


def test_a_paused_container_can_be_stopped(world: World) -> None:
    lacks(world, "podman", "it is refused; plans resume a container before they stop it")
    name = world.make(start=True)
    pause(world, name)
    world.engine.stop(name)
    assert world.status(name) == "exited"


@pytest.mark.parametrize("call", ["start", "stop", "restart", "unpause"])
def test_a_call_on_a_container_that_is_gone_fails(world: World, call: str) -> None:
    with pytest.raises(EngineError) as caught:
        getattr(world.engine, call)(world.name("gone"))
    assert world.name("gone") in caught.value.message


# auto_remove


def test_a_container_with_auto_remove_vanishes_when_it_stops(world: World) -> None:
    needs(world, "auto_remove")
    name = world.make(start=True, auto_remove=True)
    assert world.look(name).auto_remove
    world.engine.stop(name)
    assert gone(world, name)


def test_a_container_with_auto_remove_vanishes_when_its_program_ends(world: World) -> None:
    needs(world, "auto_remove")
    assert gone(world, world.make(start=True, command=("true",), auto_remove=True))


def test_a_container_with_auto_remove_stays_until_it_has_run(world: World) -> None:
    needs(world, "auto_remove")
    name = world.make(auto_remove=True)
    assert world.status(name) == "created"
    world.engine.remove(name)
    assert world.status(name) == "gone"


def gone(world: World, name: str) -> bool:
    return any(world.status(name) == "gone" for _ in range(100))


# rename, remove


def test_rename_keeps_the_container_and_whether_it_runs(world: World) -> None:
    name = world.make(start=True)
    identity = world.look(name).id
    world.engine.rename(name, world.name("b"))
    assert world.status(name) == "gone"
    assert (world.look(world.name("b")).id, world.status(world.name("b"))) == (identity, "running")


def test_rename_refuses_a_name_that_is_taken(world: World) -> None:
    one, two = world.make("a"), world.make("b")
    with pytest.raises(EngineError) as caught:
        world.engine.rename(one, two)
    assert kind(caught) == "name-conflict"
    assert world.status(one) == world.status(two) == "created"


def test_rename_of_a_container_that_is_gone_fails(world: World) -> None:
    with pytest.raises(EngineError):
        world.engine.rename(world.name("gone"), world.name("b"))


def test_remove_takes_away_what_does_not_run(world: World) -> None:
    name = world.make(start=True)
    world.engine.stop(name)
    world.engine.remove(name)
    assert world.status(name) == "gone"


def test_remove_refuses_a_running_container(world: World) -> None:
    name = world.make(start=True)
    with pytest.raises(EngineError):
        world.engine.remove(name)
    assert world.status(name) == "running"


def test_remove_of_a_container_that_is_gone_is_no_error(world: World) -> None:
    world.engine.remove(world.name("gone"))


def test_an_anonymous_volume_is_mounted_again_by_its_name_and_removed_by_nobody_but_its_last_container(
    world: World,
) -> None:
    first = world.make("a", volumes={"/data": Mount("volume")})
    (volume,) = world.look(first).volumes
    second = world.make("b", volumes={"/data": Mount("volume", volume.name)})
    assert [one.name for one in world.look(second).volumes] == [volume.name]
    assert not world.engine.remove_volume(volume.name)
    world.engine.remove(second, volumes=True)
    assert not world.engine.remove_volume(volume.name)
    second = world.make("b", volumes={"/data": Mount("volume", volume.name)})
    world.engine.remove(first)
    assert not world.engine.remove_volume(volume.name)
    world.engine.remove(second)
    assert world.engine.remove_volume(volume.name)
    assert world.engine.remove_volume(volume.name)


@pytest.mark.parametrize("taken", [False, True])
def test_a_removal_takes_the_volumes_that_were_made_for_the_container_if_asked(world: World, taken: bool) -> None:
    name = world.make(volumes={"/data": Mount("volume")})
    (volume,) = world.look(name).volumes
    world.engine.remove(name, volumes=taken)
    engine = world.engine
    left = engine.volumes if isinstance(engine, FakeEngine) else _real(world).run("volume", "ls", "-q").stdout.split()
    assert (volume.name in left) != taken
    engine.remove_volume(volume.name)


def _real(world: World) -> RealEngine:
    assert world.real is not None
    return world.real


# update

UPDATES = {
    "restart on": ({}, {"restart": "unless-stopped"}),
    "restart with a count": ({}, {"restart": "on-failure:3"}),
    "restart off": ({"restart": "always"}, {"restart": "no"}),
    "memory raised with its swap": ({"mem_limit": 64 * MIB}, {"mem_limit": 128 * MIB, "memswap_limit": 256 * MIB}),
    "memory lowered": ({"mem_limit": 128 * MIB}, {"mem_limit": 64 * MIB, "memswap_limit": 128 * MIB}),
    "memory set": ({}, {"mem_limit": 64 * MIB, "memswap_limit": 128 * MIB}),
    "reservation": ({"mem_limit": 64 * MIB}, {"mem_reservation": 32 * MIB}),
    "cpus": ({"cpus": 0.5}, {"cpus": 1.25}),
    "cpu_shares": ({}, {"cpu_shares": 512}),
    "cpu_quota": ({}, {"cpu_quota": 50000}),
    "cpu_period": ({"cpu_quota": 50000}, {"cpu_period": 200000}),
    "cpuset": ({}, {"cpuset": "0"}),
    "pids_limit": ({}, {"pids_limit": 200}),
    "pids_limit removed": ({"pids_limit": 100}, {"pids_limit": -1}),
}


@pytest.mark.parametrize("case", UPDATES)
def test_an_update_of_a_live_option_shows(world: World, case: str) -> None:
    needs(world, "updates")
    options, values = UPDATES[case]
    check_update(world, world.make(**options), values)


@pytest.mark.parametrize("case", ["restart on", "memory raised with its swap", "cpus", "pids_limit removed"])
def test_a_running_container_takes_an_update_and_runs_on(world: World, case: str) -> None:
    needs(world, "updates")
    options, values = UPDATES[case]
    check_update(world, world.make(start=True, **options), values)


def test_devices_that_a_container_may_no_longer_open_are_named(world: World) -> None:
    """/dev/full stands in for a GPU; to withdraw it is what a reload of the cgroup does."""
    device = {"/dev/nvidia0": Device("/dev/full")}
    name = world.make(start=True, devices=device if world.real is not None else {})
    assert world.engine.denied_devices(name) == []
    if isinstance(world.engine, FakeEngine):
        world.engine.denied[name] = ["/dev/nvidia0"]
    else:
        deny_device(world.look(name).id, "c 1:7 rwm")
    assert world.engine.denied_devices(name) == ["/dev/nvidia0"]
    world.engine.stop(name)
    assert isinstance(world.engine, FakeEngine) or world.engine.denied_devices(name) is None


def check_update(world: World, name: str, values: dict[str, Any]) -> None:
    before = world.look(name)
    world.engine.update(name, values)
    after = world.look(name)
    shown = {field: None if value == -1 else value for field, value in values.items()}
    assert {field: after.live[field] for field in values} == shown
    assert (after.id, after.status, after.applied) == (before.id, before.status, before.applied)


@pytest.mark.parametrize("values", [{"mem_limit": 0, "memswap_limit": 0}, {"cpus": 0.0}, {"cpuset": ""}])
def test_an_update_cannot_take_a_limit_away(world: World, values: dict[str, Any]) -> None:
    """The engine says yes and changes nothing: this is why the plan makes a new container."""
    needs(world, "updates")
    name = world.make(mem_limit=64 * MIB, cpus=0.5, cpuset="0")
    before = world.look(name).live
    world.engine.update(name, values)
    assert world.look(name).live == before


REFUSED_UPDATES = {
    "memory above its swap": ({"mem_limit": 64 * MIB}, {"mem_limit": 256 * MIB}),
    "memory above the new swap": ({}, {"mem_limit": 256 * MIB, "memswap_limit": 128 * MIB}),
    "cpus beside a quota": ({"cpu_quota": 50000}, {"cpus": 0.5}),
    "restart beside auto_remove": ({"auto_remove": True}, {"restart": "always"}),
}


@pytest.mark.parametrize("case", REFUSED_UPDATES)
def test_an_update_that_contradicts_the_container_is_refused(world: World, case: str) -> None:
    needs(world, "updates")
    options, values = REFUSED_UPDATES[case]
    name = world.make(**options)
    before = world.look(name).live
    with pytest.raises(EngineError):
        world.engine.update(name, values)
    assert world.look(name).live == before


def test_memory_at_create_brings_twice_as_much_swap(world: World) -> None:
    needs(world, "shows_live")
    live = world.look(world.make(mem_limit=64 * MIB)).live
    assert (live["mem_limit"], live["memswap_limit"]) == (64 * MIB, 128 * MIB)


def test_every_live_option_of_a_create_shows(world: World) -> None:
    options = {
        "restart": "on-failure:2",
        "mem_limit": 64 * MIB,
        "mem_reservation": 32 * MIB,
        "memswap_limit": -1,
        "cpu_shares": 512,
        "cpu_quota": 50000,
        "cpu_period": 200000,
        "cpuset": "0",
        "pids_limit": 50,
    }
    needs(world, "shows_live")
    live = world.look(world.make(**options)).live
    assert live == {**options, "cpus": None}


LIMITS = ("mem_limit", "mem_reservation", "memswap_limit", "cpu_shares", "cpu_quota", "cpu_period", "pids_limit")


@pytest.mark.parametrize("options", [{}, dict.fromkeys(LIMITS, 0)], ids=["unset", "zero"])
def test_a_container_without_limits_shows_none(world: World, options: dict[str, Any]) -> None:
    needs(world, "shows_live")
    live = dict(world.look(world.make(**options)).live)
    assert live.pop("restart") == "no"
    assert set(live.values()) == {None}


# connect


def joined(world: World, name: str) -> dict[str, Any]:
    networks: dict[str, Any] = world.engine.inspect([name], size=False)[name]["NetworkSettings"]["Networks"]
    return networks


def test_connect_joins_a_further_network_under_every_alias_and_at_the_address(world: World, network: str) -> None:
    needs(world, "connects")
    name = world.make()
    subnet = "10.213.0"
    if world.real is not None:
        data = world.real.inspect(network, "network")
        shown = data["subnets"][0]["subnet"] if "subnets" in data else data["IPAM"]["Config"][0]["Subnet"]
        subnet = shown.rpartition(".")[0]
    world.engine.connect(name, network, NetworkAttachment(("alpha", "beta"), f"{subnet}.77"))
    endpoint = joined(world, name)[network]
    assert {"alpha", "beta"} <= set(endpoint["Aliases"])
    if (given := endpoint["IPAMConfig"]) is not None:  # Podman keeps the address to itself
        assert given["IPv4Address"] == f"{subnet}.77"


def test_the_first_network_is_joined_at_create(world: World, network: str) -> None:
    needs(world, "connects")
    name = world.make(networks={network: NetworkAttachment(("alpha",))})
    assert network in joined(world, name)
    assert "alpha" in joined(world, name)[network]["Aliases"]


def test_a_further_network_that_is_missing_fails_the_start_at_the_latest(world: World) -> None:
    needs(world, "connects")
    name = world.make()
    with pytest.raises(EngineError) as caught:
        world.engine.connect(name, world.name("no-net"), NetworkAttachment())
        world.engine.start(name)
    assert kind(caught) == "network-missing"


def test_a_running_container_cannot_join_a_network_that_is_missing(world: World) -> None:
    needs(world, "connects")
    name = world.make(start=True)
    with pytest.raises(EngineError) as caught:
        world.engine.connect(name, world.name("no-net"), NetworkAttachment())
    assert kind(caught) == "network-missing"
    assert world.status(name) == "running"


def test_connect_refuses_a_container_that_is_gone(world: World, network: str) -> None:
    with pytest.raises(EngineError):
        world.engine.connect(world.name("gone"), network, NetworkAttachment())


# probe_inside, log_tail, pull


def test_where_nothing_answers_inside_the_status_is_0(world: World) -> None:
    assert world.engine.probe_inside(world.make(start=True), 31799, "/ready", 2) == 0
    assert world.engine.probe_inside(world.make("b"), 31799, "/ready", 2) == 0
    assert world.engine.probe_inside(world.name("gone"), 31799, "/ready", 2) == 0


def test_the_last_lines_of_the_log_are_told(world: World) -> None:
    name = world.make(start=True, command=("echo", "hello", "there"))
    world.ended(name)
    assert world.engine.log_tail(name, 5) == ["hello there"]
    assert world.engine.log_tail(world.name("gone"), 5) == []


def test_the_log_since_a_time_leaves_out_an_earlier_run(world: World) -> None:
    name = world.make(start=True, command=("echo", "hello"))
    world.ended(name)
    time.sleep(0 if isinstance(world.engine, FakeEngine) else 1.5)  # engines note a start up to a second late
    world.engine.start(name)
    started = world.ended(name).started
    assert world.engine.log_tail(name, 5) == ["hello", "hello"]
    assert world.engine.log_tail(name, 5, just_before(started)) == ["hello"]


def test_the_log_of_a_container_that_never_ran_is_empty(world: World) -> None:
    assert world.engine.log_tail(world.make(), 5) == []


def test_a_pull_from_a_registry_that_lacks_the_image_fails_and_says_so(world: World) -> None:
    image = "127.0.0.1:1/no/such:1"
    with pytest.raises(EngineError) as caught:
        world.engine.pull(image, "", lambda progress, seconds: None)
    assert kind(caught) in ("no-route", "tag-missing")
    assert world.engine.inspect([image], size=False) == {}


# images


def test_a_name_more_and_a_name_less(world: World) -> None:
    name = f"{world.project}/made:v1"
    world.engine.tag(world.image, name)
    assert world.engine.tags(f"{world.project}/made") == ["v1"]
    assert world.engine.tags(f"{world.project}/other") == []
    world.engine.discard(name)
    assert world.engine.tags(f"{world.project}/made") == []
    assert world.engine.inspect([world.image], size=False) != {}


def test_a_push_to_no_registry_fails_and_says_so(world: World) -> None:
    name = f"127.0.0.1:1/{world.project}:1"
    with pytest.raises(EngineError) as caught:
        world.engine.push(name, lambda progress, seconds: None)
    assert kind(caught) in ("image-missing", "no-route")


def test_a_build_makes_an_image_that_its_labels_find(world: World, tmp_path: Path) -> None:
    lacks(world, "nerdctl", "it builds with BuildKit alone, which does not run here")
    name, label = f"{world.project}:1", f"sglaunch.test.{world.project}"
    here = "localhost/" if world.real is not None and world.real.name == "podman" else ""
    (tmp_path / "Dockerfile").write_text(f"FROM {here}{world.image}\nARG A\nENV B=$A\n", encoding="utf-8")
    build = Build(str(tmp_path), str(tmp_path / "Dockerfile"), args={"A": "1"})
    world.engine.build(build, name, {label: "x"}, {})
    assert len(world.engine.labelled_images(label)) == 1
    assert world.engine.labelled_images(f"{label}=x") == world.engine.labelled_images(label)
    assert world.engine.labelled_images(f"{label}=y") == []
    assert list(world.engine.inspect([name], size=False)) == [name]
    world.engine.discard(name)
    assert world.engine.labelled_images(label) == []


def test_the_image_of_a_container_is_not_discarded(world: World) -> None:
    name = f"{world.project}/kept:v1"
    world.engine.tag(world.image, name)
    container = world.make(image=name, start=True)
    assert world.look(container).id in world.engine.every_id()
    # A name may go where the image has another one; nerdctl keeps that too.
    with contextlib.suppress(EngineError):
        world.engine.discard(name)
    assert world.status(container) == "running"


# secrets

SECRETS = {
    "one line": "hf_0123456789",
    "several lines": "-----BEGIN KEY-----\nabc\ndef\n-----END KEY-----",
    "signs": "a b'c\"d$e#f=g\\h",
    "empty": "",
    "a hash in front": "#not-a-comment",
}


@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_arrives_in_the_environment_and_in_no_argument(world: World, case: str) -> None:
    value = SECRETS[case]
    seen_words: list[str] = []
    stop = listen(seen_words.extend)
    try:
        name = world.make(environment={"TOKEN": Secret(value), "PLAIN": "shown"})
    finally:
        stop()
    env = world.look(name).env
    assert env["TOKEN"].reveal() == value
    assert env["PLAIN"].reveal() == "shown"
    assert not value or all(value not in word for word in seen_words)


def test_several_secrets_of_both_kinds_arrive_and_leave_nothing_behind(world: World) -> None:
    before = dict(os.environ)
    values = {f"S{number}": Secret(value) for number, value in enumerate(SECRETS.values())}
    env = world.look(world.make(environment=values)).env
    assert {name: env[name] for name in values} == values
    assert dict(os.environ) == before
    assert [path for path, _, files in os.walk(os.environ["XDG_RUNTIME_DIR"]) if files] == []


def test_a_refused_create_shows_no_secret(world: World) -> None:
    """The library that spells the call raises errors that hold the whole command line."""
    spec = world.spec(image=f"{world.project}/no-such-image:1", environment={"TOKEN": Secret("hf_0123456789")})
    with pytest.raises(EngineError) as caught:
        world.engine.create(create_call(replace(spec, labels={"a": "b"}), {}))
    shown = f"{caught.value!r} {caught.value.failure} {caught.value.__cause__!r}"
    assert "hf_0123456789" not in shown
    assert "--" not in caught.value.message
