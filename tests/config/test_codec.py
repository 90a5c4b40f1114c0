"""What is encoded comes back as it was, of every class that a configuration holds."""

from __future__ import annotations

import json
import sys
import typing
from pathlib import Path
from typing import Any

import pytest
from builders import make_spec

from sglaunch.config import codec, lockfile, node
from sglaunch.config.load import Config, Identity
from sglaunch.errors import Origin, Place
from sglaunch.plain import Struct
from sglaunch.spec.container import Wanted
from sglaunch.spec.server import Server
from sglaunch.spec.values import Gpus, Mount, Secret


def back(value: Any) -> Any:
    secrets: list[str] = []

    def find(text: str) -> int:
        secrets.append(text)
        return len(secrets) - 1

    data = json.loads(json.dumps(codec.encode(value, find)))
    assert "s3cret" not in json.dumps(data)
    return codec.decode(data, lambda number: secrets[number], Path)


SPEC = make_spec(
    server=Server("m", args={"tp": 2, "list": [1, "two", 3.5], "on": True, "off": False, "none": None}),
    environment={"A": "1", "B": None, "C": Secret("s3cret")},
    volumes={"/a": Mount("bind", "/b", read_only=True)},
    gpus=Gpus(count=2, ids=("0",)),
    stop_grace_period=0.0,
    mem_limit=0,
    labels={"~": "x", "plain": "y"},
)


@pytest.mark.parametrize(
    "value",
    [
        SPEC,
        Wanted(
            "p", "a", "/f", SPEC, origins={"image": Origin(Place("f", 1, 2), "project")}, secret_names=frozenset("C")
        ),
        {"a": [1, (2, [3])], "~": {"~": frozenset({"y", "x"})}},
        (True, 1, 1.0, 0, False, None, ""),
        Path("/x/y"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_there_and_back(value: Any) -> None:
    found = back(value)
    assert found == value
    assert repr(found) == repr(value), "equal is not the same: 1 is True, and 1.0 is 1"


def test_what_has_no_form_is_refused() -> None:
    for value in (object(), {1: "x"}, b"bytes", Ellipsis):
        with pytest.raises(ValueError, match=r"form|text"):
            codec.encode(value, str)


def reachable(kind: Any, found: set[type]) -> set[type]:
    """Every class of plain values that a type can hold."""
    for inner in typing.get_args(kind):
        reachable(inner, found)
    if isinstance(kind, type) and issubclass(kind, Struct) and kind not in found:
        found.add(kind)
        names = {**vars(lockfile), **vars(node), **vars(sys.modules[kind.__module__])}
        for hint in typing.get_type_hints(kind, names).values():
            reachable(hint, found)
    return found


def test_every_class_of_a_configuration_has_a_form() -> None:
    held = reachable(Config, set()) | reachable(Identity, set())
    assert held - {node.Node} == set(codec._CLASSES.values()), "the texts (Node) are not kept"
