"""Which engine is found: programs that answer `version` as Docker, Podman and nerdctl do, dead ones, and aliases."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from sglaunch.engine.detect import Choice, connect
from sglaunch.errors import EngineError
from sglaunch.recall.questions import KINDS

DOCKER = {"Client": {"Version": "28.2.2", "ApiVersion": "1.50"}, "Server": {"Version": "20.10.24", "Components": []}}
BEFORE_PODMAN = {**DOCKER, "Server": {"Version": "4.3.1", "Components": [{"Name": "Podman Engine"}]}}
PODMAN = {"Client": {"APIVersion": "4.3.1", "Version": "4.3.1"}}
NERDCTL = {
    "Client": {"Version": "v2.0.3", "Components": [{"Name": "buildctl", "Version": ""}]},
    "Server": {"Components": [{"Name": "containerd", "Version": "1.6.20~ds1"}]},
}
DEAD = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of PATH beside that of the shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "cat", "env", "echo"):
        (folder / tool).symlink_to(f"/bin/{tool}" if Path(f"/bin/{tool}").exists() else f"/usr/bin/{tool}")
    program(folder, "ssh", {})
    monkeypatch.setenv("PATH", str(folder))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return folder


def program(folder: Path, name: str, answer: object, *, status: int = 0, error: str = "") -> None:
    """One that tells what it was called with, and answers."""
    text = f'#!/bin/sh\necho "$0 $@" >>{folder}/calls\nenv >{folder}/environment\n'
    text += f"cat <<'END'\n{json.dumps(answer)}\nEND\necho '{error}' >&2\nexit {status}\n"
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)


def test_the_first_that_answers_is_taken(programs: Path) -> None:
    program(programs, "podman", PODMAN)
    assert str(connect(Choice()).capabilities) == "podman 4.3.1"
    program(programs, "nerdctl", NERDCTL)
    assert str(connect(Choice()).capabilities) == "nerdctl 2.0.3"
    program(programs, "docker", DOCKER)
    assert str(connect(Choice()).capabilities) == "docker 20.10.24"


def test_a_dead_docker_does_not_stand_before_a_living_one(programs: Path) -> None:
    program(programs, "docker", {"Client": DOCKER["Client"], "Server": None}, status=1, error=DEAD)
    program(programs, "podman", PODMAN)
    found = connect(Choice())
    assert found.capabilities.name == "podman"
    assert found.passed_over == ("docker: the engine does not answer",)


def test_a_docker_that_somebody_chose_is_not_passed_over(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "podman", PODMAN)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    assert connect(Choice()).capabilities.name == "podman", "there is no docker to choose"
    program(programs, "docker", {"Client": DOCKER["Client"], "Server": None}, status=1, error=DEAD)
    with pytest.raises(EngineError) as caught:
        connect(Choice())
    assert caught.value.failure.kind == "daemon-down"


def test_a_named_one_is_the_only_one_asked(programs: Path) -> None:
    program(programs, "docker", {}, status=1, error=DEAD)
    program(programs, "podman", PODMAN)
    with pytest.raises(EngineError) as caught:
        connect(Choice("docker"))
    assert caught.value.failure.kind == "daemon-down"
    assert "podman" not in (programs / "calls").read_text(encoding="utf-8")


def test_where_none_answers_each_is_told(programs: Path) -> None:
    program(programs, "docker", {}, status=1, error=DEAD)
    program(programs, "nerdctl", {"Client": NERDCTL["Client"]}, status=1, error="cannot access containerd socket")
    with pytest.raises(EngineError) as caught:
        connect(Choice())
    assert "docker: the engine does not answer" in caught.value.message
    assert "nerdctl: " in caught.value.message


def test_where_there_is_none_that_is_told(programs: Path) -> None:
    with pytest.raises(EngineError, match="no program docker, nerdctl or podman"):
        connect(Choice())
    with pytest.raises(EngineError, match="no program podman"):
        connect(Choice("podman"))


@pytest.mark.parametrize(("answer", "name"), [(PODMAN, "podman"), (NERDCTL, "nerdctl"), (DOCKER, "docker")])
def test_an_alias_is_known_by_what_it_answers(programs: Path, answer: object, name: str) -> None:
    program(programs, "docker", answer)
    assert connect(Choice()).capabilities.name == name
    assert connect(Choice("docker")).capabilities.name == name


ROOTLESS = {**DOCKER, "Server": {"Version": "28.2.2", "Components": [{"Name": "rootlesskit", "Version": "1"}]}}


@pytest.mark.parametrize(
    ("uid", "choice", "answer", "rootless"),
    [
        (7, Choice("podman"), PODMAN, True),
        (0, Choice("podman"), PODMAN, False),
        (7, Choice("podman", sudo=True), PODMAN, False),
        (0, Choice("podman", host="ssh://core@gpu1/run/user/501/podman/podman.sock"), PODMAN, True),
        (7, Choice("podman", host="ssh://root@gpu1/run/podman/podman.sock"), PODMAN, False),
        (7, Choice("nerdctl"), NERDCTL, True),
        (0, Choice("nerdctl"), NERDCTL, False),
        (7, Choice("docker"), DOCKER, False),
        (7, Choice("docker"), ROOTLESS, True),
        (7, Choice("docker", host="unix:///run/user/7/docker.sock"), DOCKER, True),
    ],
)
def test_an_engine_of_a_users_own_is_known(
    programs: Path, monkeypatch: pytest.MonkeyPatch, uid: int, choice: Choice, answer: object, rootless: bool
) -> None:
    monkeypatch.setitem(KINDS, "person", lambda: (uid, uid, "ana", "/home/ana"))
    monkeypatch.delenv("CONTAINER_HOST", raising=False)
    (programs / "sudo").write_text('#!/bin/sh\nshift\nexec "$@"\n', encoding="utf-8")
    (programs / "sudo").chmod(0o755)
    program(programs, choice.name, answer)
    assert connect(choice).capabilities.rootless is rootless


def test_dockers_program_before_podman_is_known(programs: Path) -> None:
    program(programs, "docker", BEFORE_PODMAN)
    assert connect(Choice()).capabilities.gpus == ""


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (Choice("docker", context="gpu1"), ["docker", "--context", "gpu1"]),
        (Choice("docker", host="ssh://gpu1"), ["docker", "--host", "ssh://gpu1"]),
        (Choice("podman", host="unix:///s"), ["podman", "--url", "unix:///s"]),
        (Choice("podman", context="c"), ["podman", "--connection", "c"]),
        (Choice("nerdctl", namespace="k8s.io", address="/s"), ["nerdctl", "--namespace", "k8s.io", "--address", "/s"]),
        (Choice("docker", sudo=True), ["sudo", "-n", "docker"]),
    ],
)
def test_global_options_stand_before_every_command(programs: Path, choice: Choice, words: list[str]) -> None:
    for name, answer in {"docker": DOCKER, "podman": PODMAN, "nerdctl": NERDCTL}.items():
        program(programs, name, answer)
    (programs / "sudo").write_text('#!/bin/sh\nshift\nexec "$@"\n', encoding="utf-8")
    (programs / "sudo").chmod(0o755)
    command = list(connect(choice).cli.command)
    assert command[-len(words) :] == words
    assert " ".join(words[words[0] == "sudo" and 2 :]) in (programs / "calls").read_text(encoding="utf-8")


def test_engines_of_different_places_are_different_ones(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, answer in {"docker": DOCKER, "nerdctl": NERDCTL}.items():
        program(programs, name, answer)
    choices = [Choice("docker"), Choice("docker", host="ssh://a"), Choice("docker", context="b")]
    choices += [Choice("nerdctl"), Choice("nerdctl", namespace="x"), Choice("nerdctl", address="/s")]
    identities = [connect(choice).identity for choice in choices]
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere.sock")
    identities.append(connect(Choice("docker")).identity)
    assert len(set(identities)) == len(identities)


def test_nerdctl_gets_nothing_of_our_environment(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes all of it into the container's hooks."""
    monkeypatch.setenv("HF_TOKEN", "hf_planted")
    monkeypatch.setenv("CONTAINERD_NAMESPACE", "mine")
    program(programs, "nerdctl", NERDCTL)
    connect(Choice())
    seen = (programs / "environment").read_text(encoding="utf-8")
    assert "hf_planted" not in seen
    assert "CONTAINERD_NAMESPACE=mine" in seen
    assert f"HOME={os.environ['HOME']}" in seen


