"""Text in the columns of a terminal, where a Chinese character takes two and a combining one none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

_ELLIPSIS = "…"
_LEAST = 10
"""Columns below which a cell is not narrowed."""
_BREAKS = ",/:-@="
_INDENT = "      "
_JOINERS = ("Mn", "Me", "Cf")
_KEY = re.compile(r"\S+ +(?=\S)")
"""The word a line begins with, such as `warning`, and what aligns what it says."""


def width(text: str) -> int:
    """Columns it takes (Unicode Standard Annex 11; ambiguous characters take one)."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def padded(text: str, columns: int) -> str:
    """The text and spaces up to a column."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """As much of it as fits."""
    if width(text) <= columns:
        return text
    kept = text[: _fitting(text, columns - 1)]
    return kept + _ELLIPSIS


def _fitting(text: str, columns: int) -> int:
    """How many characters fit."""
    taken = 0
    for number, char in enumerate(text):
        taken += _columns(char)
        if taken > columns:
            return number
    return len(text)


def table(rows: Sequence[Sequence[str]], columns: int | None = None) -> list[str]:
    """Rows of text as aligned lines, two spaces between columns, nothing after the last.

    `columns`: of the terminal that it must fit; the widest cells then go on in further lines.
    """
    if not rows:
        return []
    widths = [max(width(row[number]) for row in rows) for number in range(len(rows[0]))]
    if columns is not None:
        widths = _narrowed(widths, columns - 2 * (len(widths) - 1))
    lines = []
    for row in rows:
        folded = [list(_folded(cell, columns)) for cell, columns in zip(row, widths, strict=True)]
        for cells in zip_longest(*folded, fillvalue=""):
            lines.append("  ".join(map(padded, cells, widths)).rstrip())
    return lines


def _narrowed(widths: Sequence[int], columns: int) -> list[int]:
    """The widest ones made narrower until all fit, or none can be."""
    found = list(widths)
    while sum(found) > columns and max(found) > _LEAST:
        found[found.index(max(found))] -= 1
    return found


def _folded(text: str, columns: int) -> Iterator[str]:
    """Pieces that fit, broken between words; where no word ends soon enough, within a name."""
    while width(text) > columns:
        end = max(1, _fitting(text, columns))
        # Not so early that most of the line stays empty.
        second_half = range(end // 2 + 1, end + 1)
        words = [number for number in second_half if text[number - 1] == " " or text[number : number + 1] == " "]
        names = [number for number in second_half if text[number - 1] in _BREAKS]
        end = (words or names or [end])[-1]
        yield text[:end].rstrip()
        text = text[end:].lstrip()
    yield text


def fitted(lines: Iterable[str], columns: int) -> Iterator[str]:
    """Lines of a plan for a narrow terminal: without the spaces that align them, going on further right.

    Those behind the word that a line begins with stay, so that such words are followed alike, folded or not.
    """
    for line in lines:
        if width(line) <= columns:
            yield line
            continue
        indent = line[: len(line) - len(line.lstrip())]
        key = _KEY.match(line)
        head = key[0] if key is not None else indent
        rest = re.sub(r" {2,}", "  ", line[len(head) :].lstrip())
        first, *more = _folded(head + rest, max(columns, 2 * len(_INDENT)))
        yield first
        for piece in _folded(" ".join(more), max(columns - len(indent + _INDENT), _LEAST)) if more else ():
            yield f"{indent}{_INDENT}{piece}"
