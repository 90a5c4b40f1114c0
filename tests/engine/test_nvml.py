"""The reader of NVML, on a stand-in library with the devices of a text file; and the lock of the whole machine."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sglaunch.engine import gpus
from sglaunch.errors import EngineError

SOURCE = Path(__file__).resolve().parent.parent / "stub_nvml.c"
GIB = 1 << 30
READ = """
import json, msgspec
from sglaunch.engine.gpus import devices
found, problem = devices()
print(json.dumps([None if found is None else msgspec.to_builtins(found), problem]))
"""


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a libnvidia-ml.so.1 that reads $STUB_NVML."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in for NVML with")
    folder = tmp_path_factory.mktemp("nvml")
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", folder / "libnvidia-ml.so.1", SOURCE], check=True)
    return folder


def read(folder: Path | None, lines: str | None, tmp_path: Path) -> tuple[list[dict[str, object]] | None, str]:
    """What a fresh process reads: the library is found when it is first loaded."""
    environment = {**os.environ, "LD_LIBRARY_PATH": str(folder or "/nowhere")}
    if lines is not None:
        environment["STUB_NVML"] = str(tmp_path / "devices")
        (tmp_path / "devices").write_text(lines, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, env=environment, check=True)
    found, problem = json.loads(done.stdout)
    return found, problem


@pytest.mark.parametrize(
    ("told", "driver"),
    [
        ({"STUB_NVML_CUDA": "12080", "STUB_NVML_DRIVER": "570.133.20"}, "Driver(cuda=(12, 8), version='570.133.20')"),
        ({"STUB_NVML_CUDA": "13000"}, "Driver(cuda=(13, 0), version='')"),
        ({}, "Driver(cuda=(), version='')"),
    ],
)
def test_the_driver_is_read_as_far_as_it_tells(stub: Path, tmp_path: Path, told: dict[str, str], driver: str) -> None:
    (tmp_path / "devices").write_text("GPU-a 80 80\n", encoding="utf-8")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(stub), "STUB_NVML": str(tmp_path / "devices"), **told}
    words = [sys.executable, "-c", "from sglaunch.engine.gpus import driver; print(driver())"]
    assert subprocess.run(words, capture_output=True, text=True, env=environment, check=True).stdout.strip() == driver


def test_every_device_is_read_with_its_memory_and_processes(stub: Path, tmp_path: Path) -> None:
    lines = f"GPU-a {80 * GIB} {70 * GIB} {os.getpid()}:{10 * GIB}\nGPU-b {80 * GIB} {80 * GIB}\n"
    found, problem = read(stub, lines, tmp_path)
    assert problem == ""
    assert found is not None
    first, second = found
    assert (first["index"], first["uuid"], first["model"]) == (0, "GPU-a", "Stub H200")
    assert (first["memory_total"], first["memory_free"]) == (80 * GIB, 70 * GIB)
    (process,) = first["processes"]
    assert (process["pid"], process["memory"]) == (os.getpid(), 10 * GIB)
    assert process["name"]
    assert process["user"]
    assert (second["uuid"], second["processes"]) == ("GPU-b", [])


def test_a_process_that_is_gone_or_hidden_is_only_a_number(stub: Path, tmp_path: Path) -> None:
    found, _ = read(stub, f"GPU-a {GIB} {GIB} 4194304:5\n", tmp_path)
    assert found is not None
    (process,) = found[0]["processes"]
    assert (process["pid"], process["name"], process["user"]) == (4194304, "", "")


def test_without_the_library_or_the_driver_the_reason_is_told(stub: Path, tmp_path: Path) -> None:
    for folder in (stub, None):
        found, problem = read(folder, None, tmp_path)
        if found is None:
            assert problem.startswith("NVML does not answer")
        else:
            pytest.skip("this machine has NVIDIA devices of its own")


# The lock


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "sglaunch-gpu"
    monkeypatch.setattr(gpus, "LOCK", path)
    return path


def test_the_lock_is_for_every_user(lock: Path) -> None:
    old = os.umask(0o077)
    try:
        with gpus.machine_lock(0, pytest.fail):
            assert stat.S_IMODE(lock.stat().st_mode) == 0o666
    finally:
        os.umask(old)


def test_a_second_one_waits_and_gives_up_in_time(lock: Path) -> None:
    del lock
    told: list[str] = []
    with (
        gpus.machine_lock(0, pytest.fail),
        pytest.raises(EngineError, match="choosing GPUs"),
        gpus.machine_lock(0.2, told.append),
    ):
        pass
    assert len(told) == 1


def test_letting_go_early_lets_the_next_one_in(lock: Path) -> None:
    del lock
    with gpus.machine_lock(0, pytest.fail) as let_go:
        let_go()
        with gpus.machine_lock(0, pytest.fail):
            pass


def test_a_link_somebody_planted_is_refused_and_not_followed(lock: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    lock.symlink_to(target)
    with pytest.raises(EngineError, match="cannot be opened"), gpus.machine_lock(0, pytest.fail):
        pass
    assert not target.exists()
