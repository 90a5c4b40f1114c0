"""Runs a pull or a push and tells how far it is. Engines tell bytes on a terminal alone, so they get one of ours."""

from __future__ import annotations

import time
from collections.abc import Callable

from sglaunch.convert.from_transfer import Moved, Rate, Transfer, percent, told
from sglaunch.engine.cli import Cli
from sglaunch.engine.explain import failure
from sglaunch.spec.startup import Progress

PHASES = {"pull": "pulling", "push": "pushing"}
_EVERY = 0.2


def run(cli: Cli, verb: str, *words: str, tell: Callable[[Progress, float], None]) -> Moved:
    """The last that it said of itself; raises EngineError with what was no progress."""
    transfer, rate = Transfer(), Rate()
    began = time.monotonic()
    last = 0.0

    def hear(text: str) -> None:
        nonlocal last
        moved = transfer.feed(text)
        seconds = time.monotonic() - began
        if seconds - last >= _EVERY:
            last = seconds
            tell(Progress(PHASES[verb], percent(moved), told(moved, rate.add(seconds, moved.done))), seconds)

    status = cli.drawn(verb, *words, hear=hear)
    moved = transfer.end()
    if status != 0:
        raise failure("\n".join(transfer.said) or f"{verb} ended with status {status}", cli.name)
    return moved
