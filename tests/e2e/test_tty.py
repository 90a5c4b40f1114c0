"""A real terminal: the shell with its size and status, the questions, and what Ctrl-C takes back."""

from __future__ import annotations

import os
import signal
import time

import pytest
from docker_engine import docker
from sglaunch_cli import Sglaunch
from terminal import SECONDS, Open, Terminal

from sglaunch.spec.columns import width

pytestmark = pytest.mark.docker

DEV = """\
project: PROJECT
profiles:
  dev:
    image: IMAGE
    command: sleep infinity
    init: true
    stop_grace_period: 1s
    environment: {A: one}
    attach: true
    shell: sh
    gpus: null
    ulimits: null
    caches: null
    network_mode: null
    restart: always
"""


@pytest.fixture
def dev(sglaunch: Sglaunch) -> Sglaunch:
    sglaunch.write(DEV)
    return sglaunch


def resize(one: Terminal) -> None:
    """Twice: the docker command drops a resize that comes while it still tells the engine the first one."""
    one.resize(25, 80)
    time.sleep(0.5)
    one.resize(20, 70)
    time.sleep(0.5)


def test_up_gives_a_shell_of_the_right_size_whose_status_is_ours_and_the_container_runs_on(
    dev: Sglaunch, terminal: Open
) -> None:
    one = terminal("up", "dev", rows=33, columns=111)
    one.expect(r"entering .*`exit` leaves it running.*detaches")
    one.expect(r"# ")
    one.type("stty size\n")
    one.expect(r"33 111")
    one.ask("stty size", r"20 70", before=lambda: resize(one))
    one.type("touch /root/mark; exit 7\n")
    assert one.status() == 7
    before = dev.identity("dev")
    assert dev.inspect("dev")["State"]["Running"]

    again = terminal("up", "dev")
    again.expect(r"# ")
    again.type("ls /root\n")
    again.expect(r"mark")
    again.type("exit\n")
    assert again.status() == 0
    assert dev.identity("dev") == before


def test_ctrl_c_leaves_a_process_that_was_attached_to_and_it_runs_on(dev: Sglaunch, terminal: Open) -> None:
    dev.edit("command: sleep infinity", 'command: [sh, -c, "while :; do echo tick; sleep 0.2; done"]')
    dev("up", "-d")
    one = terminal("attach", "dev")
    one.expect(r"Ctrl-C leaves, and it runs on")
    one.expect(r"tick")
    one.type("\x03")
    assert one.status() == 130
    assert dev.inspect("dev")["State"]["Running"]


def test_the_detach_keys_leave_the_container_running(dev: Sglaunch, terminal: Open) -> None:
    dev("up", "-d")
    one = terminal("shell", "dev")
    one.expect(r"# ")
    one.type("\x00\x00")
    one.status()
    assert dev.inspect("dev")["State"]["Running"]


@pytest.mark.parametrize(("answer", "is_new", "is_saved"), [("k", False, False), ("r", True, False), ("s", True, True)])
def test_the_question_is_asked_once_and_the_answer_is_done(
    dev: Sglaunch, terminal: Open, answer: str, is_new: bool, is_saved: bool
) -> None:
    dev("up", "-d")
    before = dev.identity("dev")
    docker("exec", dev.name("dev"), "sh", "-c", "echo work > /root/work")
    dev.edit("A: one", "A: two")
    one = terminal("up", "-d", "dev")
    one.expect(r"would be lost:\s+/root/work")  # where the line is full, it goes on below
    one.expect(r"\[r\]ecreate / \[s\]napshot first / \[k\]eep")
    one.type(f"{answer}\n")
    assert one.status() == 0
    assert (dev.identity("dev") != before) == is_new
    assert f"{dev.name('dev')}  {'recreated' if is_new else 'kept'}" in one.text
    images = docker("images", "-q", f"sglaunch-snapshot/{dev.name('dev')}").stdout.split()
    try:
        assert bool(images) == is_saved
        if is_saved:
            assert docker("run", "--rm", images[0], "cat", "/root/work").stdout == "work\n"
    finally:
        if images:
            docker("rmi", "-f", *images)


def test_an_image_is_removed_or_kept(dev: Sglaunch, terminal: Open) -> None:
    dev.edit("restart: always", "protect: true")
    dev("up", "-d")
    docker("exec", dev.name("dev"), "touch", "/root/work")
    dev("down", "--snapshot")
    (saved,) = dev.snapshots()
    for answer, left in (("k", [saved]), ("r", [])):
        one = terminal("prune", saved)
        one.expect(r"go on\? \[r\]emove / \[k\]eep \(k\): ")
        one.type(f"{answer}\n")
        one.status()
        assert dev.snapshots() == left


