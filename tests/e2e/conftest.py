"""A project folder on the real engine, and the command line in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sglaunch_cli import Sglaunch


@pytest.fixture
def sglaunch(tmp_path: Path, cleanup: str, docker_image: str) -> Sglaunch:
    folder = tmp_path / "project"
    folder.mkdir()
    return Sglaunch(folder, cleanup, docker_image)
