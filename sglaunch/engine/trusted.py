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
    """Of some files those that others own, or may write, or may replace in their folder, as sentences."""
    found = []
    for path in paths:
        reason = _open_to_others(path) or _open_to_others(path.parent)
        if reason:
            content = witness.file(path).content or b""
            found.append(f"{path} ({hashlib.sha256(content).hexdigest()[:12]}) {reason}")
    return found


def _open_to_others(path: Path) -> str:
    """Who else may write a file, or add and replace files in a folder; "" for nobody but this user and root.

    In a folder like /tmp (sticky) others add files of their own, and replace none. Root's files are no danger.
    """
    status = witness.ask("status", str(path))
    if status is None:
        return ""
    owner, group, mode = status
    if stat.S_ISDIR(mode):
        if mode & stat.S_ISVTX:
            return ""
        where = f"lies in {path}, which "
    else:
        where = ""
        if owner not in (os.getuid(), 0):
            return f"belongs to uid {owner}"
    if mode & stat.S_IWOTH:
        return f"{where}may be written by everybody"
    if mode & stat.S_IWGRP and group not in (os.getgid(), 0):
        return f"{where}may be written by the group {group}"
    return ""


def agreed(project_file: Path) -> frozenset[str]:
    """The fingerprints agreed to for a project file."""
    found = state.read(_STORE).get(str(project_file), ())
    return frozenset(str(item) for item in found) if isinstance(found, list) else frozenset()


def agree(project_file: Path, fingerprints: Collection[str]) -> None:
    """Adds to what is agreed to."""

    def add(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, str(project_file): sorted({*data.get(str(project_file), ()), *fingerprints})}

    state.change(_STORE, add)
