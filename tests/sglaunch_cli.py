"""The command line as users run it: a process of its own, in a project folder, on the real engine."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker_engine import inspect

TIMEOUT = 100


@dataclass
class Sglaunch:
    """Runs commands in a project's folder. `image` is that of the tests, `project` the unique name."""

    folder: Path
    project: str
    image: str
    environment: dict[str, str] = field(default_factory=dict)
    gpu_nodes: tuple[str, ...] | None = None
    """The device nodes that tell of a GPU, and no folder of NVML beside them; None: those of this machine."""

    @property
    def command(self) -> list[str]:
        if self.gpu_nodes is None:
            return [sys.executable, "-m", "sglaunch"]
        machine = f"host.GPU_NODES, host._NVML_FOLDERS = {self.gpu_nodes!r}, ()"
        lines = ("import sys", "from sglaunch.engine import host", machine, "from sglaunch.cli import main")
        return [sys.executable, "-c", "\n".join((*lines, "sys.exit(main())"))]

    def env(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**os.environ, **self.environment, **(more or {})}

    def __call__(
        self, *words: str, status: int | None = 0, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """One command; `status` is what it must exit with, None for anything."""
        done = subprocess.run(
            [*self.command, *words],
            cwd=self.folder,
            env=self.env(env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        said = f"sglaunch {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert status is None or done.returncode == status, said
        assert not re.search("^Traceback", done.stderr, re.MULTILINE), said
        assert "has a bug" not in done.stderr, said
        return done

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen(
            [*self.command, *words],
            cwd=self.folder,
            env=self.env(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def write(self, text: str, name: str = "sglaunch.yaml") -> None:
        """A file of the project; PROJECT and IMAGE stand for the unique name and the tests' image."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("PROJECT", self.project).replace("IMAGE", self.image), encoding="utf-8")

    def edit(self, old: str, new: str, name: str = "sglaunch.yaml") -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text
        (self.folder / name).write_text(text.replace(old, new), encoding="utf-8")

    def plan(self, *words: str) -> dict[str, Any]:
        """The only container of `plan --json`."""
        (container,) = json.loads(self("plan", "--json", *words).stdout)["containers"]
        found: dict[str, Any] = container
        return found

    def snapshots(self) -> list[str]:
        """The names of the snapshots, newest first."""
        rows = json.loads(self("images", "--json").stdout)["images"]
        return [row["image"] for row in rows if row["kind"] == "snapshot"]

    def name(self, profile: str = "web") -> str:
        return f"{getpass.getuser()}-{self.project}-{profile}"

    def inspect(self, profile: str = "web") -> dict[str, Any]:
        return inspect(self.name(profile))

    def identity(self, profile: str = "web") -> tuple[str, str]:
        """Id and start of a container: both stay where nothing is done."""
        found = self.inspect(profile)
        return found["Id"], found["State"]["StartedAt"]
