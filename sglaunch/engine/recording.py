"""What Docker's own program would ask of the engine: it is called with a socket of ours in the engine's place.

The program reads its options, its files and its environment as ever, and its request is the answer; no engine is asked.
"""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, Any

from sglaunch.engine.cli import Cli
from sglaunch.recall import witness

TIMEOUT = 20.0
_CREATED = b'{"Id":"' + b"0" * 64 + b'","Warnings":[]}'


def request(command: Sequence[str], words: Sequence[str], version: str) -> tuple[str, str, Any] | None:
    """Method, path and JSON of the one request that the words of a creation lead to; None where it is not one.

    `version`: of the API, as the engine speaks it.
    """
    heard: list[tuple[str, str, bytes]] = []
    with tempfile.TemporaryDirectory(prefix="sglaunch-") as folder, witness.asking():
        place = f"{folder}/s"
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(place)
            listening.listen()
            threading.Thread(target=_serve, args=(listening, version, heard), daemon=True).start()
            said = Cli((*command, "--host", f"unix://{place}"), "docker").run(*words, timeout=TIMEOUT)
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
    asked = [one for one in heard if not one[1].endswith("/_ping")]
    if said.returncode != 0 or len(asked) != 1:
        return None
    method, path, body = asked[0]
    return method, path, json.loads(body)


def _serve(listening: socket.socket, version: str, heard: list[tuple[str, str, bytes]]) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_answer, args=(connection, version, heard), daemon=True).start()


def _answer(connection: socket.socket, version: str, heard: list[tuple[str, str, bytes]]) -> None:
    """Says what an engine says before a creation, and that it was done."""
    with connection, contextlib.suppress(OSError, ValueError), connection.makefile("rb") as file:
        while words := file.readline().decode().split():
            size = _length(file)
            heard.append((words[0], words[1], file.read(size)))
            ping = words[1].endswith("/_ping")
            body = b"" if words[0] == "HEAD" else b"OK" if ping else _CREATED
            status = "200 OK" if ping else "201 Created"
            head = (
                f"HTTP/1.1 {status}\r\nApi-Version: {version}\r\nOstype: linux\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)


def _length(file: IO[bytes]) -> int:
    """Of the body that comes after the headers."""
    size = 0
    while line := file.readline().strip():
        name, _, value = line.partition(b":")
        size = int(value) if name.lower() == b"content-length" else size
    return size
