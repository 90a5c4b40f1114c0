"""A program on a terminal of ours: what it draws is heard, what it says at the end is its error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sglaunch.engine import transfer
from sglaunch.engine.cli import Cli
from sglaunch.errors import EngineError
from sglaunch.spec.startup import Progress

LAYER = "0123456789ab"


def program(tmp_path: Path, text: str) -> Cli:
    file = tmp_path / "docker"
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return Cli((str(file),), "docker")


def test_progress_is_told_and_the_digest_comes_back(tmp_path: Path) -> None:
    cli = program(
        tmp_path,
        f"""test -t 1 && test -t 2 || exit 9
for done in 10 20 30; do printf '{LAYER}: Pushing [=>] %sMB/30MB\\r' $done; sleep 0.3; done
echo '{LAYER}: Pushed'
echo 'v1: digest: sha256:{"a" * 64} size: 5'""",
    )
    heard: list[Progress] = []
    moved = transfer.run(cli, "push", "x", tell=lambda progress, seconds: heard.append(progress))
    assert moved.digest == f"sha256:{'a' * 64}"
    assert [one.percent for one in heard] == sorted(one.percent or 0 for one in heard)
    assert heard[0].phase == "pushing"
    assert "of 30 MB" in heard[-1].line


def test_a_failure_is_what_it_said_that_was_no_progress(tmp_path: Path) -> None:
    said = "write /x: no space left on device"
    cli = program(tmp_path, f"printf '{LAYER}: Waiting\\r'; echo '{said}' >&2; exit 1")
    with pytest.raises(EngineError) as caught:
        transfer.run(cli, "pull", "x", tell=lambda progress, seconds: None)
    assert caught.value.failure.kind == "disk-full"
    assert caught.value.failure.detail == said


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no program"):
        transfer.run(Cli((str(tmp_path / "no"),), "docker"), "pull", "x", tell=lambda progress, seconds: None)


def test_what_is_left_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    """One that is waited for outlives the time that a test may take."""
    cli = program(tmp_path, "sleep 150 & echo done")
    transfer.run(cli, "pull", "x", tell=lambda progress, seconds: None)


def test_without_terminals_a_pipe_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> tuple[int, int]:
        raise OSError("out of pty devices")

    monkeypatch.setattr(os, "openpty", none)
    cli = program(tmp_path, f"echo '{LAYER}: Pull complete'; test ! -t 1")
    assert transfer.run(cli, "pull", "x", tell=lambda progress, seconds: None).layers_done == 1


def test_a_ctrl_c_ends_the_program(tmp_path: Path) -> None:
    cli = program(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 60")
    script = "import sys; from sglaunch.engine.cli import Cli; Cli((sys.argv[1],), 'docker').drawn(hear=lambda t: None)"
    process = subprocess.Popen([sys.executable, "-c", script, cli.command[0]], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
