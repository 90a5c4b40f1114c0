"""Asks the world, and notes question and answer for whoever keeps a trace of them.

Everything that the configuration and a command that changes nothing depend on is asked here. What cannot be asked
again, such as the output of a process, spoils the traces that are open: nothing is kept of such a run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar

from sglaunch.recall.questions import KINDS, File

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Question = tuple[Any, ...]
    """The word of its kind, and what it is about."""

MAX_FILE = 1 << 20
_open: list[Trace] = []
_becoming: list[Callable[[Sequence[str]], None]] = []
_asking: ContextVar[bool] = ContextVar("asking", default=False)


class Trace:
    """The questions asked while it is open, each with its answer. `whole`: nothing else had a say."""

    def __init__(self) -> None:
        self.answers: dict[Question, Any] = {}
        self.spoiled: list[str] = []
        self.clocks: dict[str, float] = {}

    @property
    def whole(self) -> bool:
        return not self.spoiled

    def __enter__(self) -> Trace:
        _open.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _open.remove(self)


def note(question: Question, answer: Any) -> None:
    """Tells the open traces of an answer. One that was another a moment ago is none to depend on."""
    for trace in _open:
        if trace.answers.setdefault(question, answer) != answer:
            trace.spoiled.append(f"{question[0]} changed meanwhile")


def spoil(reason: str) -> None:
    """Something has a say that cannot be asked again."""
    for trace in _open:
        trace.spoiled.append(reason)


class asking:  # noqa: N801 - used as a statement
    """While this block runs, what touches the world is a question of ours."""

    def __enter__(self) -> None:
        self._before = _asking.set(True)

    def __exit__(self, *_: object) -> None:
        _asking.reset(self._before)


def ask(kind: str, *about: Any) -> Any:
    """The answer of today. KINDS are the kinds."""
    with asking():
        answer = KINDS[kind](*about)
    note((kind, *about), answer)
    return answer


def clock(line: str, since: float) -> None:
    """Tells the open traces that a line of the answer ends with how long something has gone on, and since when."""
    for trace in _open:
        trace.clocks[line] = since


def on_becoming(tell: Callable[[Sequence[str]], None]) -> None:
    """`tell` hears which program is about to take the place of this one."""
    _becoming.append(tell)


def becoming(program: Sequence[str]) -> None:
    """This process is about to become another program."""
    for tell in _becoming:
        tell(program)


def is_asking() -> bool:
    """Whether what touches the world at this moment is one of our own questions."""
    return _asking.get()


def file(path: str | os.PathLike[str], most: int = MAX_FILE) -> File:
    """A file with its content; see questions.File."""
    found: File = ask("file", os.fspath(path), most)
    return found


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether a path leads to something."""
    return bool(ask("exists", os.fspath(path)))


def env(name: str, default: str = "") -> str:
    """A variable of the caller; one that is empty is none."""
    return ask("env", name) or default


def program(name: str) -> str | None:
    """The program of a name on PATH."""
    found: str | None = ask("program", name, env("PATH", os.defpath))
    return found


def home() -> str:
    """The caller's folder."""
    return env("HOME") or str(ask("person")[3] or "/")


class Environment(Mapping[str, str]):
    """The caller's variables. Only those that somebody looks up are depended on."""

    def __getitem__(self, name: str) -> str:
        value: str | None = ask("env", name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(ask("env-names"))

    def __len__(self) -> int:
        return len(ask("env-names"))
