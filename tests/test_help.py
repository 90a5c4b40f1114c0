"""What `--help` says: of every command what it does, an example that parses, and nothing wider than a terminal."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

import pytest

from sglaunch.dispatch import COMMANDS
from sglaunch.parser import build


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
