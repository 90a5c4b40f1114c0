"""Signals at random moments of every verb, on three kinds of containers and a server, on every engine: nothing is lost,
the next command converges, and what is said is so.

`SGLAUNCH_TEST_MOMENTS` is the number of moments (a few without it), `SGLAUNCH_TEST_SEED` where they begin. A project
goes on from moment to moment, as a user's does.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from real_engines import ENGINES, RealEngine
from sglaunch_cli import Sglaunch

MOMENTS = {"docker": 4, "podman": 2, "nerdctl": 2}
SIGNALS: dict[str, tuple[str, ...]] = {
    "INT": ("INT",),
    "INT x2": ("INT",) * 2,
    "INT x3": ("INT",) * 3,
    "INT x4": ("INT",) * 4,
    "TERM": ("TERM",),
    "HUP": ("HUP",),
    "KILL": ("KILL",),
    "TERM, KILL": ("TERM", "KILL"),
}
VERBS: dict[str, tuple[str, ...]] = {
    "create": ("up", "-d"),
    "recreate": ("up", "-d", "--yes"),
    "force": ("up", "-d", "--yes", "--force-recreate"),
    "snapshot": ("up", "-d", "--snapshot"),
    "down": ("down", "--yes"),
    "restart": ("restart", "calm", "stubborn", "ported", "server"),
    "adopt": ("adopt", "HAND", "--as", "hand", "--yes"),
}
PROJECT = """\
project: PROJECT
defaults: {image: IMAGE, gpus: null, ulimits: null, init: INIT, recreate: always, protect: true, environment: {A: "0"}}
profiles:
  calm: {command: sleep 1000, restart: POLICY, stop_grace_period: 1s}
  stubborn: {command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"], stop_grace_period: 1s}
  ported: {command: [sleep, "1000"], stop_grace_period: 0s, ports: ["127.0.0.1:PORT:80"]}
  server:
    caches: null
    stop_grace_period: 1s
    volumes: [./serve.sh:/serve.sh]
    server: {model: org/model, port: SERVES, launcher: [sh, /serve.sh, "SERVES"]}
"""
SERVE = """\
#!/bin/sh
printf 'read a\\nprintf "HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\n"\\n' >/tmp/answer
sleep 1.5
exec nc -ll -p $1 -e /bin/sh /tmp/answer
"""
SAID = re.compile(r"^interrupted; (.*)$", re.MULTILINE)


class World:
    """A project with its four containers, each with work in it."""

    def __init__(self, project: Sglaunch, engine: RealEngine, seed: int) -> None:
        self.project, self.engine, self.random = project, engine, random.Random(seed)
        self.edits = 0

    def name(self, profile: str) -> str:
        return f"{getpass.getuser()}-{self.project.project}-{profile}"

    def state(self) -> dict[str, tuple[str, bool, str]]:
        """Name -> id, whether it runs, and the work in it, of every container of the project."""
        ids = self.engine.containers(self.project.project)
        found = json.loads(self.engine.run("container", "inspect", *ids).stdout) if ids else []
        state = {}
        for one in found:
            name = one["Name"].lstrip("/")
            state[name] = (one["Id"], bool(one["State"].get("Running")), self.label(one))
        return state

    def label(self, one: dict[str, Any]) -> str:
        return next((line for line in one["Config"].get("Env") or [] if line.startswith("A=")), "")

    def settled(self) -> dict[str, tuple[str, bool, str]]:
        """The state once the engine has ended what a killed command began."""
        last, state = None, self.state()
        while state != last:
            time.sleep(1.5)
            last, state = state, self.state()
        return state

    def prepare(self, verb: str) -> None:
        if verb == "create":
            self.project("down", "--yes")
        elif verb in ("recreate", "snapshot"):
            self.project.edit(f'A: "{self.edits}"', f'A: "{self.edits + 1}"')
            self.edits += 1
        elif verb == "adopt":
            words = ("run", "-d", "--name", self.name("hand"), self.project.image, "sleep", "1000")
            self.engine.run(*words)

    def strike(self, verb: str, signals: tuple[str, ...]) -> tuple[int, str]:
        """Runs a command and sends it signals; its status and what it said."""
        words = [word.replace("HAND", self.name("hand")) for word in VERBS[verb]]
        log = self.project.folder / "said"
        line, seconds = self.random.choice([0, 0, 1, 2, 3, 4, 6, 8, 12, 16]), self.random.uniform(0, 0.5)
        seconds *= 1 if line else 3
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*self.project.command, *words],
                cwd=self.project.folder,
                env=self.project.env(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        while process.poll() is None and log.read_bytes().count(b"\n") < line:
            time.sleep(0.01)
        time.sleep(seconds)
        for one in signals:
            with contextlib.suppress(ProcessLookupError):
                # A terminal's go to the whole group, a service manager's to the process.
                send = os.killpg if one in ("INT", "HUP") else os.kill
                if process.poll() is None:
                    send(process.pid, getattr(signal, f"SIG{one}"))
            time.sleep(self.random.uniform(0.02, 0.7))
        status = process.wait(90)
        return status, log.read_text(errors="replace")

    def check_words(self, verb: str, said: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        """What is said of a container and is not so."""
        traceback = "Traceback" in said and f"{os.sep}sglaunch{os.sep}" in said
        wrong = ["bug"] if "has a bug" in said or traceback else []
        wrong += ["taken meanwhile"] if "taken meanwhile" in said else []
        for part in next(iter(SAID.findall(said)), "").split("; "):
            name, _, outcome = part.partition(": ")
            if not name.startswith(getpass.getuser()):
                continue
            if outcome in ("rolled back", "nothing was changed"):
                wrong += [part] if before.get(name) != after.get(name) else []
                wrong += [f"{part}, beside it"] if {f"{name}.new", f"{name}.old"} & after.keys() else []
            elif outcome == "done":
                gone = name not in after
                wrong += [part] if gone != (verb == "down") or (not gone and not after[name][1]) else []
            elif outcome.startswith("not rolled back"):
                wrong.append(part)
        return wrong

    def moment(self, verb: str, signals: tuple[str, ...]) -> list[str]:
        """Everything that is wrong after one moment; the project is as the files say then."""
        self.prepare(verb)
        before = self.state()
        status, said = self.strike(verb, signals)
        after = self.settled() if "KILL" in signals else self.state()
        wrong = self.check_words(verb, said, before, after)
        began = not re.search(r"\A.*\nTraceback|\ATraceback", said)  # Python itself had not
        wrong += [f"status {status}"] if began and status not in (0, 3, 130, -9, -1, -2, -15) else []
        wrong += self.lost(before, after, verb)
        if verb == "adopt":
            wrong += self.end_adoption(before, after)
            after = self.state()
        asked = self.project("up", "-d", status=None)
        unasked = self.state()
        wrong += [f"up without --yes: {asked.returncode} {asked.stderr}"] if asked.returncode not in (0, 3) else []
        wrong += self.lost(after, unasked, "up")
        done = self.project("up", "-d", "--yes", status=None)
        wrong += [f"up --yes: {done.returncode} {done.stderr}"] if done.returncode else []
        end = self.state()
        names = {self.name(profile) for profile in ("calm", "stubborn", "ported", "server")}
        wrong += (
            [f"not converged: {end}"] if {n: one[1] for n, one in end.items()} != dict.fromkeys(names, True) else []
        )
        # nerdctl shows no environment; the plan reads it otherwise.
        wrong += ["of other files"] if any(one[2] not in ("", f"A={self.edits}") for one in end.values()) else []
        plan = self.project("plan", "--check", status=None)
        wrong += [f"plan: {plan.stdout}"] if plan.returncode else []
        return [f"{one}\n   before {before}\n   after {after}\n   {said}" for one in wrong]

    def lost(self, before: dict[str, Any], after: dict[str, Any], verb: str) -> list[str]:
        """Containers that are gone, and that nothing has taken the place of."""
        kept = {one[0] for one in after.values()}
        gone = {name: one for name, one in before.items() if one[0] not in kept and one[1]}
        replaced = (
            {name for name, one in after.items() if one[1]} if verb not in ("down", "restart", "adopt") else set()
        )
        bases = {name: re.sub(r"\.(new|old)$", "", name) for name in gone}
        return [f"lost: {name}" for name in gone if verb != "down" and bases[name] not in replaced]

    def end_adoption(self, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        name = self.name("hand")
        wrong = [f"adopted: {after.get(name)}"] if before[name] != after.get(name) else []
        self.project("down", "hand", "--yes", status=None)
        self.engine.run("rm", "-f", name, check=False)
        self.project.write(self.text)
        for path in self.project.folder.glob("profiles/hand*"):
            path.unlink()
        return wrong

    text = ""


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ENGINES])
def world(request: pytest.FixtureRequest, real_engine: RealEngine, unique: str, tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "project"
    folder.mkdir()
    environment = {**real_engine.environment, "SGLAUNCH_ENGINE": real_engine.name}
    project = Sglaunch(folder, unique, "sglaunch-test/busybox:1", environment)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = str(one.getsockname()[1]), str(two.getsockname()[1])
    text = PROJECT.replace("PORT", ports[0]).replace("SERVES", ports[1])
    text = text.replace("POLICY", '"no"' if real_engine.name == "nerdctl" else "always")
    text = text.replace("INIT", "true" if real_engine.name == "docker" else "false")
    made = World(project, real_engine, int(os.environ.get("SGLAUNCH_TEST_SEED", "1")))
    project.write(text)
    project.write(SERVE, "serve.sh")
    project("up", "-d")
    yield made
    real_engine.remove(unique)
    label = f"label=sglaunch.snapshot.project={unique}"
    images = real_engine.run("images", "-q", "--filter", label, check=False).stdout.split()
    if images:
        real_engine.run("rmi", "-f", *images, check=False)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_signals_at_random_moments_lose_nothing_and_what_is_said_is_so(world: World) -> None:
    count = int(os.environ.get("SGLAUNCH_TEST_MOMENTS", "0")) or MOMENTS[world.engine.name]
    wrong = []
    for number in range(count):
        verbs = [verb for verb in VERBS if (verb, world.engine.name) != ("adopt", "nerdctl")]  # it cannot be adopted
        verb, kind = world.random.choice(verbs), world.random.choice(list(SIGNALS))
        world.text = (world.project.folder / "sglaunch.yaml").read_text(encoding="utf-8")
        world.text = world.text.replace(world.project.project, "PROJECT", 1)
        found = world.moment(verb, SIGNALS[kind])
        wrong += [f"{number} {verb}, {kind}: {one}" for one in found]
        if os.environ.get("SGLAUNCH_TEST_MOMENTS"):
            print(number, verb, kind, *found, flush=True)
    assert not wrong, "\n".join(wrong)
