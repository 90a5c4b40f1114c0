"""The lock per container name: of several commands of one user that would change a container, one acts at a time.

An flock in the user's runtime folder, so that a killed holder lets go by itself. Across users the engine's unique name
is the lock, since nobody acts on another's container.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO

from sglaunch.engine.secrets import runtime_folder
from sglaunch.errors import EngineError, Failure
from sglaunch.plain import Struct

DEFAULT_TIMEOUT = 300.0
_POLL_SECONDS = 0.1


class Holder(Struct, frozen=True):
    """Who holds a lock: process id, what it does, and since when (RFC 3339)."""

    pid: int
    command: str
    since: str

    def __str__(self) -> str:
        return f"since {self.since[11:19]} (`sglaunch {self.command}`, pid {self.pid})"


@contextlib.contextmanager
def hold(
    names: Iterable[str], engine: str, command: str, timeout: float, waiting: Callable[[str], None]
) -> Iterator[None]:
    """Holds the locks of container names on an engine. `timeout` in seconds is for all of them together.

    `waiting` is told once per lock whom we wait for. Raises EngineError of kind `locked` when the time is over.
    """
    deadline = time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        # In one order for everybody, so that two commands never hold what the other one waits for.
        for name in sorted(set(names)):
            file = stack.enter_context(_open(name, engine))
            _take(file, name, deadline, waiting)
            _sign(file, command)
        yield


def stop_note(name: str, engine: str) -> Path:
    """The file that is there while a container is being stopped, and after a command that was killed meanwhile."""
    return _path(name, engine, "stop")


@contextlib.contextmanager
def noting_stop(name: str, engine: str) -> Iterator[None]:
    """Keeps the note of a stop while the block runs. A note that cannot be written is none."""
    note = stop_note(name, engine)
    with contextlib.suppress(OSError):
        note.parent.mkdir(mode=0o700, exist_ok=True)
        note.touch(mode=0o600)
    yield
    with contextlib.suppress(OSError):
        note.unlink(missing_ok=True)


def _path(name: str, engine: str, kind: str) -> Path:
    identity = hashlib.sha256(engine.encode()).hexdigest()[:8]
    return runtime_folder() / "locks" / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}-{identity}.{kind}"


def _open(name: str, engine: str) -> IO[str]:
    path = _path(name, engine, "lock")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    return os.fdopen(handle, "r+", encoding="utf-8")


def _take(file: IO[str], name: str, deadline: float, waiting: Callable[[str], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return
        left = deadline - time.monotonic()
        by = _holder(file)
        who = f"{name} is locked {by}" if by else f"{name} is locked by another sglaunch"
        if left <= 0:
            hint = "wait for it, or give more time with --lock-timeout SECONDS"
            raise EngineError(Failure("locked", who, hint))
        if not told:
            waiting(f"{who}; waiting up to {left:.0f} s")
            told = True
        time.sleep(min(_POLL_SECONDS, left))


def _sign(file: IO[str], command: str) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    file.seek(0)
    file.truncate()
    file.write(json.dumps({"pid": os.getpid(), "command": command, "since": since}))
    file.flush()


def _holder(file: IO[str]) -> Holder | None:
    file.seek(0)
    try:
        data = json.loads(file.read())
        return Holder(int(data["pid"]), str(data["command"]), str(data["since"]))
    except (ValueError, KeyError, TypeError):
        return None
