"""A pasted shell text as words, each with its position; pure.

It reads what people paste, not only what a shell takes: prompts, line continuations that are missing or followed by
blanks, quotes that a text processor made, `<placeholders>`. Nothing is an error here; what was odd is told.
The grammar is that of POSIX (Shell Command Language, 2.2 and 2.10) with Bash's `$'..'` and `{a,b}`.
"""

from __future__ import annotations

import re

from sglaunch.convert.shell_pieces import braces, merged
from sglaunch.convert.shell_quotes import DOUBLE, NOTHING, Odd, Pieces
from sglaunch.convert.shell_text import Literal, Part, Unknown, Word
from sglaunch.plain import Struct, field

_BLANKS = " \t\r\f\v\u00a0\u200b\u3000\ufeff"
_PLACEHOLDER = re.compile(r"<[^\s<>|&;()\"'`$][^<>|&;()\"'`$\n]{0,80}(?<!\s)>")
_BRACKETED = re.compile(r"\[[A-Za-z][\w .,…-]*\](?=\s|$)")
_ENGINES = r"(?:sudo|doas|docker|podman|nerdctl|nvidia-docker|export)\b"
_PROMPT = re.compile(
    rf"(?:\([\w.-]+\)\s*)?(?:[\w.-]+@[\w.-]+[^\n$#>]*|\.{{2,3}}|…)?(?:[$%❯»]|#(?=\s*{_ENGINES}))\s+(?=\S)"
    rf"|[\w.-]+[$#]\s+(?={_ENGINES})"
    rf"|PS [^>\n]*>\s*|[A-Za-z]:\\[^>\n]*>\s*|!(?={_ENGINES})|>\s+"
)
_BEGINS = re.compile(rf"(?:\$ )?{_ENGINES}")
_FENCE = re.compile(r"(?:```|~~~)[^\n]*")
_CONTINUED = re.compile(r"\\([ \t\u00a0]*)\r?(?:\n|$)|[\^`]\r?\n")
_OPERATOR = re.compile(r"&&|\|\||;;|\|&|[;|&()]")
_REDIRECTION = re.compile(r"(?:\d+|&)?(?:<<<|<<-?|>>|>\||[<>]&?|<>)|&>>?")
_HERE = re.compile(r"<<-?\s*(['\"]?)([\w-]+)\1")


class Command(Struct):
    """The words of one command; `before` and `after` are the operators around it, `rest` what is not its words."""

    words: list[Word] = field(default_factory=list)
    before: str = ""
    after: str = ""
    rest: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class Read(Struct, frozen=True):
    """The commands of a text, and what was odd in it."""

    commands: list[Command]
    odd: list[Odd]


def read(text: str) -> Read:
    """The commands of a pasted text."""
    text = text.replace(NOTHING, "")
    reader = _Reader(text)
    commands = reader.commands()
    if reader.outer is not None:
        taken_off = reader.outer
        reader = _Reader(_without_outer(text, taken_off))
        commands = reader.commands()
        reader.odd.append(Odd(0, f"the line stood within {taken_off} of another command; they were taken off"))
    return Read([command for command in commands if command.words or command.rest], reader.odd)


def _without_outer(text: str, quotes: str) -> str:
    """A line that was cut out of another command's quotes, as it was inside them; every position stays."""
    if quotes == DOUBLE:
        return re.sub(r"\\(?=[\"$`])", NOTHING, text)
    text = re.sub(r"\"'\"(?=\$)", f'"{NOTHING * 2}', text)
    text = re.sub(r"(?<=[}\w])\"'\"", f'{NOTHING * 2}"', text)
    return re.sub(r"'\"(?=\$)|(?<=[}\w])\"'", NOTHING * 2, text)


