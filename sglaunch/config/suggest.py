"""Nearest valid spellings, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def nearest(word: str, allowed: Iterable[str]) -> str:
    """`did you mean X?`, or the allowed words where none is near and they are few; else empty."""
    words = sorted(allowed)
    return _meant(word, words) or (f"allowed are {', '.join(words)}" if 0 < len(words) <= 12 else "")


def unknown_profile(name: str, known: Iterable[str]) -> tuple[str, str]:
    """The message and the hint for a profile name that nobody declares."""
    names = sorted(known)
    return f"unknown profile {name!r}", _meant(name, names) or f"profiles here: {', '.join(names) or 'none'}"


def _meant(word: str, words: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else ""
