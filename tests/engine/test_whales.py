"""What python-on-whales spells is spelled once, and is its own however often it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sglaunch.convert.to_create import CreateCall
from sglaunch.engine import whales
from sglaunch.spec.values import Secret


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing is spelled."""
    monkeypatch.setattr(whales, "_imported", lambda: pytest.fail("python-on-whales was asked again"))


def call(name: str, label: str, value: str) -> CreateCall:
    arguments = {"name": name, "labels": {"l": label}, "envs": {"A": value}, "init": True, "mounts": [["type=tmpfs"]]}
    return CreateCall("img:1", ("sleep", "1"), arguments, {"T": Secret("hf_x")})


@pytest.mark.parametrize("label", ["x", "a b", "\x1f0\x1f", "", "--init", "$(echo)", "l\nm"])
def test_a_creation_is_spelled_once_for_all_names_labels_and_values(
    monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    first = whales.creation(call("one", "l", "v"), ["/f"])
    once(monkeypatch)
    second = whales.creation(call("two", label, label), ["/g h"])
    spelled = {"one": "two", "l=l": f"l={label}", "A=v": f"A={label}", "/f": "/g h"}
    assert second == [spelled.get(word, word) for word in first]
    assert second[-3:] == ["img:1", "sleep", "1"]
    assert "hf_x" not in " ".join(second)


@pytest.mark.parametrize(
    ("options", "spelled"),
    [({"restart": "no"}, ["--restart", "no"]), ({"cpus": 2.5, "memory": 1024}, ["--cpus", "2.5", "--memory", "1024"])],
)
def test_a_change_is_spelled_once_for_all_containers(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], spelled: list[str]
) -> None:
    first = whales.change("one", options)
    once(monkeypatch)
    assert whales.change("two.new", options) == [*first[:-1], "two.new"]
    assert first == ["container", "update", *spelled, "one"]
    with pytest.raises(pytest.fail.Exception):
        whales.change("two", {**options, "pids_limit": 9})
