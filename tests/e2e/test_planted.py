"""A planted token: it reaches the container, and is found nowhere else, however it was written and whatever is run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

TOKEN = "sk-planted-7f3a9c"
LINES = f"{TOKEN}\nsecond-{TOKEN}"
PROJECT = """\
project: PROJECT
profiles:
  server:
    image: IMAGE
    init: true
    gpus: null
    ulimits: null
    caches: null
    network_mode: none
    recreate: ask
    protect: true
    server:
      model: org/model
      port: 30555
      launcher: [sh, -c, "cat /run/sglaunch/server.yaml; echo token $SHELL_TOKEN; sleep infinity", x]
"""
LOCAL = """\
profiles:
  server:
    environment: {API_TOKEN: TOKEN, COPY: "{{ env.SHELL_TOKEN }}"}
    env_file: [secret.env]
    secret_env: [SHELL_TOKEN, SEVERAL_LINES, {FROM_FILE: {file: ./token.txt}}]
    server: {api_key: SHELL_TOKEN}
"""
NAMES = ("API_TOKEN", "COPY", "FILED", "SHELL_TOKEN", "FROM_FILE")


class Watcher:
    """Reads every process's arguments, again and again."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        own = str(os.getpid())
        while not self._stop.is_set():
            for folder in Path("/proc").iterdir():
                if not folder.name.isdecimal() or folder.name == own:
                    continue
                with contextlib.suppress(OSError):
                    words = (folder / "cmdline").read_bytes().decode(errors="replace")
                    if TOKEN in words:
                        self.found.add(words)


@pytest.fixture
def server(sglaunch: Sglaunch) -> Sglaunch:
    sglaunch.write(PROJECT)
    sglaunch.write(LOCAL.replace("TOKEN,", f"{TOKEN},", 1), "sglaunch.local.yaml")
    sglaunch.write(f"FILED={TOKEN}\n", "secret.env")
    sglaunch.write(TOKEN, "token.txt")
    sglaunch.environment = {"SHELL_TOKEN": TOKEN, "SEVERAL_LINES": LINES}
    return sglaunch


def files_with_the_token() -> Iterator[Path]:
    """Of everything under HOME, the XDG folders and /tmp that sglaunch may have written."""
    places = [Path(os.environ[name]) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME")]
    for place in places:
        for path in place.rglob("*"):
            if path.is_file() and TOKEN.encode() in path.read_bytes():
                yield path
    for path in Path("/tmp").glob("sglaunch*"):
        if path.is_file() and TOKEN.encode() in path.read_bytes():
            yield path


def saved(image: str) -> bytes:
    return subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout


def test_it_is_in_the_containers_environment_and_nowhere_else(server: Sglaunch) -> None:
    said: list[subprocess.CompletedProcess[str]] = []
    with Watcher() as watcher:
        said.append(server("--verbose", "up", "--no-wait"))
        name = server.name("server")
        environment = dict(line.partition("=")[::2] for line in server.inspect("server")["Config"]["Env"])
        assert {key: environment[key] for key in NAMES} == dict.fromkeys(NAMES, TOKEN)
        assert environment["SEVERAL_LINES"] == LINES
        looks = (("plan", "--json"), ("config", "--json"), ("config", "--origins"), ("ps", "--json"))
        said += [server(*words) for words in looks]
        said.append(server("logs", "server"))
        assert f'api-key: "{TOKEN}"' in docker("logs", name).stdout
        said.append(server("exec", "server", "--", "true"))
        said.append(server("--verbose", "pull", "server", status=1))  # no registry has it
        server.edit("org/model", "org/other")
        said.append(server("up", "--no-wait", status=3))
        said.append(server("--verbose", "up", "--no-wait", "--snapshot"))
        server.environment["SHELL_TOKEN"] = f"{TOKEN}-new"
        said.append(server("plan"))
        assert "******** (changed)" in said[-1].stdout
        server.environment["SHELL_TOKEN"] = TOKEN
        (image,) = server.snapshots()
        try:
            shown = docker("inspect", image).stdout + docker("history", "--no-trunc", image).stdout
            assert TOKEN not in shown
            assert TOKEN.encode() not in saved(image)
        finally:
            docker("rmi", "-f", image)
        kept = sorted(set(files_with_the_token()))
        assert [path.stat().st_mode & 0o777 for path in kept] == [0o600], kept
        assert "secrets" in kept[0].parts
        labels = json.dumps(server.inspect("server")["Config"]["Labels"])
        said.append(server("down", "--yes"))
    assert watcher.found == set()
    assert TOKEN not in labels
    for one in said:
        assert TOKEN not in one.stdout + one.stderr, one.args
    assert list(files_with_the_token()) == []


def test_a_broken_file_is_quoted_without_it(server: Sglaunch) -> None:
    server.edit("environment:", "enviroment:", "sglaunch.local.yaml")
    done = server("validate", status=2)
    assert "did you mean environment" in done.stderr
    assert TOKEN not in done.stderr
    assert TOKEN not in server("validate", "--json", status=2).stdout
