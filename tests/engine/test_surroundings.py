"""What `init` sees of a folder and a home, and what it does with it; no engine is needed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from sglaunch.cli import main
from sglaunch.engine import surroundings


def touch(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "told"),
    [("proj", "."), ("proj/sglang", "./sglang"), ("sglang", "../sglang"), ("home/src/sglang", "~/src/sglang")],
)
def test_sources_of_sglang_are_found(tmp_path: Path, place: str, told: str) -> None:
    (tmp_path / "proj").mkdir()
    assert surroundings.checkout(tmp_path / "proj", tmp_path / "home") == ""
    touch(tmp_path / place / "python/sglang/launch_server.py")
    assert surroundings.checkout(tmp_path / "proj", tmp_path / "home") == told


def test_caches_are_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.caches(tmp_path) == ()
    (tmp_path / ".cache/modelscope").mkdir(parents=True)
    (tmp_path / ".cache/huggingface").mkdir()
    assert surroundings.caches(tmp_path) == ("huggingface", "modelscope")
    monkeypatch.setenv("HF_HOME", str(tmp_path / ".cache/huggingface"))
    assert surroundings.hf_home(tmp_path) == "", "the usual place needs no mount of its own"
    monkeypatch.setenv("HF_HOME", str(tmp_path / "gone"))
    assert surroundings.hf_home(tmp_path) == ""
    (tmp_path / "gone").mkdir()
    assert surroundings.hf_home(tmp_path) == str(tmp_path / "gone")


def test_files_that_describe_containers(tmp_path: Path) -> None:
    touch(tmp_path / "docker-compose.yml")
    touch(tmp_path / "run.sh", "set -e\nexec docker run --rm \\\n  x\n")
    touch(tmp_path / "scripts/dev.sh", "sudo podman --log-level x run y\n")
    touch(tmp_path / "notes.sh", "# docker run x\ndocker ps\nmydocker running x\n")
    assert surroundings.importable(tmp_path) == ("docker-compose.yml", "run.sh", "scripts/dev.sh")


def test_git_is_asked_what_it_ignores(tmp_path: Path) -> None:
    assert surroundings.ignores(tmp_path, "sglaunch.local.yaml") is None
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert surroundings.ignores(tmp_path, "sglaunch.local.yaml") is False
    touch(tmp_path / ".gitignore", "*.local.yaml\n")
    assert surroundings.ignores(tmp_path, "sglaunch.local.yaml") is True


def test_init_writes_says_and_edits_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "Eval Runs"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", folder], check=True)
    touch(folder / "compose.yaml", "services: {}\n")
    assert main(["-C", str(folder), "init"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"wrote   {folder}/sglaunch.yaml"
    assert "import  `sglaunch import compose.yaml`" in said
    assert "git     add this line to .gitignore: sglaunch.local.yaml" in said
    assert said[-1].startswith("next    ")
    assert "project: eval-runs\n" in (folder / "sglaunch.yaml").read_text(encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == [
        ".git",
        ".sglaunch.schema.json",
        "compose.yaml",
        "sglaunch.yaml",
    ]
    assert main(["-C", str(folder), "validate"]) == 0


def test_an_existing_file_is_never_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    touch(tmp_path / "sglaunch.yaml", "mine")
    assert main(["-C", str(tmp_path), "init"]) == 2
    assert "exists; edit it" in capsys.readouterr().err
    assert (tmp_path / "sglaunch.yaml").read_text(encoding="utf-8") == "mine"


def test_the_answer_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(tmp_path), "init", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["schema_version"], told["file"]) == (1, str(tmp_path / "sglaunch.yaml"))
    assert told["found"]
    assert told["advice"][-1]["about"] == "next"
