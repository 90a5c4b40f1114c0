"""Ten users of one machine ask for two GPUs each at once: four get pairs of their own, six are told who has what.

On real Docker with a stand-in for NVML; containers are created and not started, for there is no device to give.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docker_engine import docker, inspect

pytestmark = pytest.mark.docker

SOURCE = Path(__file__).resolve().parent.parent / "stub_nvml.c"
GIB = 1 << 30
PROFILE = """
project: {project}
profiles:
  p{number}:
    image: {image}
    command: sleep infinity
    gpus: 2
    recreate: always
    protect: false
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A machine with eight idle devices."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in for NVML with")
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", tmp_path / "libnvidia-ml.so.1", SOURCE], check=True)
    devices = "".join(f"GPU-{tmp_path.name}-{number} {80 * GIB} {80 * GIB}\n" for number in range(8))
    (tmp_path / "devices").write_text(devices, encoding="utf-8")
    return {**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "STUB_NVML": str(tmp_path / "devices")}


def start(folder: Path, environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sglaunch", "-C", str(folder), *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def assigned(name: str) -> list[str]:
    found: list[str] = json.loads(inspect(name)["Config"]["Labels"]["sglaunch.assigned"])["gpus"]
    return found


def test_ten_at_once_get_four_disjoint_pairs_and_six_refusals_and_a_recreate_keeps_its_pair(
    tmp_path: Path, cleanup: str, docker_image: str, environment: dict[str, str]
) -> None:
    folders = []
    for number in range(10):
        folder = tmp_path / f"user{number}"
        folder.mkdir()
        text = PROFILE.format(project=f"{cleanup}-{number}", number=number, image=docker_image)
        (folder / "sglaunch.yaml").write_text(text, encoding="utf-8")
        folders.append(folder)

    running = [start(folder, environment, "up", "--no-start") for folder in folders]
    done = [(process.communicate(timeout=100), process.returncode) for process in running]
    assert sorted(status for _, status in done) == [0] * 4 + [1] * 6
    for (_, errors), status in done:
        if status:
            assert "2 GPUs wanted, 0 of 8 free" in errors
            assert errors.count(f"{cleanup}-") >= 8, "every device is told with its holder"

    names = docker("ps", "-a", "--filter", f"name={cleanup}", "--format", "{{.Names}}").stdout.split()
    pairs = {name: assigned(name) for name in names}
    assert len(pairs) == 4
    assert len({uuid for pair in pairs.values() for uuid in pair}) == 8

    (winner,) = [folder for folder, (_, status) in zip(folders, done, strict=True) if status == 0][:1]
    name = next(name for name in names if name.endswith(winner.name.removeprefix("user")))
    again = start(winner, environment, "up", "--no-start", "--set", "environment.A=1")
    assert again.communicate(timeout=60) is not None
    assert (again.returncode, assigned(name)) == (0, pairs[name])

    listed = start(winner, environment, "ps", "-a")
    table = listed.communicate(timeout=60)[0]
    numbers = ",".join(uuid.rpartition("-")[2] for uuid in pairs[name])
    assert f" 2 ({numbers}) " in table
    as_data = start(winner, environment, "ps", "-a", "--json").communicate(timeout=60)[0]
    assert json.loads(as_data)["containers"][0]["devices"] == pairs[name]

    shown = start(winner, environment, "gpus")
    table = shown.communicate(timeout=60)[0]
    assert shown.returncode == 0
    assert all(name in table for name in names)
