"""Questions on a terminal. Without one nobody is asked, and the caller says which flags answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def is_terminal() -> bool:
    """Whether somebody can be asked: both ends are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def choose(question: str, choices: Sequence[str], default: str) -> str:
    """The first letter of one of `choices`, each written like `[r]ecreate`; end of input is the default."""
    letters = {choice[choice.index("[") + 1] for choice in choices}
    while True:
        sys.stderr.write(f"{question} {' / '.join(choices)} ({default}): ")
        sys.stderr.flush()
        answer = sys.stdin.readline()
        word = answer.strip().lower()[:1]
        if not answer:
            sys.stderr.write("\n")
        if not word:
            return default
        if word in letters:
            return word
