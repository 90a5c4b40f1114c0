"""Waits until a container answers: its log, its state and our own probe, each second; explains why it does not.

A 200 may have cost a generation, so the first one ends the waiting. No fixed time is right for loading a model: a stall
is, when for a while nothing moves (engine/movement.py).
"""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sglaunch.convert.from_inspect import addresses, container
from sglaunch.engine.movement import Movement, Repeated
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
_FIRST_SECONDS = 1.0
_INSIDE_ROUNDS = 5
_LINE_BREAKS = re.compile(r"[\r\n]+")
_KEPT_LINES = 5000
_JOIN_SECONDS = 2.0
_GLANCE_SECONDS = 1.5
_GLANCE_LINES = 200


Tell = Callable[[Progress, float], None]
"""Called each second: the progress, and the seconds since the waiting began."""


def wait_ready(
    name: str,
    engine: Engine,
    readiness: Readiness,
    tell: Tell,
    pause: Callable[[float], None] = time.sleep,
    *,
    rolls_back: bool = False,
) -> str:
    """The address it answers at ("" where nobody can reach it from here). Raises EngineError with the diagnosis.

    `rolls_back`: the container is removed if this fails. A probe runs in a thread of its own: one that hangs delays
    neither the clock nor the other probe.
    """
    began = time.monotonic()
    data = _data(name, engine)
    if readiness.port == ASSIGNED_PORT:
        readiness = replace(readiness, port=container(data).server_port)
    first = container(data)
    server = (first.applied.spec or {}).get("server", {}) if first.applied is not None else {}
    movement = Movement(data, server, engine.machine, readiness.stall)
    with contextlib.ExitStack() as stack:
        probes = _Probes(data, readiness, engine, stack)
        # One that answers already is not asked for its log, which may be long.
        if readiness.port and (found := probes.begin()) is not None:
            return found
        log = stack.enter_context(_Log(first, engine))
        stack.enter_context(Repeated(movement.look, movement.look_seconds))
        while True:
            log.drain()
            progress = movement.progress or log.progress
            tell(progress, time.monotonic() - began)
            data = _data(name, engine)
            seen = container(data)
            # A restart policy may have it up again before anybody looks.
            if seen.status != "running" or seen.restart_count > first.restart_count:
                log.finish()
                raise _ended(seen, log)
            address = _answer(data, seen, readiness, log, probes)
            if address is not None:
                return address
            if problem := _overdue(readiness, began, log, movement):
                kind, message = problem
                hint = _ROLLED_BACK if rolls_back else _STILL_RUNS
                failure = Failure(
                    kind, f"{name} {message[0]} ({progress}){message[1]}", hint, log=tuple(log.lines[-30:])
                )
                raise EngineError(failure)
            probes.pause(pause)


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


class _Probes:
    """Asks a server at its addresses here, each second, and from inside its container, where that may be the only way
    (a firewall, an engine in a network of its own)."""

    def __init__(
        self, data: Mapping[str, Any], readiness: Readiness, engine: Engine, stack: contextlib.ExitStack
    ) -> None:
        self._engine, self._readiness, self._name, self._stack = engine, readiness, container(data).name, stack
        self._near = _near(data, readiness.port, engine)
        rounds = _INSIDE_ROUNDS if self._near else 1
        self._outside = Repeated(lambda: first_ready(self._near, readiness.path), POLL_SECONDS)
        self._inside = Repeated(self._ask_inside, rounds * POLL_SECONDS, (rounds - 1) * POLL_SECONDS)

    def _ask_inside(self) -> bool | None:
        return True if probe_inside(self._name, self._engine, self._readiness) == OK else None

    def begin(self) -> str | None:
        """The address of one that answers already; else the probes go on beside the caller."""
        self._stack.enter_context(self._outside).tried.wait(_FIRST_SECONDS)
        found: str | None = self._outside.result
        if found is None:
            self._stack.enter_context(self._inside)
        return found

    def answer(self, data: Mapping[str, Any]) -> str | None:
        """The address once it answers, "" where that is known without one."""
        self._near = _near(data, self._readiness.port, self._engine)
        return self._outside.result or (self.shown(data) if self._inside.result else None)

    def pause(self, pause: Callable[[float], None]) -> None:
        """Lets a second pass, or what passes until one of them succeeds."""
        for _ in range(10):
            if self._outside.result is None and self._inside.result is None:
                pause(POLL_SECONDS / 10)

    def shown(self, data: Mapping[str, Any]) -> str:
        """Its address for people."""
        return next(iter(self._near or _far(data, self._readiness.port, self._engine)), "")


