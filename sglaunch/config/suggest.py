"""Nearest valid spellings, for messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, allowed: Iterable[str]) -> str:
    """`did you mean X?`, or the allowed words where none is near and they are few; else empty."""
    words = sorted(allowed)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"allowed are {', '.join(words)}" if 0 < len(words) <= 12 else ""
