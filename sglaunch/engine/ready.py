"""Waits until a container answers: its log, its state and our own probe, each second; explains why it does not.

A 200 may have cost a generation, so the first one ends the waiting. No fixed time is right for loading a model: a stall
is, when for a while there is no new log line.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sglaunch.convert.from_inspect import addresses, container
from sglaunch.engine.probe import OK, first_ready, probe, probe_inside
from sglaunch.engine.protocol import Engine
from sglaunch.errors import EngineError, Failure
from sglaunch.plain import replace
from sglaunch.plan.observation import ObservedContainer, secret_values
from sglaunch.spec.container import ASSIGNED_PORT, Readiness
from sglaunch.spec.diagnosis import diagnose
from sglaunch.spec.startup import READY, Progress
from sglaunch.spec.values import format_duration, masked

POLL_SECONDS = 1.0
_INSIDE_ROUNDS = 5
_LINE_BREAKS = re.compile(r"[\r\n]+")
_KEPT_LINES = 5000
_JOIN_SECONDS = 2.0
_GLANCE_SECONDS = 1.5
_GLANCE_LINES = 200


Tell = Callable[[Progress, float], None]
"""Called each second: the progress, and the seconds since the waiting began."""


def wait_ready(
    name: str, engine: Engine, readiness: Readiness, tell: Tell, pause: Callable[[float], None] = time.sleep
) -> str:
    """The address it answers at ("" where nobody can reach it from here). Raises EngineError with the diagnosis."""
    began = time.monotonic()
    data = _data(name, engine)
    if readiness.port == ASSIGNED_PORT:
        readiness = replace(readiness, port=container(data).server_port)
    # One that answers already is not asked for its log, which may be long.
    if readiness.port and (found := first_ready(_near(data, readiness.port, engine), readiness.path)):
        return found
    first, rounds = container(data), itertools.count(1)
    with _Log(first, engine) as log:
        while True:
            log.drain()
            tell(log.progress, time.monotonic() - began)
            data = _data(name, engine)
            seen = container(data)
            # A restart policy may have it up again before anybody looks.
            if seen.status != "running" or seen.restart_count > first.restart_count:
                log.finish()
                raise _ended(seen, log)
            address = _answers(data, seen, readiness, log, engine, inside=next(rounds) % _INSIDE_ROUNDS == 0)
            if address is not None:
                return address
            _check_times(name, readiness, began, log)
            pause(POLL_SECONDS)


def _near(data: Mapping[str, Any], port: int, engine: Engine) -> list[str]:
    """Addresses that can be asked from here; of a server's ports a firewall may hide any."""
    return [] if engine.machine.name else addresses(data, port)


def _far(data: Mapping[str, Any], port: int, engine: Engine) -> list[str]:
    """Addresses of a published port of a server, for people."""
    local = [address for address in addresses(data, port) if address.startswith("127.0.0.1:")]
    return [f"{engine.machine.name}:{address.rpartition(':')[2]}" for address in local]


def _data(name: str, engine: Engine) -> Mapping[str, Any]:
    data = engine.inspect([name], size=False).get(name)
    if data is None:
        raise EngineError(Failure("gone", f"container {name} is gone", "`sglaunch up` makes it again"))
    return data


def _answers(
    data: Mapping[str, Any], seen: ObservedContainer, readiness: Readiness, log: _Log, engine: Engine, *, inside: bool
) -> str | None:
    """The address once it is ready, "" where that is known without one. `inside`: it is asked from there too, since
    an address may be one that nobody reaches from here (a firewall, an engine in a network of its own)."""
    if readiness.port == 0:
        if seen.health == "unhealthy":
            hint = "read the log; `docker inspect` shows what the healthcheck said"
            raise EngineError(Failure("unhealthy", f"{seen.name} is unhealthy", hint, log=tuple(log.lines[-10:])))
        return "" if seen.health == "healthy" else None
    near = _near(data, readiness.port, engine)
    shown = next(iter(near or _far(data, readiness.port, engine)), "")
    if log.progress.phase == READY:
        return shown
    found = first_ready(near, readiness.path)
    if found is None and (inside or not near) and probe_inside(seen.name, engine, readiness) == OK:
        return shown
    return found