def _answer(
    data: Mapping[str, Any], seen: ObservedContainer, readiness: Readiness, log: _Log, probes: _Probes
) -> str | None:
    """The address once it is ready, "" where that is known without one."""
    if readiness.port == 0:
        if seen.health == "unhealthy":
            hint = "read the log; `docker inspect` shows what the healthcheck said"
            raise EngineError(Failure("unhealthy", f"{seen.name} is unhealthy", hint, log=tuple(log.lines[-10:])))
        return "" if seen.health == "healthy" else None
    found = probes.answer(data)
    return probes.shown(data) if found is None and log.progress.phase == READY else found


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
    for line in engine.log_tail(seen.name, _GLANCE_LINES, just_before(seen.started)):
        progress = progress.after(line)
    # A marker without an answer: it was up once, and does not answer now.
    return "not answering" if progress.phase == READY else f"loading ({progress})"


_STILL_RUNS = "it still runs: `sglaunch wait` goes on waiting, `sglaunch logs` tells more"
_ROLLED_BACK = (
    "it is removed, and the old container runs again; if it needs more time, raise server.ready.stall or timeout"
)


def _overdue(readiness: Readiness, began: float, log: _Log, movement: Movement) -> tuple[str, tuple[str, str]] | None:
    """Why nobody waits any longer: its kind, and the message before and behind the phase."""
    now = time.monotonic()
    if readiness.timeout is not None and now - began > readiness.timeout:
        return "timeout", (f"is not ready after {format_duration(round(readiness.timeout))}", "")
    if now - max(log.moved, movement.moved) > readiness.stall:
        still = ["no new log line", *(text for name, text in _STILL.items() if name in movement.seen)]
        unseen = [name for name in _STILL if name not in movement.seen and name != "GPU"]
        more = f"; not visible from here: {', '.join(unseen)}" if unseen else ""
        return "stall", (f"has not moved for {format_duration(round(readiness.stall))}", f": {', '.join(still)}{more}")
    return None


_STILL = {"download": "no growing download", "CPU": "no CPU work", "GPU": "no GPU work"}


def _ended(seen: ObservedContainer, log: _Log) -> EngineError:
    found = diagnose(log.lines, seen.exit_code, oom_killed=seen.oom_killed)
    # One that a restart policy has up again has no code of its own.
    code = "restarted" if seen.status == "running" else f"exit code {seen.exit_code}"
    code += ", out of memory" if seen.oom_killed else ""
    message = f"{seen.name} did not come up ({log.progress}, {code}): {found.message}"
    return EngineError(Failure(found.kind, message, found.hint, log=found.lines))


def just_before(started: str) -> str:
    """A second before a start: the engine notes the time after the process has begun to write. Its fraction and its
    offset (Podman's is that of the machine) stay."""
    if not started:
        return ""
    moment = datetime.fromisoformat(started[:19]) - timedelta(seconds=1)
    return f"{moment.isoformat()}{started[19:]}"


class _Log:
    """Follows a container's log from its last start in a thread; progress bars that move by `\\r` are lines too."""

    def __init__(self, seen: ObservedContainer, engine: Engine) -> None:
        self.lines: list[str] = []
        self.progress = Progress()
        self.moved = time.monotonic()
        self._secrets = secret_values(seen)
        self._stream = engine.follow(seen.name, just_before(seen.started))
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
