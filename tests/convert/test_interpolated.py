"""Compose's interpolation in our words: what an expression makes of an environment is what Compose makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from docker_compose import compose, compose_problem

from sglaunch.config.node import Node, Problems
from sglaunch.config.render import Context, render
from sglaunch.convert.interpolated import interpolated
from sglaunch.errors import Origin, Place

FACTS = {"user": "ana", "uid": 5, "gid": 6, "home": "/home/ana", "project": "p", "project_dir": "/p", "profile": "a"}


def made(text: str, **env: str) -> str:
    problems = Problems()
    context = Context({**FACTS, "hostname": "h"}, env)
    node = render(Node(text, Origin(Place("f", 1, 1), "project")), context, problems)
    assert not problems.errors, problems.errors
    return node.written()


CASES = {
    "plain": ("plain", "plain"),
    "$$x $${y}": ("$x ${y}", "$x ${y}"),
    "a${A}b": ("ab", "a1b"),
    "$A.$A": (".", "1.1"),
    "${A:-d}": ("d", "1"),
    "${A-d}": ("d", "1"),
    "${A:+y}": ("", "y"),
    "x${A+y}z": ("xz", "xyz"),
    "${A:-${B:-c}}": ("c", "1"),
    '${A:-it\'s \\ "b"}': ('it\'s \\ "b"', "1"),
    "${A:-x-${B}-y}": ("x--y", "1"),
    "${A:-}": ("", "1"),
    "{{ a }}": ("{{ a }}", "{{ a }}"),
    "{{${A}}}": ("{{}}", "{{1}}"),
    '{"k": {${A}}': ('{"k": {}', '{"k": {1}'),
    "${A:-{{x}": ("{{x", "1"),
    "é${A:-ü}\n": ("éü\n", "é1\n"),
}


@pytest.mark.parametrize("text", CASES)
def test_an_expression_makes_what_compose_makes(text: str) -> None:
    written = interpolated(text).text
    assert (made(written), made(written, A="1")) == CASES[text]


def test_an_empty_variable_is_unset_for_the_operators_with_a_colon_alone() -> None:
    assert made(interpolated("${A:-d}").text, A="") == "d"
    assert made(interpolated("${A-d}").text, A="") == ""
    assert made(interpolated("[${A:+y}][${A+y}]").text, A="") == "[][y]"


def test_what_a_shell_knows_by_itself_is_a_fact() -> None:
    assert interpolated("${HOME}/x").text == "{{ home }}/x"
    assert interpolated("$PWD").text == "{{ project_dir }}"
    assert made(interpolated("${UID}:${GID}").text) == "5:6"
    assert made(interpolated("${UID}").text, UID="7") == "7"


@pytest.mark.parametrize("text", ["${A:?say it}", "${A?say it}"])
def test_a_variable_that_must_be_set_is_one_without_a_default(text: str) -> None:
    found = interpolated(text)
    assert found.text == "{{ env.A }}"
    assert "A must be set" in found.remarks[0]
    assert "say it" in found.remarks[0]


@pytest.mark.parametrize("text", ["$", "a$ b", "${}", "${A", "${A!x}", "$1", "${1}"])
def test_what_compose_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$"):
        interpolated(text)


def test_variables_are_told() -> None:
    assert interpolated("${A:-$B}$$C").names == {"A", "B"}
    assert interpolated("${A}").sole_name == "A"
    assert interpolated("${A:-x}").sole_name == interpolated("a$A").sole_name == ""


@pytest.mark.parametrize("env", [{}, {"A": "1"}, {"A": ""}])
def test_compose_itself_agrees(env: dict[str, str], tmp_path: Path) -> None:
    """Every case once through the real program, where it is here."""
    if problem := compose_problem():
        pytest.skip(problem)
    file = tmp_path / "compose.json"
    texts = [text for text in CASES if "\n" not in text]
    environment = {f"V{number}": text for number, text in enumerate(texts)}
    file.write_text(json.dumps({"services": {"a": {"image": "x", "environment": environment}}}), encoding="utf-8")
    told = json.loads(compose("-f", str(file), "config", "--format", "json", env=env).stdout)
    theirs = told["services"]["a"]["environment"]
    # `config` writes a dollar sign as two, to be read again.
    ours = {f"V{number}": made(interpolated(text).text, **env) for number, text in enumerate(texts)}
    assert {name: value.replace("$$", "$") for name, value in theirs.items()} == ours