def test_ctrl_c_at_the_question_changes_nothing(dev: Sglaunch, terminal: Open) -> None:
    dev("up", "-d")
    before = dev.identity("dev")
    dev.edit("A: one", "A: two")
    one = terminal("up", "dev")
    one.expect(r"\[k\]eep")
    one.type("\x03")
    assert one.status() == 130
    assert one.text.replace("\r", "").endswith("^C\ninterrupted\n"), one.text
    assert dev.identity("dev") == before


@pytest.mark.parametrize("how", ["ctrl-c", "SIGTERM"])
def test_an_interrupted_recreate_puts_the_old_container_back(dev: Sglaunch, terminal: Open, how: str) -> None:
    stubborn = "[sh, -c, 'trap \"\" TERM; while :; do sleep 0.2; done']"
    dev.edit(
        "command: sleep infinity\n    init: true\n    stop_grace_period: 1s",
        f"command: {stubborn}\n    stop_grace_period: 6s",
    )
    dev("up", "-d")
    first, _ = dev.identity("dev")
    dev.edit("A: one", "A: two")
    one = terminal("up", "-d", "--yes", "dev")
    one.expect(r"stopping")
    time.sleep(0.5)
    if how == "ctrl-c":
        one.type("\x03")
    else:
        os.kill(one.pid, signal.SIGTERM)
    assert one.status() == 130
    found = dev.inspect("dev")
    assert found["Id"] == first
    deadline = time.monotonic() + SECONDS
    while not dev.inspect("dev")["State"]["Running"] and time.monotonic() < deadline:
        time.sleep(0.2)
    assert dev.inspect("dev")["State"]["Running"]
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert docker("ps", "-a", "--filter", f"name={dev.project}", "--format", "{{.Names}}").stdout.split() == [
        dev.name("dev")
    ]


def test_what_a_project_file_asks_of_the_host_is_shown_and_asked(dev: Sglaunch, terminal: Open) -> None:
    dev.edit("    attach: true\n", "    attach: false\n    cap_add: [NET_ADMIN]\n")
    assert "sglaunch trust" in dev("up", status=4).stderr
    one = terminal("up", "dev")
    one.expect(r"cap_add: NET_ADMIN")
    one.expect(r"\[t\]rust / \[a\]bort")
    one.type("a\n")
    assert one.status() == 4
    one = terminal("up", "dev")
    one.expect(r"\[a\]bort")
    one.type("t\n")
    assert one.status() == 0
    assert "up to date" in dev("up").stdout


def test_exec_passes_input_and_status_and_has_a_terminal_only_on_one(dev: Sglaunch, terminal: Open) -> None:
    dev("up", "-d")
    assert dev("exec", "dev", "--", "cat", stdin="through").stdout == "through"
    assert dev("exec", "dev", "--", "sh", "-c", "exit 5", status=5).returncode == 5
    assert dev("exec", "dev", "--", "tty", status=1).stdout == "not a tty\n"
    one = terminal("exec", "dev", "--", "tty")
    one.expect(r"/dev/")
    assert one.status() == 0
    assert "needs a terminal" in dev("shell", "dev", status=2).stderr


def test_ctrl_c_ends_following_a_log_and_leaves_the_container(dev: Sglaunch, terminal: Open) -> None:
    dev.edit("command: sleep infinity", "command: [sh, -c, 'while :; do echo tick; sleep 0.2; done']")
    dev("up", "-d")
    assert dev("logs", "-n", "1", "dev").stdout == "tick\n"
    one = terminal("logs", "-f", "dev")
    one.expect(r"tick\s+tick")
    one.type("\x03")
    assert one.status() == 130
    assert dev.inspect("dev")["State"]["Running"]


def test_what_is_shown_fits_80_columns(dev: Sglaunch, terminal: Open) -> None:
    (dev.folder / "数据目录" / "a-rather-long-name-of-a-folder").mkdir(parents=True)
    dev.edit("attach: true", "attach: false\n    volumes: [./数据目录/a-rather-long-name-of-a-folder:/data/数据目录]")
    shown = [("plan",), ("config", "dev", "--origins"), ("config", "dev", "environment", "--origins")]
    dev("trust")
    dev("up", "-d")
    dev.edit("A: one", "A: two")
    for words in (*shown, ("ps",), ("images",), ("plan", "--plain")):
        one = terminal(*words, columns=80)
        assert one.status() == 0, f"{words}: {one.text}"
        lines = one.text.replace("\r", "").splitlines()
        assert lines
        assert max(map(width, lines)) <= 80, one.text
        assert "\x1b" not in one.text
    dev("down", "--yes")
