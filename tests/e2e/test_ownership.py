"""What is not ours stays as it is: other people's containers, other folders' projects, and labels made to deceive."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from docker_engine import EventLog, docker, inspect
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

WEB = """\
project: PROJECT
profiles:
  web: {image: IMAGE, command: sleep infinity, init: true, stop_grace_period: 1s, protect: false}
"""
ESCAPE = "\x1b[2J\x07"


def somebody_elses(sglaunch: Sglaunch, name: str, owner: str = "4321:bob", **labels: str) -> str:
    """A running container with the labels of this project's, but for its owner and those given."""
    sglaunch("up")
    ours = sglaunch.inspect()["Config"]["Labels"]
    sglaunch("down")
    theirs = {**ours, "sglaunch.owner": owner, **{key.replace("_", "."): value for key, value in labels.items()}}
    options = [word for key, value in theirs.items() for word in ("--label", f"{key}={value}")]
    return docker("run", "-d", "--name", name, *options, sglaunch.image, "sleep", "60").stdout.strip()


def another_folder(sglaunch: Sglaunch, tmp_path: Path) -> Sglaunch:
    other = Sglaunch(tmp_path / "second", sglaunch.project, sglaunch.image)
    other.folder.mkdir()
    other.write(WEB)
    return other


@pytest.mark.parametrize("verb", ["up", "up --yes --force-recreate", "start web", "stop web", "restart web", "rm web"])
def test_a_container_that_another_tool_made_is_refused_with_its_age(sglaunch: Sglaunch, verb: str) -> None:
    sglaunch.write(WEB)
    docker("run", "-d", "--name", sglaunch.name(), sglaunch.image, "sleep", "60")
    with EventLog() as log:
        done = sglaunch(*verb.split(), status=None)
    assert log.actions(sglaunch.project) == []
    if verb.startswith("up"):
        assert done.returncode == 4
        assert f"{sglaunch.name()} was not made by sglaunch" in " ".join(done.stderr.split())
        assert re.search(r"created 20\d\d-\d\d-\d\dT", done.stderr)
        assert "container_name" in done.stderr


@pytest.mark.parametrize("verb", ["up", "up --yes --force-recreate", "down --yes", "rm --yes web", "stop web"])
def test_a_container_of_another_owner_is_not_touched(sglaunch: Sglaunch, verb: str) -> None:
    sglaunch.write(WEB)
    theirs = somebody_elses(sglaunch, sglaunch.name())
    with EventLog() as log:
        done = sglaunch(*verb.split(), status=None)
    assert log.actions(sglaunch.project) == []
    assert inspect(theirs)["State"]["Running"]
    if verb != "down --yes":
        assert done.returncode == 4
        assert "belongs to bob" in done.stderr


def test_a_project_of_the_same_name_in_another_folder_is_another_project(sglaunch: Sglaunch, tmp_path: Path) -> None:
    sglaunch.write(WEB)
    sglaunch("up")
    before = sglaunch.identity()
    other = another_folder(sglaunch, tmp_path)
    with EventLog() as log:
        done = other("up", status=4)
        other("down", "--yes")
        assert json.loads(other("ps", "-a", "--json").stdout)["containers"] == []
    assert (sglaunch.identity(), log.actions(sglaunch.project)) == (before, [])
    assert str(sglaunch.folder / "sglaunch.yaml") in done.stderr


def test_a_folder_that_moved_takes_its_containers_along(sglaunch: Sglaunch, tmp_path: Path) -> None:
    sglaunch.write(WEB)
    sglaunch("up")
    before = sglaunch.identity()
    shutil.move(sglaunch.folder, tmp_path / "moved")
    moved = Sglaunch(tmp_path / "moved", sglaunch.project, sglaunch.image)
    assert "up to date" in moved("up").stdout
    assert moved.identity() == before
    moved("down")
    assert docker("ps", "-aq", "--filter", f"name={sglaunch.project}").stdout == ""


def test_every_project_is_listed_and_what_their_labels_hold_is_printed_harmless(sglaunch: Sglaunch) -> None:
    sglaunch.write(WEB)
    hostile = {"sglaunch_project": f"{sglaunch.project}{ESCAPE}x", "sglaunch_profile": f"web{ESCAPE}"}
    theirs = somebody_elses(sglaunch, f"{sglaunch.project}-hostile", f"4321:bob{ESCAPE}", **hostile)
    with EventLog() as log:
        for words in (("ps", "--all-projects"), ("ps", "--all-projects", "--json")):
            said = sglaunch(*words).stdout
            assert f"{sglaunch.project}-hostile" in said
            assert not {"\x1b", "\x07"} & set(said)
        sglaunch("down", "--yes")
    assert log.actions(sglaunch.project) == []
    assert inspect(theirs)["State"]["Running"]


DECEITS: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "no spec": lambda labels: {key: value for key, value in labels.items() if ".spec." not in key},
    "not JSON": lambda labels: {**labels, "sglaunch.spec.0": "{"},
    "a list": lambda labels: {**labels, "sglaunch.spec.0": "[1]"},
    "deep": lambda labels: {**labels, "sglaunch.spec.0": "[" * 3000},
    "another version": lambda labels: {**labels, "sglaunch.spec.0": '{"v": 999, "spec": {}}'},
    "an owner of many digits": lambda labels: {**labels, "sglaunch.owner": "9" * 5000},
    "an owner that is no number": lambda labels: {**labels, "sglaunch.owner": "root"},
    "no owner": lambda labels: {key: value for key, value in labels.items() if key != "sglaunch.owner"},
    "assigned nonsense": lambda labels: {**labels, "sglaunch.assigned": "[[["},
    "secrets nonsense": lambda labels: {**labels, "sglaunch.secrets": "7"},
}


@pytest.mark.parametrize("name", DECEITS)
def test_labels_that_are_not_as_we_wrote_them_are_no_bug_and_lose_nothing(sglaunch: Sglaunch, name: str) -> None:
    sglaunch.write(WEB)
    sglaunch("up")
    labels = DECEITS[name](sglaunch.inspect()["Config"]["Labels"])
    sglaunch("down")
    options = [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    docker("run", "-d", "--name", sglaunch.name(), *options, sglaunch.image, "sleep", "60")
    before = sglaunch.identity()
    for words in (("plan",), ("ps", "-a"), ("ps", "--all-projects"), ("down", "--dry-run"), ("logs", "web")):
        sglaunch(*words, status=None)
    assert sglaunch("up", "--no-recreate", status=None).returncode in (0, 3, 4)
    assert sglaunch.identity() == before
