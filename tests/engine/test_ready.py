"""Waiting for a server: asked at its addresses, and from inside where nobody reaches these."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from builders import make_container, make_wanted
from fake_engine import FakeEngine

from sglaunch.engine import ready
from sglaunch.engine.ready import wait_ready
from sglaunch.errors import EngineError
from sglaunch.plain import replace
from sglaunch.spec.container import Readiness
from sglaunch.spec.server import Server
from sglaunch.spec.startup import Progress

NAME = "ana-eval-server"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ready, "POLL_SECONDS", 0.0)


@pytest.fixture
def answering() -> Iterator[tuple[int, list[str]]]:
    """A port of this machine that answers 404 to /ready, and what it was asked."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], asked
    server.shutdown()


def serving(port: int, kind: type[FakeEngine] = FakeEngine) -> FakeEngine:
    """An engine with a server that is published on a port of this machine."""
    there = make_container(make_wanted("server", server=Server("org/m"), command=None))
    engine = kind([there])
    bound = {"30000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}
    engine.containers[there.id]["NetworkSettings"] = {"Ports": bound, "Networks": {}}
    return engine


def wait(engine: FakeEngine) -> str:
    return wait_ready(NAME, engine, Readiness(30000, timeout=5.0), lambda progress, seconds: None)


def test_one_that_answers_is_asked_at_its_address_and_no_more_than_needed(
    answering: tuple[int, list[str]],
) -> None:
    port, asked = answering
    engine = serving(port)
    assert wait(engine) == f"127.0.0.1:{port}"
    assert asked == ["/ready", "/health"]
    assert not [call for call in engine.calls if call[0] == "probe_inside"]


def test_one_whose_port_nobody_reaches_is_asked_from_inside() -> None:
    engine = serving(1)
    engine.answers = {(30000, "/ready"): 404, (30000, "/health"): 200}
    assert wait(engine) == "127.0.0.1:1"


def test_one_that_answers_nowhere_is_waited_for_until_the_time_is_over() -> None:
    engine = serving(1)
    engine.answers = {(30000, "/ready"): 503}
    with pytest.raises(EngineError, match="not ready after"):
        wait_ready(NAME, engine, Readiness(30000, timeout=0.5), lambda progress, seconds: None, lambda _: None)


class Hanging(FakeEngine):
    """An engine whose `exec` hangs until it is let go."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.let_go, self.hangs = threading.Event(), threading.Event()

    def probe_inside(self, container: str, port: int, path: str, timeout: float) -> int:
        self.hangs.set()
        self.let_go.wait(60)
        return 0


def test_while_a_probe_inside_hangs_the_clock_ticks_and_one_outside_is_heard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = serving(1, Hanging)
    ticks: list[float] = []
    answers = {"/ready": 503}
    monkeypatch.setattr(ready, "first_ready", lambda near, path: near[0] if answers["/ready"] == 200 else None)

    def tell(progress: Progress, seconds: float) -> None:
        if engine.hangs.is_set():
            ticks.append(seconds)
        if len(ticks) == 20:
            answers["/ready"] = 200

    try:
        assert wait_ready(NAME, engine, Readiness(30000, timeout=60.0), tell) == "127.0.0.1:1"
    finally:
        engine.let_go.set()
    assert len(ticks) >= 20


def test_while_a_probe_outside_hangs_the_clock_ticks_and_the_log_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, let_go = serving(1), threading.Event()
    monkeypatch.setattr(ready, "first_ready", lambda near, path: let_go.wait(60) and None)
    monkeypatch.setattr(ready, "_FIRST_SECONDS", 0.0)
    told: list[str] = []
    engine.logs[engine.look(NAME).id] = ["[x] Load weight begin.", "[x] The server is fired up and ready to roll!"]
    try:
        wait_ready(NAME, engine, Readiness(30000, timeout=60.0), lambda progress, _: told.append(progress.phase))
    finally:
        let_go.set()
    assert told


@pytest.mark.parametrize(
    ("started", "since"),
    [
        ("2026-03-01T10:00:05.123456789Z", "2026-03-01T10:00:04.123456789Z"),
        ("2026-03-01T10:00:00.123456789+08:00", "2026-03-01T09:59:59.123456789+08:00"),
        ("", ""),
    ],
)
def test_a_log_is_read_from_this_start_on_whatever_the_time_zone(
    started: str, since: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = serving(1)
    asked: list[str] = []
    monkeypatch.setattr(engine, "log_tail", lambda name, lines, since="": asked.append(since) or [])
    ready.state(replace(engine.look(NAME), started=started), engine)
    assert asked == [since]
