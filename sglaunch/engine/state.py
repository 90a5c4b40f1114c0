"""The user's files that must not be lost, under the XDG state folder: read tolerantly, changed one at a time, written
whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sglaunch.engine import kept
from sglaunch.recall import witness

_MOST = 16 << 20


def state_folder() -> Path:
    """`$XDG_STATE_HOME/sglaunch`; mode 0700."""
    made = folder()
    made.mkdir(mode=0o700, parents=True, exist_ok=True)
    return made


def folder() -> Path:
    """The same, whether it is there or not."""
    base = witness.env("XDG_STATE_HOME") or f"{witness.home()}/.local/state"
    return Path(base) / "sglaunch"


def read(name: str) -> dict[str, Any]:
    """The object in a file of the state folder; an empty one where there is none, or something else."""
    return kept.parsed(witness.file(folder() / name, _MOST).content or b"")


def change(name: str, make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """A file's object replaced by what is made of it, under a lock; mode 0600. Raises OSError where it cannot be."""
    store = state_folder() / name
    with _locked(store):
        before = kept.read(store)
        data = make(dict(before))
        if data == before:
            return
        kept.replace(store, data)


@contextlib.contextmanager
def _locked(store: Path) -> Iterator[None]:
    handle = os.open(store.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
