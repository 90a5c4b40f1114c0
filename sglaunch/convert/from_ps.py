"""Lines of `docker ps` to who publishes which port; pure."""

from __future__ import annotations

import re

# `0.0.0.0:7000-7002->80-82/tcp`, `:::7000->80/tcp`, `127.0.0.1:7000->80/tcp`; what is not published has no arrow.
_PUBLISHED = re.compile(r":(\d+)(?:-(\d+))?->[\d-]+/tcp")


def publishers(text: str) -> dict[int, str]:
    """TCP port of the host -> `NAME`, or `NAME of OWNER`, from lines of name, ports and owner label, tabs between."""
    found = {}
    for line in text.splitlines():
        name, ports, owner = [*line.split("\t"), "", ""][:3]
        person = owner.partition(":")[2]
        for match in _PUBLISHED.finditer(ports):
            first = int(match[1])
            for port in range(first, int(match[2] or first) + 1):
                found[port] = f"{name} of {person}" if person else name
    return found
