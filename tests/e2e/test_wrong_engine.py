"""The wrong engine is no answer: a project whose containers are on Docker, and Podman answers, or another address."""

from __future__ import annotations

import os
from pathlib import Path

import docker_engine
import pytest
from real_engines import ENGINES
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

PROJECT = """
project: PROJECT
profiles:
  web: {extends: null, image: IMAGE, command: [sleep, infinity], shell: sh, protect: false, stop_grace_period: 1s}
"""
LOOKS = (["ps"], ["ps", "-a", "--json"], ["plan"], ["logs", "web"], ["exec", "web", "--", "true"])
ACTS = (
    ["down"],
    ["down", "--yes", "--json", "--dry-run"],
    ["rm", "web"],
    ["stop", "web"],
    ["start", "web"],
    ["restart", "web"],
)


@pytest.fixture
def on_docker(sglaunch: Sglaunch) -> Sglaunch:
    """A project that runs on Docker."""
    sglaunch.write(PROJECT)
    sglaunch("up")
    return sglaunch


@pytest.fixture
def podman(on_docker: Sglaunch) -> Sglaunch:
    """The same project, with Podman beside Docker; nothing names one of them."""
    if docker_engine.ENVIRONMENT.get("DOCKER_HOST"):
        pytest.skip("DOCKER_HOST chooses a Docker")
    engine = ENGINES["podman"]()
    if engine.problem:
        pytest.skip(f"podman: {engine.problem}")
    on_docker.environment.update(engine.environment)
    return on_docker


def is_up(sglaunch: Sglaunch) -> bool:
    return bool(sglaunch.inspect()["State"]["Running"])


def dead_docker(folder: Path) -> dict[str, str]:
    """A PATH on which docker and nerdctl have no daemon."""
    folder.mkdir()
    for name in ("docker", "nerdctl"):
        said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
        (folder / name).write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_a_docker_that_is_down_is_the_problem_and_podman_no_answer(podman: Sglaunch, tmp_path: Path) -> None:
    env = dead_docker(tmp_path / "dead")
    for words in (*LOOKS, ["down"], ["stop", "web"], ["up"]):
        done = podman(*words, status=1, env=env)
        assert "docker: the engine does not answer" in done.stdout + done.stderr, words
        assert "--engine" in done.stdout + done.stderr, words
    assert "last used docker" in podman("ps", "--engine", "podman", env=env).stderr
    assert podman("down", "--engine", "podman", env=env).stdout == "nothing to remove\n"
    podman("ps", status=1, env=env)
    assert is_up(podman)


@pytest.mark.parametrize("variables", [{"SGLAUNCH_ENGINE": "podman"}, {"DOCKER_TLS_VERIFY": "1"}])
def test_another_engine_must_be_named(
    podman: Sglaunch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """With TLS and without its files Docker does not answer, and Podman does."""
    folder = tmp_path / "programs"
    dead_docker(folder)
    (folder / "docker").unlink()
    env = {"PATH": f"{folder}:{os.environ['PATH']}", "DOCKER_CERT_PATH": str(tmp_path), **variables}
    for words in (["ps"], ["ps", "-a", "--json"]):
        done = podman(*words, status=1, env=env)
        assert "last used docker unix://" in done.stdout + done.stderr
    assert "last used docker unix://" in podman("plan", env=env).stderr
    assert "last used docker unix://" in podman("plan", "--json", env=env).stdout
    assert "last used docker unix://" in podman("logs", "web", status=2, env=env).stderr
    for words in ACTS:
        done = podman(*words, status=4, env=env)
        assert "last used docker unix://" in done.stdout + done.stderr, words
        assert "--engine podman" in done.stdout + done.stderr, words
    assert is_up(podman)


def test_up_says_it_and_acts_and_down_ends_it(podman: Sglaunch) -> None:
    env = {"SGLAUNCH_ENGINE": "podman"}
    try:
        assert "last used docker" in podman("up", env=env).stderr
        assert "last used" not in podman("ps", env=env).stderr
        assert "last used podman" in podman("ps").stderr, "what is there is shown all the same"
        assert "last used podman" in podman("down", status=4).stderr
        podman("down", "--engine", "docker")
        assert "last used podman" in podman("ps", status=1).stderr
    finally:
        podman("down", "--yes", env=env)
    assert podman("ps").stderr == ""
    assert podman("up").stderr.count("last used") == 0


def test_docker_at_the_same_address_is_the_same(on_docker: Sglaunch, tmp_path: Path) -> None:
    address = docker_engine.docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}").stdout.strip()
    if not address.startswith("unix://"):
        pytest.skip("this Docker is far away")
    link = tmp_path / "link.sock"
    link.symlink_to(address.removeprefix("unix://"))
    assert on_docker("ps", env={"DOCKER_HOST": f"unix://{link}"}).stderr == ""
    context = {"DOCKER_CONFIG": str(tmp_path / "config"), "DOCKER_HOST": "", "DOCKER_CONTEXT": "other"}
    words = ["docker", "context", "create", "other", "--docker", f"host={address}"]
    docker_engine.subprocess.run(
        words, check=True, capture_output=True, env={**docker_engine.ENVIRONMENT, **context, "DOCKER_CONTEXT": ""}
    )
    assert on_docker("ps", env=context).stderr == ""
    on_docker("down", env=context)
    assert docker_engine.containers(on_docker.project) == []


def test_a_removal_of_all_by_name_drops_the_record(podman: Sglaunch) -> None:
    podman("rm", "web")
    assert podman("ps", env={"SGLAUNCH_ENGINE": "podman"}).stderr == ""
