"""A socket before the engine's own: it passes everything on, and hears of each request that changes something.

Whoever speaks to it, a program of the engine or sglaunch itself, is the process on whose behalf the request is made.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path

ENGINE = "/var/run/docker.sock"
_REQUESTS = {
    rb"POST /v[\d.]+/containers/create[? ]": "create",
    rb"POST /v[\d.]+/containers/[^/]+/(start|stop|rename|update)[? ]": "",
    rb"DELETE /v[\d.]+/containers/": "rm",
    rb"POST /v[\d.]+/commit[? ]": "commit",
    rb"POST /v[\d.]+/images/load[? ]": "load",
    rb"POST /v[\d.]+/images/[^ ?]+/tag[? ]": "tag",
    rb"DELETE /v[\d.]+/images/": "rmi",
}
_REFUSED = b'{"message":"injected"}\n'

Decide = Callable[[str], str]
"""Hears of a verb as it comes; answers `pass`, `kill`, `fail`, `lose`, after whatever time it takes."""


class EngineSocket:
    """Listens at `place` until it is closed."""

    def __init__(self, place: Path, decide: Decide) -> None:
        self._decide = decide
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(place))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        what = "pass"
        with client, socket.socket(socket.AF_UNIX) as engine, contextlib.suppress(OSError):
            engine.connect(ENGINE)
            while True:
                ready = select.select([client, engine], [], [])[0][0]
                data = ready.recv(1 << 16)
                if ready is client and (verb := _verb(data)):
                    what = self._decide(verb)
                if ready is client and what == "fail":
                    head = (
                        f"HTTP/1.1 500 X\r\nContent-Type: application/json\r\nContent-Length: {len(_REFUSED)}\r\n\r\n"
                    )
                    client.sendall(head.encode() + _REFUSED)
                elif ready is client:
                    engine.sendall(data)
                elif what == "pass":
                    client.sendall(data)
                elif what == "kill":
                    os.kill(_sglaunch(client), signal.SIGKILL)
                if not data or (ready is engine and what != "pass"):
                    return


def _verb(data: bytes) -> str:
    for pattern, verb in _REQUESTS.items():
        if found := re.match(pattern, data):
            return verb or found[1].decode()
    return ""


def _sglaunch(client: socket.socket) -> int:
    """The process that speaks, or the one that called the engine's program to do so."""
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid = int(struct.unpack("3i", credentials)[0])
    about = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    parent = re.search(r"^PPid:\s+(\d+)", about, re.MULTILINE)
    assert parent is not None
    return int(parent[1]) if about.startswith("Name:\tdocker") else pid
