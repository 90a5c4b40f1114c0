"""What editors are given: a schema for every kind of file, and a project file that names the one beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from schemas import complaints

from sglaunch.cli import main
from sglaunch.config.files import PROJECT
from sglaunch.config.schema import KINDS, MODELINE, SCHEMA_FILE, schema


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_of_each_kind_is_printed(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", kind]) == 0
    assert json.loads(capsys.readouterr().out) == schema(kind)


def test_without_a_word_it_is_that_of_the_project_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema(PROJECT)


def test_an_unknown_kind_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "projct"]) == 2
    assert "project" in capsys.readouterr().err


def test_init_writes_the_schema_and_the_line_that_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(tmp_path), "init"]) == 0
    text = (tmp_path / "sglaunch.yaml").read_text(encoding="utf-8")
    assert text.splitlines()[0] == MODELINE
    assert json.loads((tmp_path / SCHEMA_FILE).read_text(encoding="utf-8")) == schema(PROJECT)
    assert complaints(text, PROJECT) == []
    assert SCHEMA_FILE in capsys.readouterr().out


def test_init_leaves_a_schema_that_is_there(tmp_path: Path) -> None:
    (tmp_path / SCHEMA_FILE).write_text("{}", encoding="utf-8")
    assert main(["-C", str(tmp_path), "init"]) == 0
    assert (tmp_path / SCHEMA_FILE).read_text(encoding="utf-8") == "{}"


def test_init_that_writes_nothing_writes_no_schema_either(
    project: Callable[[Mapping[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project({"sglaunch.yaml": "profiles: {}\n"})
    assert main(["-C", str(folder), "init"]) == 2
    assert not (folder / SCHEMA_FILE).exists()


def test_where_no_schema_can_be_written_there_is_no_line(tmp_path: Path) -> None:
    (tmp_path / SCHEMA_FILE).symlink_to(tmp_path / "nowhere" / "x")
    assert main(["-C", str(tmp_path), "init"]) == 0
    assert MODELINE not in (tmp_path / "sglaunch.yaml").read_text(encoding="utf-8")
