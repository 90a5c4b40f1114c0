"""Which files of a project others could have written: by owner, by mode, by the folder they lie in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sglaunch.engine.trusted import planted

OTHER = os.getgid() + 4321


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "reason"),
    [
        (0o644, 0o755, ""),
        (0o664, 0o775, ""),
        (0o646, 0o755, " may be written by everybody"),
        (0o644, 0o777, " lies in FOLDER, which may be written by everybody"),
        (0o644, 0o1777, ""),
        (0o646, 0o1777, " may be written by everybody"),
    ],
)
def test_who_may_write_it(file_mode: int, folder_mode: int, reason: str, tmp_path: Path) -> None:
    folder = tmp_path / "proj"
    folder.mkdir()
    (folder / "sglaunch.yaml").write_text("x", encoding="utf-8")
    (folder / "sglaunch.yaml").chmod(file_mode)
    folder.chmod(folder_mode)
    found = [line.partition(")")[2] for line in planted([folder / "sglaunch.yaml"])]
    assert found == ([reason.replace("FOLDER", str(folder))] if reason else [])


@pytest.mark.skipif(os.getuid() != 0, reason="gives files away")
def test_a_group_that_is_not_my_own(tmp_path: Path) -> None:
    path = tmp_path / "proj" / "sglaunch.yaml"
    path.parent.mkdir()
    path.write_text("x", encoding="utf-8")
    path.chmod(0o664)
    os.chown(path, -1, OTHER)
    (line,) = planted([path])
    assert line.endswith(f") may be written by the group {OTHER}")
    path.chmod(0o644)
    assert planted([path]) == []
    path.parent.chmod(0o2775)
    os.chown(path.parent, -1, OTHER)
    (line,) = planted([path])
    assert line.endswith(f") lies in {path.parent}, which may be written by the group {OTHER}")
    path.write_text("y", encoding="utf-8")
    assert planted([path]) != [line], "trust is given to a content"
    os.chown(path, 4321, 0)
    assert planted([path])[0].endswith(") belongs to uid 4321")
