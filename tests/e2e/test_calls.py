"""How many programs a command starts: none to look, one a step to act, whatever the number of profiles."""

from __future__ import annotations

import json

import pytest
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

DEFAULTS = (
    'project: PROJECT\ndefaults: {image: "IMAGE", command: [sleep, "300"], stop_signal: SIGKILL, protect: false}\n'
)


def calls(sglaunch: Sglaunch, *words: str, env: dict[str, str] | None = None) -> list[str]:
    """The verbs of the engine's program, in order."""
    lines = sglaunch("--verbose", *words, env=env).stderr.splitlines()
    words = [line.split() for line in lines if line.startswith("+ ")]
    return [each[2] for each in words if each[1].rpartition("/")[2] == "docker"]


def profiles(sglaunch: Sglaunch, count: int) -> None:
    sglaunch.write(DEFAULTS + "profiles:\n" + "".join(f"  p{number}: {{}}\n" for number in range(count)))


@pytest.fixture
def read(sglaunch: Sglaunch) -> Sglaunch:
    """A project on an engine that is read by its socket."""
    profiles(sglaunch, 1)
    sglaunch("ps")
    if calls(sglaunch, "ps"):
        pytest.skip("this Docker is not read by its socket")
    return sglaunch


def test_each_step_is_one_call_and_nothing_is_asked_beside(read: Sglaunch) -> None:
    assert calls(read, "up", "-d") == ["create", "start"]
    assert calls(read, "up", "-d") == []
    for looking in (("ps",), ("plan",), ("wait",), ("images",)):
        assert set(calls(read, *looking)) <= {"image"}, looking
    again = ["create", "stop", "rename", "rename", "start", "rm"]
    assert calls(read, "up", "-d", "--force-recreate", "--yes") == again
    assert calls(read, "stop", "p0") == ["stop"]
    assert calls(read, "start", "p0") == ["start"]
    assert calls(read, "restart", "p0") == ["restart"]
    read.edit("protect: false", "protect: false, mem_limit: 64m")
    assert calls(read, "up", "-d") == ["container"], "container update"
    assert calls(read, "down", "--yes") == ["stop", "rm"]
    assert calls(read, "down", "--yes") == []


def test_with_json_the_calls_are_events(read: Sglaunch) -> None:
    events = [json.loads(line) for line in read("up", "-d", "--verbose", "--json").stderr.splitlines()]
    told = [event["note"].split()[2] for event in events if event["event"] == "note"]
    assert told == ["create", "start"]


def test_what_would_be_lost_is_measured_where_somebody_is_told(read: Sglaunch) -> None:
    read.edit("protect: false", "protect: true")
    read("up", "-d")
    assert calls(read, "down", "--dry-run") == ["inspect", "diff"]
    assert calls(read, "down", "--yes") == ["stop", "rm"]


def test_several_profiles_take_no_more_calls_to_look(sglaunch: Sglaunch) -> None:
    """By the socket none; by the program, which a chosen context is left to, as many for five as for one."""
    counted = {}
    for count in (1, 5):
        profiles(sglaunch, count)
        assert sorted(calls(sglaunch, "up", "-d"))[-2:] != []
        for env in ({}, {"DOCKER_CONTEXT": "default"}):
            counted[count, bool(env)] = calls(sglaunch, "up", "-d", env=env)
    assert counted[1, False] == counted[5, False]
    assert counted[1, True] == counted[5, True]
    assert [verb for verb in counted[1, True] if verb not in ("version", "context")] == ["ps", "inspect"]
