"""The socket's writer: it asks for what the engine's program would, and says what the engine says."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker_engine
import pytest
from builders import make_spec
from create_cases import CREATE_CASES

from sglaunch.convert.to_create import CreateCall, create_call
from sglaunch.engine import recording, trace, whales
from sglaunch.engine.cli import Cli
from sglaunch.engine.detect import Choice, ask
from sglaunch.engine.secrets import env_file
from sglaunch.engine.writer import Writer
from sglaunch.errors import EngineError
from sglaunch.plain import replace
from sglaunch.spec.values import Secret

VERSION = "1.41"
DONE = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"

pytestmark = pytest.mark.skipif(docker_engine.PROGRAM is None, reason="there is no docker program")


class Engine:
    """A socket that hears a request on each connection, and answers each the same; with "" not at all."""

    def __init__(self, place: Path) -> None:
        self.place, self.answer = place, DONE
        self.heard: list[tuple[str, Any]] = []
        self.comes, self.over = threading.Event(), threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            if line := file.readline():
                headers = dict(one.lower().split(b": ") for one in iter(lambda: file.readline().strip(), b""))
                body = file.read(int(headers[b"content-length"]))
                method, path, _ = line.decode().split()
                self.heard.append((f"{method} {path}", json.loads(body or b"null")))
                self.comes.set()
                if self.answer:
                    connection.sendall(self.answer)
                else:
                    self.over.wait(30)


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    found = Engine(tmp_path / "s")
    yield found
    found.close()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that docker reads."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    return tmp_path / "config" / "config.json"


@pytest.fixture
def writer(engine: Engine, config: Path) -> Writer:
    return Writer(str(engine.place), VERSION, str(docker_engine.PROGRAM), str(config))


@pytest.fixture
def processes() -> Iterator[list[list[str]]]:
    """What is called, the engine's socket for one, from now on."""
    called: list[list[str]] = []
    end = trace.listen(lambda words: called.append(list(words)))
    yield called
    end()


def call(name: str = "web", **options: Any) -> CreateCall:
    secrets = {"TOKEN": Secret("hf_secret"), "LINES": Secret("BEGIN\nKEY")}
    environment = {"A": "1", "E": "", **secrets, **options.pop("environment", {})}
    spec = make_spec(container_name=name, environment=environment, **options)
    return create_call(spec, {"sglaunch.profile": name, "b": "x y=z"})


@pytest.mark.parametrize(
    ("option", "value"), [(option, value) for option, value, _ in CREATE_CASES if option != "container_name"]
)
def test_a_creation_is_asked_for_as_the_program_would(engine: Engine, writer: Writer, option: str, value: Any) -> None:
    made = call(**{option: value})
    with env_file(made.secrets) as files:
        request = recording.request((str(docker_engine.PROGRAM),), whales.creation(made, files), VERSION)
    assert request is not None
    method, path, body = request
    assert writer.create(made)
    ((asked, sent),) = engine.heard
    assert asked == f"{method} {path}"
    # The program has its variables in an order of chance.
    assert {**sent, "Env": sorted(sent["Env"])} == {**body, "Env": sorted(body["Env"])}


def test_the_same_options_need_the_program_once(engine: Engine, writer: Writer, processes: list[list[str]]) -> None:
    writer.create(call())
    other = call("other", environment={"A": "2"})
    other = replace(other, secrets={**other.secrets, "TOKEN": Secret("hf_another")})
    again = Writer(str(engine.place), VERSION, str(docker_engine.PROGRAM), writer._config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cli, "run", lambda *_, **__: pytest.fail("a program was called"))
        assert again.knows(other)
        assert again.create(other)
    path, body = engine.heard[-1]
    assert path.endswith("/containers/create?name=other")
    assert {"A=2", "TOKEN=hf_another", "LINES=BEGIN\nKEY", "E="} == set(body["Env"])
    assert body["Labels"] == {"sglaunch.profile": "other", "b": "x y=z"}
    assert [words[1] for words in processes] == ["create", "create"], "told as what would do the same"


def test_no_secret_is_remembered_nor_told(tmp_path: Path, writer: Writer, processes: list[list[str]]) -> None:
    writer.create(call())
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert texts
    assert not any(b"hf_secret" in text or b"BEGIN" in text for text in texts)
    assert "hf_secret" not in str(processes)


