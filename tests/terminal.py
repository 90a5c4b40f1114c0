"""A command on a terminal of its own, for tests that type."""

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
from collections.abc import Callable, Sequence

from sglaunch_cli import Sglaunch

SECONDS = 40


class Terminal:
    """A command on a terminal of its own, typed at and read like a person would. `program`: another one instead."""

    def __init__(
        self, sglaunch: Sglaunch, *words: str, rows: int = 30, columns: int = 100, program: Sequence[str] = ()
    ) -> None:
        self.text = ""
        command = [*(program or sglaunch.command), *words]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(sglaunch.folder)
            os.execve(command[0], command, {**sglaunch.env(), "TERM": "xterm"})
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def read(self, seconds: float = 0.2) -> bool:
        """Takes what has come; False at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern: str) -> re.Match[str]:
        """Waits until the text shows a pattern; what stood before it is forgotten."""
        deadline = time.monotonic() + SECONDS
        while (found := re.search(pattern, self.text)) is None:
            assert self.read() and time.monotonic() < deadline, f"no {pattern!r} in {self.text!r}"
        self.text = self.text[found.end() :]
        return found

    def ask(self, line: str, pattern: str, *, before: Callable[[], None] = lambda: None) -> None:
        """Types a line until its answer comes: a shell that draws its prompt anew drops what is typed meanwhile.

        `before` is done before each try.
        """
        for _ in range(SECONDS // 4):
            before()
            self.type(f"{line}\n")
            deadline = time.monotonic() + 4
            while time.monotonic() < deadline:
                assert self.read(), f"it ended: {self.text!r}"
                if re.search(pattern, self.text):
                    self.expect(pattern)
                    return
        raise AssertionError(f"no {pattern!r} in {self.text!r}")

    def status(self) -> int:
        """Reads to the end, and the exit status."""
        deadline = time.monotonic() + SECONDS
        while self.read():
            assert time.monotonic() < deadline, f"it goes on: {self.text!r}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


Open = Callable[..., Terminal]
