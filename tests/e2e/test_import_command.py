"""`sglaunch import` as people use it: where the command comes from, what is printed, what becomes of their file."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sglaunch_cli import Sglaunch
from terminal import Open

from sglaunch.cli import main

LINE = "docker run --cidfile /x -v $(pwd):/w img:1 sleep 9"
PROFILE = """\
profiles:
  # not carried: --cidfile: /x: sglaunch writes no such file
  img:
    image: img:1
    command: [sleep, '9']
    volumes:
      - "{{ project_dir }}:/w"
"""
MINE = """\
# what we run
project:   eval   # aligned by hand

profiles:
    web:   # the page
        image: 'a:1'

# the end
vars: {a: 1}
"""


@dataclass
class Within(Sglaunch):
    """Commands in this process, for they are many here and each is soon done."""

    capsys: pytest.CaptureFixture[str] | None = None

    def __call__(
        self, *words: str, status: int | None = 0, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        assert self.capsys is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            found = main(words)
        said = self.capsys.readouterr()
        assert found == status, said
        return subprocess.CompletedProcess(words, found, said.out, said.err)


@pytest.fixture
def sglaunch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Sglaunch:
    """In an empty folder, without an engine."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Within(folder, "project", "img", capsys=capsys)


def test_a_command_is_an_argument_a_file_stdin_or_words(sglaunch: Sglaunch) -> None:
    (sglaunch.folder / "run.sh").write_text(f"#!/bin/sh\n{LINE}\n", encoding="utf-8")
    (sglaunch.folder / "bom.txt").write_text(f"\ufeff{LINE}\r\n", encoding="utf-8")
    answers = [
        sglaunch("import", LINE),
        sglaunch("import", "run.sh"),
        sglaunch("import", "bom.txt"),
        sglaunch("import", "-", stdin=LINE),
        sglaunch("-C", str(sglaunch.folder), "import", "run.sh"),
    ]
    assert [done.stdout for done in answers] == [PROFILE] * len(answers)
    places = ["<argument>:1:12", "run.sh:2:12", "bom.txt:1:12", "<stdin>:1:12", "run.sh:2:12"]
    assert [done.stderr.split(": --cidfile")[0] for done in answers] == [f"not carried: {place}" for place in places]
    # The user's own shell has put in what it knows, and nothing is a variable any more.
    words = sglaunch("import", "--as", "x", "--", "docker", "run", "--init", "img:1", "echo", "$HOME", "a b").stdout
    assert words == "profiles:\n  x:\n    image: img:1\n    command: [echo, $HOME, a b]\n    init: true\n"


def test_json_has_the_profiles_and_the_losses(sglaunch: Sglaunch) -> None:
    done = sglaunch("import", "--json", LINE)
    keys = {"image": "img:1", "command": ["sleep", "9"], "volumes": ["{{ project_dir }}:/w"]}
    loss = {"file": "<argument>", "line": 1, "column": 12, "path": "--cidfile"}
    loss |= {"message": "/x: sglaunch writes no such file", "hint": "`sglaunch ps --json` tells the container"}
    assert json.loads(done.stdout) == {"schema_version": 1, "profiles": {"img": keys}, "losses": [loss]}
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing to import; quote a `docker run` command"),
        (["run.txt"], "run.txt: no such file"),
        (["."], "is a folder"),
        (["ls -l"], "no `docker run`, `podman run` or `nerdctl run` is in it"),
        (["docker run --init"], "the command names no image"),
        (["--as", "a b", "docker run img"], "'a b' is not a profile name"),
        (["--as", "x-a", "docker run img"], "'x-a' is not a profile name"),
        (["--as", "a", "docker run img; docker run img"], "2 commands, for one name"),
    ],
)
def test_what_cannot_be_imported_is_told_and_nothing_written(sglaunch: Sglaunch, words: list[str], said: str) -> None:
    done = sglaunch("import", "--write", "--yes", *words, status=2)
    assert said in done.stderr
    assert list(sglaunch.folder.iterdir()) == []


def test_bytes_that_are_no_text_are_no_bug(sglaunch: Sglaunch) -> None:
    (sglaunch.folder / "x").write_bytes(b"docker run img \xff\xfe\x00")
    assert "img" in sglaunch("import", "x").stdout


