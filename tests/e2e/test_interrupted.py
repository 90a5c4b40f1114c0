"""Ctrl-C while the engine stops a container that takes its time: the engine goes on with it, so it is waited for."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

STUBBORN = """\
project: PROJECT
profiles:
  box:
    image: IMAGE
    command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"]
    init: true
    network_mode: none
    restart: unless-stopped
    stop_grace_period: 3s
    protect: false
    environment: {A: "1"}
"""


@pytest.fixture
def box(sglaunch: Sglaunch) -> Sglaunch:
    sglaunch.write(STUBBORN)
    sglaunch("up", "-d")
    return sglaunch


def interrupted(box: Sglaunch, *words: str) -> tuple[int, str]:
    """A command that gets a Ctrl-C in the midst of a stop, and another one while it takes it back."""
    process = box.start(*words)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "stopping" in line:
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
    return process.wait(60), "".join(said)


@pytest.mark.parametrize("words", [("up", "-d", "--yes"), ("down", "--yes")], ids=" ".join)
def test_what_is_being_stopped_runs_again(box: Sglaunch, words: tuple[str, ...]) -> None:
    identity, _ = box.identity("box")
    box.edit('A: "1"', 'A: "2"')
    status, said = interrupted(box, *words)
    assert status == 130
    assert "the engine goes on with it" in said
    assert "taken back" in said
    for _ in range(2):
        found = box.inspect("box")
        assert (found["Id"], found["State"]["Running"]) == (identity, True)
        assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
        time.sleep(4)


def test_what_was_to_be_stopped_is_said_to_stop(box: Sglaunch) -> None:
    status, said = interrupted(box, "stop", "box")
    assert status == 130
    assert f"the engine goes on stopping {box.name('box')}" in said
    subprocess.run(["docker", "wait", box.name("box")], check=True, timeout=30, stdout=subprocess.DEVNULL)
