"""Secrets among the words of a process come from the environment, and every other word stays as it is."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from sglaunch.convert.through_shell import through_shell

SECRET = "{{ env.HF_TOKEN }}"
PRINT = ["printf", "<%s>"]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["a b", "--token", SECRET, "c'd\"$e"], "<a b><--token><s3 cret><c'd\"$e>"),
        ([f"--token={SECRET}", ""], "<--token=s3 cret><>"),
        ([SECRET, *map(str, range(12)), f"{SECRET}:{SECRET}"], "".join(f"<{n}>" for n in ["s3 cret", *range(12)])),
    ],
)
def test_a_shell_hands_on_what_the_words_were(words: list[str], printed: str) -> None:
    keys: dict[str, Any] = {"command": [*PRINT, *words]}
    assert through_shell(keys) == ["HF_TOKEN"]
    assert "HF_TOKEN }}" not in str(keys)
    environment = {"HF_TOKEN": "s3 cret", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(keys["command"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(printed)


def test_a_script_reads_the_variable_itself() -> None:
    keys: dict[str, Any] = {"entrypoint": ["/bin/bash"], "command": ["-lc", f"tool --key {SECRET}"]}
    assert through_shell(keys) == ["HF_TOKEN"]
    assert keys == {"entrypoint": ["/bin/bash"], "command": ["-lc", "tool --key ${HF_TOKEN}"]}


def test_words_that_a_script_is_given_are_handed_on() -> None:
    keys: dict[str, Any] = {"command": ["sh", "-c", 'printf "<%s>" "$0" "$@"', "a b", "--token", SECRET]}
    assert through_shell(keys) == ["HF_TOKEN"]
    assert "HF_TOKEN }}" not in str(keys)
    environment = {"HF_TOKEN": "s3 cret", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(keys["command"], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "<a b><--token><s3 cret>"


def test_an_entrypoint_is_part_of_what_runs() -> None:
    keys: dict[str, Any] = {"entrypoint": ["tool"], "command": ["--key", SECRET]}
    through_shell(keys)
    assert keys == {"entrypoint": ["sh"], "command": ["-c", 'exec "${1}" "${2}" "${HF_TOKEN}"', "sh", "tool", "--key"]}


def test_words_for_the_images_own_program_cannot_be_wrapped() -> None:
    keys: dict[str, Any] = {"command": ["--key", SECRET]}
    assert through_shell(keys) == ["HF_TOKEN"]
    assert keys == {"command": ["--key", "${HF_TOKEN}"]}


def test_a_line_is_split_with_its_expressions() -> None:
    keys: dict[str, Any] = {"command": f"tool --key {SECRET} --at '{{{{ env.HOME }}}} x'"}
    assert through_shell(keys) == ["HF_TOKEN"]
    assert keys["command"][-3:] == ["--key", "--at", "{{ env.HOME }} x"]


@pytest.mark.parametrize("command", [["tool", "{{ env.HOME }}"], "tool {{ env.HOME }}", ["tool"], None])
def test_what_holds_no_secret_is_left_alone(command: Any) -> None:
    keys = {"command": command, "image": "x"}
    assert through_shell(keys) == []
    assert keys == {"command": command, "image": "x"}
