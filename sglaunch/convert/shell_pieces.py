"""Pieces of a shell word: escapes, brackets that match, braces that make several words; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sglaunch.convert.shell_text import Literal, Part, Word

MOST_WORDS = 1000
_DEEPEST = 40
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "E": "\x1b"}
_ANSI = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|(.))", re.DOTALL)
_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_BLANKS = re.compile(r"[ \t\n]+")
_LIST = re.compile(r"\{([^{},\s]*(?:,[^{},\s]*)+)\}|\{(-?\d+)\.\.(-?\d+)\}")


def closing(text: str, start: int, pair: str) -> int:
    """The position after the bracket that closes the one at `start`; -1 where none does, or only after too many.

    Quotes hide brackets.
    """
    depth, at = 0, start
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'" and pair == "()":
            at = text.find("'", at + 1)
            if at < 0:
                return -1
        elif char == pair[0]:
            depth += 1
            if depth > _DEEPEST:
                return -1
        elif char == pair[1]:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return -1


def tilde_counts(before: Sequence[Part]) -> bool:
    """At the start of a word, and of the value of what looks like an assignment, as Bash has it."""
    text = "".join(part.text for part in before if isinstance(part, Literal) and not part.quoted)
    return not before or (len(text) == len(before) and _ASSIGNED.fullmatch(text) is not None)


def unescaped(text: str) -> str:
    """The inside of `$'..'`."""
    return _ANSI.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    for group, base in ((1, 16), (2, 16), (3, 16), (4, 8)):
        if match[group]:
            code = int(match[group], base)
            return chr(code) if 0 < code < 0xD800 or 0xDFFF < code <= 0x10FFFF else ""
    return _ESCAPES.get(match[5], match[5] if match[5] in "\\'\"?" else f"\\{match[5]}")


def merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Neighbours of one kind as one part; an empty quoted text only where there is nothing else."""
    result: list[Part] = []
    for part in parts:
        last = result[-1] if result else None
        if isinstance(part, Literal) and isinstance(last, Literal) and part.quoted == last.quoted:
            result[-1] = Literal(last.text + part.text, part.quoted)
        else:
            result.append(part)
    kept = tuple(part for part in result if not isinstance(part, Literal) or part.text)
    return kept or tuple(result[:1])


def braces(word: Word) -> list[Word]:
    """`{a,b}` and `{0..7}` outside of quotes make several words."""
    for number, part in enumerate(word.parts):
        match = _LIST.search(part.text) if isinstance(part, Literal) and not part.quoted else None
        if match is None:
            continue
        assert isinstance(part, Literal)
        found = match[1].split(",") if match[1] is not None else _sequence(int(match[2]), int(match[3]))
        if not found:
            continue
        words = []
        for piece in found:
            middle = Literal(part.text[: match.start()] + piece + part.text[match.end() :])
            words += braces(Word((*word.parts[:number], middle, *word.parts[number + 1 :]), word.at))
            if len(words) >= MOST_WORDS:
                break
        return words[:MOST_WORDS]
    return [word]


def _sequence(first: int, last: int) -> list[str]:
    if abs(last - first) >= MOST_WORDS:
        return []
    step = 1 if last >= first else -1
    return [str(number) for number in range(first, last + step, step)]


def words_of(word: Word) -> list[Word]:
    """A word that a variable filled, as a shell splits it: at blanks outside of quotes."""
    words: list[list[Part]] = [[]]
    for part in word.parts:
        if not isinstance(part, Literal) or part.quoted:
            words[-1].append(part)
            continue
        first, *rest = _BLANKS.split(part.text)
        words[-1] += [Literal(first)] if first else []
        words += [[Literal(piece)] if piece else [] for piece in rest]
    return [Word(tuple(parts), word.at) for parts in words if parts] or [Word((Literal(""),), word.at)]
