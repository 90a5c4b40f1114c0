"""What goes wrong on a real engine is recognised, told with its next step, and leaves nothing half done."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from docker_engine import EventLog, docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

HEAD = """\
project: PROJECT
profiles:
  web:
"""
PLAIN = "    command: sleep infinity\n    init: true\n"

# name -> (the profile's lines, exit status, what must be said)
FAILURES = {
    "image not here, never pulled": (
        "    image: nowhere.invalid/x:1\n    pull_policy: never\n    command: x\n",
        2,
        ("nowhere.invalid/x:1", "pull_policy is never"),
    ),
    "image not here, pulled": (
        "    image: 127.0.0.1:1/x:1\n    command: x\n",
        1,
        ("127.0.0.1:1", "cannot be reached"),
    ),
    "bad reference": ("    image: Not/Lower\n    command: x\n", 2, ("Not/Lower", "sglaunch.yaml:4:12")),
    "bind source is not there": (
        f"    image: IMAGE\n{PLAIN}    volumes:\n      - {{type: bind, source: ./nothing, target: /x}}\n",
        2,
        ("/nothing", "create it"),
    ),
    "no such network": (
        f"    image: IMAGE\n{PLAIN}    networks: [nowhere-at-all]\n",
        1,
        ("no network nowhere-at-all", "docker network create nowhere-at-all"),
    ),
    "command not found": ("    image: IMAGE\n    command: [no-such-thing]\n", 1, ("no command no-such-thing",)),
    "not executable": ("    image: IMAGE\n    command: [/etc/passwd]\n", 1, ("/etc/passwd is not executable",)),
    "exits at once": (
        "    image: IMAGE\n    command: [sh, -c, 'echo the last words; exit 7']\n",
        1,
        ("the last words", "7"),
    ),
    "memory below the engine's least": (f"    image: IMAGE\n{PLAIN}    mem_limit: 1m\n", 1, ("mem_limit",)),
    "unknown user": (f"    image: IMAGE\n{PLAIN}    user: nobody-here\n", 1, ("no user nobody-here",)),
    "no such device": (
        f"    image: IMAGE\n{PLAIN}    devices: [/dev/no-such-device]\n",
        1,
        ("no device /dev/no-such-device",),
    ),
    "a relative working folder": (
        f"    image: IMAGE\n{PLAIN}    working_dir: here\n",
        2,
        ("working_dir: 'here'", "absolute"),
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_names_its_cause_and_the_way_out(sglaunch: Sglaunch, name: str) -> None:
    lines, status, expected = FAILURES[name]
    sglaunch.write(HEAD + lines)
    sglaunch("trust", status=None)
    done = sglaunch("up", status=status)
    said = " ".join(done.stderr.split())
    for words in expected:
        assert words in said, done.stderr
    assert docker("ps", "-q", "--filter", f"name={sglaunch.project}").stdout == ""


@pytest.mark.parametrize("name", [name for name, (_, status, _) in FAILURES.items() if status == 1])
def test_a_failed_replacement_leaves_the_old_one_running(sglaunch: Sglaunch, name: str) -> None:
    sglaunch.write(f"{HEAD}    image: IMAGE\n{PLAIN}    environment: {{OLD: '1'}}\n")
    sglaunch("up")
    before = sglaunch.inspect()
    sglaunch.write(HEAD + FAILURES[name][0])
    sglaunch("trust", status=None)
    sglaunch("up", "--yes", status=1)
    after = sglaunch.inspect()
    assert after["Id"] == before["Id"]
    assert after["State"]["Running"]
    assert docker("ps", "-aq", "--filter", f"name={sglaunch.project}").stdout.count("\n") == 1


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_taken_port_is_told_with_who_has_it_before_anything_is_made(sglaunch: Sglaunch, taken: int) -> None:
    sglaunch.write(f"{HEAD}    image: IMAGE\n{PLAIN}    ports: ['{taken}:80']\n")
    with EventLog() as log:
        said = sglaunch("up", status=2).stderr
    assert log.actions(sglaunch.project) == []
    assert str(taken) in said
    assert str(os.getpid()) in said


@pytest.mark.parametrize("verb", ["up", "plan", "ps", "down", "logs web", "exec web true", "images"])
def test_an_engine_that_does_not_answer_is_told(sglaunch: Sglaunch, verb: str) -> None:
    sglaunch.write(f"{HEAD}    image: IMAGE\n{PLAIN}")
    said = sglaunch(*verb.split(), status=1, env={"DOCKER_HOST": "unix:///nonexistent-engine.sock"}).stderr
    assert "does not answer" in said
    assert "systemctl start docker" in said


@pytest.mark.parametrize("verb", ["up", "plan", "ps", "shell web"])
def test_no_engine_at_all_is_told(sglaunch: Sglaunch, verb: str) -> None:
    sglaunch.write(f"{HEAD}    image: IMAGE\n{PLAIN}")
    said = sglaunch(*verb.split(), status=1, env={"PATH": "/nonexistent"}).stderr
    assert "docker" in said
    assert "install" in said
