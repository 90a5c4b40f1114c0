"""HTTP/1.1 on the socket of a local engine, as far as its answers need it (RFC 9112).

A few lines of ours, since no client library is as light: what asks this way is quick or not worth having.
"""

from __future__ import annotations

import socket

from sglaunch.recall import witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

TIMEOUT = 60.0
_BODILESS = (204, 304)
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@")


class Unconnected(Exception):
    """Nobody listens at the socket."""


class Connection:
    """One connection, kept open. `patient`: an answer may take however long it takes.

    What goes wrong on it once it stands is an OSError or an EOFError; where an answer makes no sense, a ValueError.
    """

    def __init__(self, place: str, *, patient: bool = False) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT)
        try:
            with witness.asking():
                self._socket.connect(place)
        except OSError as error:
            self._socket.close()
            raise Unconnected(str(error)) from None
        self._socket.settimeout(None if patient else TIMEOUT)
        self._file: IO[bytes] = self._socket.makefile("rb")

    def ask(self, paths: Sequence[str]) -> None:
        """GETs, one after the other without waiting."""
        self._socket.sendall("".join(f"GET {path} {_head()}\r\n" for path in paths).encode("ascii"))

    def send(self, method: str, path: str, body: bytes) -> None:
        """A request that changes something, with its JSON."""
        head = f"{method} {path} {_head()}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode("ascii") + body)

    def answers(self, count: int) -> Iterator[tuple[int, bytes]]:
        """Status and body of the next answers, in the order of the requests."""
        for _ in range(count):
            status = int(self._line().partition(b" ")[2][:3])
            headers = dict(self._headers())
            if status in _BODILESS:
                yield status, b""
            elif headers.get(b"transfer-encoding") == b"chunked":
                yield status, b"".join(self._chunks())
            else:
                yield status, self._exactly(int(headers.get(b"content-length", b"none told")))

    def _headers(self) -> Iterator[tuple[bytes, bytes]]:
        while line := self._line().strip():
            name, _, value = line.partition(b":")
            yield name.lower(), value.strip().lower()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line().partition(b";")[0], 16):
            yield self._exactly(size)
            self._line()
        while self._line().strip():
            pass

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("the answer is cut short")
        return line

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise EOFError("the answer is cut short")
        return data

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def quoted(text: str) -> str:
    """Text as a part of a path or query."""
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode())


def _head() -> str:
    return "HTTP/1.1\r\nHost: docker\r\nUser-Agent: sglaunch\r\n"
