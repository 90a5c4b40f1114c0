"""The run command in a pasted text: where it is, its flags by the table, its image, its command; pure."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sglaunch.convert.concealed import hidden
from sglaunch.convert.flags import FLAGS, GLOBAL, Flag
from sglaunch.convert.shell_text import Expression, Literal, Part, Unknown, Word
from sglaunch.convert.shell_words import Command
from sglaunch.spec.values import looks_secret

ENGINES = ("docker", "podman", "nerdctl", "nvidia-docker", "finch")
_ENGINE = re.compile(rf"(?:{'|'.join(ENGINES)})(?:\.exe|\.lima|-remote)?")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
# What a shell or `env` puts before a command, and says nothing of the container.
_BEFORE = {"then", "do", "else", "if", "while", "time", "exec", "command", "builtin", "{", "!", "env", "lima"}
_IMAGE_NAME = re.compile(r"ima?ge?(?!.*(arg|opt|flag))|(^|_)tag$", re.IGNORECASE)
_OPTION_NAME = re.compile(
    r"arg|opt|flag|param|cmd|command|volume|mount|device|gpu|env|port|network|socket|display|permission|secret|label"
    r"|(^|_)(vol|dev|net)s?($|_)",
    re.IGNORECASE,
)
_PRINTS_IMAGE = re.compile(r"\b(build|images?|img|tag)\b", re.IGNORECASE)
_GLOBAL: Mapping[str, Flag] = {name: flag for flag in GLOBAL for name in flag.names}
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


@dataclass(frozen=True)
class Loss:
    """Something of the line that is not carried: where, under which flag, what and what to do."""

    at: int
    path: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Given:
    """A flag as it was given. `value` of a switch is None where it says nothing; `on` is what it then says."""

    flag: Flag
    written: str
    at: int
    value: Word | None = None
    on: bool = True


@dataclass
class Line:
    """A run command taken apart. `image` is None where there is none. `passed`: variables set for the client alone."""

    engine: str
    at: int
    given: list[Given] = field(default_factory=list)
    image: Word | None = None
    command: list[Word] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    passed: dict[str, Word] = field(default_factory=dict)
    sudo: bool = False


def lines(commands: Sequence[Command]) -> tuple[list[Line], list[Loss]]:
    """Every run command of a text, and what the other commands of it lose."""
    found: list[Line] = []
    losses: list[Loss] = []
    known: dict[str, Word] = {}
    for command in commands:
        words = [_resolved(word, known) for word in command.words]
        line = _run(words, command)
        if line is not None:
            found.append(line)
        elif not _assigned(words, known):
            losses += _other(words, command)
    return found, losses


def _run(words: Sequence[Word], command: Command) -> Line | None:
    for number, word in enumerate(words):
        if (start := _verb(words, number)) is not None:
            name = word.plain
            line = Line(
                posixpath.basename(name) if name else "docker",
                word.at,
                remarks=[f"the line said: {said}" for said in command.remarks if said],
            )
            _before(words[:number], line)
            _global(words[number + 1 : start], line)
            _take(words[start + 1 :], line)
            line.losses += [_not_the_line(at, text) for at, text in command.rest]
            if command.after == "&":
                line.losses.append(_not_the_line(words[-1].at, "&"))
            return line
    return None


def _not_the_line(at: int, text: str) -> Loss:
    return Loss(at, hidden(text.strip()), "is for the shell that ran the line", "`sglaunch logs` shows what it prints")


def _verb(words: Sequence[Word], number: int) -> int | None:
    """The position of `run` or `create` after an engine's name, past flags; None where it is none."""
    name = words[number].plain
    is_variable = isinstance(words[number].sole, Expression)
    if not is_variable and (name is None or not _ENGINE.fullmatch(posixpath.basename(name))):
        return None
    at = number + 1
    while at < len(words):
        text = words[at].head
        if text in ("run", "create") and words[at].plain == text:
            return at
        if text == "container" and not is_variable:
            at += 1
        elif text.startswith("-") and not is_variable:
            flag = _GLOBAL.get(text.partition("=")[0])
            at += 2 if flag is not None and flag.takes and "=" not in text else 1
        else:
            return None
    return None


