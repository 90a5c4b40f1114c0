"""Keeps a run for replay.py, if it did nothing but ask what the witness was asked, and answered.

That is not taken on trust: whatever else touches a file, a folder, a process or a socket while it runs is seen by an
audit hook of Python, and then nothing is kept.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any

from sglaunch.recall import door, witness
from sglaunch.replay import name_of

_WATCHED = frozenset(
    (
        *("open", "os.listdir", "os.scandir", "subprocess.Popen", "os.exec", "os.fork", "os.forkpty"),
        *("os.posix_spawn", "os.system", "socket.connect", "socket.bind", "socket.getaddrinfo"),
    )
)
# A module is byte-compiled into `NAME.pyc.NUMBER`, which is renamed when it is complete.
_CODE = re.compile(r"\.(py|pyc(\.\d+)?|so)$")
_LIBRARIES = ("/site-packages/", "/dist-packages/")


class Recording:
    """One run. As a context it hears what is said, and sees what is touched."""

    def __init__(self, words: Sequence[str]) -> None:
        self._named = name_of(words)
        self._trace = witness.Trace()
        self._said: list[tuple[int, str]] = []

    def __enter__(self) -> Recording:
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        if self._named is None:
            return self
        self._trace.__enter__()
        sys.addaudithook(self._seen)
        sys.stdin = _Asked(sys.stdin, self._trace)
        sys.stdout, sys.stderr = _Heard(sys.stdout, 1, self._said), _Heard(sys.stderr, 2, self._said)
        witness.on_becoming(self._becoming)
        return self

    def __exit__(self, *_: object) -> None:
        if self._named is not None:
            self._trace.__exit__()
            self._named = None
        sys.stdin, sys.stdout, sys.stderr = self._streams

    def keep(self) -> None:
        """It ended well."""
        self._keep([])

    def _becoming(self, program: Sequence[str]) -> None:
        """The engine's program is about to take our place; what exec runs in it is passed on by each run anew."""
        passed = self._named[1] if self._named is not None else []
        if passed and list(program[-len(passed) :]) != passed:
            return
        self._keep(list(program[: len(program) - len(passed)]))

    def _keep(self, program: Sequence[str]) -> None:
        if self._named is None:
            return
        said = [piece for number, text in _joined(self._said) for piece in self._timed(number, text)]
        self._trace.__exit__()
        name, self._named = self._named[0], None
        door.keep(name, self._trace, {"said": said, "become": program})

    def _timed(self, number: int, text: str) -> Iterator[tuple[int, Any]]:
        """The text in pieces, the times in it as since when."""
        for line in text.splitlines(keepends=True):
            since = self._trace.clocks.get(line.rstrip("\n"))
            if since is None:
                yield number, line
            else:
                head = line.rstrip("\n").rpartition(" ")[0]
                yield from ((number, f"{head} "), (number, [since]), (number, "\n"))

    def _seen(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _WATCHED or self._named is None or witness.is_asking():
            return
        if event in ("open", "os.listdir", "os.scandir") and _is_import(arguments[0]):
            return
        self._trace.spoiled.append(f"{event} {arguments[0]!r}"[:200])


def _joined(said: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """What was said, in order, to one stream after the other."""
    last: list[str] = []
    stream = 0
    for number, text in said:
        if number != stream and last:
            yield stream, "".join(last)
            last = []
        stream = number
        last.append(text)
    if last:
        yield stream, "".join(last)


def _is_import(path: Any) -> bool:
    """Whether it is a module, or a library's own file: the code has its place in the name of an entry."""
    if not isinstance(path, str | os.PathLike):
        return isinstance(path, int)  # what was opened before
    text = str(path)
    return _CODE.search(text) is not None or text in sys.path_importer_cache or any(part in text for part in _LIBRARIES)


class _Heard:
    """A stream whose text is kept as well."""

    def __init__(self, stream: IO[str], number: int, said: list[tuple[int, str]]) -> None:
        self._stream, self._number, self._kept = stream, number, said

    def write(self, text: str) -> int:
        self._kept.append((self._number, text))
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Asked:
    """An input that nobody reads unseen: what somebody types cannot be asked again."""

    def __init__(self, stream: IO[str], trace: witness.Trace) -> None:
        self._stream, self._trace = stream, trace

    def isatty(self) -> bool:
        return self._stream.isatty()

    def __iter__(self) -> Iterator[str]:
        self._trace.spoiled.append("somebody was asked")
        return iter(self._stream)

    def __getattr__(self, name: str) -> Any:
        self._trace.spoiled.append("somebody was asked")
        return getattr(self._stream, name)
