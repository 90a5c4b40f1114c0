"""What a killed command, a failing engine and many commands at once leave behind: always one container that works.

Something of ours stands between: a `docker` that is first on PATH, or a socket. It passes every call on to the real
one, counts those that change something, and at a chosen one kills sglaunch, answers with an error, or waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker_engine import ENVIRONMENT, containers, docker, inspect
from engine_socket import EngineSocket
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

STANDS_BETWEEN = """\
#!/bin/sh
verb=$1
[ "$verb" = container ] && verb=$2
case "$verb" in
create|start|stop|rename|update|rm|commit|load|tag|rmi) ;;
*) exec "REAL" "$@" ;;
esac
echo "$verb" >>"FOLDER/calls"
if [ "$(wc -l <"FOLDER/calls")" -ne "$AT_CALL" ]; then exec "REAL" "$@"; fi
case "$DO" in
kill) "REAL" "$@"; kill -KILL "$PPID" ;;
fail) echo 'Error response from daemon: injected' >&2; exit 1 ;;
lose) "REAL" "$@" >/dev/null 2>&1; echo 'error during connect: EOF' >&2; exit 1 ;;
wait) : >"FOLDER/waits"; while [ -e "FOLDER/waits" ]; do sleep 0.05; done; exec "REAL" "$@" ;;
esac
"""

BOX = """\
project: PROJECT
profiles:
  box:
    image: IMAGE
    command: sleep 301
    init: true
    stop_grace_period: 1s
    restart: always
    recreate: ask
    protect: true
"""

RECREATE = ("create", "stop", "update", "rename", "rename", "start", "rm")
"""The calls of a recreate that change something, in order."""
OLD_COMES_BACK = range(1, RECREATE.index("start") + 1)
"""After these calls the new one has not run yet."""


class Between:
    """What stands between, with a file of the calls that it counted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._at: tuple[int, str] = (0, "pass")

    def at(self, call: int, do: str) -> dict[str, str]:
        """The environment in which something happens at the given call, counted from one."""
        (self.folder / "calls").write_text("", encoding="utf-8")
        self._at = (call, do)
        return {}

    @property
    def calls(self) -> tuple[str, ...]:
        return tuple((self.folder / "calls").read_text(encoding="utf-8").split())

    @property
    def waiting(self) -> Path:
        """Is there while a call waits; who removes it lets it go on."""
        return self.folder / "waits"


class AsProgram(Between):
    """A `docker` before the real one; it is a script, so that nothing is told to the socket."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        real = shutil.which("docker", path=ENVIRONMENT["PATH"])
        program = folder / "docker"
        program.write_text(STANDS_BETWEEN.replace("REAL", str(real)).replace("FOLDER", str(folder)), encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def at(self, call: int, do: str) -> dict[str, str]:
        return {"PATH": f"{self.folder}:{os.environ['PATH']}", "AT_CALL": str(call), "DO": do, **super().at(call, do)}


class AsSocket(Between):
    """A socket before the real one, which the program and sglaunch itself speak to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.socket = EngineSocket(folder / "s", self._decide)

    def at(self, call: int, do: str) -> dict[str, str]:
        return {"DOCKER_HOST": f"unix://{self.folder}/s", **super().at(call, do)}

    def _decide(self, verb: str) -> str:
        with (self.folder / "calls").open("a", encoding="utf-8") as file:
            file.write(f"{verb}\n")
        call, do = self._at
        return do if len(self.calls) == call else "pass"


@pytest.fixture(params=["program", "socket"])
def between(request: pytest.FixtureRequest) -> Iterator[Between]:
    with tempfile.TemporaryDirectory(prefix="t-") as folder:  # a socket's path has to be short
        if request.param == "program":
            yield AsProgram(Path(folder))
        else:
            found = AsSocket(Path(folder))
            yield found
            found.socket.close()


@pytest.fixture
def box(sglaunch: Sglaunch) -> Sglaunch:
    """A running container that holds work, and files that want another one."""
    sglaunch.write(BOX)
    sglaunch("up", "-d")
    docker("exec", sglaunch.name("box"), "sh", "-c", "echo hours >/root/work")
    sglaunch.edit("sleep 301", "sleep 302")
    return sglaunch


def work(name: str) -> str:
    """What stands in the container's file; empty where it is not there."""
    return docker("exec", name, "cat", "/root/work", check=False).stdout.strip()


def until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)


