"""The wheel in an empty environment: the main job from a folder outside the checkout, with an empty HOME."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from docker_engine import docker, inspect

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parent.parent


def run(*words: str | Path, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_installed_wheel_does_the_main_job(tmp_path: Path, cleanup: str, docker_image: str) -> None:
    # Without what this run's own environment would lend.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    (tmp_path / "home").mkdir()
    env["HOME"] = str(tmp_path / "home")
    wheels = tmp_path / "wheels"
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, ROOT, cwd=tmp_path, env=env)
    (wheel,) = wheels.glob("sglaunch-*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel, cwd=tmp_path, env=env)
    sglaunch = tmp_path / "venv" / "bin" / "sglaunch"

    project = tmp_path / "project"
    project.mkdir()
    assert "wrote" in run(sglaunch, "init", cwd=project, env=env)
    assert "all right" in run(sglaunch, "validate", cwd=project, env=env)
    local = f"defaults: {{image: '{docker_image}', gpus: null, ulimits: null, network_mode: null}}\n"
    (project / "sglaunch.local.yaml").write_text(local, encoding="utf-8")
    text = (project / "sglaunch.yaml").read_text(encoding="utf-8").replace("project: project", f"project: {cleanup}")
    (project / "sglaunch.yaml").write_text(text, encoding="utf-8")

    assert "create" in run(sglaunch, "plan", cwd=project, env=env)
    run(sglaunch, "up", "-d", cwd=project, env=env)
    (name,) = docker("ps", "--filter", f"label=sglaunch.project={cleanup}", "--format", "{{.Names}}").stdout.split()
    assert inspect(name)["Config"]["WorkingDir"] == "/workspace", "the built-in profile of the wheel lies beneath"
    assert "up to date" in run(sglaunch, "up", "-d", cwd=project, env=env)
    run(sglaunch, "down", "--yes", cwd=project, env=env)
    assert docker("ps", "-aq", "--filter", f"label=sglaunch.project={cleanup}").stdout == ""
