"""Entries on disk: what is not ours, whole and signed is none; many writers at once harm nobody."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sglaunch.recall import store as storing
from sglaunch.recall.store import Store

WRITER = """
import sys
from sglaunch.recall.store import Store
store = Store(sys.argv[1])
for number in range(200):
    store.write("shared", f"{sys.argv[2]} {number} ".encode() * 2000)
    found = store.read("shared")
    assert found is not None and len(set(found.split(b" ")[0::2]) - {b""}) == 1, found[:80]
print(store.key.hex())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "answers"


def only(folder: Path) -> Path:
    """The file of the only entry."""
    (path,) = (path for path in folder.iterdir() if not path.name.startswith("."))
    return path


def test_an_entry_is_read_as_it_was_written(folder: Path) -> None:
    Store(str(folder)).write("a", b"one")
    Store(str(folder)).write("a", b"two")
    Store(str(folder)).write("b", b"")
    assert Store(str(folder)).read("a") == b"two"
    assert Store(str(folder)).read("b") == b""
    assert Store(str(folder)).read("c") is None


def test_everything_is_the_users_alone(folder: Path) -> None:
    os.umask(before := os.umask(0))
    try:
        os.umask(0)
        Store(str(folder)).write("a", b"one")
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("data", [b"", b"x", b"0" * 32, b"0" * 32 + b"one"])
def test_what_is_not_signed_is_no_entry(folder: Path, data: bytes) -> None:
    Store(str(folder)).write("a", b"one")
    only(folder).write_bytes(data)
    assert Store(str(folder)).read("a") is None


def test_an_entry_that_is_cut_short_or_changed_is_none(folder: Path) -> None:
    store = Store(str(folder))
    store.write("a", b"some data")
    whole = only(folder).read_bytes()
    for data in (whole[:-1], whole[:40], whole + b"x", whole.replace(b"some", b"same")):
        only(folder).write_bytes(data)
        assert store.read("a") is None


def test_an_entry_under_another_name_is_none(folder: Path) -> None:
    store = Store(str(folder))
    store.write("a", b"of a")
    data = only(folder).read_bytes()
    only(folder).unlink()
    store.write("b", b"of b")
    only(folder).write_bytes(data)
    assert store.read("b") is None


def test_what_others_may_write_or_read_is_no_entry(folder: Path) -> None:
    store = Store(str(folder))
    store.write("a", b"one")
    for mode in (0o640, 0o602, 0o660):
        only(folder).chmod(mode)
        assert store.read("a") is None
    only(folder).chmod(0o600)
    assert store.read("a") == b"one"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_user_is_not_used(folder: Path) -> None:
    store = Store(str(folder))
    store.write("a", b"one")
    os.chown(only(folder), 12345, 12345)
    assert store.read("a") is None
    os.chown(folder, 12345, 12345)
    assert Store(str(folder)).key == b""


def test_a_link_is_no_entry_and_is_not_written_through(folder: Path, tmp_path: Path) -> None:
    store = Store(str(folder))
    store.write("a", b"one")
    elsewhere = tmp_path / "elsewhere"
    only(folder).rename(elsewhere)
    Path(store._path("a")).symlink_to(elsewhere)
    assert store.read("a") is None
    before = elsewhere.read_bytes()
    store.write("a", b"two")
    assert elsewhere.read_bytes() == before
    assert store.read("a") == b"two"


@pytest.mark.parametrize("break_it", ["folder mode", "key mode", "key short", "a file", "relative"])
def test_where_nothing_can_be_kept_nothing_is(folder: Path, break_it: str, tmp_path: Path) -> None:
    Store(str(folder)).write("a", b"one")
    key = folder / ".key"
    place = str(folder)
    if break_it == "folder mode":
        folder.chmod(0o755)
    elif break_it == "key mode":
        key.chmod(0o644)
    elif break_it == "key short":
        key.write_bytes(b"short")
    elif break_it == "a file":
        place = str(tmp_path / "file")
        Path(place).write_text("", encoding="utf-8")
    else:
        place = "relative/answers"
    store = Store(place)
    store.write("b", b"two")
    assert store.key == b""
    assert store.read("a") is None
    assert store.read("b") is None
    assert not Path("relative").exists()


def test_another_key_opens_nothing(folder: Path) -> None:
    Store(str(folder)).write("a", b"one")
    name = only(folder)
    (folder / ".key").write_bytes(os.urandom(32))
    store = Store(str(folder))
    assert store.read("a") is None
    name.rename(store._path("a"))
    assert store.read("a") is None


def test_the_oldest_go_when_there_are_too_many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "MOST_ENTRIES", 3)
    store = Store(str(folder))
    for number in range(6):
        store.write(str(number), b"x")
        os.utime(store._path(str(number)), ns=(number, number))
    assert [store.read(str(number)) for number in range(6)] == [None, None, None, b"x", b"x", b"x"]


def test_the_oldest_go_when_they_are_too_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storing, "MOST_BYTES", 2000)
    store = Store(str(folder))
    for number in range(4):
        store.write(str(number), b"x" * 900)
        os.utime(store._path(str(number)), ns=(number, number))
    assert sum(path.stat().st_size for path in folder.iterdir() if path.name != ".key") <= 2000
    assert store.read("3") is not None


def test_what_a_killed_command_left_is_swept(folder: Path) -> None:
    store = Store(str(folder))
    store.write("a", b"one")
    left, young = folder / ".left-1-abc", folder / ".young-1-abc"
    left.touch()
    young.touch()
    os.utime(left, (0, 0))
    store.write("b", b"two")
    assert not left.exists()
    assert young.exists(), "somebody may be writing it"


def test_processes_write_and_read_at_once(folder: Path) -> None:
    """Each makes the folder and its key, if it is the first."""
    words = [[sys.executable, "-c", WRITER, str(folder), str(number)] for number in range(4)]
    running = [subprocess.Popen(each, stdout=subprocess.PIPE, text=True) for each in words]
    keys = {one.communicate(timeout=60)[0].strip() for one in running}
    assert [one.returncode for one in running] == [0] * 4
    assert len(keys) == 1, "there is one key, whoever made it"


def test_threads_write_and_read_at_once(folder: Path) -> None:
    store = Store(str(folder))
    wrong: list[bytes | None] = []

    def work(letter: bytes) -> None:
        for _ in range(100):
            store.write("shared", letter * 5000)
            found = store.read("shared")
            if found is None or len(set(found)) != 1:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
