"""`sglaunch import compose.yaml` as people call it; no engine is needed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sglaunch.cli import main

TWO = "services:\n  web: {image: i, profiles: [x], volumes: ['./d:/d']}\n  db: {image: d}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "compose.yaml").write_text(TWO, encoding="utf-8")
    return tmp_path


def test_services_are_printed_and_losses_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(folder), "import", "deploy/compose.yaml"]) == 0
    told = capsys.readouterr()
    assert "  web:\n" in told.out
    assert "  db:\n" in told.out
    assert "- ./deploy/d:/d" in told.out
    assert "deploy/compose.yaml:2:19: services.web.profiles: is not carried" in told.err


def test_one_service_is_written_under_another_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sglaunch.yaml").write_text("project: p  # mine\n", encoding="utf-8")
    words = ["import", "deploy/compose.yaml", "--service", "db", "--as", "base", "--write", "--yes"]
    assert main(["-C", str(folder), *words]) == 0
    text = (folder / "sglaunch.yaml").read_text(encoding="utf-8")
    assert text.startswith("project: p  # mine\n")
    assert "  base:\n    image: d\n" in text
    assert main(["-C", str(folder), "validate"]) == 0
    assert "base" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["deploy/compose.yaml", "--as", "x"], "2 services, for one name"),
        (["deploy/compose.yaml", "--service", "dbb"], "has no service 'dbb'; did you mean db?"),
        (["docker run x", "--service", "db"], "is no compose file"),
        (["deploy/compose.yaml", "--container", "x"], "--container is a source itself"),
    ],
)
def test_what_cannot_be_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["-C", str(folder), "import", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_file_without_an_image_and_one_that_is_broken_are_errors(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "c.yaml").write_text("services:\n  web: {tty: true}\n", encoding="utf-8")
    assert main(["-C", str(folder), "import", "c.yaml"]) == 2
    assert "c.yaml:2:3: services.web: has neither image nor build" in capsys.readouterr().err
    (folder / "c.yaml").write_text(
        "services:\n  web: {image: x, extends: {service: y, file: z.yaml}}\n", encoding="utf-8"
    )
    assert main(["-C", str(folder), "import", "c.yaml"]) == 2
    assert "c.yaml:2:47: services.web.extends: there is no z.yaml" in capsys.readouterr().err


def test_stdin_is_a_file_of_this_folder(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(TWO.encode()))
    monkeypatch.setattr("sys.stdin", stdin)
    assert main(["-C", str(folder), "import", "-", "--service", "web"]) == 0
    assert "- ./d:/d" in capsys.readouterr().out


def test_a_folded_line_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "profiles:\n  a:\n    image: x\n    command: >\n      one\n      two\n"
    (folder / "sglaunch.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(folder), "config", "a", "command", "--json"]) == 0
    assert '"one",\n    "two"' in capsys.readouterr().out
