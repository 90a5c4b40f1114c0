"""Whether something runs, told of real processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sglaunch.engine.stir import at_rest

GROUP = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()[0]
"""What a container's id is to its processes: a text in the name of their control group."""
WAITS = "import sys; sys.stdin.read()"
BESIDE = "import subprocess, sys; subprocess.run([sys.executable, '-c', {!r}])"
BUSY = "while True: pass"
IN_A_THREAD = "import threading, sys; threading.Thread(target=lambda: [None for _ in iter(int, 1)]).start()"


@pytest.fixture
def process(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", request.param], stdin=subprocess.PIPE, start_new_session=True
    ) as found:
        yield found
        subprocess.run(["pkill", "-KILL", "-s", str(found.pid)], check=False)


def rests(pid: int, seconds: float = 2) -> bool:
    """Whether it is seen at rest twice with nothing run between."""
    until = time.monotonic() + seconds
    before = None
    while time.monotonic() < until:
        now = at_rest(pid, GROUP)
        if now is not None and now == before:
            return True
        before = now
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("process", [WAITS, BESIDE.format(WAITS)], indirect=True, ids=["alone", "with a child"])
def test_what_waits_comes_to_rest(process: subprocess.Popen[bytes]) -> None:
    assert rests(process.pid, 20)


@pytest.mark.parametrize(
    "process", [BUSY, BESIDE.format(BUSY), IN_A_THREAD], indirect=True, ids=["alone", "a child", "a thread"]
)
def test_what_runs_is_not_at_rest(process: subprocess.Popen[bytes]) -> None:
    time.sleep(0.5)
    assert not rests(process.pid)


@pytest.mark.parametrize("process", [WAITS], indirect=True)
def test_what_ran_meanwhile_is_seen(process: subprocess.Popen[bytes]) -> None:
    assert rests(process.pid, 20)
    before = at_rest(process.pid, GROUP)
    assert process.stdin is not None
    process.stdin.write(b"x")
    process.stdin.flush()
    time.sleep(0.2)
    assert at_rest(process.pid, GROUP) not in (before, None)


@pytest.mark.parametrize("process", [WAITS], indirect=True)
def test_of_another_group_or_none_nothing_is_told(process: subprocess.Popen[bytes]) -> None:
    assert at_rest(process.pid, "of-another-machine") is None
    assert at_rest(process.pid, "") is None
    process.kill()
    process.wait()
    assert at_rest(process.pid, GROUP) is None
