"""Text that is not ours (logs, labels, names of other people's containers), safe to print on a terminal."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """One piece of text without escape sequences and control characters; tabs and newlines stay."""
    return _CONTROL.sub("", _SEQUENCE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def clean_log(line: str, *, colour: bool) -> str:
    """A log line; its colours stay where they are shown, nothing else of what moves a cursor does."""
    if not colour:
        return clean(line)
    parts = _COLOUR.split(line)
    colours = _COLOUR.findall(line)
    cleaned = [clean(part) for part in parts]
    return "".join(part + code for part, code in zip(cleaned, [*colours, ""], strict=True))
