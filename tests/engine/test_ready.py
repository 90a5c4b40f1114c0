"""Waiting for a server: asked at its addresses, and from inside where nobody reaches these."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
from builders import make_container, make_wanted
from fake_engine import FakeEngine

from sglaunch.engine import ready
from sglaunch.engine.ready import wait_ready
from sglaunch.errors import EngineError
from sglaunch.spec.container import Readiness
from sglaunch.spec.server import Server

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


def serving(port: int) -> FakeEngine:
    """An engine with a server that is published on a port of this machine."""
    there = make_container(make_wanted("server", server=Server("org/m"), command=None))
    engine = FakeEngine([there])
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
