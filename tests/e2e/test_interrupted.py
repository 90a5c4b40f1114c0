"""Ctrl-C while the engine stops a container that takes its time: the engine goes on with it, so it is waited for."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from docker_engine import containers
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

STUBBORN = """\
project: PROJECT
profiles:
  box:
    image: IMAGE
    command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"]
    init: true
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


def interrupted(box: Sglaunch, *words: str, again: int = 0) -> tuple[int, str]:
    """A command that gets a Ctrl-C in the midst of a stop, and further ones while it rolls back."""
    process = box.start(*words)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "stopping" in line and len(said) < 5:
            for _ in range(1 + again):
                time.sleep(0.3)
                process.send_signal(signal.SIGINT)
    return process.wait(60), "".join(said)


@pytest.mark.parametrize("again", [0, 3])
@pytest.mark.parametrize("words", [("up", "-d", "--yes"), ("down", "--yes")], ids=" ".join)
def test_what_is_being_stopped_runs_again(box: Sglaunch, words: tuple[str, ...], again: int) -> None:
    identity, _ = box.identity("box")
    box.edit('A: "1"', 'A: "2"')
    status, said = interrupted(box, *words, again=again)
    assert status == 130
    assert "the step under way ends first: stop" in said
    assert "at most 8 s" in said
    assert f"interrupted; {box.name('box')}: rolled back" in said
    for _ in range(2):
        found = box.inspect("box")
        assert (found["Id"], found["State"]["Running"]) == (identity, True)
        assert found["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
        time.sleep(4)


def test_what_was_to_be_stopped_is_stopped_and_said_to_be(box: Sglaunch) -> None:
    status, said = interrupted(box, "stop", "box")
    assert status == 130
    assert f"interrupted; {box.name('box')}: kept: stop {box.name('box')}" in said
    assert not box.inspect("box")["State"]["Running"]


def test_no_number_of_ctrl_c_gives_up_the_undo_of_a_new_one_that_will_not_stop(box: Sglaunch) -> None:
    """The new one has the port and ignores SIGTERM: the old one can run again only when it is gone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    box.edit("    protect: false\n", f"    protect: false\n    ports: ['127.0.0.1:{port}:80']\n")
    box("up", "-d", "--yes")
    identity, _ = box.identity("box")
    # It never becomes healthy, so that `up` waits until it is interrupted.
    box.edit("    protect: false\n", "    protect: false\n    healthcheck: {test: [CMD, 'false'], interval: 1h}\n")
    process = box.start("up", "-d", "--yes")
    assert process.stderr is not None
    said, pressed = [], 0
    for line in process.stderr:
        said.append(line)
        if "started (wanted running)" in line or ("stopping (undo)" in line and pressed < 2):
            for _ in range(1 + 2 * pressed):
                time.sleep(0.5)
                process.send_signal(signal.SIGINT)
            pressed += 1
    assert process.wait(60) == 130
    text = "".join(said)
    assert f"still rolling back: stop {box.name('box')}, at most 8 s, then " in text
    assert f"interrupted; {box.name('box')}: rolled back" in text
    found = box.inspect("box")
    assert (found["Id"], found["State"]["Running"]) == (identity, True)
    assert len(containers(box.project)) == 1


@pytest.mark.parametrize("words", [("restart", "box"), ("down", "--yes"), ("stop", "box")], ids=" ".join)
def test_a_stop_that_a_killed_command_left_to_the_engine_is_waited_for(box: Sglaunch, words: tuple[str, ...]) -> None:
    """The engine calls the container running all the while."""
    process = box.start(*words)
    until_noted(box)
    process.kill()
    process.communicate()
    assert box.inspect("box")["State"]["Running"]
    assert [step["op"] for step in box.plan()["steps"]] == ["stopped", "start", "settle"]
    box("up", "-d")
    identity = box.identity("box")
    time.sleep(4)
    assert (box.identity("box"), box.inspect("box")["State"]["Running"]) == (identity, True)
    assert box.plan()["action"] == "none"


def until_noted(box: Sglaunch) -> None:
    """A stop has begun, and the engine has heard of it."""
    folder = Path(os.environ["XDG_RUNTIME_DIR"]) / "sglaunch" / "locks"
    deadline = time.monotonic() + 30
    while not list(folder.glob(f"{box.name('box')}-*.stop")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.5)