def _before(words: Sequence[Word], line: Line) -> None:
    """What stands before the engine: assignments, sudo with its flags, what else runs it."""
    is_sudo = False
    others: list[Word] = []
    for word in words:
        match = _ASSIGNMENT.match(word.head)
        text = word.plain or word.written
        if match:
            line.passed[match[1]] = word.after(match.end())
        elif text in ("sudo", "doas"):
            line.sudo = is_sudo = True
        elif text not in _BEFORE and not (is_sudo and text.startswith("-")):
            others.append(word)
    if others:
        text = " ".join(word.written for word in others)
        line.losses.append(Loss(others[0].at, hidden(text), "stands before the command", "run sglaunch that way"))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST"):
        if name in line.passed:
            hint = "sglaunch honours it, too; or write engine: in sglaunch.local.yaml"
            line.losses.append(Loss(line.passed.pop(name).at, name, "says where the engine is", hint))


def _global(words: Sequence[Word], line: Line) -> None:
    skip = False
    for word in words:
        name = word.head.partition("=")[0]
        flag = _GLOBAL.get(name)
        if skip or name == "container":
            skip = False
            continue
        skip = flag is not None and flag.takes and "=" not in word.head
        why = flag.why if flag is not None else "is a flag of the client"
        line.losses.append(Loss(word.at, name, f"stands before run: {why}", flag.hint if flag is not None else ""))


def _take(words: Sequence[Word], line: Line) -> None:
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
    flag = _GLOBAL.get(name)
    message, hint = (flag.why, flag.hint) if flag is not None else ("unknown flag", hint)
    line.losses.append(Loss(words[at].at, name, message, hint))
    following = words[at + 1].head if at + 1 < len(words) else "-"
    if has_value or following.startswith("-") or (flag is not None and not flag.takes):
        return at + 1
    is_last = at + 2 >= len(words)
    return at + 1 if flag is None and (is_last or re.search(r"[/:]", following)) else at + 2


def _resolved(word: Word, known: Mapping[str, Word]) -> Word:
    """The word with variables that an earlier line of the text set."""
    if not any(name in known for name in word.names):
        return word
    parts: list[Part] = []
    for part in word.parts:
        if isinstance(part, Expression) and part.name in known:
            parts += [replace(one, quoted=True) if isinstance(one, Literal) else one for one in known[part.name].parts]
        else:
            parts.append(part)
    return Word(tuple(parts), word.at)


def _assigned(words: Sequence[Word], known: dict[str, Word]) -> bool:
    """Whether a command only sets variables; their values are then known, but for secrets."""
    rest = [word for word in words if word.plain not in ("export", "local", "declare", "readonly", "set", "-x")]
    found = [(match[1], word.after(match.end())) for word in rest if (match := _ASSIGNMENT.match(word.head))]
    if not found or len(found) != len(rest):
        return False
    known.update({name: value for name, value in found if not looks_secret(name) and value.unknown is None})
    return True


def _other(words: Sequence[Word], command: Command) -> Iterator[Loss]:
    """Another command of the text."""
    if not words:
        return
    text = hidden(" ".join(word.written for word in words[:3]))
    hints = {"pull": "up pulls what is missing", "build": "write build: in the profile", "rm": "see `sglaunch down`"}
    hints |= {"stop": "see `sglaunch stop`", "exec": "see `sglaunch exec`", "logs": "see `sglaunch logs`"}
    hint = hints.get(words[1].head, "") if len(words) > 1 else ""
    if command.before == "|":
        hint = "`sglaunch logs` shows what the container prints"
    yield Loss(words[0].at, "", f"another command: {text}{' ...' if len(words) > 3 else ''}", hint)
