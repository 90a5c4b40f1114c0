"""How long something has gone on, in its largest unit. Light: a remembered `ps` needs it too."""

from __future__ import annotations


def since(seconds: float) -> str:
    """`5m` of 312 seconds."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"
