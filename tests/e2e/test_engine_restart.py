"""An engine that restarts in the middle of a recreate: the old container or the new one runs, and nothing is lost.

On an engine of its own, started and stopped by these tests, since a restart ends every container of an engine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import root_filesystem
from sglaunch_cli import Sglaunch

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

WEB = """\
project: PROJECT
profiles:
  web:
    image: IMAGE
    command: sleep infinity
    init: true
    stop_grace_period: 1s
    restart: always
    network_mode: none
    environment: {A: one}
"""
# In a network of its own: a dockerd without a bridge takes docker0 away from the machine's.
APART = ("unshare", "--net", "--mount")
# Calls that change something, in the order of a recreate.
CALLS = ("create", "stop", "update", "rename", "rename", "start", "rm")
STRIKER = """\
#!/bin/sh
verb=$1; [ "$verb" = container ] && verb=$2
case "$verb" in create|start|stop|rename|update|rm) ;; *) exec REAL "$@" ;; esac
n=$(($(cat FOLDER/count 2>/dev/null || echo 0) + 1)); echo $n >FOLDER/count
REAL "$@"; status=$?
if [ "$n" = AT ]; then
  touch FOLDER/restart
  while [ -e FOLDER/restart ]; do sleep 0.1; done
fi
exit $status
"""


class Daemon:
    """A dockerd beside the one of the machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folders = [f"--{name}={self.folder / name}" for name in ("data-root", "exec-root")]
        network = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*APART, "dockerd", "-H", self.host, f"--pidfile={self.folder}/pid", *folders, *network],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 60
        while self.docker("version", check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                last = (self.folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
                pytest.skip(f"no second dockerd can be started here: {last}")
            time.sleep(0.2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(timeout=60)

    def docker(self, *words: str, check: bool = True, data: bytes = b"") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["docker", "-H", self.host, *words], input=data, capture_output=True, check=False)
        text = subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert not check or done.returncode == 0, text
        return text


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    if os.getuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("a second dockerd needs root and the program dockerd")
    if subprocess.run([*APART, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a second dockerd needs a network of its own, and this machine makes none (unshare)")
    one = Daemon(tmp_path_factory.mktemp("engine"))
    one.start()
    one.docker("import", "-c", "ENV PATH=/bin", "-c", "CMD /bin/sh", "-", "restart-test:1", data=root_filesystem())
    yield one
    ids = one.docker("ps", "-aq", check=False).stdout.split()
    if ids:
        one.docker("rm", "-f", *ids, check=False)
    one.stop()


@pytest.mark.parametrize("number", range(1, len(CALLS) + 1), ids=[f"{n + 1}-{call}" for n, call in enumerate(CALLS)])
def test_the_engine_restarts_after_a_call_of_a_recreate(
    daemon: Daemon, tmp_path: Path, unique: str, number: int
) -> None:
    real = shutil.which("docker")
    assert real is not None
    (tmp_path / "project").mkdir()
    (tmp_path / "bin").mkdir()
    sglaunch = Sglaunch(tmp_path / "project", unique, "restart-test:1", {"DOCKER_HOST": daemon.host})
    sglaunch.write(WEB)
    sglaunch("up")
    name = sglaunch.name()
    first = daemon.docker("inspect", "-f", "{{.Id}}", name).stdout
    daemon.docker("exec", name, "sh", "-c", "echo work > /root/work")
    sglaunch.edit("A: one", "A: two")
    text = STRIKER.replace("REAL", real).replace("FOLDER", str(tmp_path)).replace("AT ", f"{number} ")
    (tmp_path / "bin" / "docker").write_text(text, encoding="utf-8")
    (tmp_path / "bin" / "docker").chmod(0o755)

    process = sglaunch.start("up", "--yes", env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    deadline = time.monotonic() + 60
    while not (tmp_path / "restart").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    daemon.stop()
    daemon.start()
    (tmp_path / "restart").unlink(missing_ok=True)
    _, errors = process.communicate(timeout=100)
    assert "Traceback" not in errors

    sglaunch("up", status=None)
    shown = daemon.docker("inspect", "-f", "{{.Id}} {{.State.Running}} {{.Config.Env}}", name).stdout
    assert " true " in shown, errors
    if shown.startswith(first.strip()):
        assert daemon.docker("exec", name, "cat", "/root/work").stdout == "work\n"
    else:
        assert "A=two" in shown
    sglaunch("up", "--yes")
    names = daemon.docker("ps", "-a", "--filter", f"name={unique}", "--format", "{{.Names}}").stdout.split()
    assert names == [name]
    assert "A=two" in daemon.docker("inspect", "-f", "{{.Config.Env}}", name).stdout
    assert sglaunch.plan()["action"] == "none"
    daemon.docker("rm", "-f", name)
