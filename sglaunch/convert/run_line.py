"""A run command taken apart: its flags by the table, its image, its command; pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence

from sglaunch.convert.concealed import hidden
from sglaunch.convert.flags import FLAGS, GLOBAL, Flag
from sglaunch.convert.shell_text import Expression, Literal, Unknown, Word
from sglaunch.plain import Struct, field

_IMAGE_NAME = re.compile(r"ima?ge?(?!.*(arg|opt|flag))|(^|_)tag$", re.IGNORECASE)
_OPTION_NAME = re.compile(
    r"arg|opt|flag|param|cmd|command|volume|mount|device|gpu|env|port|network|socket|display|permission|secret|label"
    r"|(^|_)(vol|dev|net)s?($|_)",
    re.IGNORECASE,
)
_PRINTS_IMAGE = re.compile(r"\b(build|images?|img|tag)\b", re.IGNORECASE)
GLOBAL_FLAGS: Mapping[str, Flag] = {name: flag for flag in GLOBAL for name in flag.names}
"""Flags before the word `run`, which nerdctl takes after it, too."""
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


class Loss(Struct, frozen=True):
    """Something of the line that is not carried: where, under which flag, what and what to do."""

    at: int
    path: str
    message: str
    hint: str = ""


class Given(Struct, frozen=True):
    """A flag as it was given. `value` of a switch is None where it says nothing; `on` is what it then says."""

    flag: Flag
    written: str
    at: int
    value: Word | None = None
    on: bool = True


class Line(Struct):
    """A run command taken apart. `image` is None where there is none.

    Variables it may pass on: `passed` were set for the client alone, `exported` by earlier lines.
    """

    engine: str
    at: int
    given: list[Given] = field(default_factory=list)
    image: Word | None = None
    command: list[Word] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    passed: dict[str, Word] = field(default_factory=dict)
    exported: dict[str, Word] = field(default_factory=dict)
    sudo: bool = False


def take_words(words: Sequence[Word], line: Line) -> None:
    """Flags up to the first word that is none: the image; what follows is the command (pflag, not interspersed)."""
    at = 0
    while at < len(words):
        word = words[at]
        text = word.head
        if word.plain == "--":
            at += 1
            break
        if _may_be_options(words, at):
            line.losses.append(_options(word))
            at += 1
        elif text.startswith("--") and len(text) > 2:
            at = _long(words, at, line)
        elif re.match(r"[–—][A-Za-z]", text):
            line.remarks.append("a dash of a text processor was read as --")
            words = [*words[:at], Word((Literal("--"), *word.after(1).parts), word.at), *words[at + 1 :]]
        elif text.startswith("-") and len(text) > 1:
            at = _short(words, at, line)
        elif word.plain in ("...", "…"):
            line.losses.append(_options(word))
            at += 1
        else:
            break
    if at < len(words):
        line.image = words[at]
        line.command = list(words[at + 1 :])


def _options(word: Word) -> Loss:
    message = "may hold further options, which cannot be known"
    return Loss(word.at, hidden(word.written), message, "write what it holds in the profile")


def _may_be_options(words: Sequence[Word], at: int) -> bool:
    """Whether a word without quotes that is one variable stands for flags rather than for the image.

    Of several such words in a row the first whose name says image is the image; else the first that does not say
    something of options.
    """
    part = words[at].sole
    if isinstance(part, Unknown):
        prints_image = part.written[:2] in ("$(", "`") and (at + 1 == len(words) or _PRINTS_IMAGE.search(part.written))
        return part.many and not prints_image
    if not isinstance(part, Expression) or part.quoted:
        return False
    if part.maybe:
        return True
    row = [word.sole for word in _row(words[at:])]
    names = [part.name for part in row if isinstance(part, Expression)]
    image = next((number for number, name in enumerate(names) if _IMAGE_NAME.search(name)), None)
    if image is not None:
        return image > 0
    after = words[at + len(row)].head if at + len(row) < len(words) else ""
    if _OPTION_NAME.search(part.name):
        return True
    # A flag of the engine after it, and an image after that: then the variable was none.
    return after.startswith("-") and after.split("=")[0] in FLAGS and _image_follows(words[at + len(row) :])


def _row(words: Sequence[Word]) -> Iterator[Word]:
    for word in words:
        part = word.sole
        if not isinstance(part, Expression) or part.quoted:
            return
        yield word


def _image_follows(words: Sequence[Word]) -> bool:
    return any(isinstance(p := word.sole, Expression) and _IMAGE_NAME.search(p.name) for word in words)


def _long(words: Sequence[Word], at: int, line: Line) -> int:
    word = words[at]
    name, has_value, value = word.partition("=")
    flag_name = name.plain or name.head
    rows = FLAGS.get(flag_name)
    if rows is None:
        return _unknown_flag(words, at, flag_name, has_value, line)
    flag = rows[0]
    if not flag.takes:
        line.given.append(_switched(flag, flag_name, word.at, value if has_value else None))
        return at + 1
    if has_value:
        line.given.append(Given(flag, flag_name, word.at, value))
        return at + 1
    return _with_next(flag, flag_name, words, at, line)


def _with_next(flag: Flag, name: str, words: Sequence[Word], at: int, line: Line) -> int:
    """The value is the next word, whatever it begins with."""
    if at + 1 >= len(words):
        line.losses.append(Loss(words[at].at, name, "has no value", "write one after it"))
        return at + 1
    value = words[at + 1]
    if value.head.startswith("-") and (value.head in FLAGS or re.fullmatch(r"-[a-zA-Z]{2,4}", value.head)):
        message = f"takes {value.head} as its value, as engines do; a value seems to be missing"
        line.losses.append(Loss(words[at].at, name, message, "write it in the profile"))
    line.given.append(Given(flag, name, words[at].at, value))
    return at + 2


def _short(words: Sequence[Word], at: int, line: Line) -> int:
    """`-itd`, `-p80:80`, `-p=80:80`, `-p 80:80`."""
    word, place = words[at], 1
    while place < len(word.head):
        name = f"-{word.head[place]}"
        rest = word.after(place + 1)
        rows = FLAGS.get(name)
        if rows is None:
            message = f"unknown flag{f' in {word.head}' if len(word.head) > 2 else ''}"
            line.losses.append(Loss(word.at, name, message, "see `docker run --help`"))
            place += 1
            continue
        has_value = rest.head.startswith("=")
        if rows[0].takes:
            if rest.parts:
                line.given.append(Given(rows[0], name, word.at, rest.after(1) if has_value else rest))
                return at + 1
            return _with_next(rows[0], name, words, at, line)
        line.given.append(_switched(rows[0], name, word.at, rest.after(1) if has_value else None))
        if has_value:
            return at + 1
        place += 1
    return at + 1


def _switched(flag: Flag, name: str, at: int, value: Word | None) -> Given:
    text = None if value is None else value.plain
    if value is None or text in _TRUE:
        return Given(flag, name, at)
    return Given(flag, name, at, None if text in _FALSE else value, on=False)


def _unknown_flag(words: Sequence[Word], at: int, name: str, has_value: bool, line: Line) -> int:
    """Whether it takes the next word nobody knows: not where that is a flag, or looks like the image."""
    near = difflib.get_close_matches(name, FLAGS, 1)
    hint = f"did you mean {near[0]}?" if near else "see `docker run --help`"
    flag = GLOBAL_FLAGS.get(name)
    message, hint = (flag.why, flag.hint) if flag is not None else ("unknown flag", hint)
    line.losses.append(Loss(words[at].at, name, message, hint))
    following = words[at + 1].head if at + 1 < len(words) else "-"
    if has_value or following.startswith("-") or (flag is not None and not flag.takes):
        return at + 1
    is_last = at + 2 >= len(words)
    return at + 1 if flag is None and (is_last or re.search(r"[/:]", following)) else at + 2
