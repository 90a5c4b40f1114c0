"""Who listens on this host's TCP ports: from /proc, so that a taken port is told before a container is made."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sglaunch.engine.host import user_name

if TYPE_CHECKING:
    from sglaunch.engine.protocol import Engine

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENING = "0A"
_STRANGER = "a process of another user"


def taken(wanted: Collection[int], engine: Engine) -> dict[int, str]:
    """Of some ports those that somebody has, with who that is as far as this user may see.

    Not every engine listens where it publishes (nerdctl and Docker without its proxy redirect in the kernel), so the
    engine is asked too.
    """
    if not wanted:
        return {}
    published = engine.publishing(wanted)
    sockets = {port: inode for port, inode in engine.machine.listening() if port in wanted}
    return {
        port: f"container {published[port]}" if port in published else engine.machine.holder(sockets[port]) or _STRANGER
        for port in sorted(published.keys() | sockets.keys())
    }


def listening_sockets() -> Iterator[tuple[int, str]]:
    """Port and socket inode of each listening socket of this machine."""
    for table in _TABLES:
        with contextlib.suppress(OSError):
            yield from sockets_of(Path(table).read_text(encoding="ascii", errors="replace").splitlines())


def sockets_of(rows: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The same of the rows of such tables (proc(5): local address in hex, state 0A)."""
    for row in rows:
        fields = row.split()
        if len(fields) > 9 and fields[3] == _LISTENING:
            yield int(fields[1].rpartition(":")[2], 16), fields[9]


def process_of(inode: str) -> str:
    """The process that has a socket; other users' are not ours to see."""
    target = f"socket:[{inode}]"
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            if any(str(link.readlink()) == target for link in (folder / "fd").iterdir()):
                name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"pid {folder.name} ({name}) of {user_name(folder.stat().st_uid)}"
        except OSError:
            continue
    return ""
