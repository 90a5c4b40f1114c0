"""What counts as progress of a start whose log is silent, and where it is looked for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sglaunch.engine import movement, stir
from sglaunch.engine.machine import Distant, Machine
from sglaunch.engine.movement import Movement
from sglaunch.plan.observation import Gpu, GpuProcess

SERVER = {"model": "Qwen/Qwen2.5-7B", "args": {}}
HF = "models--Qwen--Qwen2.5-7B/blobs"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test moves."""
    now = [1000.0]
    monkeypatch.setattr(movement.time, "monotonic", lambda: now[0])
    return now


def inspected(*mounts: tuple[str, str], env: tuple[str, ...] = (), writable: bool = True) -> dict[str, Any]:
    shown = [{"Type": "bind", "Source": source, "Destination": target, "RW": writable} for source, target in mounts]
    return {"Id": "c" * 64, "State": {"Pid": 7}, "Mounts": shown, "Config": {"Env": list(env)}}


def grow(path: Path, size: int = 5000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"x" * size)


def moves(watch: Movement, clock: list[float], change: Any) -> bool:
    """Whether something that happens between two looks is seen."""
    watch.look()
    clock[0] += 20
    change()
    watch.look()
    return watch.moved == clock[0]


PLACES = {
    "the usual cache": ("/root/.cache/huggingface", f"hub/{HF}/ab.incomplete", ()),
    "HF_HOME below a mount": ("/data", f"hf/hub/{HF}/ab.incomplete", ("HF_HOME=/data/hf",)),
    "HF_HUB_CACHE": ("/data", f"x/y/{HF}/ab.incomplete", ("HF_HUB_CACHE=/data/x/y",)),
    "another user's home": ("/home/me", f".cache/huggingface/hub/{HF}/ab.incomplete", ("HOME=/home/me",)),
    "a mount that is a cache": ("/anywhere", f"{HF}/ab.incomplete", ()),
    "a blob without a suffix, of the model": ("/root/.cache/huggingface", f"hub/{HF}/ab", ()),
    "another model's download": ("/root/.cache/huggingface", "hub/models--a--draft/blobs/cd.incomplete", ()),
    "ModelScope, temporary": ("/root/.cache/modelscope", "hub/models/._____temp/Qwen/Qwen2.5-7B/m.safetensors", ()),
    "ModelScope, older": ("/root/.cache/modelscope", "hub/._____temp/Qwen/Qwen2.5-7B/m.safetensors", ()),
    "ModelScope, its own name": ("/root/.cache/modelscope", "hub/models/Qwen/Qwen2___5-7B/m.safetensors", ()),
    "MODELSCOPE_CACHE": ("/data", "ms/models/Qwen/Qwen2___5-7B/m.safetensors", ("MODELSCOPE_CACHE=/data/ms",)),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_growing_download_moves_wherever_the_container_keeps_it(
    place: str, tmp_path: Path, clock: list[float]
) -> None:
    target, file, env = PLACES[place]
    grow(tmp_path / file)
    watch = Movement(inspected((str(tmp_path), target), env=env), SERVER, Machine(), 1200)
    assert moves(watch, clock, lambda: grow(tmp_path / file))
    assert not moves(watch, clock, lambda: None)
    assert "download" in watch.seen


STILL = {
    "a finished blob of another model": f"hub/{HF.replace('Qwen', 'other')}/ab",
    "a file of the project": "notes.txt",
}


@pytest.mark.parametrize("file", STILL.values(), ids=STILL)
def test_other_files_do_not_move(file: str, tmp_path: Path, clock: list[float]) -> None:
    grow(tmp_path / file)
    watch = Movement(inspected((str(tmp_path), "/root/.cache/huggingface")), SERVER, Machine(), 1200)
    assert not moves(watch, clock, lambda: grow(tmp_path / file))


def test_a_model_that_is_a_folder_is_looked_at_itself(tmp_path: Path, clock: list[float]) -> None:
    data = inspected((str(tmp_path), "/models/q"), writable=False)
    watch = Movement(data, {"model": "/models/q"}, Machine(), 1200)
    assert moves(watch, clock, lambda: grow(tmp_path / "model-1.safetensors"))


def test_progress_is_bytes_rate_and_what_is_left(tmp_path: Path, clock: list[float]) -> None:
    blob, index = tmp_path / "hub" / HF / "ab.incomplete", tmp_path / "hub" / HF / "../snapshots/r/x.json"
    grow(blob, 1 << 20)
    watch = Movement(inspected((str(tmp_path), "/root/.cache/huggingface")), SERVER, Machine(), 1200)
    watch.look()
    assert watch.progress is None
    clock[0] += 4
    grow(blob, 1 << 20)
    watch.look()
    assert watch.progress is not None
    assert (watch.progress.line, watch.progress.percent) == ("2.0m, 256.0k/s", None)
    index.parent.mkdir(parents=True)
    (index.parent / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 8 << 20}}))
    clock[0] += 4
    grow(blob, 1 << 20)
    watch.look()
    assert (watch.progress.line, str(watch.progress)) == ("3.0m of 8.0m, 256.0k/s, 5.0m left (20s)", "download 37%")
    clock[0] += 60
    watch.look()
    watch.look()
    assert watch.progress is None, "it has ended, or hangs"