def state(seen: ObservedContainer, engine: Engine) -> str:
    """In one word or two whether a running server answers: `ready`, or where its start is; "" for no server."""
    if not seen.server_port or seen.status != "running":
        return ""
    near = () if engine.machine.name else seen.answers_at
    if any(probe(address, timeout=_GLANCE_SECONDS) == OK for address in near):
        return READY
    if not near and probe_inside(seen.name, engine, Readiness(seen.server_port), _GLANCE_SECONDS) == OK:
        return READY
    progress = Progress()
    for line in engine.log_tail(seen.name, _GLANCE_LINES):
        progress = progress.after(line)
    # A marker without an answer: it was up once, and does not answer now.
    return "not answering" if progress.phase == READY else f"loading ({progress})"


def _check_times(name: str, readiness: Readiness, began: float, log: _Log) -> None:
    now = time.monotonic()
    if readiness.timeout is not None and now - began > readiness.timeout:
        message = f"{name} is not ready after {format_duration(round(readiness.timeout))} ({log.progress})"
        raise _still_loading("timeout", message, log)
    if now - log.moved > readiness.stall:
        quiet = format_duration(round(readiness.stall))
        raise _still_loading("stall", f"{name} has not moved for {quiet} ({log.progress})", log)


def _still_loading(kind: str, message: str, log: _Log) -> EngineError:
    hint = "it still runs: `sglaunch wait` goes on waiting, `sglaunch logs` tells more"
    return EngineError(Failure(kind, message, hint, log=tuple(log.lines[-30:])))


def _ended(seen: ObservedContainer, log: _Log) -> EngineError:
    found = diagnose(log.lines, seen.exit_code, oom_killed=seen.oom_killed)
    # One that a restart policy has up again has no code of its own.
    code = "restarted" if seen.status == "running" else f"exit code {seen.exit_code}"
    code += ", out of memory" if seen.oom_killed else ""
    message = f"{seen.name} did not come up ({log.progress}, {code}): {found.message}"
    return EngineError(Failure(found.kind, message, found.hint, log=found.lines))


def _just_before(started: str) -> str:
    """A second before a start: the engine notes the time after the process has begun to write."""
    if not started:
        return ""
    moment = datetime.fromisoformat(started[:19]) - timedelta(seconds=1)
    return f"{moment.isoformat()}Z"


class _Log:
    """Follows a container's log from its last start in a thread; progress bars that move by `\\r` are lines too."""

    def __init__(self, seen: ObservedContainer, engine: Engine) -> None:
        self.lines: list[str] = []
        self.progress = Progress()
        self.moved = time.monotonic()
        self._secrets = secret_values(seen)
        self._stream = engine.follow(seen.name, _just_before(seen.started))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._found: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> _Log:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._thread.join(timeout=_JOIN_SECONDS)

    def _read(self) -> None:
        with contextlib.suppress(EngineError, ValueError):
            for text in self._stream:
                for line in _LINE_BREAKS.split(text):
                    self._found.put(line)
        self._found.put(None)

    def drain(self) -> None:
        """Takes what has come."""
        for line in self._pending():
            shown = masked(line, self._secrets)
            self.lines.append(shown)
            self.progress = self.progress.after(shown)
            self.moved = time.monotonic()
        del self.lines[:-_KEPT_LINES]

    def _pending(self) -> Iterator[str]:
        while True:
            try:
                line = self._found.get_nowait()
            except queue.Empty:
                return
            if line:
                yield line

    def finish(self) -> None:
        """The rest of an ended container's log."""
        self._thread.join(timeout=_JOIN_SECONDS)
        self.drain()
