"""Questions on a terminal. Without one nobody is asked, and the caller says which flags answer."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Sequence


def is_terminal() -> bool:
    """Whether somebody can be asked: both ends are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def choose(question: str, choices: Sequence[str], default: str) -> str:
    """The first letter of one of `choices`, each written like `[r]ecreate`; end of input is the default.

    Another letter is told which ones there are, and the question asked again.
    """
    letters = [choice[choice.index("[") + 1] for choice in choices]
    while True:
        try:
            sys.stderr.write(f"{question} {' / '.join(choices)} ({default}): ")
            sys.stderr.flush()
            answer = _line()
        except KeyboardInterrupt:
            sys.stderr.write("\n")  # what is said of it begins on a line of its own
            raise
        word = answer.strip().lower()[:1]
        if not answer:
            sys.stderr.write("\n")
        if not word:
            return default
        if word in letters:
            return word
        sys.stderr.write(f"answer {', '.join(letters[:-1])} or {letters[-1]}\n")


def _line() -> str:
    """A line that somebody types.

    Python acts on a signal between two of its own steps. One that comes after the last step before the wait would be
    acted on only when the wait ends, so the wait is also for what the handler writes (signal.set_wakeup_fd).
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        while sys.stdin not in select.select([sys.stdin, reader], [], [])[0]:
            os.read(reader, 1)
        return sys.stdin.readline()
    finally:
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
