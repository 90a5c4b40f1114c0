"""Whether a container that was started stays up: one that ends at once is a failure, told with its last words."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from sglaunch.convert.from_inspect import container, is_container
from sglaunch.engine.protocol import Engine
from sglaunch.engine.stir import at_rest
from sglaunch.errors import EngineError, Failure
from sglaunch.plan.observation import SERVING, ObservedContainer, secret_values
from sglaunch.spec.diagnosis import diagnose
from sglaunch.spec.values import masked

SETTLE_SECONDS = 0.3
"""How long a container must run to count as up: what ends at once ends sooner."""
REST_SECONDS = 0.02
"""Or for how long nothing in it may have run: what has begun to wait for something does not end at once."""
_POLL_SECONDS = 0.05
_GRACE, _LATER = 10, 5
"""Seconds that an engine gives a container that says nothing of it; and within which one that is killed has ended."""
_LOG_LINES, _SERVER_LINES = 10, 200


def look(name: str, engine: Engine) -> ObservedContainer | None:
    """One container as it is now. Podman shows an image whose last part has the name where no container has it."""
    data = engine.inspect([name], size=False).get(name)
    return container(data) if data is not None and is_container(data) else None


def settle(name: str, engine: Engine, seconds: float | None = None) -> str:
    """Raises EngineError for a container that does not stay; the result is a note for people on one that ended well.

    `seconds`: how long it must run, at rest or not; None for as long as it takes to see that it does not end at once.
    """
    poll = max(_POLL_SECONDS, (seconds or 0) / 20)
    deadline = time.monotonic() + (SETTLE_SECONDS if seconds is None else seconds)
    restarts, missed = None, False
    while True:
        data = engine.inspect([name], size=False).get(name)
        if data is None:
            # What was there a moment ago is looked for again.
            if missed or restarts is None:
                return "it has ended and is removed (auto_remove)"
            missed = True
            continue
        seen, missed = container(data), False
        restarts = seen.restart_count if restarts is None else restarts
        again = seen.status == "restarting" or seen.restart_count > restarts
        if again or (seen.status == "exited" and seen.exit_code != 0):
            raise exited(seen, engine)
        if seen.status == "exited":
            return "it has ended with exit code 0"
        serves, late = seen.status in SERVING, time.monotonic() - deadline
        if serves and late >= 0:
            return ""
        if late >= _LATER:
            message = f"container {name} was started, and the engine says that it is {seen.status or 'nothing'}"
            raise EngineError(Failure("not-started", message, "run the command again, or see the engine's log"))
        pid = (data.get("State") or {}).get("Pid") if serves and seconds is None else 0
        if pid and _rests(int(pid), seen.id, poll):
            return ""
        if not pid:
            time.sleep(poll)


def grace(name: str, engine: Engine) -> float:
    """The seconds within which a stop of a container ends: its own grace, and a little for the engine."""
    return grace_of((engine.inspect([name], size=False).get(name) or {}).get("Config") or {})


def grace_of(config: Mapping[str, Any]) -> float:
    """The same of a container's Config, as inspect has it."""
    own = config.get("StopTimeout")
    return (_GRACE if own is None else int(own)) + _LATER


def stopped(name: str, engine: Engine) -> None:
    """Waits for the end of a stop whose answer nobody waited for, at most for the container's grace.

    The engine goes on with it, and a start meanwhile would do nothing.
    """
    with contextlib.suppress(EngineError):
        deadline = time.monotonic() + grace(name, engine)
        first = look(name, engine)
        while time.monotonic() < deadline and (seen := look(name, engine)) is not None and seen.status in SERVING:
            if first is not None and seen.started != first.started:
                return
            time.sleep(_POLL_SECONDS)


def _rests(pid: int, identity: str, seconds: float) -> bool:
    """Whether all that runs in a container comes to rest within some seconds, and stays so for a while."""
    until = time.monotonic() + seconds
    before = None
    while time.monotonic() < until:
        now = at_rest(pid, identity)
        if now is not None and now == before:
            return True
        before = now
        time.sleep(REST_SECONDS)
    return False


def exited(seen: ObservedContainer, engine: Engine) -> EngineError:
    """The error of a container that does not stay up, with its last words."""
    # One that runs again has no code of its own.
    code = "restarted" if seen.status == "running" else f"exit code {seen.exit_code}"
    code += ", out of memory" if seen.oom_killed else ""
    verb = "keeps exiting" if seen.status == "restarting" or seen.restart_count else "exited at once"
    values = secret_values(seen)
    count = _SERVER_LINES if seen.server_port else _LOG_LINES
    log = tuple(masked(line, values) for line in engine.log_tail(seen.name, count))
    if seen.server_port:
        found = diagnose(log, seen.exit_code, oom_killed=seen.oom_killed)
        message = f"container {seen.name} {verb} ({code}): {found.message}"
        return EngineError(Failure(found.kind, message, found.hint, log=found.lines))
    hint = "check command and the log" if log else "it wrote no log; check command"
    return EngineError(Failure("exited", f"container {seen.name} {verb} ({code})", hint, log=log))