def test_a_size_that_is_set_beforehand_is_not_taken_for_bytes(tmp_path: Path) -> None:
    sparse = tmp_path / HF / "ab.incomplete"
    grow(sparse, 4096)
    os.truncate(sparse, 1 << 30)
    ((_, size),) = movement._files(str(sparse.parent), iter(range(10)), 0)
    assert size < 1 << 20


def test_a_look_reads_no_more_than_its_share(tmp_path: Path) -> None:
    for number in range(50):
        grow(tmp_path / "many" / str(number), 1)
    assert len(list(movement._files(str(tmp_path / "many"), iter(range(10)), 4))) == 10


@pytest.mark.parametrize(("share", "moved"), [(0.01, False), (0.1, False), (0.5, True), (8.0, True)])
def test_work_is_more_than_a_loop_that_polls(
    share: float, moved: bool, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movement, "cpu_seconds", lambda pid, identity: 5 + share * (clock[0] - 1000))
    watch = Movement(inspected(), SERVER, Machine(), 1200)
    assert moves(watch, clock, lambda: None) == moved
    assert "CPU" in watch.seen


class WithGpu(Machine):
    """A machine with one device, of which a container's process has some memory."""

    memory, utilisation, other = 100, 0, ()

    def devices(self) -> tuple[tuple[Gpu, ...] | None, str]:
        own = GpuProcess(7, container="c" * 64, memory=self.memory)
        return (Gpu(0, "GPU-1", utilisation=self.utilisation, processes=(own, *self.other)),), ""


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({}, False),
        ({"memory": 200}, True),
        ({"utilisation": 90}, True),
        ({"utilisation": 90, "other": (GpuProcess(8, container="d" * 64),)}, False),
    ],
)
def test_work_on_its_devices_moves(change: dict[str, Any], moved: bool, clock: list[float]) -> None:
    machine = WithGpu()
    watch = Movement(inspected(), SERVER, machine, 1200)
    assert moves(watch, clock, lambda: [setattr(machine, name, value) for name, value in change.items()]) == moved


def test_nothing_is_looked_for_on_a_machine_far_away(tmp_path: Path, clock: list[float]) -> None:
    blob = tmp_path / "hub" / HF / "ab.incomplete"
    grow(blob)
    watch = Movement(
        inspected((str(tmp_path), "/root/.cache/huggingface")), SERVER, Distant("tcp://192.0.2.1:2375"), 1200
    )
    assert not moves(watch, clock, lambda: grow(blob))
    assert watch.seen == ()


@pytest.mark.parametrize("version", [1, 2])
def test_processor_time_is_that_of_the_control_group(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stir, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(stir, "_GROUPS", tmp_path / "groups")
    grow(tmp_path / "proc/7/cgroup", 0)
    v1, v2 = "4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n0::/\n", "0::/system.slice/docker-abc.scope\n"
    (tmp_path / "proc/7/cgroup").write_text(v1 if version == 1 else v2)
    for name, text in {
        "cpuacct/docker/abc/cpuacct.usage": "2500000000\n",
        "system.slice/docker-abc.scope/cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
    }.items():
        grow(tmp_path / "groups" / name, 0)
        (tmp_path / "groups" / name).write_text(text)
    assert stir.cpu_seconds(7, "abc") == 2.5
    assert stir.cpu_seconds(7, "other") is None
    assert stir.cpu_seconds(8, "abc") is None
