"""The engines that tests run on beside the fake one: Docker, Podman, and a nerdctl with a containerd of its own.

Each is skipped with its reason where it cannot be had. What they need is set for one process at a time: `environment`.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker_engine
import pytest

START_SECONDS = 20.0


@dataclass(frozen=True)
class RealEngine:
    """An engine by its program, and the variables that lead to it. `problem`: why it cannot be used."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    problem: str = ""

    def run(self, *args: str, check: bool = True, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Runs a command of the engine; with `check` a failure raises, and says what the engine said."""
        environment = {**docker_engine.ENVIRONMENT, **self.environment}
        program = shutil.which(self.name, path=environment.get("PATH")) or self.name
        done = subprocess.run(
            [program, *args], input=stdin, capture_output=True, timeout=100, env=environment, check=False
        )
        result = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
        if check and result.returncode:
            raise RuntimeError(f"{self.name} {' '.join(args)}: exit {result.returncode}: {result.stderr.strip()}")
        return result

    def inspect(self, name: str, kind: str = "container") -> dict[str, Any]:
        """What the engine says of a container, image or network."""
        found: list[dict[str, Any]] = json.loads(self.run(kind, "inspect", name).stdout)
        return found[0]

    def containers(self, project: str) -> list[str]:
        """The ids of every container of a project, by its label or by its name."""
        found = set()
        for wanted in (f"label=sglaunch.project={project}", f"name={project}"):
            found |= set(self.run("ps", "-aq", "--no-trunc", "--filter", wanted).stdout.split())
        return sorted(found)

    def remove(self, project: str) -> None:
        """Removes every container of a project."""
        if ids := self.containers(project):
            self.run("rm", "--force", *ids, check=False)

    def build(self, tag: str) -> str:
        """The tests' image under a tag, and what tells it from others."""
        if self.name == "docker":
            return docker_engine.build_busybox(tag)
        if self.run("image", "inspect", tag, check=False).returncode != 0:
            changes = ("ENV PATH=/bin", 'CMD ["/bin/sh"]')
            self._load(tag, changes)
        return tag

    def _load(self, tag: str, changes: tuple[str, ...]) -> None:
        """Podman imports an archive; nerdctl 2.0 only loads an image, which Podman or Docker makes of it."""
        archive = docker_engine.root_filesystem()
        if self.name == "podman":
            options = [word for change in changes for word in ("-c", change)]
            self.run("import", *options, "-", tag, stdin=archive)
            return
        self.load(docker_engine.image_archive(tag, archive))

    def load(self, archive: bytes) -> None:
        """Loads an image from what `docker save` writes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.tar"
            path.write_bytes(archive)
            self.run("load", "--input", str(path))


@functools.cache
def docker() -> RealEngine:
    return RealEngine(
        "docker",
        version=docker_engine.engine_version(),
        problem=docker_engine.engine_problem() or docker_engine.image_problem() or "",
    )


@functools.cache
def podman() -> RealEngine:
    """With settings for a machine without systemd, or one that is a container itself."""
    if shutil.which("podman") is None:
        return RealEngine("podman", problem="there is no podman command")
    folder = _folder("podman")
    lines = ["[containers]", 'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]', "[engine]"]
    lines += ['runtime = "runc"'] if shutil.which("runc") else []
    lines += ['cgroup_manager = "cgroupfs"', 'events_logger = "file"'] if not _systemd() else []
    (folder / "containers.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = RealEngine("podman", {"CONTAINERS_CONF": str(folder / "containers.conf")})
    return _asked(found, "{{.Client.Version}}")


@functools.cache
def nerdctl() -> RealEngine:
    """On a containerd of its own, with folders of its own, ended with this process."""
    missing = [name for name in ("nerdctl", "containerd", "runc") if shutil.which(name) is None]
    if missing:
        return RealEngine("nerdctl", problem=f"there is no {' and no '.join(missing)} command")
    if os.geteuid() != 0:
        return RealEngine("nerdctl", problem="a containerd of its own needs root")
    folder = _folder("nerdctl")
    address = folder / "containerd.sock"
    settings = f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
    settings += 'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
    settings += f'[grpc]\n  address = "{address}"\n[ttrpc]\n  address = "{address}.ttrpc"\n'
    (folder / "config.toml").write_text(settings, encoding="utf-8")
    cni = next((path for path in ("/usr/lib/cni", "/opt/cni/bin") if Path(path, "bridge").exists()), "/usr/lib/cni")
    own = {"data_root": folder / "data", "address": address, "namespace": "sglaunch-test"}
    # In one place for every run: the bridge that nerdctl makes of it is the machine's, and outlives a killed run.
    own |= {"cni_path": cni, "cni_netconfpath": Path(tempfile.gettempdir()) / "sglaunch-test-net.d"}
    toml = "".join(f'{key} = "{value}"\n' for key, value in own.items())
    (folder / "nerdctl.toml").write_text(toml, encoding="utf-8")
    log = (folder / "log").open("wb")
    process = subprocess.Popen(["containerd", "-c", folder / "config.toml"], stdout=log, stderr=log)
    atexit.register(_end, process, folder)
    deadline = time.monotonic() + START_SECONDS
    while not address.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    found = RealEngine("nerdctl", {"NERDCTL_TOML": str(folder / "nerdctl.toml")})
    return _asked(found, "{{.Client.Version}}")


ENGINES: Mapping[str, Callable[[], RealEngine]] = {"docker": docker, "podman": podman, "nerdctl": nerdctl}


def _asked(found: RealEngine, form: str) -> RealEngine:
    """Its version, and whether it runs a container on this machine at all."""
    done = found.run("version", "--format", form, check=False)
    version = done.stdout.strip()
    problem = docker_engine.image_problem() or ""
    try:
        if not done.returncode and not problem:
            found.build(docker_engine.IMAGE)
            done = found.run("run", "--rm", docker_engine.IMAGE, "true", check=False)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if done.returncode:
        problem = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return RealEngine(found.name, found.environment, version, problem)


def _systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _folder(name: str) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"sglaunch-{name}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """The containers' shims outlive containerd, so they go first."""
    environment = {**docker_engine.ENVIRONMENT, "NERDCTL_TOML": str(folder / "nerdctl.toml")}
    ids = subprocess.run(["nerdctl", "ps", "-aq"], capture_output=True, text=True, env=environment, check=False).stdout
    if ids.split():
        subprocess.run(["nerdctl", "rm", "-f", *ids.split()], capture_output=True, env=environment, check=False)
    process.terminate()
    process.wait(timeout=START_SECONDS)
    for mount in sorted(_mounts(str(folder)), reverse=True):
        subprocess.run(["umount", "-l", mount], capture_output=True, check=False)


def _mounts(folder: str) -> list[str]:
    lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    return [fields[1] for fields in (line.split() for line in lines) if fields[1].startswith(folder)]


def deny_device(container: str, rule: str) -> None:
    """Withdraws a device from a running container, as a reload of its cgroup does (cgroup v1)."""
    found = list(Path("/sys/fs/cgroup/devices").glob(f"**/*{container}*/devices.deny"))
    if not found:
        pytest.skip("the device cgroup is not that of cgroup v1, or may not be written")
    for path in found:
        path.write_text(rule, encoding="ascii")
