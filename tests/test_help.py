"""What `--help` says: of every command what it does, an example that parses, and nothing wider than a terminal."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from sglaunch.boundary import run
from sglaunch.dispatch import COMMANDS
from sglaunch.parser import build, spelled_out


def verbs() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its parser, those inside others too."""

    def inside(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word, inner in action.choices.items():
                    yield f"{name} {word}".strip(), inner
                    yield from inside(inner, f"{name} {word}".strip())

    return inside(build(COMMANDS), "")


def test_every_command_is_parsed_and_done() -> None:
    assert {name for name, _ in verbs()} == set(COMMANDS) - {"--version"}


@pytest.mark.parametrize(("name", "parser"), list(verbs()))
def test_the_help_of_a_command(name: str, parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = parser.format_help()
    _, found, example = shown.rpartition("example: ")
    assert found, "an example stands last"
    words = shlex.split(example.partition(">")[0].replace('eval "$(', "").replace(')"', "").partition("   ")[0])
    assert words[: 1 + name.count(" ") + 1] == ["sglaunch", *name.split()]
    parsed = build(COMMANDS).parse_args(words[1:])
    assert parsed.command is not None
    assert build(COMMANDS, words[1]).parse_args(words[1:]) == parsed, "alone as beside the others"
    assert parser.description and parser.description.endswith(".")
    assert max(map(len, shown.splitlines())) <= 80
    # An argument whose word says it all needs no more.
    said = ("PROFILE", "-- COMMAND")
    assert all(action.help or action.metavar in said or action.choices for action in parser._actions)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("hlep", "unknown command 'hlep'; did you mean help? see `sglaunch --help`"),
        ("--plain pln dev", "unknown command 'pln'; did you mean plan? see `sglaunch --help`"),
        ("help pln", "unknown command 'pln'; did you mean plan? see `sglaunch --help`"),
        ("xyzzy", "unknown command 'xyzzy'; see `sglaunch --help`"),
        ("up --detach", "unrecognized arguments: --detach; see `sglaunch up --help`"),
        ("--plain up --detach", "unrecognized arguments: --detach; see `sglaunch up --help`"),
        ("--detach up", "unrecognized arguments: --detach; see `sglaunch --help`"),
        ("up --pull often", "see `sglaunch up --help`"),
    ],
)
def test_what_nobody_knows_is_told_with_the_help_that_does(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words.split()) == 2
    said = capsys.readouterr().err
    assert said.endswith(f"{told}\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "same"),
    [("help", "--help"), ("help up", "up --help"), ("help help", "--help"), ("help export run", "export --help")],
)
def test_help_is_a_word_too(words: str, same: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for one in (words, same):
        with pytest.raises(SystemExit) as ended:
            run(one.split())
        shown.append((ended.value.code, capsys.readouterr()))
    assert shown[0] == shown[1]
    assert shown[0][0] == 0
    assert "usage: sglaunch" in shown[0][1].out


def test_a_profile_may_be_called_help() -> None:
    assert build(COMMANDS, "up").parse_args(spelled_out(["up", "help"])).profiles == ["help"]


def test_what_spells_a_command_is_imported_for_one_that_is_none() -> None:
    asked = "import sys; from sglaunch.boundary import run; run(sys.argv[1:]); print('difflib' in sys.modules)"
    for words, imported in ((["up", "--detach"], "False"), (["pln"], "True")):
        done = subprocess.run([sys.executable, "-c", asked, *words], capture_output=True, text=True, check=True)
        assert done.stdout == f"{imported}\n"
