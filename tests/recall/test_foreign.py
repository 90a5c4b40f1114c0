"""Whose a file is: what git tracks in every shape of a repository, what another user owns, what was unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sglaunch.recall.questions import foreign, tracked

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="makes repositories: git is not here")
SHAPES = {
    "version 2": (),
    "version 3": ("-c", "index.version=3"),
    "version 4": ("-c", "index.version=4"),
    "SHA-256": ("-c", "init.defaultObjectFormat=sha256"),
}
TRACKED = ("sglaunch.loc", "sglaunch.local.yaml", "sub/other.yaml", "sub/deep/x", f"sub/{'long' * 30}")


def git(folder: Path, *words: str) -> None:
    known = ("-c", "protocol.file.allow=always", "-c", "user.name=a", "-c", "user.email=a@example.com")
    env = {**os.environ, "GIT_DEFAULT_HASH": "sha256" if "init.defaultObjectFormat=sha256" in words else "sha1"}
    subprocess.run(["git", *known, "-C", str(folder), *words], check=True, capture_output=True, timeout=60, env=env)


def repository(folder: Path, options: tuple[str, ...] = ()) -> Path:
    (folder / "sub" / "deep").mkdir(parents=True)
    git(folder, *options, "init")
    for name in (*TRACKED, "other.yaml", "sub/sglaunch.local.yaml", "sub/x"):
        (folder / name).write_text("x: 1\n", encoding="utf-8")
    git(folder, *options, "add", *TRACKED)
    git(folder, *options, "commit", "-m", "x")
    return folder


@needs_git
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_tracked_is_told_by_its_whole_path(shape: str, tmp_path: Path) -> None:
    folder = repository(tmp_path / "r", SHAPES[shape])
    git(folder, *SHAPES[shape], "update-index", "--skip-worktree", "sub/other.yaml")
    (folder / "link").symlink_to("sub")
    assert all(tracked(str(folder / name)) for name in (*TRACKED, "link/other.yaml"))
    assert not any(tracked(str(folder / name)) for name in ("other.yaml", "sub/sglaunch.local.yaml", "sub/x", "nope"))
    version = (folder / ".git" / "index").read_bytes()[7]
    assert version == {"version 4": 4}.get(shape, version)


@needs_git
def test_in_a_worktree_and_a_submodule_git_is_a_file(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner")
    git(inner, "worktree", "add", str(tmp_path / "tree"))
    outer = repository(tmp_path / "outer")
    git(outer, "submodule", "add", str(inner), "module")
    for folder in (tmp_path / "tree", outer / "module"):
        (folder / "mine.yaml").write_text("x: 1\n", encoding="utf-8")
        assert tracked(str(folder / "sglaunch.local.yaml"))
        assert not tracked(str(folder / "mine.yaml"))


@needs_git
def test_an_index_that_keeps_its_entries_elsewhere_or_is_none_is_not_trusted(tmp_path: Path) -> None:
    folder = repository(tmp_path / "r", ("-c", "core.splitIndex=true"))
    assert tracked(str(folder / "sglaunch.local.yaml"))
    (tmp_path / "s" / ".git").mkdir(parents=True)
    (tmp_path / "s" / ".git" / "index").write_bytes(b"DIRC\0\0\0\4\0\0\0\7short")
    assert tracked(str(tmp_path / "s" / "x"))


def test_a_file_of_another_user_and_one_that_was_unpacked_are_not_mine(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("x: 1\n", encoding="utf-8")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    assert foreign(str(path)) == ""
    os.utime(path, (1, 1_700_000_000))
    assert foreign(str(path)) == "was unpacked from an archive"
    assert foreign(str(tmp_path / "none")) == ""
    if os.getuid() == 0:
        os.chown(path, 4321, 4321)
        assert foreign(str(path)) == "belongs to uid 4321"