def test_a_program_that_says_nonsense_is_no_engine(programs: Path) -> None:
    (programs / "docker").write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    (programs / "docker").chmod(0o755)
    with pytest.raises(EngineError):
        connect(Choice())


# What was answered once is kept while nothing changes


def calls(programs: Path) -> int:
    return (programs / "calls").read_text(encoding="utf-8").count("version")


def test_an_answer_is_kept_as_long_as_the_program_is_the_same(programs: Path) -> None:
    program(programs, "podman", PODMAN)
    for _ in range(3):
        assert str(connect(Choice()).capabilities) == "podman 4.3.1"
    assert calls(programs) == 1
    program(programs, "podman", {"Client": {"APIVersion": "5.0.0", "Version": "5.0.0"}})
    os.utime(programs / "podman", (1, 1))
    assert str(connect(Choice()).capabilities) == "podman 5.0.0"


def test_a_daemon_that_died_or_was_started_anew_is_asked_again(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "s"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{place}")
    program(programs, "docker", DOCKER)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        connect(Choice("docker"))
        connect(Choice("docker"))
        assert calls(programs) == 1
    connect(Choice("docker"))
    assert calls(programs) == 2, "nobody answers at the socket that is left"
    place.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        connect(Choice("docker"))
    assert calls(programs) == 3


def test_an_engine_far_away_is_asked_each_time(programs: Path) -> None:
    program(programs, "docker", DOCKER)
    for _ in range(2):
        connect(Choice("docker", host="ssh://gpu1"))
        connect(Choice("docker", context="gpu1"))
    assert calls(programs) == 4


def test_a_broken_file_of_answers_is_as_good_as_none(programs: Path) -> None:
    program(programs, "podman", PODMAN)
    connect(Choice())
    file = Path(os.environ["XDG_CACHE_HOME"]) / "sglaunch" / "engines.json"
    for text in ("", "[", "[]", '{"x": 1}'):
        file.write_text(text, encoding="utf-8")
        assert connect(Choice()).capabilities.name == "podman"
