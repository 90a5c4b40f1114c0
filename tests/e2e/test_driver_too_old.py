"""An image against the driver, before anything is pulled or stopped: on real engines with a stand-in for NVML."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import docker
from registry_server import RegistryServer
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

SOURCE = Path(__file__).resolve().parent.parent / "stub_nvml.c"
NEEDS = 'ENV NVIDIA_REQUIRE_CUDA="cuda>=13.0 brand=tesla,driver>=535,driver<536" CUDA_VERSION=13.0.1'
PROFILE = """\
project: PROJECT
profiles:
  web:
    image: NAME
    command: sleep infinity
    init: true
    gpus: all
    recreate: always
    protect: false
"""


@pytest.fixture
def place(sglaunch: Sglaunch, tmp_path: Path) -> Sglaunch:
    """A machine whose driver has CUDA 12.8."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in for NVML with")
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", tmp_path / "libnvidia-ml.so.1", SOURCE], check=True)
    (tmp_path / "devices").write_text("GPU-a 80 80\n", encoding="utf-8")
    sglaunch.environment |= {
        "LD_LIBRARY_PATH": str(tmp_path),
        "STUB_NVML": str(tmp_path / "devices"),
        "STUB_NVML_CUDA": "12080",
        "STUB_NVML_DRIVER": "570.133.20",
    }
    return sglaunch


@pytest.fixture
def needing(docker_image: str, unique: str) -> Iterator[str]:
    """An image on this machine that requires CUDA 13."""
    name = f"{unique}/needing:1"
    docker("build", "-t", name, "-", stdin=f"FROM {docker_image}\n{NEEDS}\n".encode())
    yield name
    docker("rmi", "-f", name)


def test_an_image_that_is_here_is_refused_and_doctor_fails_for_the_same_reason(place: Sglaunch, needing: str) -> None:
    place.write(PROFILE.replace("NAME", needing))
    told = place("up", status=2).stderr
    assert "sglaunch.yaml:4:12: image: " in told
    assert "needs cuda>=13.0; the NVIDIA driver 570.133.20 has CUDA 12.8" in told
    assert place("plan", status=2).stderr.count("needs cuda>=13.0") == 1
    found = json.loads(place("doctor", "web", "--json", status=1).stdout)["findings"]
    assert any(one["status"] == "fail" and "cuda>=13.0" in one["message"] for one in found)
    place.environment["STUB_NVML_CUDA"] = "13000"
    assert "create" in place("plan").stdout
    place.environment["STUB_NVML_CUDA"] = "12080"
    place.write(PROFILE.replace("NAME", needing) + "    environment: {NVIDIA_DISABLE_REQUIRE: 1}\n")
    assert "create" in place("plan").stdout


def test_a_running_container_is_not_asked_about_and_not_stopped_for_an_image_that_cannot_start(
    place: Sglaunch, needing: str
) -> None:
    place.write(PROFILE.replace("NAME", place.image).replace("gpus: all", "gpus: null"))
    place("up")
    before = place.inspect()["State"]["StartedAt"]
    place.write(PROFILE.replace("NAME", needing))
    place("up", status=2)
    assert place.inspect()["State"]["StartedAt"] == before


def test_an_image_that_is_not_here_is_asked_of_its_registry_before_the_pull(
    place: Sglaunch, needing: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if shutil.which("docker-registry") is None:
        pytest.skip("there is no docker-registry")
    server = RegistryServer(tmp_path_factory.mktemp("registry"))
    server.start()
    name = f"{server.host}/{needing}"
    try:
        docker("tag", needing, name)
        docker("push", name)
        docker("rmi", name)
        place.write(PROFILE.replace("NAME", name))
        assert "needs cuda>=13.0" in place("up", status=2).stderr
        assert name not in docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout
    finally:
        server.stop()
    shown = place("plan").stdout
    assert f"pull    {name}" in shown, "a registry that does not answer is no failure"
