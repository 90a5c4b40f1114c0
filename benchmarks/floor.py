"""What the engine itself takes: the same work asked for over its socket by a process that runs already.

Nobody who asks the same of the engine is done sooner; what a command takes beyond it is its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from sglaunch.engine.wire import Connection

SOCKET = "/var/run/docker.sock"
API = "/v1.41/containers"
_WRONG = 400


class Floor:
    """Containers of an image, as work.py has them, without any label."""

    def __init__(self, name: str, count: int, image: str) -> None:
        self._names = [f"{name}-floor-{number}" for number in range(count)]
        host = {"NetworkMode": "host", "Init": True}
        self._body = json.dumps({"Image": image, "Cmd": ["sleep", "infinity"], "HostConfig": host}).encode()

    def create(self) -> float:
        """Milliseconds; so of the others, which need what was created."""
        return self._timed(self._create)

    def recreate(self) -> float:
        return self._timed(self._recreate)

    def down(self) -> float:
        return self._timed(self._down)

    def _timed(self, work: Callable[[str], None]) -> float:
        began = time.perf_counter()
        if len(self._names) == 1:
            work(self._names[0])
        else:
            with ThreadPoolExecutor(max_workers=len(self._names)) as pool:
                list(pool.map(work, self._names))
        return (time.perf_counter() - began) * 1e3

    def _create(self, name: str) -> None:
        _ask([("POST", f"/create?name={name}", self._body), ("POST", f"/{name}/start", b"")])

    def _recreate(self, name: str) -> None:
        _ask([("POST", f"/create?name={name}.new", self._body), ("POST", f"/{name}/stop", b"")])
        _ask(
            [("POST", f"/{old}/rename?name={new}", b"") for old, new in ((name, f"{name}.old"), (f"{name}.new", name))]
        )
        _ask([("POST", f"/{name}/start", b""), ("DELETE", f"/{name}.old", b"")])

    def _down(self, name: str) -> None:
        _ask([("POST", f"/{name}/stop", b""), ("DELETE", f"/{name}", b"")])


def cleared(name: str, count: int) -> None:
    """Removes what a measurement that was cut off left."""
    for number in range(count):
        for suffix in ("", ".new", ".old"):
            _ask([("DELETE", f"/{name}-floor-{number}{suffix}?force=1", b"")], check=False)


def _ask(requests: Iterable[tuple[str, str, bytes]], *, check: bool = True) -> None:
    connection = Connection(SOCKET, patient=True)
    try:
        for method, path, body in requests:
            connection.send(method, API + path, body)
            ((status, said),) = connection.answers(1)
            if check and status >= _WRONG:
                raise RuntimeError(f"{method} {path}: {status} {said.decode()}")
    finally:
        connection.close()
