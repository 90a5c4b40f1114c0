"""Runs the engine's own command line and classifies what it says."""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sglaunch.engine.explain import cli_missing, failure
from sglaunch.recall.witness import becoming, spoil

READ_TIMEOUT = 60.0
_MOMENT = 0.2
_WINDOW = (50, 200)
"""Rows and columns: wide enough that no line is cut."""
_TOLD_STATUS = re.compile(rb"exec failed with exit code (\d+)")
_LOG_STARTS = (b'time="', b"FATA[")
_MISSING = re.compile(r"no such (?:object|container|image)s?:\s*\"?([^\s\"\\]+)", re.IGNORECASE)


# A Ctrl-C of the terminal goes to our process group: whether a call is broken off is decided here. No session of its
# own, since sudo remembers a password by its terminal.
_OWN_GROUP: Mapping[str, Any] = {"process_group": 0} if sys.version_info >= (3, 11) else {"preexec_fn": os.setpgrp}


class Cli:
    """The program with its global options: `docker --context x`. `typed`: containers and images are asked for apart.

    `native`: a container's environment stands in another form of inspect.
    """

    def __init__(self, command: Sequence[str], name: str, *, typed: bool = False, native: bool = False) -> None:
        self.command = tuple(command)
        self.name = name
        self.typed, self.native = typed, native

    def run(
        self, *words: str, timeout: float | None = READ_TIMEOUT, data: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """One process, its output captured; its status is the caller's to judge."""
        spoil("a program was asked")
        try:
            done = subprocess.run(
                [*self.command, *words],
                input=data,
                capture_output=True,
                timeout=timeout,
                check=False,
                **_OWN_GROUP,
            )
        except FileNotFoundError:
            raise cli_missing(self.command[0]) from None
        except subprocess.TimeoutExpired:
            raise failure(f"no answer to `{words[0]}` within {timeout:.0f} s; {_UNREACHABLE}", self.name) from None
        out, err = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)

    def text(self, *words: str, timeout: float | None = READ_TIMEOUT, data: bytes = b"") -> str:
        """The output of a call that must succeed; `data` is its input, `timeout` in seconds (None: however long)."""
        done = self.run(*words, timeout=timeout, data=data)
        if done.returncode != 0:
            raise failure(done.stderr or done.stdout, self.name)
        return done.stdout

    def inspect(self, names: Sequence[str], *, size: bool) -> dict[str, Mapping[str, Any]]:
        """Containers and images by name or id, in one call where the engine tells them apart itself.

        A container's name holds neither `:` nor `@`, an image is asked for with one of them.
        """
        if not self.typed:
            return self._inspect(("inspect",), names, size=size)
        images = [name for name in names if ":" in name or "@" in name]
        containers = [name for name in names if name not in images]
        found = self._inspect(("container", "inspect"), containers, size=size)
        # The beginning of an id will do for this engine: `a` is not a container called a.
        real = {name: data for name, data in found.items() if name in (data.get("Name"), data.get("Id"))}
        if self.native and real:
            specs = self._inspect(("container", "inspect", "--mode", "native"), list(real), size=False)
            real = {name: _with_environment(data, specs.get(name, {})) for name, data in real.items()}
        return {**real, **self._inspect(("image", "inspect"), images, size=False)}

    def _inspect(self, words: Sequence[str], names: Sequence[str], *, size: bool) -> dict[str, Mapping[str, Any]]:
        """Found ones come in the order asked; the rest is told on stderr."""
        if not names:
            return {}
        done = self.run(*words, *(["--size"] if size else []), *names)
        missing = set(_MISSING.findall(done.stderr))
        try:
            data = json.loads(done.stdout or "[]")
        except ValueError:
            raise failure(done.stderr or "inspect answered something that is not JSON", self.name) from None
        found = [name for name in names if name not in missing]
        if not isinstance(data, list) or len(found) != len(data) or not all(isinstance(one, dict) for one in data):
            raise failure(done.stderr or "inspect answered something of another form", self.name)
        if done.returncode != 0 and not missing:
            raise failure(done.stderr, self.name)
        return dict(zip(found, data, strict=True))

    def to_stderr(self, *words: str) -> None:
        """A call whose progress people watch: on stderr, where progress belongs; its errors are classified."""
        sys.stderr.flush()
        spoil("a program was asked")
        try:
            process = subprocess.Popen(
                [*self.command, *words], stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=subprocess.PIPE, text=True
            )
        except FileNotFoundError:
            raise cli_missing(self.command[0]) from None
        try:
            _, errors = process.communicate()
        except BaseException:  # Ctrl-C among them: the program ends with us
            process.terminate()
            process.wait()
            raise
        if process.returncode != 0:
            raise failure(errors, self.name)

    def drawn(self, *words: str, hear: Callable[[str], None]) -> int:
        """A call whose progress it draws on terminals alone, on one of our own; `hear` gets what it draws, in pieces.

        It stays in our process group, so that a Ctrl-C reaches it. The result is its status.
        """
        reader, writer = _terminal()
        spoil("a program was asked")
        try:
            process = subprocess.Popen(
                [*self.command, *words],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                env={**os.environ, "TERM": "xterm"},
            )
        except FileNotFoundError:
            os.close(reader)
            raise cli_missing(self.command[0]) from None
        finally:
            os.close(writer)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        try:
            while True:
                ended = process.poll() is not None
                # One that ended may have left the terminal open to another process: what is there is all.
                if select.select([reader], [], [], 0 if ended else _MOMENT)[0]:
                    if not (data := _read(reader)):
                        break
                    hear(decoder.decode(data))
                elif ended:
                    break
        except BaseException:  # Ctrl-C among them: the program ends with us
            process.terminate()
            process.wait()
            raise
        finally:
            os.close(reader)
        return process.wait()

    def stream(self, *words: str) -> Stream:
        """The lines of a call as they come, stdout and stderr."""
        return Stream([*self.command, *words], self.name)

    def told_status(self, *words: str) -> int:
        """A call in this terminal whose program only tells, in its last line, the status of what it ran."""
        sys.stdout.flush()
        sys.stderr.flush()
        spoil("a program was asked")
        try:
            process = subprocess.Popen([*self.command, *words], stderr=subprocess.PIPE)
        except FileNotFoundError:
            raise cli_missing(self.command[0]) from None
        assert process.stderr is not None
        # Ctrl-C is for the command: what it makes of it is its status.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            status = _passed_on(process.stderr.fileno())
            ended = process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
        return ended if status is None else status

    def become(self, *words: str) -> None:
        """Replaces this process, so that keys, window size, signals and exit status are the engine's own."""
        sys.stdout.flush()
        sys.stderr.flush()
        becoming([*self.command, *words])
        try:
            os.execvp(self.command[0], [*self.command, *words])  # noqa: S606 - a list of words, no shell
        except FileNotFoundError:
            raise cli_missing(self.command[0]) from None