class _Reader(Pieces):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.command = Command()
        self.done: list[Command] = []
        self.indent = 0
        self.resumed, self.commented = -1, False

    def commands(self) -> list[Command]:
        self.line_start()
        while self.at < len(self.text):
            self.step()
        self.end("")
        return self.done

    def step(self) -> None:
        """One blank, operator, comment or word."""
        text, at = self.text, self.at
        if text[at] == "\n":
            self.newline()
        elif text[at] in _BLANKS:
            self.at += 1
        elif match := _CONTINUED.match(text, at):
            self.continuation(match)
        elif text[at] == "\\" and text[at + 1 : at + 2].isspace():
            self.note("a backslash before a blank was read as the end of a line that was lost")
            self.at += 1
        elif text[at] == "#":
            self.comment()
        elif match := _BRACKETED.match(text, at):
            self.command.words.append(Word((Unknown(match[0], many=True),), at))
            self.at = match.end()
        elif not _PLACEHOLDER.match(text, at) and (match := _REDIRECTION.match(text, at)):
            self.redirection(match)
        elif match := _OPERATOR.match(text, at):
            self.at = match.end()
            self.end(match[0])
        else:
            self.command.words += braces(self.word())

    def continuation(self, match: re.Match[str]) -> None:
        if match[1]:
            self.note("blanks after the backslash at the end of a line were taken off")
        elif match[0][0] != "\\":
            self.note(f"{match[0][0]} at the end of a line was read as its continuation")
        self.at = self.resumed = match.end()
        self.prompt()

    def newline(self) -> None:
        """The end of a command, unless the next line looks as if it went on."""
        self.at += 1
        if self.commented:
            self.commented, self.resumed = False, self.at
            return
        start = self.past_blanks()
        following = self.text[start : start + 1]
        is_option = re.compile(r"-[-\w]|[–—]\w|> ?").match(self.text, start) is not None
        is_deeper = start - self.at > self.indent and following not in ("#", "\n", "")
        goes_on = is_option or (is_deeper and not _BEGINS.match(self.text, start))
        if self.command.words and goes_on:
            if not self.is_continued(start):
                self.note("a line that begins like an option was read with the line before it")
            self.prompt()
            return
        self.end("\n")
        self.line_start()

    def is_continued(self, start: int) -> bool:
        """Whether the line before says that it goes on: a prompt of the shell does, too."""
        return self.text[start : start + 1] == ">"

    def line_start(self) -> None:
        """Passes a prompt, a fence of Markdown; and notes how far in the line begins."""
        if match := _FENCE.match(self.text, self.at):
            self.at = match.end()
            return
        self.indent = self.past_blanks() - self.at
        self.prompt()

    def past_blanks(self) -> int:
        """The position of the first character of this line that is no blank, or of its end."""
        at = self.at
        while at < len(self.text) and self.text[at] != "\n" and (self.text[at].isspace() or self.text[at] in _BLANKS):
            at += 1
        return at

    def prompt(self) -> None:
        start = self.past_blanks()
        if match := _PROMPT.match(self.text, start):
            self.at = match.end()

    def comment(self) -> None:
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        self.command.remarks.append(self.text[self.at + 1 : end].strip())
        # A shell would end the command here; people who paste mean it to go on.
        self.commented = self.resumed >= 0 and not self.text[self.resumed : self.at].strip()
        self.at = end

    def redirection(self, match: re.Match[str]) -> None:
        """With its target; the text of a here-document goes with it."""
        start, self.at = self.at, match.end()
        if here := _HERE.match(self.text, start):
            end = re.compile(rf"^\s*{re.escape(here[2])}\s*$", re.MULTILINE).search(self.text, here.end())
            self.at = end.end() if end else len(self.text)
            self.command.rest.append((start, f"{here[0]} ... {here[2]}"))
            return
        while self.text[self.at : self.at + 1] and self.text[self.at] in _BLANKS:
            self.at += 1
        if self.at < len(self.text) and self.text[self.at] not in "\n|;&()":
            self.word()
        self.command.rest.append((start, self.text[start : self.at]))

    def end(self, operator: str) -> None:
        self.command.after = operator
        self.done.append(self.command)
        self.command = Command(before=operator)

    def word(self) -> Word:
        """A word, which ends at a blank or an operator that stands outside of quotes."""
        start = self.at
        parts: list[Part] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in _BLANKS or char == "\n":
                break
            if match := _CONTINUED.match(self.text, self.at):
                self.continuation(match)
                if self.text[self.at : self.at + 1].strip():
                    # Nothing between the backslash and the next line: a shell joins the two.
                    continue
                break
            if match := _PLACEHOLDER.match(self.text, self.at):
                parts.append(Literal(match[0], quoted=True))
                self.at = match.end()
            elif char in "|&;()<>":
                break
            else:
                parts += self.piece(parts)
        return Word(merged(parts), start)
