"""Looking changes nothing: every verb that only shows, against every state, by the engine's own account."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from docker_engine import EventLog, docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

WEB = """\
project: PROJECT
profiles:
  web: {image: IMAGE, command: sleep infinity, init: true, environment: {A: "1"}}
"""
LOOKS = [
    ("plan",),
    ("plan", "--check"),
    ("plan", "--json"),
    ("up", "--dry-run"),
    ("up", "--dry-run", "--force-recreate"),
    ("down", "--dry-run"),
    ("stop", "--dry-run", "web"),
    ("ps", "-a"),
    ("ps", "--all-projects", "--json"),
    ("config",),
    ("config", "web", "environment.A", "--origins"),
    ("validate",),
    ("logs", "web"),
    ("images",),
]


def up(sglaunch: Sglaunch) -> None:
    sglaunch("up")


def changed(sglaunch: Sglaunch) -> None:
    sglaunch("up")
    docker("exec", sglaunch.name(), "sh", "-c", "echo work > /root/work")
    sglaunch.edit('A: "1"', 'A: "2"')


def then(*words: str) -> Callable[[Sglaunch], None]:
    def prepare(sglaunch: Sglaunch) -> None:
        sglaunch("up")
        docker(*words, sglaunch.name())

    return prepare


def restarting(sglaunch: Sglaunch) -> None:
    docker("run", "-d", "--restart", "always", "--name", sglaunch.name(), sglaunch.image, "false")


def foreign(sglaunch: Sglaunch) -> None:
    docker("create", "--name", sglaunch.name(), sglaunch.image, "true")


def interrupted(sglaunch: Sglaunch) -> None:
    sglaunch("up")
    docker("stop", sglaunch.name())
    docker("rename", sglaunch.name(), f"{sglaunch.name()}.old")


STATES: dict[str, Callable[[Sglaunch], None]] = {
    "absent": lambda _: None,
    "created": lambda sglaunch: sglaunch("up", "--no-start") and None,
    "running": up,
    "changed, with work in it": changed,
    "exited": then("stop"),
    "paused": then("pause"),
    "somebody else's, restarting": restarting,
    "somebody else's": foreign,
    "set aside by an interrupted recreate": interrupted,
    "its image is not here": lambda sglaunch: sglaunch.edit(sglaunch.image, "nowhere.invalid/nothing:1"),
}


def state(project: str) -> list[tuple[str, str, str, str]]:
    ids = docker("ps", "-aq", "--no-trunc", "--filter", f"name={project}").stdout.split()
    if not ids:
        return []
    shown = "{{.Id}}\t{{.Name}}\t{{.State.Status}}\t{{.State.StartedAt}}"
    lines = docker("inspect", "--format", shown, *ids).stdout.splitlines()
    return sorted(tuple(line.split("\t")) for line in lines)


@pytest.mark.parametrize("name", STATES)
def test_no_look_changes_anything(sglaunch: Sglaunch, name: str) -> None:
    sglaunch.write(WEB)
    STATES[name](sglaunch)
    before = state(sglaunch.project)
    with EventLog() as log:
        for words in LOOKS:
            sglaunch(*words, status=None)
    if "restarting" in name:
        # It restarts by itself, again and again.
        assert {line[:2] for line in state(sglaunch.project)} == {line[:2] for line in before}
        assert not {"container create", "container destroy", "container rename"} & set(log.actions(sglaunch.project))
    else:
        assert state(sglaunch.project) == before
        assert log.actions(sglaunch.project) == []
