"""The socket's reader: its answers are the program's, and of what it does not understand it says nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker_engine
import pytest
from docker_engine import docker

from sglaunch.engine import reader, wire
from sglaunch.engine.cli import Cli
from sglaunch.engine.client import EngineClient
from sglaunch.engine.detect import Choice, connect
from sglaunch.engine.reader import Reader, Unread
from sglaunch.engine.trace import listen
from sglaunch.recall import witness

ID = "ab" * 32


@contextlib.contextmanager
def serving(place: Path, answer: Callable[[str], bytes]) -> Iterator[list[str]]:
    """Answers each GET at a socket; the paths asked for."""
    asked: list[str] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen()

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while line := lines.readline():
                while lines.readline().strip():
                    pass
                path = line.split()[1].decode()
                asked.append(path)
                with contextlib.suppress(OSError):
                    connection.sendall(answer(path))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def plain(data: object, status: int = 200) -> bytes:
    body = json.dumps(data).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chunked(data: object) -> bytes:
    body = json.dumps(data).encode()
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]
    text = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + text + b"0\r\n\r\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "docker.sock"


def test_names_ids_and_images_are_read_in_one_request_each(place: Path) -> None:
    def answer(path: str) -> bytes:
        if "gone" in path:
            return plain({"message": "no such thing"}, 404)
        return chunked({"Id": "sha256:1"}) if "image" in path else plain({"Name": "/a", "Id": ID})

    with serving(place, answer) as asked:
        found = Reader(str(place), "1.41").inspect(["a", "gone", ID, ID[:4], "image:1", "gone:1", "a"])
    assert found == {
        "a": {"Name": "/a", "Id": ID},
        ID: {"Name": "/a", "Id": ID},
        "image:1": {"Id": "sha256:1"},
    }, "the beginning of an id is not the name of a container"
    assert len(asked) == 6


def test_many_are_asked_for_at_once(place: Path) -> None:
    ids = [f"{number:064x}" for number in range(300)]
    with serving(place, lambda path: plain({"Id": path.split("/")[3], "Name": "/x", "Filler": "x" * 9000})) as asked:
        found = Reader(str(place), "1.41").inspect(ids)
    assert [found[one]["Id"] for one in ids] == ids
    assert len(asked) == len(ids)


@pytest.mark.parametrize(
    "answer",
    [
        plain({"message": "no"}, 500),
        plain({"message": "no"}, 400),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"SSH-2.0-nothing\r\n",
        b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{no}",
        plain({"not": "a list"}),
        plain({}),
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 404 X\r\nContent-Length: 6\r\n\r\n<html>",
        plain({"message": "page not found"}, 404),
        plain([{"Names": ["/a"]}]),
        plain([1]),
    ],
)
def test_what_is_not_understood_is_said_to_be_unread(
    place: Path, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "TIMEOUT", 0.5)
    with serving(place, lambda path: answer):
        with pytest.raises(Unread):
            Reader(str(place), "1.41").list_ids("a=b")
        with pytest.raises(Unread):
            Reader(str(place), "1.41").inspect(["a"])


def test_a_socket_that_is_not_there_is_unread(place: Path) -> None:
    with pytest.raises(Unread):
        Reader(str(place), "1.41").list_ids("")


def test_where_the_socket_is_unread_the_program_is_asked(place: Path, tmp_path: Path) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho of-the-program\n", encoding="utf-8")
    program.chmod(0o755)
    engine = EngineClient([str(program)], reader=Reader(str(place), "1.41"))
    assert engine.list_ids("p") == ["of-the-program"]


def test_what_changes_while_nothing_does_is_not_part_of_the_answer() -> None:
    question = ("container", "s", "1", ID)

    def settled(**more: Any) -> Any:
        state = {"Status": "running", **more.pop("state", {})}
        return reader._settled(question, json.dumps({"Id": ID, "State": state, **more}, separators=(",", ":")).encode())

    health = {"Status": "healthy", "FailingStreak": 0, "Log": [{"Output": "1"}]}
    later = {**health, "Log": [{"Output": "2"}]}
    assert settled(state={"Health": health}) == settled(state={"Health": later})
    assert settled(state={"Health": health}) != settled(state={"Health": {**health, "Status": "unhealthy"}})
    assert settled(ExecIDs=["x"]) == settled(ExecIDs=["y"])
    assert settled(state={"Pid": 1}) != settled(state={"Pid": 2})
    assert settled(HostConfig={"Memory": 1}, ExecIDs=["x"]) != settled(HostConfig={"Memory": 2}, ExecIDs=["x"])


def _reader() -> Reader:
    found = connect(Choice())._reader
    if found is None:
        pytest.skip("this Docker is not read by its socket")
    return found


@pytest.mark.docker
def test_the_answers_are_those_of_the_program(docker_image: str, unique: str, cleanup: str) -> None:
    names = [f"{unique}-a", f"{unique}-b"]
    label = f"sglaunch.project={unique}"
    health = ("--health-cmd", "true", "--health-interval", "1s")
    docker("run", "-d", "--name", names[0], "--label", label, *health, "-p", "80", docker_image, "sleep", "300")
    docker(
        "create", "--name", names[1], "--label", label, "-e", "X=ü\"'\\", "--restart", "always", docker_image, "true"
    )
    try:
        reading, cli = _reader(), Cli(["docker"], "docker")
        assert sorted(reading.list_ids(label)) == sorted(docker_engine.containers(unique))
        ids = reading.list_ids(label)
        asked = [*names, *ids, docker_image, f"{unique}-none", f"{unique}/none:1"]
        ours, theirs = reading.inspect(asked), cli.inspect(asked, size=False)
        for found in (*ours.values(), *theirs.values()):
            found.get("State", {}).pop("Health", None)
        assert ours == theirs
        assert set(reading.list_ids("")) >= set(ids)
    finally:
        docker("rm", "-f", *names)


@pytest.mark.docker
def test_looking_starts_no_program(docker_image: str, unique: str) -> None:
    engine = connect(Choice())
    _reader()
    started: list[list[str]] = []
    stop = listen(lambda words: started.append(list(words)))
    try:
        engine.inspect([*engine.list_ids(unique), docker_image], size=False)
    finally:
        stop()
    assert started == []


@pytest.mark.docker
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOCKER_API_VERSION", "1.40"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CONTEXT", "default"),
        ("DOCKER_HOST", "tcp://localhost:1"),
    ],
)
def test_what_may_lead_elsewhere_is_left_to_the_program(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sglaunch.engine.detect import ask

    monkeypatch.setenv(name, value)
    assert ask("docker", Choice()).reader is None


@pytest.mark.docker
def test_a_script_in_place_of_the_program_is_asked_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sglaunch.engine.detect import ask

    real = witness.program("docker")
    (tmp_path / "docker").write_text(f'#!/bin/sh\nexec {real} "$@"\n', encoding="utf-8")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = ask("docker", Choice())
    assert found.problem is None
    assert found.reader is None
