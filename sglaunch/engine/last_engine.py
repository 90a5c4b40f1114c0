"""The engine that a project last created or started a container on: one record per project file and machine.

It is advice: where the state folder cannot be read or written there is no record, and of two writers the last one wins.
"""

from __future__ import annotations

import contextlib

from sglaunch.engine import kept, state
from sglaunch.recall import witness
from sglaunch.recall.store import digest


def read_last_engine(file: str) -> str:
    """The identity of the engine, "" where there is no record. `file`: the project file."""
    return str(state.read(_name(file)).get("engine") or "")


def record_engine(file: str, identity: str) -> None:
    """Records the engine as the last one; an identity of "" removes the record."""
    if read_last_engine(file) == identity:
        return
    with contextlib.suppress(OSError):
        path = state.state_folder() / _name(file)
        if identity:
            kept.write(path, {"project": file, "engine": identity})
        else:
            path.unlink()


def _name(file: str) -> str:
    """In the state folder. A home that several machines share has a record for each."""
    text = f"{witness.ask('hostname')} {witness.ask('real', file)}"
    return f"engines/{digest(text.encode(errors='surrogateescape'))}.json"
