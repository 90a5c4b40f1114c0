"""`code`: the address of a real container, and who is asked to open it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from docker_engine import docker
from sglaunch_cli import Sglaunch

pytestmark = pytest.mark.docker

WEB = """\
project: PROJECT
profiles:
  web: {image: IMAGE, command: sleep infinity, init: true, working_dir: /srv, protect: false}
  plain: {image: IMAGE, command: sleep infinity, init: true, protect: false}
"""
NOWHERE = dict.fromkeys(("SSH_CONNECTION", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "VSCODE_IPC_HOOK_CLI"), "")


@pytest.fixture
def running(sglaunch: Sglaunch) -> Sglaunch:
    sglaunch.write(WEB)
    sglaunch("up", "-d")
    return sglaunch


@pytest.fixture
def desktop(tmp_path: Path) -> Mapping[str, str]:
    """One with a `code` that writes down what it is asked."""
    folder = tmp_path / "desktop"
    folder.mkdir()
    (folder / "code").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/asked\n', encoding="utf-8")
    (folder / "code").chmod(0o755)
    return {**NOWHERE, "PATH": f"{folder}:{os.environ['PATH']}", "DISPLAY": ":0", "ASKED": str(folder / "asked")}


def decoded(uri: str) -> tuple[str, str, str]:
    """The container, the host and the folder of an address."""
    authority, _, folder = uri.removeprefix("vscode-remote://attached-container+").partition("/")
    container, _, host = authority.partition("@ssh-remote+")
    return json.loads(bytes.fromhex(container))["containerName"], host, f"/{folder}"


def test_the_address_of_a_running_container(running: Sglaunch) -> None:
    done = running("code", "web", env=NOWHERE)
    assert decoded(done.stdout.strip()) == (f"/{running.name()}", "", "/srv")
    assert docker("inspect", decoded(done.stdout.strip())[0].removeprefix("/")).returncode == 0
    assert decoded(running("code", "plain", env=NOWHERE).stdout.strip())[2] == "/", "an image may name no folder"


def test_on_a_desktop_it_is_opened(running: Sglaunch, desktop: Mapping[str, str]) -> None:
    done = running("code", "web", env=desktop)
    assert done.stdout == ""
    flag, uri = Path(desktop["ASKED"]).read_text(encoding="utf-8").split()
    assert flag == "--folder-uri"
    assert decoded(uri) == (f"/{running.name()}", "", "/srv")


def test_print_opens_nothing(running: Sglaunch, desktop: Mapping[str, str]) -> None:
    done = running("code", "web", "--print", env=desktop)
    assert decoded(done.stdout.strip())[0] == f"/{running.name()}"
    assert not Path(desktop["ASKED"]).exists()


def test_over_ssh_it_is_the_address_for_the_machine_at_the_other_end(
    running: Sglaunch, desktop: Mapping[str, str]
) -> None:
    over = {**desktop, "SSH_CONNECTION": "10.0.0.2 50000 10.0.0.1 22"}
    done = running("code", "web", "--host", "gpu1", env=over)
    assert decoded(done.stdout.strip()) == (f"/{running.name()}", "gpu1", "/srv")
    assert "on your own machine: code --folder-uri " in done.stderr
    assert not Path(desktop["ASKED"]).exists()
    assert "--host NAME" in running("code", "web", env=over).stderr, "what the other end calls us is a guess"


def test_what_runs_elsewhere_is_opened_from_this_desktop(running: Sglaunch, desktop: Mapping[str, str]) -> None:
    running("code", "web", "--host", "ana@gpu1", env=desktop)
    _, uri = Path(desktop["ASKED"]).read_text(encoding="utf-8").split()
    assert json.loads(bytes.fromhex(decoded(uri)[1])) == {"hostName": "gpu1", "user": "ana"}


def test_as_json(running: Sglaunch) -> None:
    answer = json.loads(running("code", "web", "--json", "--host", "gpu1", env=NOWHERE).stdout)
    assert decoded(answer["uri"]) == (f"/{running.name()}", "gpu1", "/srv")
    assert {key: answer[key] for key in ("schema_version", "container", "folder", "host")} == {
        "schema_version": 1,
        "container": running.name(),
        "folder": "/srv",
        "host": "gpu1",
    }


def test_what_does_not_run_is_told_with_the_next_step(sglaunch: Sglaunch) -> None:
    sglaunch.write(WEB)
    done = sglaunch("code", "web", status=2)
    assert done.stderr == "profile web has no container; `sglaunch up web` creates it\n"
    sglaunch("up", "--no-start", "web")
    assert "`sglaunch up web` starts it" in sglaunch("code", "web", status=2).stderr


def test_what_is_not_ours_is_refused(sglaunch: Sglaunch, tmp_path: Path) -> None:
    """A project of the same name, whose folder is there too."""
    sglaunch.write(WEB)
    other = Sglaunch(tmp_path / "other", sglaunch.project, sglaunch.image)
    other.folder.mkdir()
    other.write(WEB)
    other("up", "-d", "web")
    assert "not yours to enter" in sglaunch("code", "web", status=4).stderr
