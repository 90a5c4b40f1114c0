"""Sees every process this one starts, whoever starts it: for --verbose, and for counting engine calls in tests.

What is told to the engine's socket instead is told as the command line that would do the same.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import Any

from sglaunch.recall.witness import is_asking

_LISTENERS: list[Callable[[Sequence[str]], None]] = []
_INSTALLED: list[bool] = []
_OWN_LABEL = "sglaunch.spec."


def listen(listener: Callable[[Sequence[str]], None]) -> Callable[[], None]:
    """Calls `listener` with the words of each process from now on; the result ends it. Python's audit events serve."""
    if not _INSTALLED:
        sys.addaudithook(_hook)
        _INSTALLED.append(True)
    _LISTENERS.append(listener)
    return lambda: _LISTENERS.remove(listener)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("subprocess.Popen", "os.exec") or not _LISTENERS or is_asking():
        return
    words = [str(word) for word in arguments[1]]
    for listener in list(_LISTENERS):
        listener(words)


def is_heard() -> bool:
    """Whether anybody listens."""
    return bool(_LISTENERS)


def tell(words: Sequence[str]) -> None:
    """Of what a command line of the engine would do, and something else does."""
    for listener in list(_LISTENERS):
        listener(words)


def shown(words: Sequence[str]) -> str:
    """A command line for people; the pieces of our own label are cut, since they only repeat the spec.

    Nor does it matter to them which variables are kept from the program.
    """
    while len(words) > 2 and PurePath(words[0]).name == "env" and words[1] == "-u":
        words = [words[0], *words[3:]]
    words = words[1:] if PurePath(words[0]).name == "env" else words
    return shlex.join(f"{word[:24]}..." if word.startswith(_OWN_LABEL) else word for word in words)
