"""An engine that ssh reaches: a profile means what it would mean there. The server is this machine behind its own sshd,
with keys and settings of this test; what is here and what is there differ in home and in the folder of the project."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker_engine import docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

PROJECT = """\
project: PROJECT
profiles:
  web:
    image: IMAGE
    init: true
    protect: false
    command: sleep 1000
    environment: {WHERE: "{{ home }}"}
"""
SERVER = """\
project: PROJECT
profiles:
  server:
    image: IMAGE
    init: true
    gpus: null
    ulimits: null
    caches: null
    server: {model: org/model, port: 31955, launcher: [sh, /serve.sh]}
"""
SERVE = """\
printf 'read line\\nprintf "HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\n"\\n' >/tmp/answer
sleep 2
nc -ll -p $6 -e /bin/sh /tmp/answer
"""


NVIDIA_SMI = """\
#!/bin/sh
case $1 in
--query-gpu=*)
    echo "0, GPU-far-0, NVIDIA H200, 143771, 60000, 93"
    echo "1, GPU-far-1, NVIDIA H200, 143771, 143167, 0"
    ;;
*) echo "GPU-far-0, 4117, python3, 83000" ;;
esac
"""


@dataclass
class Far:
    """Where it is, and the log of its sshd."""

    url: str
    log: Path

    def logins(self) -> int:
        return self.log.read_text(encoding="utf-8", errors="replace").count("Accepted publickey")


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    ssh = shutil.which("ssh")
    if sshd is None or ssh is None or os.geteuid() != 0:
        pytest.skip("there is no sshd that this user may start (Debian: openssh-server, as root)")
    folder = Path("/run/sglaunch-test-ssh")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    for name in ("host", "user", "wrong"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    Path("/run/sshd").mkdir(exist_ok=True)
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized",
        "PidFile": "none",
        "StrictModes": "no",
        "PermitRootLogin": "yes",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "SetEnv": f"PATH={folder}/there:/usr/local/bin:/usr/bin:/bin",
    }
    (folder / "there").mkdir()
    (folder / "there" / "nvidia-smi").write_text(NVIDIA_SMI, encoding="utf-8")
    (folder / "there" / "nvidia-smi").chmod(0o755)
    (folder / "sshd").write_text("".join(f"{key} {value}\n" for key, value in settings.items()), encoding="utf-8")
    log = folder / "log"
    process = subprocess.Popen([sshd, "-D", "-f", folder / "sshd", "-E", log])
    host_key = " ".join((folder / "host.pub").read_text(encoding="utf-8").split()[:2])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n", encoding="utf-8")
    client = f"UserKnownHostsFile {folder}/known\nIdentitiesOnly yes\nIdentityFile {folder}/user\n"
    (folder / "client").write_text(client, encoding="utf-8")
    (folder / "bin").mkdir()
    (folder / "bin" / "ssh").write_text(f'#!/bin/sh\nexec {ssh} -F {folder}/client "$@"\n', encoding="utf-8")
    (folder / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield Far(f"ssh://root@127.0.0.1:{port}", log)
    process.terminate()
    process.wait(timeout=20)
    subprocess.run(["pkill", "-f", f"ControlPath={folder}"], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def test_the_life_of_a_container_far_away(sglaunch: Sglaunch, far: Far) -> None:
    sglaunch.write(PROJECT)
    env = {"DOCKER_HOST": far.url}
    assert "created" in sglaunch("up", env=env).stdout
    assert sglaunch("exec", "web", "--", "sh", "-c", "echo $WHERE", env=env).stdout == "/root\n", "home is that there"
    assert os.environ["HOME"] != "/root"
    assert json.loads(sglaunch("plan", "--json", env=env).stdout)["containers"][0]["action"] == "none"
    assert "up to date" in sglaunch("up", env=env).stdout
    sglaunch.edit("sleep 1000", "sleep 2000")
    assert "recreated" in sglaunch("up", "--yes", env=env).stdout
    assert " running " in sglaunch("ps", env=env).stdout
    sglaunch("logs", "web", env=env)
    assert json.loads(sglaunch("code", "web", "--json", env=env).stdout)["host"] == "127.0.0.1"
    sglaunch("down", "--yes", env=env)
    assert docker("ps", "-aq", "--filter", f"name={sglaunch.project}").stdout == ""
    assert "machine: containers run on 127.0.0.1, as root" in sglaunch("doctor", status=None, env=env).stdout
    assert far.logins() == 1, "every call goes over one connection"


def test_a_personal_file_names_the_machine(sglaunch: Sglaunch, far: Far) -> None:
    sglaunch.write(PROJECT)
    personal = Path(os.environ["XDG_CONFIG_HOME"]) / "sglaunch" / "config.yaml"
    personal.parent.mkdir(parents=True, exist_ok=True)
    personal.write_text(f"engine: {{host: '{far.url}'}}\n", encoding="utf-8")
    sglaunch("up")
    assert far.logins() == 1
    personal.write_text("engine: {host: '-oProxyCommand=x'}\n", encoding="utf-8")
    assert "must be text that does not start with -" in sglaunch("up", status=2).stderr


def test_paths_are_those_of_the_server(sglaunch: Sglaunch, far: Far, tmp_path: Path) -> None:
    env = {"DOCKER_HOST": far.url}
    sglaunch.write(PROJECT + "    volumes: ['./data:/data']\n")
    said = sglaunch("up", status=2, env=env).stderr
    assert "sglaunch.yaml:9:" in said
    assert "'./data' is a path of this machine, and the container runs on 127.0.0.1" in said
    sglaunch.write(PROJECT)
    sglaunch.write("profiles: {web: {volumes: ['/nowhere/at/all:/data']}}\n", "sglaunch.local.yaml")
    assert "127.0.0.1 has no /nowhere/at/all" in sglaunch("up", status=2, env=env).stderr
    long = f"{{type: bind, source: '{tmp_path}/made/there', target: /data, bind: {{create_host_path: true}}}}"
    sglaunch.write(f"profiles: {{web: {{volumes: [{long}]}}}}\n", "sglaunch.local.yaml")
    sglaunch("up", env=env)
    assert (tmp_path / "made" / "there").is_dir()


def test_a_server_is_asked_from_inside_and_told_with_its_own_name(sglaunch: Sglaunch, far: Far, tmp_path: Path) -> None:
    (tmp_path / "serve.sh").write_text(SERVE, encoding="utf-8")
    sglaunch.write(SERVER)
    sglaunch.write(f"profiles: {{server: {{volumes: ['{tmp_path}/serve.sh:/serve.sh']}}}}\n", "sglaunch.local.yaml")
    done = sglaunch("up", env={"DOCKER_HOST": far.url, "http_proxy": "http://127.0.0.1:9"})
    assert "http://127.0.0.1:31955  org/model" in done.stdout
    assert "ssh -L 31955:127.0.0.1:31955 127.0.0.1" in done.stdout
    assert " yes " in sglaunch("ps", env={"DOCKER_HOST": far.url}).stdout


def test_devices_are_counted_there(sglaunch: Sglaunch, far: Far) -> None:
    sglaunch.write(PROJECT + "    gpus: 1\n")
    env = {"DOCKER_HOST": far.url}
    sglaunch("up", "--no-start", env=env)
    label = json.loads(sglaunch.inspect("web")["Config"]["Labels"]["sglaunch.assigned"])
    assert label == {"gpus": ["GPU-far-1"]}
    table = sglaunch("gpus", env=env).stdout
    assert f"container {sglaunch.name('web')}" in table
    assert "pid 4117 (python3)" in table
    sglaunch.edit("gpus: 1", "gpus: 2")
    assert "2 GPUs wanted, 1 of 2 free" in sglaunch("up", "--no-start", "--yes", status=1, env=env).stderr


def test_a_wrong_key_is_told_at_once(sglaunch: Sglaunch, far: Far) -> None:
    sglaunch.write(PROJECT)
    client = far.log.parent / "client"
    client.write_text(client.read_text(encoding="utf-8").replace("/user\n", "/wrong\n"), encoding="utf-8")
    said = sglaunch("up", status=1, env={"DOCKER_HOST": far.url}).stderr
    assert "127.0.0.1: " in said
    assert "Permission denied" in said
    assert "~/.ssh/config" in said


def test_a_server_that_is_not_there_is_told_at_once(sglaunch: Sglaunch, far: Far) -> None:
    sglaunch.write(PROJECT)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    said = sglaunch("up", status=1, env={"DOCKER_HOST": f"ssh://root@127.0.0.1:{port}"}).stderr
    assert "Connection refused" in said
