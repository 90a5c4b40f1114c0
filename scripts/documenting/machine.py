"""The machine that the documentation shows: ana's, called gpu1, with eight GPUs and SGLang's images.

Commands run for real, by this checkout's sglaunch on the Docker engine that answers. What the machine at hand lacks
stands in, here and nowhere else:

- a user ana with a home of her own, and the name gpu1: two functions of Python are replaced before sglaunch starts;
- GPUs: NVML is the tests' stand-in, and docker is not told of `--gpus`, nor of limits it may not raise;
- SGLang's images: busybox, and a python3 and an sglang that say what a server says and answer as it does;
- docker's own version, disk and GPU support, for doctor.

Names that must not meet those of another run (home, project, ports) have the same length here and there, so that
columns and line breaks stay; they are translated on the way in and back on the way out.
"""

from __future__ import annotations

import itertools
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import docker_engine

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
PROJECT, HOME, SITE = "eval", "/home/ana", "/etc/sglaunch/config.yaml"
IMAGES = ("sglang:dev", "sglang:latest", "sglang:v0.5.5")
OWNER_HERE = "sgldocs0/"
OWNER_THERE = "lmsysorg/"
GIB = 1 << 30
GPUS = 8
_LETTERS = "bcdghjkmnpqrstvwxz"
_PROGRAMS = "bash sh cat ls sed echo grep head tail mkdir rm cp mv env true false sleep git id uname touch"

# When the server that stands in is in which phase, by its own log.
_PHASES = {"start": 0, "weights": 4, "graphs": 14, "ready": 39}

# What differs from run to run -> what is shown. Durations of a start, times, the engine's version, sizes of this disk.
NORMAL: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"(?<=  )\d+[sm]$", "3s"),
    *((rf"({phase}(?: \d+%)?) \(\d+s\)", rf"\1 ({seconds}s)") for phase, seconds in _PHASES.items()),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d(:\d\d)?", lambda found: "2026-11-24T09:12" + (":17" if found[1] else "")),
    (r"(sglaunch-snapshot/\S+?:)\d{8}-\d{6}", r"\g<1>20261124-101500"),
    (r"docker \d+\.\d+\.\d+[\w.+~-]*", "docker 28.5.2"),
    (r": \S*/bin/docker: ", ": /usr/bin/docker: "),
    (r"(\d+) \(pytest\)|(\d+) \(python3?\)", "4117 (python3)"),
    (r"\bpid \d+", "pid 4117"),
)
_TOLD = re.compile(rf"ana-{PROJECT}-\S+: (?!.*;)")


class Reader:
    """A machine of the documentation; a context, in which a folder, a home and images are there.

    `gpus`: how many; `busy`: device -> GiB that somebody else's process has of it.
    """

    def __init__(self, *, gpus: int = GPUS, busy: Mapping[int, int] | None = None) -> None:
        self.gpus, self._busy = gpus, dict(busy or {})
        self.project = ""
        self._ports = ""
        self.home = Path()
        self._kept = Path()

    def __enter__(self) -> Reader:
        self.home, self.project = _unused_name()
        self._ports = _unused_ports()
        self.folder = self.home / self.project
        self.folder.mkdir()
        (self.home / "run").mkdir(mode=0o700)
        (self.home / "etc").mkdir()
        self._kept = Path(tempfile.mkdtemp(prefix="sglaunch-documenting."))
        try:
            self._make_programs()
            self._make_devices()
            self._personal()
            for name in IMAGES:
                docker_engine.build_with(OWNER_HERE + name, _programs_of_image())
        except BaseException:  # whoever interrupts it wants nothing left behind either
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if ids := docker_engine.containers(self.project):
            docker_engine.docker("rm", "--force", "--volumes", *ids)
        saved = f"reference=sglaunch-snapshot/ana-{self.project}-*"
        if images := docker_engine.docker("images", "--quiet", "--filter", saved).stdout.split():
            docker_engine.docker("rmi", *images, check=False)
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self._kept, ignore_errors=True)

    def _personal(self) -> None:
        """The port of the built-in server, which another run may have. Beneath every file that a reader writes."""
        server = f"profiles: {{server: {{server: {{port: {self._ports}0}}}}}}\n"
        file = self.home / ".config/sglaunch/config.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(server, encoding="utf-8")

    # -- names here and there

    def here(self, text: str) -> str:
        """What a reader types, as it is typed here."""
        text = text.replace(HOME, str(self.home)).replace(SITE, f"{self.home}/etc/config.yaml")
        text = re.sub(rf"(?<![\w.]){PROJECT}(?=\b)(?!\.yaml)", self.project, text)
        return re.sub(r"\b3000(\d)\b", rf"{self._ports}\1", text)

    def there(self, text: str) -> str:
        """What was printed here, as a reader sees it."""
        text = text.replace(f"{self.home}/etc/config.yaml", SITE).replace(str(self.home), HOME)
        text = text.replace(self.project, PROJECT).replace(OWNER_HERE, OWNER_THERE)
        text = text.replace(self.project.encode().hex(), PROJECT.encode().hex())  # in an address of VS Code
        text = re.sub(rf"\b{self._ports}(\d)\b", r"3000\1", text)
        for pattern, shown in NORMAL:
            text = re.sub(pattern, shown, text, flags=re.MULTILINE)
        return _in_order(text)

    def write(self, name: str, text: str) -> None:
        """A file of the reader's: beside the project, in her home (`~/...`), or the site's."""
        place = {SITE: self.home / "etc/config.yaml"}.get(name) or (
            self.home / name[2:] if name.startswith("~/") else self.folder / name
        )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(self.here(text), encoding="utf-8")

    # -- running

    @property
    def environment(self) -> dict[str, str]:
        """Of every command; nothing that this shell has set up."""
        kept = {name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONTEXT") if name in os.environ}
        real_home = Path(docker_engine.ENVIRONMENT.get("HOME", "~")).expanduser()
        found = {
            "PATH": str(self._kept / "bin"),
            "HOME": str(self.home),
            "USER": "ana",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "DOCKER_CONFIG": docker_engine.ENVIRONMENT.get("DOCKER_CONFIG", str(real_home / ".docker")),
            "SGLAUNCH_SITE_CONFIG": str(self.home / "etc/config.yaml"),
            **kept,
        }
        if self.gpus:
            devices = {"STUB_NVML": str(self._kept / "devices"), "STUB_NVML_NAME": "NVIDIA H200"}
            found |= {"LD_LIBRARY_PATH": str(self._kept), **devices}
        return found

    def shell(self) -> Shell:
        """A shell in the project's folder."""
        return Shell(self)

    def program(self, name: str) -> Path:
        """Where a program of this machine is."""
        return self._kept / "bin" / name

    # -- what stands in

    def _make_programs(self) -> None:
        programs = self._kept / "bin"
        programs.mkdir()
        for name in _PROGRAMS.split():
            if path := shutil.which(name):
                (programs / name).symlink_to(path)
        (programs / "python3").symlink_to(Path(sys.executable).resolve())
        names = {"PYTHON": sys.executable, "HOME": str(self.home), "GPUS": str(self.gpus)}
        names |= {"DOCKER": str(shutil.which("docker")), "OWNER_HERE": OWNER_HERE, "OWNER_THERE": OWNER_THERE}
        for name in ("docker", "sglaunch"):
            text = (HERE / f"{name}.py.in").read_text(encoding="utf-8")
            _executable(programs / name, re.sub(r"@(\w+)@", lambda found: names[found[1]], text))

    def _make_devices(self) -> None:
        if not self.gpus:
            return
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise RuntimeError("there is no C compiler to build the stand-in for NVML with")
        library = self._kept / "libnvidia-ml.so.1"
        source = ROOT / "tests" / "stub_nvml.c"
        subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, source], check=True)
        lines = []
        for number in range(self.gpus):
            used = self._busy.get(number, 0) * GIB
            process = f" {os.getpid()}:{used}" if used else ""
            lines.append(f"GPU-{self.project}-{number} {140 * GIB} {140 * GIB - (used or GIB // 2)}{process}\n")
        (self._kept / "devices").write_text("".join(lines), encoding="utf-8")


