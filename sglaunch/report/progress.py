"""Events of apply to stderr: one line a step, or one JSON object a line."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Protocol

from sglaunch.plan.steps import ContainerPlan, Step
from sglaunch.report.clean import clean
from sglaunch.spec.startup import Progress
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
    "ready": "ready",
}


_DURING = {"pull": "pulling", "stop": "stopping", "snapshot": "saving"}


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
    """For people: what was done, and why. A start-up has one moving line on a terminal, one line a phase elsewhere."""

    def __init__(self) -> None:
        self._phases: dict[str, str] = {}
        self._open = False

    def __call__(self, event: Happened) -> None:
        if event.progress is not None and event.step is not None:
            self._progress(event.step.target, event.progress, event.seconds)
            return
        self._close()
        _line(event)

    def _progress(self, name: str, progress: Progress, seconds: float) -> None:
        told = f"{name}: {progress} ({format_duration(int(seconds))})"
        if sys.stderr.isatty():
            columns = shutil.get_terminal_size().columns
            line = clean(f"{told}  {progress.line}").replace("\n", " ")[: columns - 1]
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
            self._open = True
        elif self._phases.get(name) != progress.phase:
            say(told)
        self._phases[name] = progress.phase

    def _close(self) -> None:
        if self._open:
            sys.stderr.write("\r\x1b[K")
            self._open = False


def _line(event: Happened) -> None:
    step = event.step
    if step is None:
        return
    if event.kind == "begin" and step.op in ("pull", "stop", "snapshot"):
        say(f"{step.target}: {_DURING[step.op]} ({step.cause})")
    elif event.kind == "done" and step.op in _VERBS:
        to = f" to {step.to}" if step.to and step.op in ("rename", "snapshot") else step.given()
        say(f"{step.target}: {_VERBS[step.op]}{to} ({step.cause})")
    elif event.kind == "undo":
        say(f"{step.target}: taken back: {step.op}{f' ({event.note})' if event.note else ''}")
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
        sys.stderr.write(json.dumps(_event_data(event)) + "\n")
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
    return data


def silent(event: object) -> None:
    """--quiet."""


def say(text: str) -> None:
    """A line on stderr, where progress and questions belong."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()
