"""Several containers at once on real Docker: order where it is needed, none where it is not, and one Ctrl-C for all."""

from __future__ import annotations

import signal
import time

import pytest
from docker_engine import EventLog, docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker


def project(**profiles: str) -> str:
    lines = [f"  {name}: {{image: IMAGE, protect: false, {body}}}\n" for name, body in profiles.items()]
    return f"project: PROJECT\nprofiles:\n{''.join(lines)}"


def stubborn(seconds: int, more: str = "") -> str:
    return f'command: ["sh", "-c", "trap : TERM; while :; do sleep 0.1; done"], stop_grace_period: {seconds}s{more}'


def order(log: EventLog, project: str, action: str) -> list[str]:
    events = (event for event in log.about(project) if event["Action"] == action)
    return [event["Actor"]["Attributes"]["sglaunch.profile"] for event in events]


def test_down_waits_for_all_of_them_at_once(sglaunch: Sglaunch) -> None:
    sglaunch.write(project(a=stubborn(6), b=stubborn(6), c=stubborn(6)))
    sglaunch("up")
    with EventLog() as log:
        assert sglaunch("down").stdout.count("removed") == 3
    ends = [event["Action"] for event in log.about(sglaunch.project) if event["Action"] in ("kill", "die")]
    assert ends[:3] == ["kill"] * 3, "each was asked to stop before one had stopped"
    assert docker("ps", "-aq", "--filter", f"name={sglaunch.project}").stdout == ""


def test_down_and_stop_take_what_needs_another_first(sglaunch: Sglaunch) -> None:
    sglaunch.write(
        project(db=stubborn(1), api=stubborn(1, ", depends_on: [db]"), web=stubborn(1, ", depends_on: [api]"))
    )
    sglaunch("up")
    with EventLog() as log:
        sglaunch("stop", "db", "api", "web")
        sglaunch("start", "web", "api", "db")
        sglaunch("down")
    assert order(log, sglaunch.project, "die") == ["web", "api", "db"] * 2
    assert order(log, sglaunch.project, "start") == ["db", "api", "web"]
    assert order(log, sglaunch.project, "destroy") == ["web", "api", "db"]


def test_one_that_fails_leaves_the_others_up_and_both_errors_are_told(sglaunch: Sglaunch) -> None:
    good = "command: sleep infinity, init: true"
    sglaunch.write(
        project(
            good=good, bad="command: [no-such-thing]", worse="command: [neither]", last=f"{good}, depends_on: [bad]"
        )
    )
    said = sglaunch("up", status=1).stderr
    assert "no-such-thing" in said
    assert "neither" in said
    names = docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name={sglaunch.project}").stdout.split()
    assert names == [sglaunch.name("good")]


def test_a_ctrl_c_takes_every_replacement_back(sglaunch: Sglaunch) -> None:
    sglaunch.write(project(a=stubborn(8), b=stubborn(8)))
    sglaunch("up")
    before = {name: sglaunch.inspect(name)["Id"] for name in ("a", "b")}
    sglaunch.edit("protect: false", "protect: false, environment: {X: '1'}")
    running = sglaunch.start("up", "--yes")
    time.sleep(4)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert {name: sglaunch.inspect(name)["Id"] for name in ("a", "b")} == before
    assert all(sglaunch.inspect(name)["State"]["Running"] for name in ("a", "b"))
    assert docker("ps", "-aq", "--filter", f"name={sglaunch.project}").stdout.count("\n") == 2
    assert sglaunch("up", "--yes").stdout.count("recreated") == 2
