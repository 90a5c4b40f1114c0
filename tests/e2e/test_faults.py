"""What a machine refuses (folders, streams) is a clear error with a documented status, or no matter: never a bug."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sglaunch.engine import host, kept, state

VERBS = (["ps"], ["plan"], ["up", "-d"], ["down"], ["config", "a"], ["validate", "--json"], ["doctor"], ["init"])
FOLDERS = ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")
RUN = f'{sys.executable} -m sglaunch "$@"'
# What is wrong -> the shell line that runs the command.
STREAMS = {
    "stdout closed": f"{RUN} >&-",
    "stderr closed": f"{RUN} 2>&-",
    "all closed": f"{RUN} <&- >&- 2>&-",
    "stdout full": f"{RUN} >/dev/full",
    "stderr full": f"{RUN} 2>/dev/full",
    "nobody reads": f"{RUN} | true; exit ${{PIPESTATUS[0]}}",
    "working folder removed": f"mkdir ../gone; cd ../gone; rmdir ../gone; {RUN}",
}


def run_all(folder: Path, line: str, environment: dict[str, str]) -> None:
    """Every verb, in a project whose engine does not answer."""
    project = folder / "project"
    project.mkdir()
    for words in VERBS:
        text = "profiles:\n  a: {image: 'x:1', command: [sleep, 'ä']}\n"
        (project / "sglaunch.yaml").write_text(text, encoding="utf-8")
        if words == ["init"]:
            (project / "sglaunch.yaml").unlink()
        names = {name: str(folder / name) for name in FOLDERS}
        done = subprocess.run(
            ["bash", "-c", line, "x", *words],
            cwd=project,
            env={**os.environ, **names, "DOCKER_HOST": "unix:///nope.sock", "TMPDIR": str(folder), **environment},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=100,
            check=False,
        )
        text = (done.stdout + done.stderr).decode(errors="replace")
        assert done.returncode in (0, 1, 2, 3, 4), (words, done.returncode, text)
        assert "has a bug" not in text, (words, text)
        assert "Traceback" not in text, (words, text)
        assert "Exception ignored" not in text, (words, text)
        assert not list(folder.rglob("sglaunch-bug-*")), (words, text)


@pytest.mark.parametrize("fault", STREAMS)
def test_streams_and_folders_that_are_gone(fault: str, tmp_path: Path) -> None:
    run_all(tmp_path, STREAMS[fault], {})


def test_folders_that_are_files_or_cannot_be(tmp_path: Path) -> None:
    for name in FOLDERS:
        (tmp_path / name).write_text("x", encoding="utf-8")
    run_all(tmp_path, RUN, {"XDG_RUNTIME_DIR": "/proc/none"})


def test_state_of_other_shapes_and_folders_in_the_place_of_files(tmp_path: Path) -> None:
    for folder in ("XDG_STATE_HOME/sglaunch", "XDG_CACHE_HOME/sglaunch", "XDG_RUNTIME_DIR/sglaunch/locks"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("adopted", "trust"):
        (tmp_path / f"XDG_STATE_HOME/sglaunch/{name}.json").write_text('{"/": 7, "a": [1], "b": {"labels": 7}}')
    (tmp_path / "XDG_STATE_HOME/sglaunch/pulled.json").mkdir()
    run_all(tmp_path, RUN, {})


def test_output_that_only_has_ascii(tmp_path: Path) -> None:
    run_all(tmp_path, RUN, {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})


def test_looking_makes_no_folder_for_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder that cannot be written stops no command that only reads, and no `down`."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert host.private_folder() == tmp_path / "state/sglaunch/secrets"
    assert not (tmp_path / "state").exists()


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    state.change("a.json", lambda _: {"a": 1})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        state.change("a.json", lambda _: {"a": 2})
    kept.write(tmp_path / "sglaunch/b.json", {"b": 1})
    assert sorted(path.name for path in (tmp_path / "sglaunch").iterdir()) == ["a.json", "a.lock"]
    assert state.read("a.json") == {"a": 1}
