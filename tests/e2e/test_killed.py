"""A recreate that is killed, or that fails, at each of its calls: nothing is lost, and the next `up` repairs.

A program named `docker` stands first on PATH; it counts the calls that change something and strikes at the N-th.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from docker_engine import EventLog, docker
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
    restart: always
    environment: {A: one}
"""
STRIKER = """\
#!/bin/sh
case "$1" in create|start|stop|rename|update|rm|container) ;; *) exec REAL "$@" ;; esac
n=$(($(cat COUNT 2>/dev/null || echo 0) + 1)); echo $n >COUNT
if [ "$n" = AT ] && [ HOW = fail ]; then echo "Error response from daemon: made to fail" >&2; exit 1; fi
REAL "$@"; status=$?
if [ "$n" = AT ] && [ HOW = kill ]; then kill -9 $PPID; fi
exit $status
"""
# create, update (restart: no), stop, rename, rename, start, remove
CALLS = 7


@pytest.fixture
def web(sglaunch: Sglaunch) -> Sglaunch:
    sglaunch.write(WEB)
    sglaunch("up")
    docker("exec", sglaunch.name(), "sh", "-c", "echo work > /root/work")
    sglaunch.edit("A: one", "A: two")
    return sglaunch


def strike(sglaunch: Sglaunch, tmp_path: Path, number: int, how: str) -> subprocess.CompletedProcess[str]:
    folder = tmp_path / "striker"
    folder.mkdir()
    real = shutil.which("docker")
    assert real is not None
    text = STRIKER.replace("REAL", real).replace("COUNT", str(tmp_path / "count"))
    (folder / "docker").write_text(text.replace("AT", str(number)).replace("HOW", how), encoding="utf-8")
    (folder / "docker").chmod(0o755)
    return sglaunch("up", "--yes", status=None, env={"PATH": f"{folder}:{os.environ['PATH']}"})


def names(sglaunch: Sglaunch) -> list[str]:
    return sorted(docker("ps", "-a", "--filter", f"name={sglaunch.project}", "--format", "{{.Names}}").stdout.split())


@pytest.mark.parametrize("number", range(1, CALLS + 1))
def test_a_killed_recreate_is_repaired_by_the_next_up(web: Sglaunch, tmp_path: Path, number: int) -> None:
    first, _ = web.identity()
    assert strike(web, tmp_path, number, "kill").returncode == -9

    # Without consent: the old one runs again with its work, or the new one has taken its place.
    web("up", status=None)
    found = web.inspect()
    assert found["State"]["Running"]
    if found["Id"] == first:
        assert docker("exec", web.name(), "cat", "/root/work").stdout == "work\n"
    else:
        assert "A=two" in found["Config"]["Env"]

    web("up", "--yes")
    assert names(web) == [web.name()]
    found = web.inspect()
    assert found["State"]["Running"]
    assert "A=two" in found["Config"]["Env"]
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert web.plan()["action"] == "none"


@pytest.mark.parametrize("number", range(1, CALLS))
def test_a_call_that_fails_puts_the_old_container_back(web: Sglaunch, tmp_path: Path, number: int) -> None:
    first, _ = web.identity()
    done = strike(web, tmp_path, number, "fail")
    assert (done.returncode, "made to fail" in done.stderr) == (1, True)
    found = web.inspect()
    assert (found["Id"], found["State"]["Running"]) == (first, True)
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert docker("exec", web.name(), "cat", "/root/work").stdout == "work\n"
    assert names(web) == [web.name()]


def test_32_at_once_make_one_container_with_one_creation(sglaunch: Sglaunch) -> None:
    sglaunch.write(WEB)
    with EventLog() as log:
        running = [sglaunch.start("up", "-d") for _ in range(32)]
        done = [(process.communicate(timeout=100), process.returncode) for process in running]
    assert [status for _, status in done] == [0] * 32, [errors for (_, errors), status in done if status]
    assert log.actions(sglaunch.project).count("container create") == 1
    assert names(sglaunch) == [sglaunch.name()]
