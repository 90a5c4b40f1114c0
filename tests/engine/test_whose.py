"""What the mounts and the user of a container tell of whose it is."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from fake_engine import FakeEngine

from sglaunch.engine.whose import evidence
from sglaunch.plan.adopting import Evidence

BEN = 54321


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of ben, another user."""
    if os.getuid() != 0:
        pytest.skip("only root gives a folder to another user")
    folder = tmp_path / "ben"
    (folder / "work").mkdir(parents=True)
    os.chown(folder, BEN, BEN)
    known = pwd.getpwuid

    def named(uid: int) -> pwd.struct_passwd:
        return pwd.struct_passwd(("ben", "x", BEN, BEN, "", str(folder), "/bin/sh")) if uid == BEN else known(uid)

    monkeypatch.setattr(pwd, "getpwuid", named)
    return folder


def told(*sources: Path, **config: Any) -> Evidence:
    mounts = [{"Type": "bind", "Source": str(source)} for source in sources]
    return evidence({"Config": config, "Mounts": mounts}, {"Config": {"Labels": {"a": "b"}}}, FakeEngine())


def test_a_folder_in_a_home_is_that_persons(home: Path) -> None:
    assert told(home / "work").homes == {str(home / "work"): "ben"}
    assert told(home).homes == {str(home): "ben"}


def test_a_folder_elsewhere_tells_its_owner_alone(home: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    os.chown(shared, BEN, BEN)
    found = told(shared)
    assert (found.homes, found.owners) == ({}, {str(shared): "ben"})


@pytest.mark.parametrize(("user", "name"), [(f"{BEN}:{BEN}", "ben"), ("ben", ""), ("0", ""), ("999", ""), ("", "")])
def test_a_number_of_a_person_of_this_machine_is_that_person(home: Path, user: str, name: str) -> None:
    assert told(User=user).runs_as == name


def test_labels_of_the_image_say_nothing() -> None:
    assert told(Labels={"a": "b", "c": "d"}).labels == {"c": "d"}