class Shell:
    """Commands one after another, as in one shell: folder, variables and the last status stay."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._state = reader.home / ".shell"
        self._folder = str(reader.folder)
        self.status = 0

    def words(self, command: str) -> list[str]:
        """The process that runs a command."""
        text = self._reader.here(command).replace("$?", str(self.status))
        state = self._state
        keep = f"status=$?; pwd >{state}.folder; export -p >{state}.variables; exit $status"
        load = f"[ ! -e {state}.variables ] || . {state}.variables; cd {self._folder!r} || exit"
        return [str(self._reader.program("bash")), "-c", f"{load}\n{text}\n{keep}"]

    def ended(self, status: int) -> None:
        """Takes over what a command left."""
        self.status = status
        self._folder = Path(f"{self._state}.folder").read_text(encoding="utf-8").strip()

    def run(self, command: str) -> str:
        """What a command prints, stdout and stderr as they come."""
        done = subprocess.run(
            self.words(command),
            env=self._reader.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=100,
        )
        self.ended(done.returncode)
        return self._reader.there(done.stdout)


def _in_order(text: str) -> str:
    """Containers are worked on side by side: lines of progress that follow each other, by container."""
    lines: list[str] = []
    for told, alike in itertools.groupby(text.splitlines(keepends=True), key=lambda line: bool(_TOLD.match(line))):
        group = list(alike)
        lines += sorted(group, key=lambda line: re.sub(r"(\.new|\.old)?:.*", "", line)) if told else group
    return "".join(lines)


def _executable(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _programs_of_image() -> dict[str, str]:
    shell = '#!/bin/sh\nexec sh "$@"\n'
    server = (HERE / "server.sh.in").read_text(encoding="utf-8")
    return {"bin/python3": server, "bin/sglang": server, "bin/bash": shell, "bin/zsh": shell}


def _unused_name() -> tuple[Path, str]:
    """A home and a project as long as ana's, that nobody has, and that no hexadecimal number can look like."""

    def chance() -> str:
        return "".join(random.choices(_LETTERS, k=len(PROJECT)))

    while True:
        home, project = Path("/tmp") / chance(), chance()
        if home.name != project and not docker_engine.containers(project):
            try:
                home.mkdir(mode=0o755)
            except FileExistsError:
                continue
            return home, project


def _unused_ports() -> str:
    """The first four digits of ten ports that nobody listens on."""
    while True:
        front = str(random.randint(2200, 3199))
        if front != "3000" and all(_is_free(int(f"{front}{digit}")) for digit in range(10)):
            return front


def _is_free(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) != 0
