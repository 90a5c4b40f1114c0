"""The run commands in a pasted text, and what is around them: assignments, sudo, other commands; pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from sglaunch.convert.concealed import hidden
from sglaunch.convert.run_line import GLOBAL_FLAGS, Line, Loss, take_words
from sglaunch.convert.shell_pieces import words_of
from sglaunch.convert.shell_text import Expression, Literal, Part, Word
from sglaunch.convert.shell_words import Command
from sglaunch.plain import replace
from sglaunch.spec.values import looks_secret

ENGINES = ("docker", "podman", "nerdctl", "nvidia-docker", "finch")
_ENGINE = re.compile(rf"(?:{'|'.join(ENGINES)})(?:\.exe|\.lima|-remote)?")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=")
# What a shell or `env` puts before a command, and says nothing of the container.
_BEFORE = {"then", "do", "else", "if", "while", "time", "exec", "command", "builtin", "{", "!", "env", "lima"}


def lines(commands: Sequence[Command]) -> tuple[list[Line], list[Loss]]:
    """Every run command of a text, and what the other commands of it lose."""
    found: list[Line] = []
    losses: list[Loss] = []
    known: dict[str, Word] = {}
    exported: set[str] = set()
    for command in commands:
        words = [one for word in command.words for one in _resolved(word, known)]
        line = _run(words, command)
        if line is not None:
            line.exported = {name: known[name] for name in exported & known.keys()}
            found.append(line)
        elif not _assigned(words, known, exported):
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
            take_words(words[start + 1 :], line)
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
            flag = GLOBAL_FLAGS.get(text.partition("=")[0])
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
            hint = "sglaunch honours it, too; or write engine: in your personal file"
            line.losses.append(Loss(line.passed.pop(name).at, name, "says where the engine is", hint))


def _global(words: Sequence[Word], line: Line) -> None:
    skip = False
    for word in words:
        name = word.head.partition("=")[0]
        flag = GLOBAL_FLAGS.get(name)
        if skip or name == "container":
            skip = False
            continue
        skip = flag is not None and flag.takes and "=" not in word.head
        why = flag.why if flag is not None else "is a flag of the client"
        line.losses.append(Loss(word.at, name, f"stands before run: {why}", flag.hint if flag is not None else ""))


def _resolved(word: Word, known: Mapping[str, Word]) -> list[Word]:
    """The word with variables that an earlier line of the text set; what stands without quotes becomes words."""
    if not any(name in known for name in word.names):
        return [word]
    parts: list[Part] = []
    for part in word.parts:
        if isinstance(part, Expression) and part.name in known:
            inner = known[part.name].parts
            parts += [replace(one, quoted=part.quoted) if isinstance(one, Literal) else one for one in inner]
        else:
            parts.append(part)
    return words_of(Word(tuple(parts), word.at))


def _assigned(words: Sequence[Word], known: dict[str, Word], exported: set[str]) -> bool:
    """Whether a command only sets variables; their values are then known, but for secrets."""
    if words and words[0].plain == "export":
        exported |= {word.head.partition("=")[0] for word in words[1:]}
        if not any("=" in word.head for word in words):
            return True
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
