"""Random machines: whatever holds devices, and in whatever order profiles come, no device is given twice."""

from __future__ import annotations

from typing import Any

import pytest
from builders import identity, make_observation, make_wanted, project
from fake_engine import FakeEngine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sglaunch.convert.to_create import create_call
from sglaunch.engine import host
from sglaunch.engine.machine import Machine
from sglaunch.engine.observe import observe
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import Gpu
from sglaunch.plan.reconcile import plan_up
from sglaunch.spec.container import Wanted
from sglaunch.spec.labels import decode
from sglaunch.spec.values import Device, Gpus

COUNT = 6
GPUS = tuple(Gpu(n, f"GPU-{n:08x}", "H200", 100, 100, nodes=(f"/dev/nvidia{n}",)) for n in range(COUNT))
HOLDING = ("created", "running", "paused", "restarting")


class Idle(Machine):
    """A machine whose devices are all idle: nothing but what is written of a container tells who has them."""

    def devices(self, accelerator: str = "nvidia") -> tuple[tuple[Gpu, ...], str]:
        return GPUS if accelerator == "nvidia" else (), ""


INDEXES = st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=2, unique=True)
FORMS = ("id", "uuid", "comma", "node", "cdi", "cdi-uuid", "runtime", "count", "all", "image-all")
FOREIGN = st.tuples(st.sampled_from(FORMS), INDEXES, st.sampled_from((*HOLDING, "exited", "dead")))
PINNED = st.sampled_from(("id", "uuid", "node", "cdi", "runtime"))
PROFILE = st.one_of(st.tuples(st.just("count"), st.integers(1, 3)), st.tuples(PINNED, INDEXES), st.just(("all", 0)))
UPS = st.lists(st.lists(PROFILE, min_size=1, max_size=3), min_size=1, max_size=4)


def foreign(number: int, form: str, indexes: list[int]) -> tuple[dict[str, Any], set[int]]:
    """What inspect shows of somebody's container, and the devices that are its own."""
    names = [str(index) for index in indexes]
    ask: dict[str, Any] = {"Driver": "", "Count": 0, "DeviceIDs": None, "Capabilities": [["gpu"]]}
    host_config: dict[str, Any] = {"NetworkMode": "default", "Runtime": "runc", "PortBindings": {}}
    env: list[str] = []
    own = set(indexes)
    if form in ("id", "uuid", "comma"):
        ids = {"id": names, "uuid": [GPUS[index].uuid for index in indexes], "comma": [",".join(names)]}[form]
        host_config["DeviceRequests"] = [{**ask, "DeviceIDs": ids}]
    elif form == "node":
        host_config["Devices"] = [{"PathOnHost": node} for index in indexes for node in GPUS[index].nodes]
    elif form in ("cdi", "cdi-uuid"):
        ids = names if form == "cdi" else [GPUS[index].uuid for index in indexes]
        named = [f"nvidia.com/gpu={one}" for one in ids]
        host_config["DeviceRequests"] = [{**ask, "Driver": "cdi", "DeviceIDs": named, "Capabilities": None}]
    elif form == "runtime":
        host_config["Runtime"], env = "nvidia", [f"NVIDIA_VISIBLE_DEVICES={','.join(names)}"]
    elif form == "count":
        host_config["DeviceRequests"], own = [{**ask, "Count": len(names)}], set(range(len(names)))
    else:
        own = set()
        host_config |= {"Runtime": "nvidia"} if form == "image-all" else {"DeviceRequests": [{**ask, "Count": -1}]}
        env = ["NVIDIA_VISIBLE_DEVICES=all"]
    name = f"foreign-{number}"
    data = {"Id": identity(name), "Name": f"/{name}", "Image": "x", "HostConfig": host_config, "SizeRw": 0}
    config = {"Image": "img:1", "Labels": {}, "Env": env, "Entrypoint": None, "Cmd": ["sleep"]}
    return {**data, "Config": config, "NetworkSettings": {"Networks": {}}, "Created": "2026-03-01T09:00:00Z"}, own


def profile(name: str, form: str, asked: Any, after: str) -> tuple[Wanted, set[int]]:
    """A profile, and the devices that it names."""
    options: dict[str, Any] = {"depends_on": (after,) if after else ()}
    if form in ("count", "all"):
        return make_wanted(name, gpus=Gpus(count=asked or -1), **options), set()
    names = [str(index) for index in asked]
    paths = [f"/dev/nvidia{n}" if form == "node" else f"nvidia.com/gpu={n}" for n in names]
    visible = {"NVIDIA_VISIBLE_DEVICES": ",".join(names)}
    options |= {
        "id": {"gpus": Gpus(ids=tuple(names))},
        "uuid": {"gpus": Gpus(ids=tuple(GPUS[index].uuid for index in asked))},
        "runtime": {"runtime": "nvidia", "environment": visible},
    }.get(form, {"devices": {path: Device(path) for path in paths}})
    return make_wanted(name, **options), set(asked)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(others=st.lists(FOREIGN, max_size=4), ups=UPS, data=st.data())
def test_no_device_is_given_to_a_count_that_another_container_holds(
    others: list[tuple[str, list[int], str]], ups: list[list[tuple[str, Any]]], data: st.DataObject
) -> None:
    engine = FakeEngine()
    engine.machine = Idle()
    held: dict[str, set[int]] = {}
    for number, (form, indexes, status) in enumerate(others):
        shown, own = foreign(number, form, indexes)
        engine.containers[shown["Id"]] = {**shown, "RestartCount": 0, "State": {"Status": status, "ExitCode": 0}}
        held |= {shown["Name"]: own} if status in HOLDING else {}
    for turn, profiles in enumerate(ups):
        names = [f"p{turn}-{number}" for number in range(len(profiles))]
        afters = [data.draw(st.sampled_from(["", *(other for other in names if other > name)])) for name in names]
        made = [profile(name, *asked, after) for name, asked, after in zip(names, profiles, afters, strict=True)]
        wanted = [one for one, _ in made]
        plan = plan_up(wanted, observe(engine, "eval", wanted), project(), Choices())
        if any(one.shortage or one.problems for one in plan.containers):
            continue
        before = {index for indexes in held.values() for index in indexes}
        before |= {index for _, indexes in made for index in indexes}
        for step in plan.steps("create"):
            assert step.spec is not None
            engine.create(create_call(step.spec, step.labels))
            applied = decode(step.labels)
            assert applied is not None
            chosen = {int(uuid.removeprefix("GPU-"), 16) for uuid in applied.assigned.get("gpus", ())}
            assert not chosen & before, (chosen, held)
            before |= chosen
            held[step.target] = chosen
            if (status := data.draw(st.sampled_from((*HOLDING, "exited")))) == "exited":
                held.pop(step.target)
            engine._get(step.target)["State"]["Status"] = status
        for one, indexes in made:
            if one.spec.container_name in held:
                held[one.spec.container_name] |= indexes


@pytest.fixture(autouse=True)
def a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "owner", lambda: make_observation().owner)
    monkeypatch.setattr(host, "has_gpu", lambda *, cdi: True)
