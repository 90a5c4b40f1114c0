"""The table of run flags knows every flag of every engine that is installed, and every field of the spec."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections import Counter

import pytest

from sglaunch.config.profile import Profile
from sglaunch.convert.flags import CARRIED, FLAGS, GLOBAL, LOST, OF_FIELD, WITHOUT_FLAG, Flag
from sglaunch.plain import names_of
from sglaunch.spec.container import ContainerSpec

ENGINES = ("docker", "podman", "nerdctl")
# `  -p, --publish list   Publish ...`: the type is one word or several values' words; a switch has none.
_HELP = re.compile(r"^ {2,6}(?:(-\w), |    )?(--[\w-]+)(?: (\S+))?(?:\s{2,}|$)", re.MULTILINE)
# Types of values that may be given several times (pflag's names, and Docker's own).
_LISTS = re.compile(r"list|strings|stringArray|map|ulimit|mount|network|tmpfs|DEVICE_NAME:WEIGHT")
# A list that the profile has one value for, and the last is taken.
_LAST_COUNTS = {"--entrypoint", "--gpus"}


@functools.cache
def help_of(engine: str, verb: str) -> dict[str, tuple[str, str]]:
    """By long name, the short one and the type of the value ("" for a switch)."""
    # Older releases of docker fold the help to the width of the terminal.
    done = subprocess.run(
        [engine, verb, "--help"], capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"}
    )
    return {name: (short, kind) for short, name, kind in _HELP.findall(done.stdout)}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} command")
    return name


@pytest.mark.parametrize("verb", ["run", "create"])
def test_every_flag_of_the_engine_has_a_row(engine: str, verb: str) -> None:
    asked = help_of(engine, verb)
    assert len(asked) > 50, "the help was not read"
    assert sorted(asked.keys() - FLAGS.keys()) == []


def test_the_short_names_are_the_engines(engine: str) -> None:
    wrong = [(name, short) for name, (short, _) in help_of(engine, "run").items() if short and short not in FLAGS]
    assert wrong == []
    for name, (short, _) in help_of(engine, "run").items():
        assert not short or FLAGS[short] == FLAGS[name]


def test_what_takes_a_value_and_what_takes_several_is_the_engines(engine: str) -> None:
    for name, (_, kind) in help_of(engine, "run").items():
        row = FLAGS[name][0]
        assert row.takes == bool(kind), name
        if row in CARRIED and name not in _LAST_COUNTS:
            assert row.many == bool(_LISTS.fullmatch(kind)), name


def test_every_field_of_the_spec_has_flags_or_a_reason_why_not() -> None:
    names = set(names_of(ContainerSpec))
    assert set(OF_FIELD) | set(WITHOUT_FLAG) == names
    assert not set(OF_FIELD) & set(WITHOUT_FLAG)
    assert all(WITHOUT_FLAG.values())


@pytest.mark.parametrize("flag", CARRIED, ids=lambda flag: f"{flag.name} {flag.key}")
def test_a_carried_flag_names_a_key_of_the_profile(flag: Flag) -> None:
    assert flag.key.split(".")[0] in Profile.model_fields
    assert not flag.why
    assert not flag.implied


@pytest.mark.parametrize("flag", [*LOST, *GLOBAL], ids=lambda flag: flag.name)
def test_a_flag_that_is_not_carried_has_a_reason(flag: Flag) -> None:
    assert flag.why
    assert not flag.key
    assert not flag.field


def test_no_spelling_stands_for_two_options() -> None:
    used = Counter(name for flag in (*CARRIED, *LOST) for name in flag.names)
    assert [name for name, count in used.items() if count > 1] == ["--network", "--net"], (
        "the network's mode, or a name"
    )


def test_this_test_reads_the_help_of_an_engine() -> None:
    """What is asked of a real client above must see short names, switches and types."""
    text = "  -p, --publish list     Publish\n      --privileged       Give\n  -t, --tty   Allocate\n"
    assert _HELP.findall(text) == [("-p", "--publish", "list"), ("", "--privileged", ""), ("-t", "--tty", "")]
