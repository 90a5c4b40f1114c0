"""The report of a bug: versions and the traceback, in a file of the user's own."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sglaunch.spec.values import MASK, looks_secret

_SHORTEST_SECRET = 4


def write(error: Exception) -> str:
    """The path of the report, under the XDG state folder; "" where no file can be written.

    Calls and their lines are told; values of secret-looking variables of this process are masked.
    """
    try:
        release = version("sglaunch")
    except PackageNotFoundError:
        release = "unknown"
    head = f"sglaunch {release}, Python {platform.python_version()}, {platform.platform()}\n\n"
    text = _masked(head + "".join(traceback.format_exception(error)))
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    for folder in (Path(state) / "sglaunch", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix="sglaunch-bug-", suffix=".txt", dir=folder)
        except OSError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        return path
    return ""


def _masked(text: str) -> str:
    for name, value in os.environ.items():
        if looks_secret(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, MASK)
    return text