def test_without_a_terminal_or_yes_the_difference_is_shown_and_the_file_stays(sglaunch: Sglaunch) -> None:
    sglaunch.write(MINE)
    done = sglaunch("import", "--as", "new", "--write", LINE, status=3)
    assert "+    new:\n" in done.stderr
    assert "sglaunch.yaml would be changed; say --yes to go on" in done.stderr
    assert (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8") == MINE
    sglaunch("import", "--write", "-f", "new.yaml", LINE, status=3)
    assert not (sglaunch.folder / "new.yaml").exists()


def test_a_profile_is_put_in_and_every_other_byte_stays(sglaunch: Sglaunch) -> None:
    sglaunch.write(MINE)
    done = sglaunch("import", "--as", "new", "--write", "--yes", LINE)
    added = "    # not carried: --cidfile: /x: sglaunch writes no such file\n    new:\n        image: img:1\n"
    added += "        command: [sleep, '9']\n        volumes:\n            - \"{{ project_dir }}:/w\"\n"
    text = (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8")
    assert text == MINE.replace("        image: 'a:1'\n", f"        image: 'a:1'\n{added}")
    assert done.stdout == f"wrote {sglaunch.folder}/sglaunch.yaml\nnext: `sglaunch plan new`\n"
    assert sglaunch("validate").stdout == "sglaunch.yaml: all right (web, new)\n"


def test_a_file_that_is_not_there_is_made_and_holds_a_project(sglaunch: Sglaunch) -> None:
    sglaunch("import", "--write", "--yes", LINE)
    assert (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8") == PROFILE
    assert sglaunch("validate").stdout == "sglaunch.yaml: all right (img)\n"


def test_a_profile_of_that_name_is_never_replaced(sglaunch: Sglaunch) -> None:
    sglaunch.write(MINE)
    done = sglaunch("import", "--as", "web", "--write", "--yes", LINE, status=2)
    assert "sglaunch.yaml:5:5: profiles.web: there is a profile of this name; choose another" in done.stderr
    sglaunch.write("image: a:1\n", "profiles/new.yaml")
    done = sglaunch("import", "--as", "new", "--write", "--yes", LINE, status=2)
    assert "profile new is there already, in" in done.stderr
    assert (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8") == MINE


def test_the_builtin_of_the_same_name_does_not_lie_beneath(sglaunch: Sglaunch) -> None:
    sglaunch("import", "--as", "dev", "--write", "--yes", "docker run img:1")
    spec = json.loads(sglaunch("config", "dev", "--json").stdout)["profiles"]["dev"]["spec"]
    assert spec == {"container_name": spec["container_name"], "image": "img:1"}


def test_the_mode_and_the_link_of_a_file_stay(sglaunch: Sglaunch, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.yaml"
    real.write_text(MINE, encoding="utf-8")
    real.chmod(0o640)
    link = sglaunch.folder / "sglaunch.yaml"
    link.symlink_to(real)
    sglaunch("import", "--as", "new", "--write", "--yes", LINE)
    assert link.is_symlink()
    assert "new:" in real.read_text(encoding="utf-8")
    assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_a_mark_at_the_start_and_the_ends_of_lines_stay(sglaunch: Sglaunch) -> None:
    path = sglaunch.folder / "sglaunch.yaml"
    path.write_bytes(b"\xef\xbb\xbfproject: a\r\nprofiles:\r\n  b:\r\n    image: c\r\n")
    sglaunch("import", "--as", "new", "--write", "--yes", "docker run img")
    added = b"  new:\r\n    image: img\r\n"
    assert path.read_bytes() == b"\xef\xbb\xbfproject: a\r\nprofiles:\r\n  b:\r\n    image: c\r\n" + added


def test_a_folder_that_cannot_be_written_is_told(sglaunch: Sglaunch) -> None:
    done = sglaunch("import", "--write", "--yes", "-f", "no/such/folder.yaml", "docker run img", status=1)
    assert "no/such/folder.yaml cannot be written: No such file or directory" in done.stderr


def test_in_a_project_above_relative_paths_are_told(sglaunch: Sglaunch) -> None:
    sglaunch.write(MINE)
    inner = sglaunch.folder / "inner"
    inner.mkdir()
    done = sglaunch("-C", str(inner), "import", "--as", "new", "--write", "--yes", LINE)
    assert "profiles.new: relative paths were meant in" in done.stderr
    assert "new:" in (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8")
    assert not (inner / "sglaunch.yaml").exists()


@pytest.mark.parametrize(("answer", "status"), [("w", 0), ("k", 3), ("", 3)])
def test_on_a_terminal_it_asks(sglaunch: Sglaunch, terminal: Open, answer: str, status: int) -> None:
    sglaunch.write(MINE)
    one = terminal("import", "--as", "new", "--write", LINE, on=sglaunch)
    one.expect(r"\+    new:")
    one.expect(r"write it\? \[w\]rite / \[k\]eep \(k\): ")
    one.type(f"{answer}\n")
    assert one.status() == status
    changed = (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8") != MINE
    assert changed == (status == 0)


def test_a_file_that_changes_while_it_asks_is_left_alone(sglaunch: Sglaunch, terminal: Open) -> None:
    sglaunch.write(MINE)
    one = terminal("import", "--as", "new", "--write", LINE, on=sglaunch)
    one.expect(r"write it\?")
    sglaunch.write("profiles: {other: {image: x}}\n")
    one.type("w\n")
    one.expect("was changed meanwhile")
    assert one.status() == 2
    assert (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8") == "profiles: {other: {image: x}}\n"


def test_a_tokens_value_appears_nowhere(sglaunch: Sglaunch) -> None:
    token = "hf_abcdefghijklmnopqrstuv"
    for words in (
        ["import", f"docker run -e HF_TOKEN={token} img --hf-token {token}"],
        ["import", "--json", f"docker run -e A={token} --nope={token} img"],
        ["import", "--write", "--yes", "--as", "a", f"docker run -e HF_TOKEN={token} img"],
    ):
        done = sglaunch(*words)
        assert token not in done.stdout + done.stderr
    assert token not in (sglaunch.folder / "sglaunch.yaml").read_text(encoding="utf-8")
    done = sglaunch("import", f"docker login -p {token}", status=2)
    assert token not in done.stderr