@contextlib.contextmanager
def watching(project: str) -> Iterator[list[str]]:
    """What the engine does to a project's containers, until the block has removed the last one.

    Events are read as they come: the engine keeps too few to ask for those of a long block later.
    """
    words = ["events", "--filter", f"label=sglaunch.project={project}", "--format", "{{.Action}}"]
    since = docker("info", "--format", "{{.SystemTime}}").stdout.strip()
    process = subprocess.Popen(["docker", *words, "--since", since], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    seen: list[str] = []
    try:
        yield seen
        for line in process.stdout or ():
            seen.append(line.strip())
            if seen[-1] == "destroy":
                break
    finally:
        process.kill()
        process.wait()


def names(project: str) -> list[str]:
    return sorted(inspect(one)["Name"].lstrip("/") for one in containers(project))


def assert_converges(box: Sglaunch) -> None:
    """`up --yes` ends with the container of the files, with nothing to do and nothing left beside it."""
    box("up", "-d", "--yes")
    assert box.inspect("box")["Config"]["Cmd"] == ["sleep", "302"]
    assert box.inspect("box")["State"]["Running"]
    assert box.inspect("box")["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert names(box.project) == [box.name("box")]
    assert box.plan()["action"] == "none"


def test_these_are_the_calls_of_a_recreate(box: Sglaunch, between: Between) -> None:
    box("up", "-d", "--yes", env=between.at(0, "nothing"))
    assert between.calls == RECREATE


@pytest.mark.parametrize("call", range(1, len(RECREATE) + 1))
def test_killed_after_any_call_the_next_up_finds_one_that_works(box: Sglaunch, between: Between, call: int) -> None:
    old, _ = box.identity("box")
    assert box("up", "-d", "--yes", status=None, env=between.at(call, "kill")).returncode == -9
    assert between.calls == RECREATE[:call]

    box("up", "-d", status=3 if call in OLD_COMES_BACK else 0)
    assert box.inspect("box")["State"]["Running"]
    kept = box.identity("box")[0] == old
    assert (kept, work(box.name("box"))) == ((True, "hours") if call in OLD_COMES_BACK else (False, ""))
    assert_converges(box)


def assert_as_before(box: Sglaunch, old: str, what: str) -> None:
    found = box.inspect("box")
    assert (found["Id"], found["State"]["Running"]) == (old, True), what
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always", what
    assert work(box.name("box")) == "hours", what


@pytest.mark.parametrize("do", ["fail", "lose"])
def test_a_failure_at_any_call_puts_the_old_one_back_as_it_was(box: Sglaunch, between: Between, do: str) -> None:
    """The engine refuses; or it does what it was asked, and its answer is lost."""
    old, _ = box.identity("box")
    for call, verb in enumerate(RECREATE[: RECREATE.index("rm")], 1):
        if (do, verb) == ("lose", "start"):
            box("up", "-d", "--yes", env=between.at(call, do))
            assert box.plan()["action"] == "none", "it runs, whatever became of the answer"
        elif (do, verb) != ("lose", "create"):
            said = box("up", "-d", "--yes", status=1, env=between.at(call, do)).stderr
            assert between.calls[call - 1] == verb
            assert ("injected" if do == "fail" else "the engine does not answer") in said, verb
            assert_as_before(box, old, verb)
            assert names(box.project) == [box.name("box")], verb


def test_an_old_one_that_cannot_be_removed_is_taken_back_and_one_that_is_gone_is_not(
    box: Sglaunch, between: Between
) -> None:
    old, _ = box.identity("box")
    box("up", "-d", "--yes", status=1, env=between.at(len(RECREATE), "fail"))
    assert_as_before(box, old, "rm")
    box("up", "-d", "--yes", env=between.at(len(RECREATE), "lose"))
    assert box.plan()["action"] == "none"
    assert names(box.project) == [box.name("box")]


def test_a_new_one_whose_creation_was_not_told_goes_with_the_next_up(box: Sglaunch, between: Between) -> None:
    old, _ = box.identity("box")
    box("up", "-d", "--yes", status=1, env=between.at(1, "lose"))
    assert_as_before(box, old, "create")
    assert_converges(box)


def test_killed_while_it_saves_a_snapshot_nothing_is_lost(box: Sglaunch, between: Between) -> None:
    old, _ = box.identity("box")
    calls = (*RECREATE[:3], "commit")
    try:
        box("up", "-d", "--snapshot", status=None, env=between.at(len(calls), "kill"))
        assert between.calls == calls
        box("up", "-d", status=3)
        assert (box.identity("box")[0], work(box.name("box"))) == (old, "hours")
    finally:
        label = f"label=sglaunch.snapshot.project={box.project}"
        docker("rmi", *docker("images", "-q", "--filter", label).stdout.split())


def test_who_thinks_better_of_a_killed_recreate_gets_the_old_one_as_it_was(box: Sglaunch, between: Between) -> None:
    old, _ = box.identity("box")
    killed_after = RECREATE.index("stop") + 1
    box("up", "-d", "--yes", status=None, env=between.at(killed_after, "kill"))
    box.edit("sleep 302", "sleep 301")
    box("up", "-d")
    found = box.inspect("box")
    assert (found["Id"], found["State"]["Running"]) == (old, True)
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert names(box.project) == [box.name("box")]
    assert box.plan()["action"] == "none"


def test_thirty_two_at_once_make_one_container(sglaunch: Sglaunch) -> None:
    sglaunch.write(BOX)
    with watching(sglaunch.project) as seen:
        running = [sglaunch.start("up", "-d") for _ in range(32)]
        said = [process.communicate(timeout=100)[1] for process in running]
        assert [process.returncode for process in running] == [0] * 32, said
        assert names(sglaunch.project) == [sglaunch.name("box")]
        docker("rm", "--force", sglaunch.name("box"))
    assert [one for one in seen if one in ("create", "start", "restart", "rename", "update")] == ["create", "start"]


@pytest.fixture
def holder(sglaunch: Sglaunch, between: Between) -> Iterator[subprocess.Popen[str]]:
    """A command that has the lock of `box`, and waits for its engine. A socket of one's own is another engine."""
    sglaunch.write(BOX)
    process = sglaunch.start("up", "-d", env=between.at(1, "wait"))
    until(between.waiting.exists)
    yield process
    between.waiting.unlink(missing_ok=True)
    process.communicate(timeout=30)


@pytest.mark.parametrize("between", ["program"], indirect=True)
@pytest.mark.parametrize("words", [("up", "-d"), ("up", "-d", "--json")], ids=["text", "json"])
def test_a_second_command_says_for_whom_it_waits_and_then_goes_on(
    sglaunch: Sglaunch, between: Between, holder: subprocess.Popen[str], words: tuple[str, ...]
) -> None:
    second = sglaunch.start(*words)
    assert second.stderr is not None
    line = second.stderr.readline()
    if "--json" in words:
        told = json.loads(line)
        assert told.pop("event") == "note"
        (line,) = told.values()
    assert f"{sglaunch.name('box')} is locked since" in line
    assert f"`sglaunch up`, pid {holder.pid}" in line
    assert second.poll() is None
    between.waiting.unlink()
    _, rest = second.communicate(timeout=30)
    assert all(json.loads(one)["event"] for one in rest.splitlines() if "--json" in words)
    assert (holder.wait(timeout=30), second.returncode) == (0, 0)
    assert len(containers(sglaunch.project)) == 1


@pytest.mark.parametrize("between", ["program"], indirect=True)
@pytest.mark.parametrize("words", [("up", "-d"), ("up", "-d", "--json")], ids=["text", "json"])
def test_a_second_command_that_will_not_wait_names_the_holder_and_touches_nothing(
    sglaunch: Sglaunch, holder: subprocess.Popen[str], words: tuple[str, ...]
) -> None:
    done = sglaunch(*words, "--lock-timeout", "0", status=1)
    said = json.loads(done.stdout)["errors"][0]["message"] if "--json" in words else done.stderr
    assert f"{sglaunch.name('box')} is locked since" in said
    assert f"`sglaunch up`, pid {holder.pid}" in said
    assert containers(sglaunch.project) == []


@pytest.mark.parametrize("between", ["program"], indirect=True)
def test_other_profiles_need_not_wait(sglaunch: Sglaunch, holder: subprocess.Popen[str]) -> None:
    del holder
    sglaunch.write("project: PROJECT\nprofiles: {other: {image: IMAGE, command: sleep 300, init: true}}\n")
    sglaunch("up", "-d", "--lock-timeout", "0")
    assert names(sglaunch.project) == [sglaunch.name("other")]


@pytest.mark.parametrize("between", ["program"], indirect=True)
def test_a_killed_holder_holds_nothing(sglaunch: Sglaunch, between: Between, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    sglaunch("up", "-d", "--lock-timeout", "0")
    between.waiting.unlink()
    assert sglaunch.inspect("box")["State"]["Running"]
