"""`doctor` on real machines that lack something: each names its fix, and fails only where nothing would run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from docker_engine import docker
from real_engines import RealEngine
from sglaunch_cli import Sglaunch


@pytest.fixture
def anywhere(tmp_path: Path) -> Sglaunch:
    folder = tmp_path / "nowhere"
    folder.mkdir()
    return Sglaunch(folder, "none", "sglaunch-test/busybox:1", {"PATH": str(tmp_path / "programs")})


def with_only(anywhere: Sglaunch, *programs: str) -> Sglaunch:
    folder = Path(anywhere.environment["PATH"])
    folder.mkdir()
    for program in (*programs, "env", "runc", "conmon", "iptables"):
        if path := shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
            (folder / program).symlink_to(path)
    return anywhere


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {one["check"]: one for one in json.loads(done.stdout)["findings"]}


def test_no_engine_at_all(anywhere: Sglaunch) -> None:
    found = findings(with_only(anywhere)("doctor", "--json", status=1))
    assert found["engine"]["status"] == "fail"
    assert "docker" in found["engine"]["fix"]


@pytest.mark.docker
def test_a_daemon_that_is_stopped(anywhere: Sglaunch) -> None:
    env = {"DOCKER_HOST": "unix:///nonexistent.sock"}
    done = with_only(anywhere, "docker")("doctor", "--json", status=1, env=env)
    assert "start" in findings(done)["engine.docker"]["fix"]


@pytest.mark.docker
def test_a_docker_that_somebody_chose_is_not_passed_over(anywhere: Sglaunch) -> None:
    (anywhere.folder / "podman").write_text('#!/bin/sh\necho \'{"Client": {"APIVersion": "4.3.1"}}\'\n', "utf-8")
    (anywhere.folder / "podman").chmod(0o755)
    env = {"DOCKER_HOST": "unix:///nonexistent.sock", "PATH": f"{anywhere.folder}:{os.environ['PATH']}"}
    found = findings(anywhere("doctor", "--json", status=1, env=env))
    assert found["engine.docker"]["status"] == "fail"
    assert "used" not in found["engine.podman"]["message"]


AS_NOBODY = """
import importlib, os, pkgutil, pwd, sys
import pynvml, sglaunch
# Before the change of user: he may not be able to read this checkout.
for one in pkgutil.walk_packages(sglaunch.__path__, "sglaunch."):
    if not one.name.endswith("__main__"):
        importlib.import_module(one.name)
import jinja2, pydantic, ruamel.yaml
nobody = pwd.getpwnam("nobody")
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
os.chdir("/")
sys.exit(sglaunch.cli.main(["doctor", "--json"]))
"""


@pytest.mark.docker
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become nobody")
def test_a_socket_that_is_not_for_us(anywhere: Sglaunch) -> None:
    environment = {
        **with_only(anywhere, "docker").env(),
        "HOME": "/nonexistent",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    for name in ("CACHE_HOME", "STATE_HOME", "CONFIG_HOME", "RUNTIME_DIR"):
        environment[f"XDG_{name}"] = "/nonexistent"
    environment["DOCKER_CONFIG"] = "/nonexistent"
    words = [sys.executable, "-c", AS_NOBODY]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    found = findings(done)["engine.docker"]
    assert "permission denied" in found["message"]
    assert "usermod -aG docker nobody" in found["fix"]


@pytest.mark.podman
def test_podman_only(anywhere: Sglaunch, real_engine: RealEngine) -> None:
    found = findings(with_only(anywhere, "podman")("doctor", "--json", env=real_engine.environment))
    assert found["engine.podman"]["message"].endswith("(used)")
    assert found["disk"]["status"] in ("ok", "warn")


@pytest.mark.nerdctl
def test_nerdctl_without_plugins_for_networks(anywhere: Sglaunch, real_engine: RealEngine, tmp_path: Path) -> None:
    env = {**real_engine.environment, "CNI_PATH": str(tmp_path / "empty")}
    found = findings(with_only(anywhere, "nerdctl")("doctor", "--json", env=env, status=1))
    assert found["network"]["status"] == "fail"
    assert "CNI_PATH" in found["network"]["fix"]


@pytest.mark.docker
def test_a_profile_with_a_taken_port_and_no_image(sglaunch: Sglaunch) -> None:
    sglaunch.write("project: PROJECT\nprofiles: {web: {image: 'no/such:1', ports: ['99999:80']}}\n")
    assert "99999" in sglaunch("doctor", "web", status=2).stderr
    sglaunch.write("project: PROJECT\nprofiles: {web: {image: 'no/such:1', pull_policy: never, command: x}}\n")
    found = findings(sglaunch("doctor", "web", "--json", status=1))
    assert found["image"]["status"] == "warn"
    assert found["profile.web"]["status"] == "fail"
    assert "pull_policy is never" in found["profile.web"]["message"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_disk_is_measured(tmp_path: Path) -> None:
    from sglaunch.engine import health

    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False).returncode:
        pytest.skip("no mounting here")
    try:
        (folder / "file").write_bytes(b"x" * (900 << 10))
        free = health.free(str(folder / "docker" / "not-there-yet"))
    finally:
        subprocess.run(["umount", folder], check=True)
    assert free is not None
    assert free < 200 << 10


@pytest.mark.docker
@pytest.mark.parametrize("limits", ["{memlock: -1}", "{nofile: 16}"])
def test_doctor_fails_for_limits_exactly_where_up_does(sglaunch: Sglaunch, limits: str) -> None:
    """Whether this engine may raise a limit depends on the machine; that both agree does not."""
    sglaunch.write(
        f"project: PROJECT\nprofiles: {{web: {{image: IMAGE, command: sleep 300, ulimits: {limits}, init: true}}}}\n"
    )
    found = findings(sglaunch("doctor", "web", "--json", status=None))
    refused = "limit" in sglaunch("up", "web", status=None).stderr
    assert (found.get("ulimits", {}).get("status") == "fail") == refused


@pytest.mark.docker
def test_doctor_fails_where_the_name_is_taken(sglaunch: Sglaunch) -> None:
    name = f"{sglaunch.project}-taken"
    docker("create", "--name", name, sglaunch.image, "true")
    sglaunch.write(
        f"project: PROJECT\nprofiles: {{web: {{image: IMAGE, command: sleep 300, container_name: {name}}}}}\n"
    )
    found = findings(sglaunch("doctor", "web", "--json", status=1))
    assert "was not made by sglaunch" in found["profile.web"]["message"]
