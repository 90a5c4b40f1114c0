"""When each image was pulled on which engine, for `pull_policy: daily`: no engine tells that of an image."""

from __future__ import annotations

import time
from pathlib import Path

from sglaunch.engine import kept
from sglaunch.engine.state import state_folder

_MOST = 200


def ages(identity: str) -> dict[str, float]:
    """Seconds since each image was pulled here; one whose time lies ahead was pulled just now."""
    now = time.time()
    return {
        image: max(0.0, now - when)
        for key, when in kept.read(_file()).items()
        if key.startswith(f"{identity} ") and isinstance(when, int | float)
        for image in [key.rpartition(" ")[2]]
    }


def remember(identity: str, image: str) -> None:
    """Where it cannot be written, it is pulled again the next time."""
    times = kept.read(_file())
    key = f"{identity} {image}"
    times.pop(key, None)
    times[key] = int(time.time())
    kept.write(_file(), dict(list(times.items())[-_MOST:]))


def _file() -> Path:
    return state_folder() / "pulled.json"
