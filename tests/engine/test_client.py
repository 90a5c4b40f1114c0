"""What the client makes of calls that do not end."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.engine import client
from sglaunch.engine.client import EngineClient
from sglaunch.errors import EngineError


def test_a_probe_in_a_container_that_is_stuck_found_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(client, "_LATER", 0.2)
    assert EngineClient([str(program)]).probe_inside("box", 30000, "/ready", 0.1) == 0


@pytest.mark.parametrize("answer", ["null", "{}", "[1]", '{"Id": "x"}', "<html>"])
def test_what_is_no_list_of_things_is_none(tmp_path: Path, answer: str) -> None:
    program = tmp_path / "docker"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
    program.chmod(0o755)
    with pytest.raises(EngineError):
        EngineClient([str(program)]).inspect(["box"], size=False)
    if answer != "null":
        with pytest.raises(EngineError):
            EngineClient([str(program)]).list_ids(None)
