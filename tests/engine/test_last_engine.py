"""The record of the engine that a project last used, and what makes two engines one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sglaunch.engine import detect, remembered
from sglaunch.engine.detect import Candidate, Choice, connect, identity
from sglaunch.engine.last_engine import read_last_engine, record_engine
from sglaunch.errors import EngineError
from sglaunch.plan.capabilities import known
from sglaunch.recall.questions import KINDS

ENDPOINTS = {"here": "unix:///var/run/docker.sock", "far": "ssh://gpu1", "": "ssh://gpu2"}
PODMAN = """{"Client": {"APIVersion": "4.3.1", "Version": "4.3.1"}}"""


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable leads to an engine, and contexts have the addresses of ENDPOINTS; "" is the one in use."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", *remembered.TLS_VARIABLES, *sum(detect._PLACES.values(), ())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(detect, "_endpoint", lambda program, context: ENDPOINTS[context])


def identity_with(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], kind: str = "docker", **choice: str) -> str:
    with monkeypatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        return identity(Candidate(kind, (kind,), known(kind, "")), Choice(kind, **choice))


def test_one_engine_under_several_names_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    here = identity_with(monkeypatch, {})
    link = tmp_path / "docker.sock"
    link.symlink_to("/var/run/docker.sock")
    for host in ("unix:///var/run/docker.sock", f"unix://{link}"):
        assert identity_with(monkeypatch, {"DOCKER_HOST": host}) == here
        assert identity_with(monkeypatch, {}, host=host) == here
    assert identity_with(monkeypatch, {}, context="here") == here
    assert identity_with(monkeypatch, {"DOCKER_HOST": "ssh://gpu1"}) == identity_with(monkeypatch, {}, context="far")
    far = identity_with(monkeypatch, {"DOCKER_CONTEXT": "y"})
    assert far == identity_with(monkeypatch, {}, host="ssh://gpu2")
    assert identity_with(monkeypatch, {"DOCKER_HOST": "tcp://localhost:2376"}) == identity_with(
        monkeypatch, {"DOCKER_TLS_VERIFY": "1"}
    )


@pytest.mark.parametrize(
    ("kind", "env"),
    [
        ("docker", {"DOCKER_HOST": "tcp://gpu1:2375"}),
        ("docker", {"DOCKER_CONTEXT": "y"}),
        ("docker", {"DOCKER_TLS_VERIFY": "1"}),
        ("docker", {"DOCKER_TLS": "1"}),
        ("podman", {}),
        ("podman", {"CONTAINER_HOST": "ssh://gpu1"}),
        ("podman", {"CONTAINER_CONNECTION": "gpu1"}),
        ("podman", {"CONTAINERS_STORAGE_CONF": "/elsewhere.conf"}),
        ("nerdctl", {}),
        ("nerdctl", {"CONTAINERD_NAMESPACE": "k8s.io"}),
        ("nerdctl", {"CONTAINERD_ADDRESS": "/run/k3s/containerd.sock"}),
    ],
)
def test_variables_that_lead_elsewhere_are_another_engine(
    monkeypatch: pytest.MonkeyPatch, kind: str, env: dict[str, str]
) -> None:
    found = identity_with(monkeypatch, env, kind)
    assert found != identity_with(monkeypatch, {})
    assert found == identity_with(monkeypatch, env, kind)
    if env:
        assert found != identity_with(monkeypatch, {}, kind)


def test_a_password_of_an_address_is_in_no_identity() -> None:
    found = identity(
        Candidate("podman", ("podman",), known("podman", "")), Choice("podman", host="ssh://core:hunter2@gpu1:22/sock")
    )
    assert "hunter2" not in found
    assert "ssh://core@gpu1:22/sock" in found


@pytest.mark.parametrize("name", remembered.TLS_VARIABLES)
def test_an_answer_over_the_socket_is_not_that_of_an_engine_with_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "docker").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(remembered, "_answers", lambda place: True)
    assert remembered.key("docker", (), "docker")
    monkeypatch.setenv(name, "1")
    assert remembered.key("docker", (), "docker") == ""


# The engine that a project last used does not answer


@pytest.mark.parametrize(
    ("program", "last", "said"),
    [
        ("docker", "docker unix:///run/docker.sock", "Cannot connect to the Docker daemon"),
        ("nerdctl", "nerdctl", "cannot access containerd socket"),
        ("docker", "docker unix:///run/docker.sock", "permission denied while trying to connect"),
    ],
)
def test_no_other_engine_replaces_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, last: str, said: str
) -> None:
    monkeypatch.setitem(KINDS, "real", lambda path: "/run/docker.sock")
    monkeypatch.setitem(KINDS, "person", lambda: (0, 0, "root", "/root"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in ("docker", "nerdctl", "podman"):
        text = f"echo '{said}' >&2; exit 1" if name == program else f"echo '{PODMAN}'" if name == "podman" else "exit 1"
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    assert connect(Choice()).capabilities.name == "podman"
    assert connect(Choice(), "docker ssh://elsewhere").capabilities.name == "podman"
    assert connect(Choice("podman"), last).capabilities.name == "podman"
    with pytest.raises(EngineError, match=program) as caught:
        connect(Choice(), last)
    assert "--engine" in caught.value.hint


# The record


def test_a_record_is_of_one_project_on_one_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "a" / "sglaunch.yaml"
    file.parent.mkdir()
    (tmp_path / "link").symlink_to(file.parent)
    record_engine(str(file), "docker unix:///s")
    assert read_last_engine(str(file)) == "docker unix:///s"
    assert read_last_engine(str(tmp_path / "link" / "sglaunch.yaml")) == "docker unix:///s"
    assert read_last_engine(str(tmp_path / "b" / "sglaunch.yaml")) == ""
    with monkeypatch.context() as patch:
        patch.setitem(KINDS, "hostname", lambda: "another")
        assert read_last_engine(str(file)) == ""
    record_engine(str(file), "podman")
    assert read_last_engine(str(file)) == "podman"
    record_engine(str(file), "")
    record_engine(str(file), "")
    assert read_last_engine(str(file)) == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"engine": null}', "\0"])
def test_a_broken_record_is_none_and_is_replaced(tmp_path: Path, text: str) -> None:
    record_engine(str(tmp_path), "podman")
    (record,) = (Path(os.environ["XDG_STATE_HOME"]) / "sglaunch" / "engines").iterdir()
    assert record.stat().st_mode & 0o077 == 0
    record.write_text(text, encoding="utf-8")
    assert read_last_engine(str(tmp_path)) == ""
    record_engine(str(tmp_path), "podman")
    assert read_last_engine(str(tmp_path)) == "podman"


def test_without_a_state_folder_there_is_no_record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("XDG_STATE_HOME", str(folder))
        record_engine(str(tmp_path), "podman")
        assert read_last_engine(str(tmp_path)) == ""
