"""TAB in real shells: what they offer, that it is quick, and that nothing is ever printed beside it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sglaunch_cli import Sglaunch
from terminal import Terminal

from sglaunch import completion, glance, project
from sglaunch.completion import SHELLS, script
from sglaunch.config import files, layers
from sglaunch.config.examples import PROFILE_KEYS
from sglaunch.config.profile import Profile
from sglaunch.dispatch import COMMANDS
from sglaunch.engine import detect

SECONDS = 20.0
BASH = r"""
ask() {
    COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDBREAKS=$' \t\n"\'><=;|&(:' COMPREPLY=()
    _python_argcomplete sglaunch
    printf '%s\n' "${COMPREPLY[@]}"
}
"""
PROJECT = """\
vars: {tag: v1}
profiles:
  # a comment

  alpha:
    image: x
    environment:
      NOT_A_PROFILE: 1
  "beta.2":
    extends: alpha
  x-note: {}
defaults:
  labels: {gamma: 1}
"""
# What to press at the end of a line to have it written to the file LINE.
DUMP = {
    "bash": """bind -x '"\\C-xd": printf %s "$READLINE_LINE" > LINE'""",
    "zsh": "dump() { print -rn -- $BUFFER > LINE; }; zle -N dump; bindkey '^Xd' dump",
    "fish": "bind \\cxd 'commandline > LINE'",
}
QUIET = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"], "fish": ["--no-config", "-i"]}


def program(shell: str) -> str:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not here")
    return found


@pytest.fixture
def here(tmp_path: Path, project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, and sglaunch on PATH."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return project({"sglaunch.yaml": PROJECT, "profiles/delta.yaml": "image: x\n", "sub/x": ""})


def asked(folder: Path, line: str, **env: str) -> list[str]:
    """What bash offers at the end of a line."""
    done = subprocess.run(
        ["bash", "--norc", "-c", f'{script("bash")}{BASH}ask "$1"', "bash", line],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_offers_commands(here: Path) -> None:
    assert set(asked(here, "sglaunch ")) == set(COMMANDS) - {"--version"}


def test_bash_offers_the_options_of_a_command(here: Path) -> None:
    assert asked(here, "sglaunch up --wait") == ["--wait-timeout", "--wait-gpus"]
    assert {"--engine", "--json", "--set"} <= set(asked(here, "sglaunch up --"))
    assert asked(here, "sglaunch up --pull ") == ["always", "missing", "never"]
    assert asked(here, "sglaunch completion ") == ["bash", "zsh", "fish"]
    assert asked(here, "sglaunch --engine p") == ["podman"]


def test_bash_offers_the_profiles_of_every_layer(here: Path) -> None:
    Path(os.environ["XDG_CONFIG_HOME"], "sglaunch").mkdir()
    Path(os.environ["XDG_CONFIG_HOME"], "sglaunch", "config.yaml").write_text("profiles: {mine: {}}\n")
    names = ["alpha", "beta.2", "delta", "dev", "mine", "server", "user"]
    assert asked(here, "sglaunch plan ") == names
    assert asked(here / "sub", "sglaunch plan ") == names, "the project is found above"
    assert asked(here, "sglaunch up alpha ") == names[1:], "what is on the line is not offered again"
    assert asked(here, "sglaunch logs -f d") == ["delta", "dev"]
    assert asked(here, f"sglaunch -C {here.parent} plan a") == []
    assert asked(here.parent, f"sglaunch -C {here} plan a") == ["alpha"]
    assert asked(here.parent, f"sglaunch plan -f {here}/sglaunch.yaml a") == ["alpha"]
    assert asked(here.parent, "sglaunch plan a", SGLAUNCH_FILE=str(here)) == ["alpha"]


def test_bash_offers_the_keys_of_a_profile(here: Path) -> None:
    assert asked(here, "sglaunch config alpha mem") == ["mem_limit", "mem_reservation", "memswap_limit"]


def test_bash_offers_files_and_folders_where_they_are_meant(here: Path) -> None:
    assert asked(here, "sglaunch -f sgl") == ["sglaunch.yaml"]
    assert asked(here, "sglaunch -C su") == ["sub/"]
    assert asked(here, "sglaunch exec alpha -- ") == [], "what is in the container is not known here"


@pytest.mark.parametrize(
    "text",
    ["profiles: [", "profiles:\n\t- x", "\x00\xff", "profiles: {a: {b: ", "- a\n", "profiles: &a {<<: *a}", "a: *b"],
)
def test_a_broken_file_breaks_no_shell(text: str, here: Path) -> None:
    (here / "sglaunch.yaml").write_text(text, encoding="latin-1")
    assert {"delta", "dev"} <= set(asked(here, "sglaunch plan "))


def test_a_file_that_would_block_is_not_read(here: Path) -> None:
    (here / "sglaunch.yaml").unlink()
    os.mkfifo(here / "sglaunch.yaml")
    assert "delta" in asked(here, "sglaunch plan ")


def test_a_line_that_is_wrong_is_completed_in_silence(here: Path) -> None:
    for line in ("sglaunch nosuch ", "sglaunch up --nosuch x", "sglaunch 'open ", "sglaunch --wait-timeout x up "):
        asked(here, line)


def test_names_at_a_glance_in_every_style() -> None:
    for text in (
        "profiles:\n  a:\n    x: 1\n  b: {}\n",
        "profiles: {a: {x: 1, y: {c: 1}}, b: }",
        "profiles: {'a': [c: 1], \"b\": null}\nvars: {c: 1}",
        "x: 1\nprofiles:   # c: 1\n\n    'a': # c\n      c:\n        d:\n    b: |\n      c:\nz:\n  c:\n",
        "profiles:\r\n  a:\r\n  b:\r\n",
    ):
        assert list(glance.names_in(text)) == ["a", "b"], text
    assert list(glance.names_in("  profiles:\n    a:\n")) == []
    assert list(glance.names_in("profiles: x\na:\n")) == []


def test_a_glance_looks_where_the_reader_of_files_does() -> None:
    for name in ("PROJECT_FILE", "LOCAL_FILE", "SITE_FILE", "SITE_VARIABLE", "FILE_VARIABLE"):
        assert getattr(glance, name) == getattr(files, name)
    assert glance.PROFILE_NAME == layers.PROFILE_NAME
    assert glance._builtin_folder() == files.builtin_folder()


def test_what_completion_says_again_is_what_others_say() -> None:
    assert completion.ENGINES == detect.ORDER
    assert completion.ENGINE_VARIABLE == project.ENGINE_VARIABLE


def test_the_keys_that_are_offered_are_those_of_a_profile() -> None:
    assert set(PROFILE_KEYS) == set(Profile.model_fields)


def test_fish_offers_commands_options_and_profiles(here: Path) -> None:
    def offered(line: str) -> list[str]:
        text = 'sglaunch completion fish | source; complete -C "$argv[1]"'
        done = subprocess.run(
            [program("fish"), "--no-config", "-c", text, line],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        assert done.stderr == ""
        return [one.partition("\t")[0] for one in done.stdout.splitlines()]

    assert offered("sglaunch plan ") == ["alpha", "beta.2", "delta", "dev", "server", "user"]
    assert offered("sglaunch sche") == ["schema"]
    assert "--dry-run" in offered("sglaunch up --d")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_person_presses_tab(shell: str, here: Path, shell_in: Callable[..., Terminal]) -> None:
    terminal = shell_in(shell, here)
    line = here / "LINE"
    for typed, written in (
        ("sglaunch pl", "sglaunch plan"),
        ("sglaunch plan al", "sglaunch plan alpha"),
        ("sglaunch up --wait-g", "sglaunch up --wait-gpus"),
        ("sglaunch nosuch x", "sglaunch nosuch x"),
    ):
        terminal.type(f"\x15{typed}\t")
        deadline = time.monotonic() + SECONDS
        while not line.exists() or line.read_text().strip() != written:
            assert time.monotonic() < deadline, f"{typed!r}: {line.exists() and line.read_text()!r}, {terminal.text!r}"
            terminal.read(0.3)
            terminal.type("\x18d")
        line.unlink()
    assert "rror" not in terminal.text, terminal.text
    assert "Traceback" not in terminal.text


@pytest.fixture
def shell_in() -> Iterator[Callable[..., Terminal]]:
    opened = []

    def start(shell: str, folder: Path) -> Terminal:
        terminal = Terminal(Sglaunch(folder, "p", ""), program=[program(shell), *QUIET[shell]])
        opened.append(terminal)
        setup = "sglaunch completion fish | source" if shell == "fish" else f'eval "$(sglaunch completion {shell})"'
        terminal.read(2)
        for command in (setup, DUMP[shell], "echo rea''dy"):
            terminal.type(f"{command}\r")
        terminal.expect("ready")
        return terminal

    yield start
    for terminal in opened:
        os.kill(terminal.pid, signal.SIGKILL)
        os.waitpid(terminal.pid, 0)
        os.close(terminal.fd)


@pytest.mark.docker
def test_containers_of_the_engine_are_offered(here: Path, docker_image: str, cleanup: str) -> None:
    """To commands that take one; these are a parser of their own, so that this says nothing of which they are."""
    subprocess.run(["docker", "create", "--name", f"{cleanup}-x", docker_image], check=True, capture_output=True)
    assert _containers(here, cleanup) == [f"{cleanup}-x"]


def test_an_engine_that_hangs_has_a_second(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "docker"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\necho noise >&2\nexec sleep 150\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    assert _containers(here, "") == []


def _containers(folder: Path, prefix: str) -> list[str]:
    code = (
        "import argparse\nfrom sglaunch.completion import complete\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('name', metavar='CONTAINER')\ncomplete(parser)"
    )
    made = folder / "bin"
    made.mkdir()
    (made / "sglaunch").write_text(f"#!{sys.executable}\n{code}\n")
    (made / "sglaunch").chmod(0o755)
    return asked(folder, f"sglaunch {prefix}", PATH=f"{made}:{os.environ['PATH']}")