def _terminal() -> tuple[int, int]:
    """Both ends of a wide terminal; of a pipe, where there is none to be had."""
    try:
        reader, writer = os.openpty()
    except OSError:
        return os.pipe()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", *_WINDOW, 0, 0))
    return reader, writer


def _read(reader: int) -> bytes:
    """What is there; nothing at the end, which a terminal tells by an error."""
    try:
        return os.read(reader, 65536)
    except OSError:
        return b""


def _with_environment(data: Mapping[str, Any], native: Mapping[str, Any]) -> dict[str, Any]:
    """A container with the variables of its process. Nothing else is taken: the hooks hold whole environments."""
    process = (native.get("Spec") or {}).get("process") or {}
    return {**data, "Config": {**(data.get("Config") or {}), "Env": process.get("env") or []}}


def _passed_on(source: int) -> int | None:
    """Passes on what comes, at once but for lines of the program's own log; the status that one of these tells."""
    status, line = None, b""
    while chunk := os.read(source, 65536):
        *lines, line = (line + chunk).split(b"\n")
        for one in lines:
            told = _TOLD_STATUS.search(one)
            status = int(told[1]) if told else status
            if not told:
                _to_stderr(one + b"\n")
        if line and not line.startswith(_LOG_STARTS):
            _to_stderr(line)
            line = b""
    if line and not (told := _TOLD_STATUS.search(line)):
        _to_stderr(line)
    elif line and told:
        status = int(told[1])
    return status


def _to_stderr(data: bytes) -> None:
    while data:
        data = data[os.write(sys.stderr.fileno(), data) :]


class Stream:
    """A running call: iterating gives its lines and raises when it fails; `close`, from any thread, ends it."""

    def __init__(self, words: Sequence[str], name: str) -> None:
        self._name, self._closed = name, False
        spoil("a program was asked")
        try:
            self._process = subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                bufsize=1,
            )
        except FileNotFoundError:
            raise cli_missing(words[0]) from None

    def __iter__(self) -> Iterator[str]:
        last = ""
        for line in self._process.stdout or ():
            last = line
            yield line
        if self._process.wait() != 0 and not self._closed:
            raise failure(last, self._name)

    def close(self) -> None:
        """Ends the call; what it had not said yet is lost."""
        self._closed = True
        self._process.terminate()
        self._process.wait()


_UNREACHABLE = "is the docker daemon running?"
