"""The one look at the engine: what it asks for, in how many calls, and what the observation then says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import ANA, IMAGE, IMAGE_ID, MOVED_ID, foreign_container, make_container, make_wanted
from fake_engine import FakeEngine

from sglaunch.engine import gpus, host
from sglaunch.engine.layer import measure
from sglaunch.engine.observe import observe
from sglaunch.plan.observation import Gpu, ObservedContainer
from sglaunch.spec.container import Wanted
from sglaunch.spec.server import Server
from sglaunch.spec.values import Mount

HAS_GPU = host.has_gpu


@pytest.fixture(autouse=True)
def a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "owner", lambda: ANA)
    monkeypatch.setattr(host, "has_gpu", lambda *, cdi: False)


def names(*containers: ObservedContainer, project: str | None = "eval", wanted: tuple[Wanted, ...] = ()) -> list[str]:
    return [one.name for one in observe(FakeEngine(containers), project, wanted).containers]


OURS = make_container()
OTHER = make_container(make_wanted("x", project="train", container_name="ana-train-x"))
FOREIGN = foreign_container("ana-eval-api")


def test_the_projects_containers_are_seen_whatever_is_wanted() -> None:
    assert names(OURS, OTHER, FOREIGN) == ["ana-eval-dev"]


def test_without_a_project_every_container_of_ours_is_seen() -> None:
    assert names(OURS, OTHER, FOREIGN, project=None) == ["ana-eval-dev", "ana-train-x"]


def test_whoever_holds_a_wanted_name_is_seen() -> None:
    assert names(FOREIGN, wanted=(make_wanted("api"),)) == ["ana-eval-api"]


@pytest.mark.parametrize("suffix", [".new", ".old"])
def test_so_is_whoever_holds_its_passing_names(suffix: str) -> None:
    assert names(foreign_container(f"ana-eval-api{suffix}"), wanted=(make_wanted("api"),)) == [f"ana-eval-api{suffix}"]


def test_a_container_found_by_id_and_by_name_is_one() -> None:
    assert names(OURS, wanted=(make_wanted(),)) == ["ana-eval-dev"]


@pytest.mark.parametrize("count", [1, 2, 20])
def test_the_number_of_engine_calls_does_not_grow_with_the_number_of_profiles(count: int) -> None:
    wanted = [make_wanted(f"p{number}", image=f"img:{number}") for number in range(count)]
    engine = FakeEngine([make_container(one) for one in wanted])
    seen = observe(engine, "eval", wanted)
    assert len(seen.containers) == count
    assert [op for op, _ in engine.calls] == ["list_ids", "inspect"]


def test_layers_are_measured_together_and_only_where_asked() -> None:
    engine = FakeEngine([make_container(layer_size=7), make_container(make_wanted("api"), layer_size=8)])
    seen = observe(engine, "eval")
    engine.disarm()
    measured = measure(engine, seen, ["ana-eval-dev"])
    assert {one.name: one.layer_size for one in measured.containers} == {"ana-eval-dev": 7, "ana-eval-api": None}
    assert [op for op, _ in engine.calls] == ["inspect", "changed_paths"]
    engine.disarm()
    assert measure(engine, seen, []) == seen
    assert engine.calls == []


def test_what_vanished_meanwhile_is_not_measured() -> None:
    engine = FakeEngine([OURS])
    seen = observe(engine, "eval")
    engine.containers.clear()
    assert measure(engine, seen, ["ana-eval-dev"]).containers == seen.containers


# Images


IMAGES: dict[str, tuple[list[str], dict[str, str | None]]] = {
    "here": ([IMAGE], {IMAGE: IMAGE_ID}),
    "not here": (["nothing:1"], {"nothing:1": None}),
    "without a tag": (["plain"], {"plain": MOVED_ID}),
    "with a registry's port and without a tag": (["reg:5000/plain"], {"reg:5000/plain": IMAGE_ID}),
    "written in two ways": (["plain", "plain:latest"], {"plain": MOVED_ID, "plain:latest": MOVED_ID}),
    "by id": ([IMAGE_ID], {IMAGE_ID: IMAGE_ID}),
    "named as a container is": (["ana-eval-dev"], {"ana-eval-dev": None}),
}


@pytest.mark.parametrize("case", IMAGES)
def test_an_image_is_known_by_what_the_profile_calls_it(case: str) -> None:
    images, expected = IMAGES[case]
    here = {IMAGE: IMAGE_ID, "plain:latest": MOVED_ID, "reg:5000/plain:latest": IMAGE_ID}
    wanted = [make_wanted(f"p{number}", image=image) for number, image in enumerate(images)]
    assert observe(FakeEngine([OURS], images=here), "eval", wanted).images == expected


# The host


def test_the_host_says_who_we_are_what_it_has_and_a_new_salt_each_time() -> None:
    one, two = (observe(FakeEngine(), "eval") for _ in range(2))
    assert (one.owner, one.gpu) == (ANA, False)
    assert len(one.salt) >= 16
    assert one.salt != two.salt


def test_every_bind_source_is_looked_for_volumes_are_not(tmp_path: Path) -> None:
    here, lacking = str(tmp_path), str(tmp_path / "lacking")
    binds: dict[str, Any] = {"/a": Mount("bind", here), "/b": Mount("bind", lacking), "/c": Mount("volume", "v")}
    wanted = make_wanted(volumes=binds, command=None, server=Server(f"{tmp_path}/model"))
    paths = observe(FakeEngine(), "eval", [wanted]).paths
    assert paths == {here: True, lacking: False, f"{tmp_path}/model": False}


def test_a_project_that_still_lives_elsewhere_is_told_from_one_that_moved(tmp_path: Path) -> None:
    living = tmp_path / "sglaunch.yaml"
    living.touch()
    one = make_container(config=str(living))
    other = make_container(make_wanted("api"), config=str(tmp_path / "moved.yaml"))
    seen = observe(FakeEngine([one, other]), "eval")
    assert {c.name: c.config_exists for c in seen.containers} == {"ana-eval-dev": True, "ana-eval-api": False}


DESCRIBED = "kind: nvidia.com/gpu\ndevices:\n- name: all\n"
# What a machine has -> whether that is a GPU for an engine with `--gpus`, and for one that uses CDI.
MACHINES: dict[str, tuple[set[str], tuple[bool, bool]]] = {
    "nothing": (set(), (False, False)),
    "the toolkit": ({"tools"}, (False, False)),
    "a node": ({"node"}, (True, True)),
    "a description": ({"cdi"}, (False, True)),
    "a driver without nodes as yet": ({"nvml", "devices"}, (True, True)),
    "a driver without a device": ({"nvml", "tools"}, (False, False)),
}


@pytest.mark.parametrize("case", MACHINES)
def test_what_a_gpu_is_is_told_by_devices_and_not_by_programs(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has, expected = MACHINES[case]
    for name in ("bin/nvidia-smi", "bin/nvidia-ctk", "bin/nvidia-container-runtime"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if "tools" in has:
            (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
            (tmp_path / name).chmod(0o755)
    files = {"node": "nvidiactl", "cdi": "cdi/nvidia.yaml", "nvml": "libnvidia-ml.so.1"}
    (tmp_path / "cdi").mkdir()
    for what, name in files.items():
        if what in has:
            (tmp_path / name).write_text(DESCRIBED, encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("LD_LIBRARY_PATH", f":{tmp_path}")
    monkeypatch.setattr(host, "GPU_NODES", (str(tmp_path / "nvidiactl"),))
    monkeypatch.setattr(host, "CDI_FOLDERS", (str(tmp_path / "cdi"),))
    monkeypatch.setattr(host, "_NVML_FOLDERS", ())
    monkeypatch.setattr(gpus, "devices", lambda: ((Gpu(0, "GPU-a"),), "") if "devices" in has else (None, "no driver"))
    assert (HAS_GPU(cdi=False), HAS_GPU(cdi=True)) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("nvidia.yaml", 'cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices:\n- name: "0"\n- name: all\n', ["0", "all"]),
        ("nvidia.yaml", "kind: nvidia.com/gpu\ndevices:\n    - containerEdits: {}\n      name: GPU-a\n", ["GPU-a"]),
        ("nvidia.json", '{"kind": "nvidia.com/gpu", "devices": [{"name": "0"}]}', ["0"]),
        ("other.yaml", 'kind: amd.com/gpu\ndevices:\n- name: "0"\n', []),
        ("other.json", '{"kind": "amd.com/gpu", "devices": [{"name": "0"}]}', []),
        ("broken.json", "{", []),
        ("odd.json", "[]", []),
        ("none.yaml", "", []),
    ],
)
def test_devices_that_are_described_are_known_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str, expected: list[str]
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(host, "CDI_FOLDERS", (str(tmp_path), "/nonexistent"))
    assert host.cdi_devices("nvidia.com/gpu") == expected
