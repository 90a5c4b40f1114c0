"""`init`, `doctor` and `up` agree on whether there is a GPU, and no program on PATH is one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("gpu", [True, False])
def test_every_command_gives_the_same_answer(tmp_path: Path, cleanup: str, docker_image: str, gpu: bool) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("nvidia-smi", "nvidia-ctk", "nvidia-container-runtime", "nvidia-container-runtime-hook"):
        (programs / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    path = {"PATH": f"{programs}:{os.environ['PATH']}"}
    place = Sglaunch(folder, cleanup, docker_image, path, gpu_nodes=(str(folder),) if gpu else ())

    found = json.loads(place("init", "--json").stdout)["found"]
    assert any("NVIDIA" in one for one in found) == gpu
    findings = json.loads(place("doctor", "--json", status=None).stdout)["findings"]
    (said,) = [one["message"] for one in findings if one["check"] == "gpu"]
    assert said.startswith("no NVIDIA device") != gpu
    place.write("project: PROJECT\nprofiles: {user: {image: IMAGE}}\n")
    warned = place("up", "user", "--no-start").stderr
    assert ("no NVIDIA GPU" in warned) != gpu
    assert bool(place.inspect("user")["HostConfig"]["DeviceRequests"]) == gpu
