"""One at a time per container name: a second command waits, says for whom, and gives up when its time is over."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sglaunch.engine.lock import hold
from sglaunch.errors import EngineError

HOLDER = """
import sys
from sglaunch.engine.lock import hold
with hold(["dev"], "docker", "up dev", 0, print):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_command_is_told_who_holds_the_lock_and_gives_up_in_time(holder: subprocess.Popen[str]) -> None:
    told: list[str] = []
    with pytest.raises(EngineError) as caught, hold(["dev"], "docker", "down", 0.3, told.append):
        pass
    assert (caught.value.failure.kind, caught.value.status) == ("locked", 1)
    assert f"`sglaunch up dev`, pid {holder.pid}" in caught.value.message
    assert "--lock-timeout" in caught.value.hint
    assert len(told) == 1


def test_the_lock_is_taken_once_the_holder_lets_go(holder: subprocess.Popen[str]) -> None:
    threading.Timer(0.3, holder.kill).start()
    told: list[str] = []
    with hold(["dev"], "docker", "down", 30, told.append):
        assert len(told) == 1


def test_other_names_and_other_engines_are_other_locks(holder: subprocess.Popen[str]) -> None:
    del holder
    with hold(["api"], "docker", "up", 0, pytest.fail), hold(["dev"], "elsewhere", "up", 0, pytest.fail):
        pass


def test_what_is_locked_in_two_orders_does_not_lock_up() -> None:
    def take(names: list[str]) -> None:
        for _ in range(20):
            with hold(names, "docker", "up", 20, lambda _: None):
                pass

    threads = [threading.Thread(target=take, args=(names,)) for names in (["a", "b"], ["b", "a"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)


def test_lock_files_are_the_users_alone() -> None:
    with hold(["dev"], "docker", "up", 0, pytest.fail):
        pass
    folder = Path(os.environ["XDG_RUNTIME_DIR"]) / "sglaunch" / "locks"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
