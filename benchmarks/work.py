"""The same work for both: a folder with profiles and services alike, and the cases that are measured in it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SGLAUNCH = [str(Path(sys.executable).with_name("sglaunch"))]
COMPOSE = ["docker", "compose"]
# As the shells' own functions ask; the answer goes to a handle of its own.
_TAB = ["sh", "-c", '_ARGCOMPLETE=1 COMP_LINE="sglaunch up " COMP_POINT=12 exec "$@" 8>/dev/null 9>/dev/null', "sh"]
_THEIR_TAB = ["docker", "__complete", "compose", "up", ""]


@dataclass(frozen=True)
class Case:
    """What is measured. `before` and `theirs_before` are run first and not measured; `typed` is for a terminal.

    `theirs` is the same by another program, empty where nothing is the same. `added`: told as what comes on top of it.
    `first`: nothing is remembered, as after an installation or an upgrade; python-on-whales is imported then.
    `floor`: which work of floor.py is the same.
    """

    name: str
    ours: Sequence[str]
    theirs: Sequence[str]
    before: Sequence[str] = ()
    theirs_before: Sequence[str] = ()
    typed: bytes | None = None
    added: bool = False
    first: bool = False
    floor: str = ""


@dataclass
class Work:
    """A project of some profiles on the engine, once for sglaunch and once for compose."""

    root: Path
    profiles: int
    image: str
    env: Mapping[str, str]
    name: str = field(default_factory=lambda: f"bench-{secrets.token_hex(3)}")

    @property
    def folder(self) -> Path:
        return self.root / str(self.profiles)

    def write(self) -> None:
        self.folder.mkdir()
        profiles = "".join(f"  p{number}: {{}}\n" for number in range(self.profiles))
        shared = f"image: {self.image}\n  command: [sleep, infinity]\n  network_mode: host\n  init: true\n"
        self.folder.joinpath("sglaunch.yaml").write_text(
            f"project: {self.name}\ndefaults:\n  {shared}  shell: sh\n  protect: false\nprofiles:\n{profiles}"
        )
        service = shared.replace("\n  ", "\n    ")
        services = "".join(f"  p{number}:\n    {service}" for number in range(self.profiles))
        self.folder.joinpath("compose.yaml").write_text(f"name: {self.name}-compose\nservices:\n{services}")

    def quietly(self, words: Sequence[str]) -> None:
        """A command that is not measured, and must end well."""
        if words:
            done = subprocess.run(words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"{' '.join(words)}: {done.stderr}")

    def forget(self) -> None:
        """Removes what sglaunch remembers."""
        shutil.rmtree(Path(self.env["XDG_CACHE_HOME"]) / "sglaunch" / "answers", ignore_errors=True)

    def clean(self, compose: bool) -> None:
        self.quietly([*SGLAUNCH, "down", "--yes"])
        if compose:
            self.quietly([*COMPOSE, "down"])

    def looking(self) -> list[Case]:
        """With everything up and nothing to do."""
        up, many = ["up", "-d"], f"{self.profiles} profile{'s' if self.profiles > 1 else ''}"
        cases = [Case(f"up, nothing to do, {many}", [*SGLAUNCH, *up], [*COMPOSE, *up])]
        cases += [Case(f"ps, {many}", [*SGLAUNCH, "ps"], [*COMPOSE, "ps"])]
        cases += [Case(f"plan, {many}", [*SGLAUNCH, "plan"], [*COMPOSE, "--dry-run", *up])]
        return cases

    def entering(self) -> list[Case]:
        container = f"{os.environ.get('USER') or 'root'}-{self.name}-p0"
        inside = ["docker", "exec"]
        return [
            Case("exec", [*SGLAUNCH, "exec", "p0", "--", "true"], [*inside, "-i", container, "true"], added=True),
            Case(
                "shell",
                [*SGLAUNCH, "shell", "p0"],
                [*inside, "-it", container, "sh"],
                typed=b"exit\n",
                added=True,
            ),
        ]

    def acting(self) -> list[Case]:
        up, down = ["up", "-d"], ["down"]
        ours_down, many = [*SGLAUNCH, "down", "--yes"], f"{self.profiles} at once" if self.profiles > 1 else "1 profile"
        ours_up, theirs_up, theirs_down = [*SGLAUNCH, *up], [*COMPOSE, *up], [*COMPOSE, *down]
        again = "--force-recreate"
        return [
            Case(f"create, {many}, first", ours_up, theirs_up, ours_down, theirs_down, first=True),
            Case(f"create, {many}", ours_up, theirs_up, ours_down, theirs_down, floor="create"),
            Case(
                f"recreate, {many}",
                [*ours_up, again, "--yes"],
                [*theirs_up, again],
                ours_up,
                theirs_up,
                floor="recreate",
            ),
            Case(f"down, {many}", ours_down, theirs_down, ours_up, theirs_up, floor="down"),
        ]

    def alone(self) -> list[Case]:
        """What asks no engine."""
        return [
            Case("--help", [*SGLAUNCH, "--help"], [*COMPOSE, "--help"]),
            Case("completion", [*SGLAUNCH, "completion", "bash"], ["docker", "completion", "bash"]),
            Case("TAB after up", [*_TAB, *SGLAUNCH], ["sh", "-c", 'exec "$@"', "sh", *_THEIR_TAB]),
        ]
