"""Whether a server answers: one GET from here, or from inside its container; never through a proxy.

`/ready` is asked first and costs nothing; releases without it have `/health`, of which a 200 costs a generation.
"""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.engine.protocol import Engine
from sglaunch.spec.container import Readiness

OK, _NOT_FOUND = 200, 404
TRY_SECONDS = 25.0
"""How long one probe may take: `/health` waits up to 20 s for its generation."""
_CONNECT_SECONDS = 2.0

INSIDE = r"""
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
url=http://127.0.0.1:$1$2
by_curl() { curl --silent --output /dev/null --max-time "$3" --write-out '%{http_code}' "$url"; }
status_line() { sed -n 's/^ *HTTP\/[0-9.]* \([0-9]*\).*/\1/p' | head -n 1; }
by_wget() { wget -S -O /dev/null -T "$3" "$url" 2>&1 | status_line; }
by_nc() { printf 'GET %s HTTP/1.0\r\n\r\n' "$2" | nc -w "$3" 127.0.0.1 "$1" | status_line; }
by_python3() {
    python3 -c 'import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=float(sys.argv[3]))
c.request("GET", sys.argv[2]); print(c.getresponse().status)' "$@"
}
for program in curl wget nc python3; do
    command -v $program >/dev/null || continue
    status=$(by_$program "$@" 2>/dev/null)
    case $status in [1-5][0-9][0-9]) echo "$status"; break ;; esac
done
"""
"""Prints the status of a GET of path $2 at port $1 within $3 seconds, by whatever program the image has for it."""


DENIED_DEVICES = r"""
for node in /dev/nvidia* /dev/dxg; do
    [ -c "$node" ] || continue
    case $( (LC_ALL=C; exec <"$node") 2>&1) in *"peration not permitted"*) echo "$node" ;; esac
done
"""
"""Prints NVIDIA's device nodes that the container's device cgroup denies: opening one fails with EPERM."""


def first_ready(where: Sequence[str], path: str) -> str | None:
    """The first of some addresses that answers with 200."""
    return next((address for address in where if probe(address, path) == OK), None)


def probe(address: str, path: str = "", timeout: float = TRY_SECONDS) -> int:
    """The status of one GET, 0 where nothing answers. Without a path `/ready`, and where that is unknown `/health`."""
    status = _get(address, path or "/ready", timeout)
    return _get(address, "/health", timeout) if status == _NOT_FOUND and not path else status


def probe_inside(name: str, engine: Engine, readiness: Readiness, timeout: float = TRY_SECONDS) -> int:
    """As `probe`, by a program of the container: where its network leads nowhere."""
    status = engine.probe_inside(name, readiness.port, readiness.path or "/ready", timeout)
    if status == _NOT_FOUND and not readiness.path:
        return engine.probe_inside(name, readiness.port, "/health", timeout)
    return status


def _get(address: str, path: str, timeout: float) -> int:
    import http.client

    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=min(timeout, _CONNECT_SECONDS))
    try:
        connection.connect()
        connection.sock.settimeout(timeout)
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
