"""What is kept holds while its questions are answered as they were, and is kept only of a whole trace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sglaunch.recall import door, witness
from sglaunch.recall.questions import KINDS

NAME = ["test", 1]


def kept(ask: str, *about: object) -> None:
    with witness.Trace() as trace:
        witness.ask(ask, *about)
    door.keep(NAME, trace, {"a": [1, "x"]})


def holds() -> bool:
    entry = door.entry(NAME)
    assert entry is not None
    assert entry.value == {"a": [1, "x"]}
    return entry.holds()


def test_an_entry_holds_while_the_answer_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("one", encoding="utf-8")
    kept("file", str(path), 100)
    assert holds()
    path.write_text("two", encoding="utf-8")
    os.utime(path, (0, 0))
    assert not holds(), "the content counts, whatever its size and time"
    path.write_text("one", encoding="utf-8")
    assert holds()
    path.chmod(0o666)
    assert not holds()
    path.unlink()
    assert not holds()


@pytest.mark.parametrize("kind", ["file", "exists", "is-folder", "folder", "real", "stamp", "tracked"])
def test_what_was_absent_and_appears_is_another_answer(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "x"
    about = (str(place), 100) if kind == "file" else (str(place),)
    kept(kind, *about)
    assert holds()
    if kind == "real":
        place.symlink_to(tmp_path / "y")
    elif kind == "tracked":
        (tmp_path / ".git").mkdir()
        (tmp_path / ".git" / "index").write_bytes(b"..\0\1x\0..")
    elif kind == "file":
        place.write_text("", encoding="utf-8")
    else:
        place.mkdir()
    assert not holds()


def test_a_variable_counts_by_value_and_by_being_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_TEST", raising=False)
    kept("env", "X_TEST")
    assert holds()
    monkeypatch.setenv("X_TEST", "")
    assert not holds(), "empty is not unset"
    kept("env", "X_TEST")
    monkeypatch.setenv("X_TEST", "s3cret-value")
    assert not holds()
    kept("env", "X_TEST")
    assert holds()
    data = b"".join(path.read_bytes() for path in Path(os.environ["XDG_CACHE_HOME"]).rglob("*") if path.is_file())
    assert b"X_TEST" in data
    assert b"s3cret-value" not in data


def test_a_program_counts_by_where_it_is_found(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    path = ":".join(map(str, folders))
    (folders[1] / "tool").touch(0o755)
    kept("program", "tool", path)
    assert holds()
    (folders[0] / "tool").touch(0o644)
    assert holds(), "that one cannot be run"
    (folders[0] / "tool").chmod(0o755)
    assert not holds()


def test_a_spoiled_trace_is_not_kept() -> None:
    with witness.Trace() as trace:
        witness.ask("hostname")
        witness.spoil("a program was asked")
    door.keep(NAME, trace, 1)
    assert door.entry(NAME) is None


def test_what_changed_while_it_was_asked_is_not_kept(tmp_path: Path) -> None:
    with witness.Trace() as trace:
        witness.exists(tmp_path / "x")
        (tmp_path / "x").touch()
        witness.exists(tmp_path / "x")
    door.keep(NAME, trace, 1)
    assert door.entry(NAME) is None


def test_traces_within_each_other_hear_the_same() -> None:
    with witness.Trace() as outer:
        witness.ask("hostname")
        with witness.Trace() as inner:
            witness.ask("person")
    assert list(inner.answers) == [("person",)]
    assert list(outer.answers) == [("hostname",), ("person",)]


def test_a_mapping_of_variables_notes_what_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_TEST", "1")
    monkeypatch.delenv("Y_TEST", raising=False)
    with witness.Trace() as trace:
        env = witness.Environment()
        assert env["X_TEST"] == "1"
        assert env.get("Y_TEST", "z") == "z"
        assert "Y_TEST" not in env
    assert trace.answers == {("env", "X_TEST"): "1", ("env", "Y_TEST"): None}
    with witness.Trace() as trace:
        dict(witness.Environment())
    assert ("env-names",) in trace.answers, "who looks at all of them depends on all of them"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_answer_that_is_plain_and_stays(kind: str, tmp_path: Path) -> None:
    about: dict[str, tuple[object, ...]] = {
        "file": (str(tmp_path / "none"), 10),
        "program": ("none", str(tmp_path)),
        **dict.fromkeys(("env-names", "person", "hostname"), ()),
        "env": ("NONE_TEST",),
    }
    words = about.get(kind, (str(tmp_path),))
    assert repr(KINDS[kind](*words)) == repr(KINDS[kind](*words))


def test_asking_is_known_while_it_goes_on() -> None:
    assert not witness.is_asking()
    with witness.asking():
        assert witness.is_asking()
    assert not witness.is_asking()


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    found = witness.file(fifo)
    assert found.content is None
    assert not found.error
