"""Containers taken under management as they are. No label can be put on a live container, so theirs are kept here.

A record is found by the container's id and counts only while the engine tells the same time of creation: no other
container is ever taken for it. It survives restarts of engine and machine, and goes when the container is gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from sglaunch.engine import state
from sglaunch.engine.protocol import Engine
from sglaunch.plain import Struct, field
from sglaunch.spec.labels import PROJECT

_STORE = "adopted.json"


class Adoption(Struct, frozen=True):
    """What stands in for the labels of a container. `engine` is the identity of the one that was asked for it."""

    id: str
    created: str
    engine: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def project(self) -> str:
        return self.labels.get(PROJECT, "")


def adoptions() -> dict[str, Adoption]:
    """Every record of this user, by container id. One that cannot be read is none."""
    found = (_adoption(identity, entry) for identity, entry in state.read(_STORE).items())
    return {one.id: one for one in found if one is not None}


def labels_for(data: Mapping[str, Any], known: Mapping[str, Adoption]) -> Mapping[str, str]:
    """What stands in for the labels of an inspected container, nothing where it was not adopted."""
    one = known.get(str(data.get("Id") or ""))
    return one.labels if one is not None and one.created == str(data.get("Created") or "") else {}


def adopt(one: Adoption) -> None:
    """Records a container. Raises OSError where that cannot be written."""
    entry = {"created": one.created, "engine": one.engine, "labels": dict(one.labels)}
    state.change(_STORE, lambda data: {**data, one.id: entry})


def sweep(engine: Engine) -> None:
    """Drops the records of this engine's containers that are gone. Where that cannot be written, they stay."""
    here = {one.id for one in adoptions().values() if one.engine == engine.identity}
    if not here:
        return
    found = {str(data.get("Id")) for data in engine.inspect(sorted(here), size=False).values()}
    gone = here - found
    with contextlib.suppress(OSError):
        state.change(_STORE, lambda data: {identity: entry for identity, entry in data.items() if identity not in gone})


def _adoption(identity: str, entry: Any) -> Adoption | None:
    labels = entry.get("labels") if isinstance(entry, dict) else None
    if not isinstance(labels, dict) or not entry.get("created"):
        return None
    texts = {str(name): str(value) for name, value in labels.items()}
    return Adoption(identity, str(entry["created"]), str(entry.get("engine", "")), texts)
