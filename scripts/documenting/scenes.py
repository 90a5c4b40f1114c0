"""The pictures of the documentation: what commands leave on a terminal, one after another on one machine."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

import docker_engine

from documenting.machine import ROOT, Reader, Shell
from documenting.screen import COLUMNS, Screen, picture

PICTURES = ROOT / "docs" / "pictures"
NAMES = ("first-hour", "change", "server", "ps", "gpus", "doctor")
SECONDS = 60
SERVED = """\
project: eval
default_profiles: [dev]
defaults:
  environment:
    TZ: Asia/Shanghai
profiles:
  dev:
    environment:
      PYTHONUNBUFFERED: 1
  server:
    gpus: 2
    environment: {GATE: 1}
    server:
      model: Qwen/Qwen3-8B
      args: {tp: 2}
"""
# A line that moves is cut where the terminal ends, and how much is left depends on the digits of its seconds.
_MOVING = re.compile(rf"([^\r\n\x1b]{{{COLUMNS - 3}}})[^\r\n\x1b]+")


class Typed:
    """A command on a terminal of its own."""

    def __init__(self, reader: Reader, shell: Shell, command: str) -> None:
        self.command, self._reader, self._shell, self._raw = command, reader, shell, b""
        words = shell.words(command)
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.execve(words[0], words, reader.environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))

    @property
    def text(self) -> str:
        """What came so far, as a reader sees it."""
        return self._reader.there(self._raw.decode(errors="replace").replace("\r\n", "\n"))

    def expect(self, words: str) -> None:
        """Waits until something is said."""
        deadline = time.monotonic() + SECONDS
        while words not in self.text:
            if not self._read() or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command}: no {words!r} in {self.text!r}")

    def type(self, text: str) -> None:
        """Keys."""
        os.write(self._fd, text.encode())

    def end(self) -> str:
        """Reads to the end: all that was said."""
        deadline = time.monotonic() + SECONDS
        while self._read():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.command}: goes on: {self.text!r}")
        self._shell.ended(os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1]))
        os.close(self._fd)
        return self.text

    def _read(self) -> bool:
        if not select.select([self._fd], [], [], 0.2)[0]:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self._raw += data
        return bool(data)


def pictures() -> dict[str, str]:
    """Name -> picture, all of them."""
    with Reader(busy={3: 71, 6: 120}) as reader:
        shell = reader.shell()

        def shown(*commands: str) -> Screen:
            screen = Screen()
            for number, command in enumerate(commands):
                screen.feed("\n" if number else "")
                screen.prompt(command)
                screen.feed(Typed(reader, shell, command).end())
            return screen

        found = {}
        first = shown("sglaunch init", "sglaunch plan", "sglaunch up -d", "sglaunch up -d")
        found["first-hour"] = picture([first.rows()], "the first hour")
        found["change"] = picture([_change(reader, shell).rows()], "a change, and a question")
        reader.write("sglaunch.yaml", SERVED)
        found["server"] = _start(reader, shell)
        found["ps"] = picture([shown("sglaunch ps").rows()], "what runs")
        found["gpus"] = picture([shown("sglaunch gpus").rows()], "who holds which GPU")
        found["doctor"] = picture([shown("sglaunch doctor").rows()], "what stands in the way")
        return found


def _change(reader: Reader, shell: Shell) -> Screen:
    screen = Screen()
    edit = "sed -i 's|TZ: UTC|TZ: Asia/Shanghai|' sglaunch.yaml"
    screen.prompt(edit)
    screen.feed(Typed(reader, shell, edit).end())
    asked = Typed(reader, shell, "sglaunch up -d")
    screen.prompt(asked.command)
    asked.expect("(k): ")
    asked.type("r\n")
    screen.feed(asked.end())
    return screen


def _start(reader: Reader, shell: Shell) -> str:
    """A server comes up, a frame for each phase; the phases wait for us."""
    up = Typed(reader, shell, "sglaunch up server")
    name = reader.here("ana-eval-server")

    def frame() -> Screen:
        screen = Screen()
        screen.prompt(up.command)
        screen.feed(_MOVING.sub(r"\1", up.text))
        return screen

    frames = []
    for phase in ("weights", "graphs"):
        up.expect(f": {phase} ")
        frames.append(frame().rows())
        docker_engine.docker("exec", name, "touch", f"/tmp/{phase}")
    up.end()
    frames.append(frame().rows())
    return picture(frames, "a server starts")
