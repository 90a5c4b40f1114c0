"""A whole command from memory: what a run answered that did nothing but ask, while everything is answered as it was.

`recorded.py` keeps such runs. Here they are found and said again, so this is imported by every command and imports next
to nothing. What was said is text and, where it is a time that goes on, since when; at the end the engine's program may
have taken our place.
"""

from __future__ import annotations

import os
import sys
import time

from sglaunch.recall import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

VERBS = ("up", "plan", "ps", "shell", "exec", "completion")
_NEVER = ("--verbose", "--help", "-h", "--snapshot")
"""What tells of this moment: each call as it is made, the name of a snapshot."""


def name_of(words: Sequence[str]) -> tuple[list[Any], list[str]] | None:
    """Under which a command line is remembered, and what of it is only passed on: the words that exec runs.

    None for what is never remembered.
    """
    mark = words.index("--") if "--" in words else len(words)
    asked, passed = list(words[:mark]), list(words[mark + 1 :])
    if not any(word in VERBS for word in asked) or any(word in _NEVER for word in asked):
        return None
    # A command that exec runs may hold anything: it is passed on, and never kept.
    if bool(passed) != ("exec" in asked):
        return None
    try:
        terminals = [os.isatty(number) for number in range(3)]
        # Tables fit the terminal they are shown on.
        columns = os.get_terminal_size(1).columns if terminals[1] else 0
        return ["run", asked, os.getcwd(), terminals, columns], passed
    except OSError:
        return None


def replayed(words: Sequence[str]) -> int | None:
    """The exit status of a run from memory; None where it must be run."""
    named = name_of(words)
    entry = door.entry(named[0]) if named is not None else None
    if entry is None or named is None:
        return None
    from sglaunch.engine import reader

    if not entry.holds(lambda kind: kind not in reader.KINDS):
        return None
    try:
        if not entry.holds(reader.KINDS.__contains__, reader.answers):
            return None
    except reader.Unread:
        return None
    _say(entry.value["said"])
    if entry.value["become"]:
        program = [*entry.value["become"], *named[1]]
        os.execvp(program[0], program)  # noqa: S606 - a list of words, no shell
    return 0


def _say(said: Sequence[tuple[int, Any]]) -> None:
    streams = {1: sys.stdout, 2: sys.stderr}
    for number, piece in said:
        streams[number].write(piece if isinstance(piece, str) else _clock(*piece))
        streams[number].flush()


def _clock(since: float) -> str:
    from sglaunch.report.since import since as text

    return text(time.time() - since)
