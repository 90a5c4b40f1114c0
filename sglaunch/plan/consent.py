"""What a plan would lose, as sentences; no prompts. A command turns them into a question or exit status 3."""

from __future__ import annotations

from sglaunch.plan.observation import ObservedContainer
from sglaunch.spec.container import Settings
from sglaunch.spec.values import format_size


def for_recreate(settings: Settings, container: ObservedContainer) -> tuple[str, ...]:
    """`recreate: ask` asks always; `protect: true` asks when the writable layer holds changes, or may."""
    if settings.recreate == "ask":
        return (f"{container.name} would be replaced; {_layer(container)} (recreate: ask)",)
    if settings.protect and container.layer_size != 0:
        return (f"{container.name} would be replaced; {_layer(container)} (protect: true)",)
    return ()


def for_remove(container: ObservedContainer, *, protect: bool) -> tuple[str, ...]:
    """`protect: true` asks when the writable layer holds changes, or may."""
    if protect and container.layer_size != 0:
        return (f"{container.name} would be removed; {_layer(container)} (protect: true)",)
    return ()


def _layer(container: ObservedContainer) -> str:
    if container.layer_size is None:
        return "what was written in its own layer would be lost"
    if container.layer_size == 0:
        return "its own layer holds no data"
    return f"{_readable(container.layer_size)} written in its own layer would be lost"


def _readable(size: int) -> str:
    for unit in ("g", "m", "k"):
        step = {"g": 1 << 30, "m": 1 << 20, "k": 1 << 10}[unit]
        if size >= step:
            return f"{size / step:.1f}{unit}"
    return f"{format_size(size)} bytes"
