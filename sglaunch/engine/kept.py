"""Small JSON files of the user's that may be lost: read tolerantly, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none, or something else."""
    try:
        return parsed(path.read_bytes())
    except OSError:
        return {}


def parsed(text: bytes) -> dict[str, Any]:
    """The object that a text is; an empty one where it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write(path: Path, data: Mapping[str, Any]) -> None:
    """Where it cannot be written, nothing is kept."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace(path, data)


def replace(path: Path, data: Mapping[str, Any]) -> None:
    """Writes the whole file, mode 0600, or leaves everything as it was. Raises OSError where it cannot be written."""
    handle, made = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(dict(data), file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(path)
    except OSError:
        Path(made).unlink(missing_ok=True)
        raise
