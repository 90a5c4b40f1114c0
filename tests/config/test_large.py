"""Large files: as many values as somebody writes, and no more than a bounded number that aliases repeat."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_expansions import FACTS

from sglaunch.config import document
from sglaunch.config.document import MAX_ALIASED, parse
from sglaunch.config.load import Request
from sglaunch.config.loader import Loader
from sglaunch.config.node import Problems


def test_what_is_written_out_is_not_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_ALIASED", 100)
    problems = Problems()
    line = "{image: 'a/b:1', init: true, tty: true, cpus: 2}"
    text = "profiles:\n" + "".join(f"  p{number}: {line}\n" for number in range(100))
    root = parse(text, "f", "project", problems)
    assert not problems.errors
    assert root is not None
    assert len(root.value["profiles"].value) == 100


def test_what_aliases_repeat_is_bounded() -> None:
    problems = Problems()
    levels = "".join(f"l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 9)}]\n" for number in range(1, 9))
    assert parse(f"l0: &l0 [{', '.join('x' * 9)}]\n{levels}", "f", "project", problems) is None
    (problem,) = problems.errors
    assert problem.message == f"aliases repeat more than {MAX_ALIASED} values"


def test_a_long_chain_of_profiles_loads_and_each_is_read_once(tmp_path: Path) -> None:
    chain = [f"  p{n}: {{image: 'a/b:1', depends_on: [p{n + 1}, p{n + 2}]}}\n" for n in range(1000)]
    ends = "  p1000: {image: 'a/b:1'}\n  p1001: {image: 'a/b:1'}\n"
    (tmp_path / "sglaunch.yaml").write_text(f"profiles:\n{''.join(chain)}{ends}", encoding="utf-8")
    loader = Loader(Request(tmp_path / "sglaunch.yaml", FACTS, {}))
    assert len(loader.load(["p0"], everything=False).resolved) == 1002
