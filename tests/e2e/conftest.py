"""A project folder on the real engine, and the command line in it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sglaunch_cli import Sglaunch
from terminal import Open, Terminal


@pytest.fixture
def sglaunch(tmp_path: Path, cleanup: str, docker_image: str) -> Sglaunch:
    folder = tmp_path / "project"
    folder.mkdir()
    return Sglaunch(folder, cleanup, docker_image)


@pytest.fixture
def terminal(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a command of a project, of the fixture `sglaunch` unless it is given another."""
    opened: list[Terminal] = []

    def make(*words: str, on: Sglaunch | None = None, **size: int) -> Terminal:
        opened.append(Terminal(on or request.getfixturevalue("sglaunch"), *words, **size))
        return opened[-1]

    yield make
    for one in opened:
        os.close(one.fd)
        try:
            os.kill(one.pid, signal.SIGKILL)
            os.waitpid(one.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
