"""The one door to what is remembered: answers, each kept with every question that it depended on.

An answer holds as long as all of its questions are answered as they were. Questions about secrets are no exception: of
their answers only a keyed digest is kept. So an entry says nothing, and it is never wrong, only gone.
"""

from __future__ import annotations

import json
import os
import sys

import sglaunch
from sglaunch.recall.store import Store, digest
from sglaunch.recall.witness import Trace, ask, asking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from sglaunch.recall.witness import Question

    Asked = Callable[[list[Question]], dict[Question, Any]]

_stores: dict[str, Store] = {}


class Entry:
    """What is remembered under a name: what was asked then, with marks of the answers, and what came of it."""

    def __init__(self, store: Store, asked: Sequence[tuple[Question, str]], value: Any) -> None:
        self._store, self.asked, self.value = store, asked, value

    def holds(self, kinds: Callable[[str], bool] = lambda kind: True, asked: Asked | None = None) -> bool:
        """Whether the questions of some kinds are answered as they were. `asked` answers several at once."""
        chosen = [(question, mark) for question, mark in self.asked if kinds(question[0])]
        if asked is not None:
            answers = asked([question for question, _ in chosen])
            return all(_mark(self._store, answers.get(question)) == mark for question, mark in chosen)
        return all(_mark(self._store, ask(*question)) == mark for question, mark in chosen)


def entry(name: Sequence[Any]) -> Entry | None:
    """The entry of a name, whether it holds or not."""
    with asking():
        store = _store()
        data = store.read(_text(name))
    if data is None:
        return None
    asked, value = json.loads(data)
    return Entry(store, [(_question(question), mark) for question, mark in asked], value)


def keep(name: Sequence[Any], trace: Trace, value: Any) -> None:
    """Remembers what came of a trace, if that is all it depended on. `value` is what JSON has."""
    if not trace.whole:
        return
    with asking():
        store = _store()
        asked = [(question, _mark(store, answer)) for question, answer in trace.answers.items()] if store.key else []
        store.write(_text(name), json.dumps([asked, value], separators=(",", ":")).encode())


def _store() -> Store:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(base, "sglaunch", "answers")
    if folder not in _stores:
        _stores[folder] = Store(folder)
    return _stores[folder]


def _mark(store: Store, answer: Any) -> str:
    return store.mark(repr(answer).encode(errors="surrogateescape"))


def _question(parts: Any) -> Question:
    """Questions are tuples all the way down; JSON knows lists."""
    return tuple(_question(part) if isinstance(part, list) else part for part in parts)


def _text(name: Sequence[Any]) -> str:
    if not _code:
        _code.append(_ourselves())
    return json.dumps([_code[0], *name])


_code: list[str] = []


def _ourselves() -> str:
    """The code that gives the answers: every module of ours, the interpreter, the folders of installed libraries.

    Told before any of it may change: an answer of the code of before is never found by that of after.
    """
    found = [f"{sys.hexversion} {os.geteuid()}"]
    folders = list(sglaunch.__path__)
    while folders:
        for one in os.scandir(folders.pop()):
            if one.name.endswith(".py"):
                status = one.stat()
                found.append(f"{one.path} {status.st_size} {status.st_mtime_ns}")
            elif one.name != "__pycache__" and one.is_dir():
                folders.append(one.path)
    libraries = [path for path in sys.path if path.endswith(("site-packages", "dist-packages")) and os.path.isdir(path)]
    found += [f"{path} {os.stat(path).st_mtime_ns}" for path in libraries]
    return digest("\n".join(sorted(found)).encode(errors="surrogateescape"))