@pytest.mark.parametrize("change", ["config", "variable", "image", "command", "option", "version"])
def test_what_has_a_say_is_seen(
    engine: Engine, writer: Writer, config: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    writer.create(call())
    made, version = call(), VERSION
    if change == "config":
        config.write_text("{}", encoding="utf-8")
    elif change == "variable":
        monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/arm64")
    elif change == "version":
        version = "1.40"
    else:
        made = {
            "image": replace(made, image="other:1"),
            "command": replace(made, command=("sleep", "2")),
            "option": replace(made, arguments={**made.arguments, "init": True}),
        }[change]
    again = Writer(str(engine.place), version, str(docker_engine.PROGRAM), str(config))
    assert not again.knows(made)
    assert again.create(made)
    path, body = engine.heard[-1]
    assert ("platform=linux" in path) == (change == "variable")
    assert body["Image"] == made.image
    assert body["Cmd"] == (list(made.command) or None)
    assert body["HostConfig"].get("Init") == (True if change == "option" else None)
    assert path.startswith(f"POST /v{version}/")


def test_what_the_program_reads_from_a_file_is_left_to_it(engine: Engine, writer: Writer, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text("{}", encoding="utf-8")
    assert not writer.create(call(security_opt=(f"seccomp={rules}",)))
    assert writer.create(call(security_opt=("seccomp=unconfined",)))
    assert len(engine.heard) == 1


def test_words_that_the_program_refuses_are_left_to_it(engine: Engine, writer: Writer) -> None:
    made = call()
    assert not writer.create(replace(made, arguments={**made.arguments, "memory": "much"}))
    assert engine.heard == []


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("start", "a"), "POST /v1.41/containers/a/start"),
        (("stop", "a"), "POST /v1.41/containers/a/stop"),
        (("restart", "a"), "POST /v1.41/containers/a/restart"),
        (("unpause", "a"), "POST /v1.41/containers/a/unpause"),
        (("rename", "a", "b.c"), "POST /v1.41/containers/a/rename?name=b.c"),
        (("rm", "a"), "DELETE /v1.41/containers/a"),
    ],
)
def test_what_has_no_options_is_one_request(
    engine: Engine, writer: Writer, processes: list[list[str]], words: tuple[str, ...], path: str
) -> None:
    engine.answer = NOTHING
    writer.call(*words)
    assert engine.heard == [(path, None)]
    assert processes == [[str(docker_engine.PROGRAM), *words]]


def error(status: int, message: str) -> bytes:
    body = json.dumps({"message": message}).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            error(409, 'Conflict. The container name "/a" is already in use by container "f". You have to'),
            "name-conflict",
        ),
        (error(500, "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated"), "port-taken"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nodd", "unknown"),
        (b"HTTP/1.1 204", "daemon-down"),
        (b"nonsense\r\n\r\n", "daemon-down"),
    ],
)
def test_a_failure_is_the_engines_own_words(engine: Engine, writer: Writer, answer: bytes, kind: str) -> None:
    engine.answer = answer
    with pytest.raises(EngineError) as caught:
        writer.call("start", "a")
    assert caught.value.failure.kind == kind


def test_one_that_is_gone_is_removed_and_one_that_runs_is_started(engine: Engine, writer: Writer) -> None:
    engine.answer = error(404, "No such container: a")
    writer.call("rm", "a")
    with pytest.raises(EngineError):
        writer.call("stop", "a")
    engine.answer = b"HTTP/1.1 304 Not Modified\r\n\r\n"
    writer.call("start", "a")


def test_an_engine_that_is_gone_is_told(tmp_path: Path, config: Path) -> None:
    nobody = Writer(str(tmp_path / "none"), VERSION, str(docker_engine.PROGRAM), str(config))
    with pytest.raises(EngineError) as caught:
        nobody.call("start", "a")
    assert caught.value.failure.kind == "daemon-down"


@pytest.mark.docker
@pytest.mark.parametrize("about", ["proxies", "headers", "trust", "nothing"])
def test_what_the_program_would_add_is_left_to_it(config: Path, monkeypatch: pytest.MonkeyPatch, about: str) -> None:
    added: dict[str, Any] = {
        "proxies": {"proxies": {"default": {"httpProxy": "http://user:password@proxy"}}},
        "headers": {"HttpHeaders": {"X-Who": "me"}},
    }
    config.write_text(json.dumps(added.get(about, {})), encoding="utf-8")
    monkeypatch.setenv("DOCKER_CONTENT_TRUST", "1" if about == "trust" else "")
    found = ask("docker", Choice())
    assert found.reader is not None
    assert (found.writer is None) == (about != "nothing")
