"""The lines that move, as they stand at the end of the terminal: whatever else is said goes above them."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence


class _Standing:
    lines: Sequence[str] = ()
    ended = False


_lock = threading.RLock()
"""Several containers are worked on at once, and each call may be told."""


def begin() -> None:
    """Somebody is about to draw."""
    _Standing.ended = False


def draw(lines: Sequence[str]) -> None:
    """These instead of those that stand; each must fit the terminal."""
    with _lock:
        clear()
        if lines and not _Standing.ended:
            _Standing.lines = tuple(lines)
            sys.stderr.write("\n".join(lines))
            sys.stderr.flush()


def clear() -> None:
    """The cursor is where the first of them began."""
    with _lock:
        if _Standing.lines:
            above = len(_Standing.lines) - 1
            up = f"\x1b[{above}A" if above else ""
            sys.stderr.write(f"\r{up}\x1b[J")
            _Standing.lines = ()


@contextlib.contextmanager
def above() -> Iterator[None]:
    """Room for a line above them."""
    with _lock:
        lines = _Standing.lines
        clear()
        yield
        draw(lines)


def end() -> None:
    """What is said next is the last word: nothing is drawn any more, though somebody still waits."""
    with _lock:
        clear()
        _Standing.ended = True
