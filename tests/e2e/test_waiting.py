"""What `up` waits for beside a server of its own: a healthcheck, what another profile needs, devices to come free."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from docker_engine import EventLog, docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parent.parent
GIB = 1 << 30
CHECKED = """\
project: PROJECT
profiles:
  db:
    image: IMAGE
    init: true
    protect: false
    command: sh -c "sleep 2; touch /tmp/up; sleep 1000"
    healthcheck: {test: TEST, interval: 500ms, retries: 3, start_period: START}
"""


def checked(sglaunch: Sglaunch, test: str, start: str) -> None:
    sglaunch.write(CHECKED.replace("TEST", json.dumps(test)).replace("START", start))


def test_up_waits_for_a_healthcheck(sglaunch: Sglaunch) -> None:
    checked(sglaunch, "test -e /tmp/up", "30s")
    began = time.monotonic()
    sglaunch("up")
    assert time.monotonic() - began > 2
    assert sglaunch.inspect("db")["State"]["Health"]["Status"] == "healthy"
    assert " yes " in sglaunch("ps").stdout


def test_no_wait_does_not(sglaunch: Sglaunch) -> None:
    checked(sglaunch, "test -e /tmp/up", "30s")
    sglaunch("up", "--no-wait")
    assert sglaunch.inspect("db")["State"]["Health"]["Status"] == "starting"
    assert "ready" in sglaunch("wait", "db").stdout


def test_what_stays_unhealthy_is_a_failure_and_goes_on_running(sglaunch: Sglaunch) -> None:
    checked(sglaunch, "false", "0s")
    done = sglaunch("up", status=1)
    assert f"{sglaunch.name('db')} is unhealthy" in done.stderr
    assert sglaunch.inspect("db")["State"]["Running"]
    assert " unhealthy " in sglaunch("ps").stdout


def test_what_needs_another_ready_starts_when_it_is(sglaunch: Sglaunch) -> None:
    checked(sglaunch, "test -e /tmp/up", "30s")
    text = (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8")
    router = "{image: IMAGE, init: true, protect: false, command: sleep 1000, depends_on: {db: {condition: ready}}}"
    sglaunch.write(f"{text}  router: {router}\n  aside: {{image: IMAGE, init: true, command: sleep 1000}}\n")
    with EventLog() as log:
        sglaunch("up")
    times = {
        event["Actor"]["Attributes"]["sglaunch.profile"]: event["timeNano"] / 1e9
        for event in log.about(sglaunch.project)
        if event["Action"] == "start"
    }
    assert times["router"] - times["db"] > 2
    assert times["aside"] < times["router"]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Two idle devices."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in for NVML with")
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, ROOT / "stub_nvml.c"], check=True)
    lines = (f"GPU-{tmp_path.name}-{number} {80 * GIB} {80 * GIB}\n" for number in range(2))
    (tmp_path / "devices").write_text("".join(lines), encoding="utf-8")
    return {"LD_LIBRARY_PATH": str(tmp_path), "STUB_NVML": str(tmp_path / "devices")}


BOTH = "project: PROJECT\nprofiles: {a: {image: IMAGE, gpus: 2}, b: {image: IMAGE, gpus: 1}}\n"


def test_wait_gpus_goes_on_when_they_come_free(sglaunch: Sglaunch, machine: dict[str, str]) -> None:
    sglaunch.write(BOTH)
    sglaunch("up", "a", "--no-start", env=machine)
    said = sglaunch("up", "b", "--no-start", env=machine, status=1).stderr
    assert "1 GPU wanted, 0 of 2 free" in said
    assert "--wait-gpus" in said
    waiting = sglaunch.start("up", "b", "--no-start", "--wait-gpus", env=machine)
    time.sleep(3)
    assert waiting.poll() is None
    sglaunch("rm", "--yes", "a", env=machine)
    _, said = waiting.communicate(timeout=60)
    assert (waiting.returncode, said.count("waiting")) == (0, 1), said
    assert docker("ps", "-aq", "--filter", f"name={sglaunch.name('b')}").stdout


def test_watch_shows_the_devices_again_and_again(sglaunch: Sglaunch, machine: dict[str, str]) -> None:
    watching = sglaunch.start("gpus", "--watch", env=machine)
    time.sleep(4)
    watching.send_signal(signal.SIGINT)
    shown, _ = watching.communicate(timeout=30)
    assert (watching.returncode, shown.count("HOLDER") >= 2) == (130, True)
