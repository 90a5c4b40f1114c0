"""When each image was pulled on which engine, for `pull_policy: daily`: no engine tells that of an image."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from sglaunch.engine.trusted import state_folder

_MOST = 200


def ages(identity: str) -> dict[str, float]:
    """Seconds since each image was pulled here; one whose time lies ahead was pulled just now."""
    now = time.time()
    return {
        image: max(0.0, now - when)
        for key, when in _read().items()
        if key.startswith(f"{identity} ") and isinstance(when, int | float)
        for image in [key.rpartition(" ")[2]]
    }


def remember(identity: str, image: str) -> None:
    """Where it cannot be written, it is pulled again the next time."""
    kept = _read()
    key = f"{identity} {image}"
    kept.pop(key, None)
    kept[key] = int(time.time())
    with contextlib.suppress(OSError):
        handle, path = tempfile.mkstemp(dir=state_folder())
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(dict(list(kept.items())[-_MOST:]), file)
        Path(path).replace(_file())


def _file() -> Path:
    return state_folder() / "pulled.json"


def _read() -> dict[str, Any]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
