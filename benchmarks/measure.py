"""One process, measured whole: wall time, CPU time with its children's, peak memory."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """Milliseconds of wall and CPU time, and MiB of the largest process."""

    wall: float
    cpu: float
    memory: float


class Broken(Exception):
    """A measured command did not end well."""


def run(words: Sequence[str], folder: Path, env: Mapping[str, str], typed: bytes | None = None) -> Run:
    """Runs a command. With `typed` it has a terminal, on which that is typed; else neither input nor output."""
    log = folder / ".log"
    reader, writer = os.openpty() if typed is not None else (-1, os.open(os.devnull, os.O_RDWR))
    errors = writer if typed is not None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    began = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            if typed is not None:
                os.setsid()
                os.close(os.open(os.ttyname(writer), os.O_RDWR))  # makes it the controlling terminal
            for number, handle in enumerate((writer, writer, errors)):
                os.dup2(handle, number)
            os.chdir(folder)
            os.execvpe(words[0], list(words), dict(env))
        finally:
            os._exit(127)
    os.close(writer)
    if typed is not None:
        os.write(reader, typed)
        _drain(reader)
    else:
        os.close(errors)
    _, status, usage = os.wait4(pid, 0)
    wall = (time.perf_counter() - began) * 1e3
    if os.waitstatus_to_exitcode(status) != 0:
        said = log.read_text(errors="replace") if log.exists() else ""
        raise Broken(f"{' '.join(words)}: {os.waitstatus_to_exitcode(status)}\n{said}")
    return Run(wall, (usage.ru_utime + usage.ru_stime) * 1e3, usage.ru_maxrss / 1024)


def _drain(reader: int) -> None:
    """Reads what a terminal shows until nobody holds it."""
    try:
        while os.read(reader, 65536):
            pass
    except OSError:
        pass
    os.close(reader)


def median(runs: Sequence[Run]) -> Run:
    """Each figure's median."""
    return Run(*(statistics.median(getattr(one, name) for one in runs) for name in ("wall", "cpu", "memory")))


def ratio(ours: Sequence[Run], theirs: Sequence[Run]) -> Run:
    """The median of the ratios of pairs."""
    pairs = list(zip(ours, theirs, strict=True))
    return Run(
        statistics.median(a.wall / b.wall for a, b in pairs),
        statistics.median(a.cpu / b.cpu for a, b in pairs),
        statistics.median(a.memory / b.memory for a, b in pairs),
    )
