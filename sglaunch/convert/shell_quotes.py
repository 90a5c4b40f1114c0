"""What stands in quotes, behind a backslash or behind a dollar: the pieces that a word is made of; pure.

The grammar is that of POSIX (Shell Command Language, 2.2) with Bash's `$'..'`; and quotes that a text processor made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sglaunch.convert.shell_expansion import name_of, parameter, substitution
from sglaunch.convert.shell_pieces import closing, merged, tilde_counts, unescaped
from sglaunch.convert.shell_text import HOME, Expression, Literal, Part, Unknown, Word
from sglaunch.plain import Struct

# `$env:NAME` is PowerShell's.
_NAME = re.compile(r"\$env:([A-Za-z_]\w*)|\$([A-Za-z_]\w*|[0-9@*#?!-])", re.ASCII)
_MOST_UNCLOSED = 20
SINGLE, DOUBLE = "single quotes", "double quotes"
# A character that stands for none, so that positions stay.
NOTHING = "\x00"


class Odd(Struct, frozen=True):
    """What a shell would have taken otherwise, and how it was read."""

    at: int
    text: str


class Pieces:
    """Reads a text piece by piece. `at`: the position; `outer`: the quotes of another command it was cut out of."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.odd: list[Odd] = []
        self.outer: str | None = None
        self.unclosed = 0

    def note(self, text: str) -> None:
        if all(odd.text != text for odd in self.odd):
            self.odd.append(Odd(self.at, text))

    def piece(self, before: list[Part]) -> Iterator[Part]:
        """What one character starts outside of quotes."""
        text, at = self.text, self.at
        char = text[at]
        if text.startswith(('"\'"$', '\\"$'), at):
            self.outer = self.outer or (SINGLE if char == '"' else DOUBLE)
        if char == NOTHING:
            self.at += 1
        elif char == "\\":
            self.at += 2
            yield Literal(text[at + 1 : at + 2], quoted=True)
        elif char == "'" or char in "‘’":
            yield self.single("'" if char == "'" else "‘’")
        elif char == '"' or char in "“”":
            self.at += 1
            yield from self.double('"' if char == '"' else "“”")
        elif text.startswith("$'", at):
            yield self.ansi()
        elif text.startswith('$"', at):
            self.at += 1
        elif char in "$`":
            yield self.dollar(is_quoted=False)
        elif char == "~" and tilde_counts(before) and text[at + 1 : at + 2] in ("", "/", ":", " ", "\n", "\t"):
            self.at += 1
            yield Expression(HOME, "~", quoted=True)
        else:
            self.at += 1
            yield Literal(char)

    def single(self, quotes: str) -> Literal:
        end = min((found for quote in quotes if (found := self.text.find(quote, self.at + 1)) >= 0), default=-1)
        if end < 0:
            self.note("a quote is not closed")
            end = len(self.text)
        text = self.text[self.at + 1 : end].replace(NOTHING, "")
        self.at = min(end + 1, len(self.text))
        return Literal(text, quoted=True)

    def double(self, quotes: str) -> Iterator[Part]:
        """From after the opening quote to after the closing one; "" for a text without quotes around it."""
        yield Literal("", quoted=True)
        while self.at < len(self.text):
            char = self.text[self.at]
            if quotes and char in quotes:
                self.at += 1
                return
            if char == "\\" and self.text[self.at + 1 : self.at + 2] in ("$", "`", '"', "\\", "\n"):
                escaped = self.text[self.at + 1]
                self.at += 2
                yield Literal("" if escaped == "\n" else escaped, quoted=True)
            elif char in "$`":
                yield self.dollar(is_quoted=True)
            elif char == NOTHING or (char == '"' and not quotes):
                self.at += 1
            else:
                self.at += 1
                yield Literal(char, quoted=True)
        if quotes:
            self.note("a quote is not closed")

    def ansi(self) -> Literal:
        """`$'..'`."""
        end = self.at + 2
        while end < len(self.text) and self.text[end] != "'":
            end += 2 if self.text[end] == "\\" else 1
        text, self.at = self.text[self.at + 2 : end], min(end + 1, len(self.text))
        return Literal(unescaped(text), quoted=True)

    def dollar(self, *, is_quoted: bool) -> Part:
        """A parameter or a substitution."""
        text, at = self.text, self.at
        if text[at] == "`":
            end = text.find("`", at + 1)
            if end < 0:
                self.at += 1
                return Literal("`", quoted=is_quoted)
            self.at = end + 1
            return substitution(text[at + 1 : end], text[at : self.at], _inside, is_quoted=is_quoted)
        pair = {"(": "()", "{": "{}"}.get(text[at + 1 : at + 2])
        if pair is not None and (end := self.closed(at + 1, pair)) > 0:
            self.at = end
            written = text[at:end]
            if pair == "{}":
                return parameter(written[2:-1], _inside, is_quoted=is_quoted)
            if written.startswith("$((") and written.endswith("))"):
                return Unknown(written)
            return substitution(written[2:-1], written, _inside, is_quoted=is_quoted)
        if match := _NAME.match(text, at):
            self.at = match.end()
            return name_of(match[1] or match[2], match[0], is_quoted=is_quoted)
        self.at += 1
        return Literal("$", quoted=is_quoted)

    def closed(self, start: int, pair: str) -> int:
        """The position after the closing bracket; -1 where there is none, for which a text is not searched for ever."""
        if self.unclosed > _MOST_UNCLOSED:
            return -1
        end = closing(self.text, start, pair)
        self.unclosed += end < 0
        return end


def _inside(text: str) -> Word:
    """Text as it is inside double quotes."""
    reader = Pieces(text)
    return Word(merged(list(reader.double(""))))
