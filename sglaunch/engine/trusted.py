"""What the user has agreed to: a file of their own under the XDG state folder, keyed by project file."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from sglaunch.engine import state
from sglaunch.recall import witness

_STORE = "trust.json"


def fingerprint(text: str) -> str:
    """What is remembered of a demand: enough to know it again, nothing to read in it."""
    return hashlib.sha256(text.encode()).hexdigest()


def planted(paths: Iterable[Path]) -> list[str]:
    """Of some files those that neither this user nor root owns, or that everybody may write, as sentences."""
    found = []
    for path in paths:
        status = witness.file(path)
        if status.error:
            continue
        shown = f"{path} ({hashlib.sha256(status.content or b'').hexdigest()[:12]})"
        if status.owner not in (os.getuid(), 0):
            found.append(f"{shown} belongs to uid {status.owner}")
        elif status.mode & stat.S_IWOTH:
            found.append(f"{shown} may be written by everybody")
    return found


def agreed(project_file: Path) -> frozenset[str]:
    """The fingerprints agreed to for a project file."""
    found = state.read(_STORE).get(str(project_file), ())
    return frozenset(str(item) for item in found) if isinstance(found, list) else frozenset()


def agree(project_file: Path, fingerprints: Collection[str]) -> None:
    """Adds to what is agreed to."""

    def add(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, str(project_file): sorted({*data.get(str(project_file), ()), *fingerprints})}

    state.change(_STORE, add)
