"""Events of apply to stderr: one line a step, or one JSON object a line."""

from __future__ import annotations

import json
import sys
from typing import Protocol

from sglaunch.plan.steps import ContainerPlan, Step
from sglaunch.report.clean import clean

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


def lines(event: Happened) -> None:
    """For people: what was done, and why."""
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


def json_lines(event: Happened) -> None:
    """For programs."""
    step = event.step
    data = {"event": event.kind, "profile": event.plan.profile, "container": event.plan.container}
    if step is not None:
        data |= {"op": step.op, "target": step.target, "cause": step.cause}
    if event.note:
        data["note"] = event.note
    sys.stderr.write(json.dumps(data) + "\n")
    sys.stderr.flush()


def silent(event: object) -> None:
    """--quiet."""


def say(text: str) -> None:
    """A line on stderr, where progress and questions belong."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()
