"""Events of apply to stderr: one line a step, or one JSON object a line."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import Protocol, TextIO

from sglaunch.plan.steps import ContainerPlan, Step
from sglaunch.report import standing
from sglaunch.report.clean import clean
from sglaunch.spec.columns import cut
from sglaunch.spec.startup import DOWNLOAD, Progress
from sglaunch.spec.values import format_duration

_VERBS = {
    "create": "created",
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
    "unpause": "resumed",
    "update": "updated",
    "remove": "removed",
    "rename": "renamed",
    "snapshot": "saved",
    "pull": "pulled",
    "mkdir": "made",
    "connect": "connected",
    "gone": "gone",
    "stopped": "waited for",
    "ready": "ready",
    "build": "built",
    "push": "pushed",
    "discard": "removed",
    "erase": "removed",
}


_DURING = {"pull": "pulling", "push": "pushing", "build": "building", "stop": "stopping", "snapshot": "saving"}


TRANSFERS = ("pulling", "pushing", DOWNLOAD)
TRANSFER_SECONDS = 5.0
"""How often a transfer is told where nobody sees it move."""
UNKNOWN_SECONDS = 60.0
"""The same for one of an unknown size."""


class Happened(Protocol):
    """What progress needs of an event."""

    @property
    def kind(self) -> str: ...
    @property
    def plan(self) -> ContainerPlan: ...
    @property
    def step(self) -> Step | None: ...
    @property
    def note(self) -> str: ...
    @property
    def progress(self) -> Progress | None: ...
    @property
    def seconds(self) -> float: ...


class Lines:
    """For people: what was done, and why. On a terminal what goes on has a moving line each; elsewhere a start-up has
    one line a phase, and a transfer one a tenth of its way, at most every five seconds. `plain`: as elsewhere, for
    people who have what is on the terminal read to them."""

    def __init__(self, *, plain: bool = False) -> None:
        self._plain = plain
        self._told: dict[str, tuple[Progress, float]] = {}
        self._moving: dict[str, str] = {}
        standing.begin()

    def __call__(self, event: Happened) -> None:
        if event.progress is not None and event.step is not None:
            self._progress(event.step.target, event.progress, event.seconds)
            return
        standing.clear()
        if event.step is not None:
            self._moving.pop(event.step.target, None)
        _line(event)
        self._draw()

    def _progress(self, name: str, progress: Progress, seconds: float) -> None:
        told = f"{name}: {progress} ({format_duration(int(seconds))})"
        if sys.stderr.isatty() and not self._plain:
            self._moving[name] = clean(f"{told}  {progress.line}").replace("\n", " ").rstrip()
            self._draw()
        elif self._is_news(name, progress, seconds):
            say(f"{told}  {progress.line}" if progress.phase in TRANSFERS and progress.line else told)
            self._told[name] = (progress, seconds)

    def _is_news(self, name: str, progress: Progress, seconds: float) -> bool:
        if name not in self._told:
            return True
        last, when = self._told[name]
        further = (progress.percent or 0) // 10 > (last.percent or 0) // 10
        further |= progress.percent is None and seconds - when >= UNKNOWN_SECONDS
        steps = progress.phase in TRANSFERS and further and seconds - when >= TRANSFER_SECONDS
        return steps or progress.phase != last.phase

    def _draw(self) -> None:
        """The moving lines, as many as the terminal has room for, none of them wrapped."""
        size = _size()
        last = list(self._moving.values())[-max(1, size.lines - 1) :]
        standing.draw([cut(line, size.columns - 1) for line in last])


def _size() -> os.terminal_size:
    """Of the terminal that is drawn on, which need not be that of stdout."""
    return size_of(sys.stderr)


def moves(term: str) -> bool:
    """Whether a terminal that calls itself so (TERM) can move its cursor."""
    return term != "dumb"


def size_of(stream: TextIO) -> os.terminal_size:
    """Of the terminal behind a stream; what the environment says where there is none."""
    try:
        return os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return shutil.get_terminal_size()


def _line(event: Happened) -> None:
    step = event.step
    if step is None:
        return
    to = f" to {step.to}" if step.to and step.op in ("rename", "snapshot") else step.given()
    if event.kind == "held":
        say(event.note)
    elif event.kind == "begin" and step.op in _DURING:
        say(f"{step.target}: {_DURING[step.op]} ({step.cause})")
    elif event.kind == "done" and step.op in _VERBS:
        say(f"{step.target}: {_VERBS[step.op]}{to} ({step.cause})")
    elif event.kind == "undo" and event.note:
        # It failed, or nobody knows whether it was done.
        say(f"{step.target}: {step.op}{to} (taking back: {event.note})")
    elif event.kind == "undo" and step.op in _VERBS:
        say(f"{step.target}: {_VERBS[step.op]}{to} (taken back)")
    if event.note and event.kind == "done":
        say(f"{step.target}: {event.note}")


class JsonLines:
    """For programs: one object a line; of a start-up what is new."""

    def __init__(self) -> None:
        self._progress: dict[str, Progress] = {}

    def __call__(self, event: Happened) -> None:
        if event.progress is not None:
            if self._progress.get(event.plan.container) == event.progress:
                return
            self._progress[event.plan.container] = event.progress
        _say_data(_event_data(event))


def say_event(text: str) -> None:
    """A line for people, where programs read: an object like those of events, `note`."""
    _say_data({"event": "note", "note": clean(text)})


def _say_data(data: dict[str, object]) -> None:
    sys.stderr.write(json.dumps(data) + "\n")
    sys.stderr.flush()


def _event_data(event: Happened) -> dict[str, object]:
    step = event.step
    data: dict[str, object] = {"event": event.kind, "profile": event.plan.profile, "container": event.plan.container}
    if step is not None:
        data |= {"op": step.op, "target": step.target, "cause": step.cause}
    if event.note:
        data["note"] = event.note
    if event.progress is not None:
        data |= {"phase": event.progress.phase, "percent": event.progress.percent, "line": clean(event.progress.line)}
        data["seconds"] = round(event.seconds, 1)
        if event.progress.done is not None:
            rate = round(event.progress.rate) if event.progress.rate is not None else None
            data |= {"bytes": event.progress.done, "total_bytes": event.progress.total, "bytes_per_second": rate}
    return data


def silent(event: object) -> None:
    """--quiet."""


def say(text: str) -> None:
    """A line on stderr, where progress and questions belong."""
    with standing.above():
        sys.stderr.write(clean(text) + "\n")
        sys.stderr.flush()
