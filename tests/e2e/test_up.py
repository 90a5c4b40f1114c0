"""The main job on real Docker: what `up` makes, that twice is nothing, and what each edit takes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from docker_engine import EventLog, build_variant, docker
from real_engines import deny_device
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

WEB = """\
project: PROJECT
profiles:
  web:
    image: IMAGE
    command: sleep infinity
    init: true
    stop_grace_period: 1s
    volumes: [./data:/data]
    environment:
      GREETING: hello
      OTHER: same
    labels: {team: core}
    shm_size: 64m
"""


@pytest.fixture
def web(sglaunch: Sglaunch) -> Sglaunch:
    (sglaunch.folder / "data").mkdir()
    sglaunch.write(WEB)
    return sglaunch


def test_the_first_up_makes_what_the_file_says(web: Sglaunch) -> None:
    (web.folder / "data" / "here").write_text("x", encoding="utf-8")
    assert "created" in web("up").stdout
    found = web.inspect()
    assert found["State"]["Running"]
    assert found["HostConfig"]["ShmSize"] == 64 << 20
    assert "GREETING=hello" in found["Config"]["Env"]
    assert found["Config"]["Labels"]["team"] == "core"
    assert web("exec", "web", "--", "ls", "/data").stdout == "here\n"
    assert web("plan", "--check").returncode == 0


def test_the_second_up_changes_nothing(web: Sglaunch) -> None:
    web("up")
    before = web.identity()
    assert web.plan()["action"] == "none"
    with EventLog() as log:
        assert "up to date" in web("up").stdout
    assert (web.identity(), log.actions(web.project)) == (before, [])


def test_a_stopped_container_is_started_and_a_removed_one_made_again(web: Sglaunch) -> None:
    web("up")
    first, _ = web.identity()
    docker("stop", web.name())
    assert web.plan()["action"] == "start"
    web("up")
    assert web.identity()[0] == first
    docker("rm", "-f", web.name())
    assert web.plan()["action"] == "create"
    web("up")
    assert web.identity()[0] != first


def test_an_edited_value_is_a_recreate_that_names_its_line(web: Sglaunch) -> None:
    web("up")
    first, _ = web.identity()
    web.edit("hello", "bonjour")
    plan = web.plan()
    assert plan["action"] == "recreate"
    assert plan["changes"] == [
        {
            "field": "environment.GREETING",
            "old": "hello",
            "new": "bonjour",
            "origin": "sglaunch.yaml:10:17",
            "layer": "project",
            "effect": "recreate",
        }
    ]
    assert web("up", status=3).stdout == ""
    assert web.identity()[0] == first
    web("up", "--yes")
    assert web.identity()[0] != first
    assert web("exec", "web", "--", "sh", "-c", "echo $GREETING").stdout == "bonjour\n"
    assert web.plan()["action"] == "none"
    assert docker("ps", "-aq", "--filter", f"name={web.project}").stdout.count("\n") == 1


def test_what_is_kept_and_what_goes_is_said_to_be(web: Sglaunch) -> None:
    web("up")
    assert web("up").stdout == f"{web.name()}  up to date\n"
    web.edit("hello", "bonjour")
    kept = web("up", "--no-recreate")
    assert kept.stdout == f"{web.name()}  kept\n"
    assert "pending changes: environment.GREETING" in kept.stderr
    old = web.name()
    web.edit("  web:", "  other:")
    assert f"{old}  removed\n" in web("up", "--remove-orphans", "--yes").stdout
    assert "unknown profile 'wbe'; profiles here: " in web("down", "wbe", status=2).stderr
    assert web("down", "wbe", status=2).stderr == web("up", "wbe", status=2).stderr


@pytest.mark.parametrize("line", ["restart: always", "mem_limit: 64m", "cpus: 0.5", "pids_limit: 100", 'cpuset: "0"'])
def test_a_live_option_is_an_update_that_keeps_the_container(web: Sglaunch, line: str) -> None:
    web("up")
    before = web.identity()
    web.write(f"{WEB}    {line}\n")
    assert web.plan()["action"] == "update"
    web("up")
    assert web.identity() == before
    assert web.plan()["action"] == "none"


@pytest.mark.parametrize(
    "edit",
    [
        ("    init: true\n", "    init: true\n    attach: true\n"),
        ("    init: true\n", "    init: true\n    protect: false\n"),
        ("    init: true\n", "    init: true\n    recreate: always\n"),
        ("    init: true\n", "    # a comment\n    init: true   # another\n"),
        ("      GREETING: hello\n      OTHER: same\n", "      OTHER: same\n      GREETING: hello\n"),
        ("sleep infinity", "[sleep, infinity]"),
    ],
)
def test_what_the_container_is_not_told_changes_nothing(web: Sglaunch, edit: tuple[str, str]) -> None:
    web("up")
    before = web.identity()
    web.edit(*edit)
    assert web.plan()["action"] == "none"
    web("up")
    assert web.identity() == before


def test_a_tag_that_names_another_image_is_told_and_taken_only_where_that_is_wanted(web: Sglaunch) -> None:
    tag = f"{web.project}:1"
    docker("tag", web.image, tag)
    try:
        web.image = tag
        web.write(WEB)
        web("up")
        first, _ = web.identity()
        build_variant(tag, web.project)
        plan = web.plan()
        assert [(change["field"], change["effect"]) for change in plan["changes"]] == [("image", "none")]
        assert plan["action"] == "none"
        assert "--force-recreate" in plan["warnings"][0]
        web.write(f"{WEB}    recreate: always\n    protect: false\n")
        assert (web.plan()["action"], web.plan()["changes"][0]["effect"]) == ("recreate", "recreate")
        web("up")
        assert web.identity()[0] != first
        assert web("exec", "web", "--", "cat", "/variant").stdout == web.project
    finally:
        web("down", "--yes", status=None)
        docker("rmi", "-f", tag, check=False)


@pytest.mark.parametrize(
    ("words", "action"),
    [(("pause",), "start"), (("update", "--memory", "64m", "--memory-swap", "128m"), "recreate"), (("stop",), "start")],
)
def test_drift_made_behind_our_back_is_seen(web: Sglaunch, words: tuple[str, ...], action: str) -> None:
    """A limit cannot be taken away in place: Docker takes 0 for "not given"."""
    web("up")
    docker(*words, web.name())
    assert web.plan()["action"] == action
    web("up", "--yes")
    assert web.plan()["action"] == "none"
    assert web.inspect()["State"]["Status"] == "running"


def test_a_renamed_container_gets_its_name_back(web: Sglaunch) -> None:
    web("up")
    before = web.identity()
    docker("rename", web.name(), f"{web.project}-x")
    assert web.plan()["changes"][0]["field"] == "container_name"
    web("up")
    assert web.identity() == before


def test_down_leaves_none_of_ours_and_touches_no_other(web: Sglaunch, tmp_path: Path) -> None:
    web("up")
    foreign = docker("create", "--name", f"{web.project}-foreign", web.image, "true").stdout.strip()
    other = Sglaunch(tmp_path / "other", f"{web.project}-other", web.image)
    other.folder.mkdir()
    (other.folder / "data").mkdir()
    other.write(WEB)
    other("up")
    before = other.identity()
    web("down")
    assert docker("ps", "-aq", "--filter", f"label=sglaunch.project={web.project}").stdout == ""
    assert docker("inspect", foreign).returncode == 0
    assert other.identity() == before


def test_fifty_megabytes_of_work_are_kept_or_saved_and_the_image_can_be_started_from(web: Sglaunch) -> None:
    web("up")
    docker("exec", web.name(), "sh", "-c", "mkdir /root/run7; dd if=/dev/zero of=/root/run7/out bs=1M count=50")
    before = web.identity()
    tag = f"{web.project}:other"
    build_variant(tag, web.project)
    try:
        web.edit(web.image, tag)
        with EventLog() as log:
            done = web("up", status=3)
        assert (web.identity(), log.actions(web.project)) == (before, [])
        assert "50.0m written in its own layer would be lost: /root/run7" in done.stderr
        assert all(flag in done.stderr for flag in ("--yes", "--snapshot", "--no-recreate"))
        web("up", "--snapshot", "--yes")
        (saved,) = web.snapshots()
        web("down", "--yes")
        web.edit(tag, saved)
        web("up")
        assert web("exec", "web", "--", "stat", "-c", "%s", "/root/run7/out").stdout == f"{50 << 20}\n"
        assert web.plan()["action"] == "none"
        web("down", "--yes")
        docker("rmi", "-f", saved)
    finally:
        docker("rmi", "-f", tag, check=False)


def test_three_profiles_come_up_together_what_is_needed_first(sglaunch: Sglaunch) -> None:
    body = "{image: IMAGE, command: sleep infinity, init: true"
    sglaunch.write(
        f"project: PROJECT\nprofiles:\n  a: {body}, depends_on: [c]}}\n  b: {body}}}\n  c: {body}, depends_on: [b]}}\n"
    )
    with EventLog() as log:
        sglaunch("up")
    events = (event for event in log.about(sglaunch.project) if event["Action"] == "start")
    started = [event["Actor"]["Attributes"]["sglaunch.profile"] for event in events]
    assert started == ["b", "c", "a"]
    assert len(sglaunch("ps").stdout.splitlines()) == 4


def test_a_plan_of_twenty_profiles_starts_no_more_processes_than_one_of_one(sglaunch: Sglaunch, tmp_path: Path) -> None:
    profiles = "".join(f"  p{n}: {{image: IMAGE, command: sleep infinity, init: true}}\n" for n in range(20))
    sglaunch.write(f"project: PROJECT\nprofiles:\n{profiles}")
    sglaunch("up", "p0", "p1", "p2")
    counter = tmp_path / "bin"
    counter.mkdir()
    real = docker_path()
    (counter / "docker").write_text(f'#!/bin/sh\necho "$1" >>{tmp_path}/calls\nexec {real} "$@"\n', encoding="utf-8")
    (counter / "docker").chmod(0o755)

    def calls(*words: str) -> int:
        (tmp_path / "calls").write_text("", encoding="utf-8")
        sglaunch("plan", *words, env={"PATH": f"{counter}:{os.environ['PATH']}"})
        return len((tmp_path / "calls").read_text(encoding="utf-8").splitlines())

    calls()  # the first one asks `version` too
    assert calls() == calls("p0") == 2
    sglaunch.write(f"project: PROJECT\ndefaults: {{environment: {{A: '1'}}}}\nprofiles:\n{profiles}")
    assert calls("p0") <= 3 + 1, "the layer of a container that would be replaced is measured, and its paths asked for"


def docker_path() -> str:
    found = shutil.which("docker")
    assert found is not None
    return found


def test_an_update_that_took_the_gpus_away_is_an_error_and_a_restart_gives_them_back(web: Sglaunch) -> None:
    """/dev/full stands in for a GPU."""
    text = WEB.replace("    command:", '    devices: ["/dev/full:/dev/nvidia0"]\n    command:', 1)
    web.write(text)
    web("trust", "--yes")
    web("up")
    name = web.plan()["container"]
    deny_device(web.inspect()["Id"], "c 1:7 rwm")
    web.write(f"{text}    mem_limit: 64m\n")
    assert [step["op"] for step in web.plan()["steps"]] == ["update", "check-gpus"]
    told = web("up", status=1).stderr
    assert f"the update took the GPUs of {name} away (/dev/nvidia0: " in told
    assert "`sglaunch restart web`" in told
    web("restart", "web")
    web.write(f"{text}    mem_limit: 72m\n")
    assert "updated mem_limit=72m" in web("up").stderr
    web.write(f"{text}    mem_limit: 80m\n    gpu_update: recreate\n")
    assert web.plan()["changes"][0]["effect"] == "recreate"
