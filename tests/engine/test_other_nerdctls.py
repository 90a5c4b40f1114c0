"""The life of a container on the nerdctl releases that cannot be had, by a stand-in with their manners."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sglaunch_cli import Sglaunch

STAND_IN = Path(__file__).resolve().parent.parent / "fake_nerdctl.py"
VERSIONS = {"1.7.7": "1.6.20", "2.0.5": "1.7.24", "2.1.6": "1.7.24", "2.3.5": "2.1.9"}
PROJECT = """\
project: PROJECT
profiles:
  web:
    image: sglaunch-test/busybox:1
    command: sleep 1000
    stop_grace_period: 1s
    protect: false
    recreate: always
    environment: {GREETING: hello}
    ports: ["127.0.0.1:31861:80"]
"""


FARTHEST = pytest.mark.parametrize("place", ["1.7.7", "2.3.5"], indirect=True)


@pytest.fixture(params=VERSIONS)
def place(request: pytest.FixtureRequest, tmp_path: Path, unique: str) -> Sglaunch:
    programs, folder = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    folder.mkdir()
    told = {"nerdctl": request.param, "containerd": VERSIONS[request.param]}
    (programs / "version.json").write_text(json.dumps(told), encoding="utf-8")
    text = f'#!/bin/sh\nexec {sys.executable} -S -E {programs}/stand-in "$@"\n'
    (programs / "stand-in").symlink_to(STAND_IN)
    (programs / "nerdctl").write_text(text, encoding="utf-8")
    (programs / "nerdctl").chmod(0o755)
    for tool in ("sh", "env"):
        (programs / tool).symlink_to(subprocess.check_output(["which", tool], text=True).strip())
    one = Sglaunch(folder, unique, "sglaunch-test/busybox:1", {"PATH": str(programs)})
    one.write(PROJECT)
    return one


def action(place: Sglaunch) -> str:
    (found,) = json.loads(place("plan", "--json").stdout)["containers"]
    return str(found["action"])


def containers(place: Sglaunch) -> dict[str, dict[str, Any]]:
    state = json.loads((Path(place.environment["PATH"]) / "state.json").read_text(encoding="utf-8"))
    return {one["name"]: {**one, "id": identity} for identity, one in state["containers"].items()}


@FARTHEST
def test_the_life_of_a_container(place: Sglaunch) -> None:
    assert action(place) == "create"
    place("up")
    first = containers(place)[place.name()]
    assert first["running"]
    assert action(place) == "none"
    assert "up to date" in place("up").stdout
    assert place("exec", "web", "--", "sh", "-c", "echo $GREETING; exit 3", status=3).stdout == "hello\n"
    assert place("logs", "web").stdout == "hello\n"
    assert "31861" in place("ps").stdout
    place("stop", "web")
    assert action(place) == "start"
    place("up")
    assert containers(place)[place.name()]["id"] == first["id"]

    for word in ("bonjour", "ciao"):
        place.write(PROJECT.replace("hello", word))
        assert action(place) == "recreate"
        place("up")
        assert action(place) == "none"
        assert list(containers(place)) == [place.name()]
    now = containers(place)[place.name()]
    assert now["id"] != first["id"]

    place.edit("command: sleep 1000", "command: [no-such-program]")
    assert "no-such-program" in place("up", status=1).stderr
    back = containers(place)
    assert (list(back), back[place.name()]["id"], back[place.name()]["running"]) == ([place.name()], now["id"], True)
    place.edit("command: [no-such-program]", "command: sleep 1000")
    for line in ("cpus: 0.5", "mem_limit: 64m"):
        place.edit("    protect: false\n", f"    protect: false\n    {line}\n")
        assert action(place) == "recreate", "no release shows it, so the label tells"
        place("up")
        assert action(place) == "none"

    place("down")
    assert containers(place) == {}


@FARTHEST
def test_a_secret_reaches_it_and_nothing_else_of_our_environment(place: Sglaunch) -> None:
    place.edit("    protect: false\n", "    protect: false\n    secret_env: [TOKEN]\n")
    place.write("profiles: {web: {secret_env: [TOKEN]}}\n", "sglaunch.local.yaml")
    place.edit("    secret_env: [TOKEN]\n", "")
    token = {"TOKEN": "t-0123456789"}
    place("up", env=token)
    assert place("exec", "web", "--", "sh", "-c", "echo $TOKEN").stdout == "t-0123456789\n"
    assert action(place) == "none", "unset is no opinion"
    place.edit("hello", "bonjour")
    place("up")
    assert place("exec", "web", "--", "sh", "-c", "echo $TOKEN").stdout == "t-0123456789\n", "carried over"


def test_what_a_release_lacks_is_refused_before_anything_is_made(place: Sglaunch) -> None:
    version = json.loads((Path(place.environment["PATH"]) / "version.json").read_text(encoding="utf-8"))["nerdctl"]
    place.edit("    protect: false\n", "    protect: false\n    healthcheck: {test: 'true'}\n")
    old = version in ("1.7.7", "2.0.5")
    said = place("up", "--no-wait", status=2 if old else 0).stderr
    assert (f"nerdctl {version} cannot do this; nerdctl has it from 2.1.3 on" in said) == old
    assert (Path(place.environment["PATH"]) / "state.json").exists() != old
