"""What an image is built from: which edits are seen, which are not, and what is kept of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sglaunch.engine import context
from sglaunch.engine.context import changed, fingerprint, recall, remember
from sglaunch.errors import EngineError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A context; its files are old enough to be remembered."""
    made = tmp_path / "context"
    files = {
        "Dockerfile": "FROM x\n",
        "app.py": "one\n",
        "src/a.py": "a\n",
        "notes.log": "x",
        ".dockerignore": "*.log\n",
    }
    for name, text in files.items():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text, encoding="utf-8")
        os.utime(made / name, (1_000_000, 1_000_000))
    (made / "empty").mkdir()
    return made


def files(folder: Path) -> context.Files:
    return fingerprint(str(folder), str(folder / "Dockerfile"))


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda folder: write(folder, "app.py", "two\n"), ["app.py"]),
        (lambda folder: write(folder, "Dockerfile", "FROM y\n"), ["Dockerfile"]),
        (lambda folder: (folder / "app.py").unlink(), ["app.py (removed)"]),
        (lambda folder: write(folder, "src/b.py", ""), ["src/b.py (added)"]),
        (lambda folder: (folder / "app.py").chmod(0o755), ["app.py"]),
        (lambda folder: (folder / "src/a.py").rename(folder / "src/c.py"), ["src/a.py (removed)", "src/c.py (added)"]),
        (lambda folder: (folder / "link").symlink_to("app.py"), ["link (added)"]),
        (lambda folder: (folder / "empty").rmdir(), ["empty (removed)"]),
        (lambda folder: write(folder, ".dockerignore", "*.log\nsrc\n"), [".dockerignore", "src/a.py (removed)"]),
        (lambda folder: write(folder, "notes.log", "more"), []),
        (lambda folder: write(folder, "sglaunch.yaml", "project: x"), []),
        (lambda folder: os.utime(folder / "app.py"), []),
    ],
)
def test_what_is_a_change(folder: Path, edit: Callable[[Path], object], said: list[str]) -> None:
    before = files(folder)
    edit(folder)
    after = files(folder)
    assert changed(before.files, after.files) == said
    assert (before.digest == after.digest) is not bool(said)


def test_a_clone_elsewhere_is_the_same(folder: Path, tmp_path: Path) -> None:
    other = folder.rename(tmp_path / "elsewhere")
    first = files(other)
    other.rename(folder)
    assert files(folder).digest == first.digest


def test_a_link_is_told_by_where_it_leads_and_not_followed(folder: Path) -> None:
    (folder / "link").symlink_to("/etc")
    before = files(folder)
    assert "link" in before.files
    assert not any(name.startswith("link/") for name in before.files)
    (folder / "link").unlink()
    (folder / "link").symlink_to("/usr")
    assert changed(before.files, files(folder).files) == ["link"]


def test_a_file_is_read_once_and_again_when_it_changes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    content = context._content

    def counting(path: Path, *, executable: bool) -> str:
        read.append(path.name)
        return content(path, executable=executable)

    monkeypatch.setattr(context, "_content", counting)
    later = time.time() + 100
    monkeypatch.setattr(time, "time", lambda: later)
    files(folder)
    assert sorted(read) == [".dockerignore", "Dockerfile", "a.py", "app.py"]
    read.clear()
    files(folder)
    assert read == []
    write(folder, "app.py", "six\n")
    files(folder)
    assert read == ["app.py"]


def test_an_edit_within_the_same_moment_is_seen(folder: Path) -> None:
    write(folder, "app.py", "aaa\n")
    before = files(folder)
    info = (folder / "app.py").stat()
    write(folder, "app.py", "bbb\n")
    os.utime(folder / "app.py", ns=(info.st_atime_ns, info.st_mtime_ns))
    assert changed(before.files, files(folder).files) == ["app.py"]


def test_a_damaged_cache_is_no_cache(folder: Path) -> None:
    first = files(folder)
    cache = Path(os.environ["XDG_CACHE_HOME"], "sglaunch", "files.json")
    for text in ("", "[]", '{"x": 1}', "{", "\udc80"):
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(text, encoding="utf-8", errors="surrogateescape")
        assert files(folder) == first


def test_a_dockerfile_has_an_ignore_file_of_its_own_and_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "Other"
    write(tmp_path, "Other", "FROM z\n")
    write(tmp_path, "Other.dockerignore", "src\n")
    found = fingerprint(str(folder), str(other)).files
    assert str(other) in found
    assert "notes.log" in found
    assert "src/a.py" not in found


@pytest.mark.parametrize("name", ["a\nb", "ü", "a b", "-x"])
def test_any_name_will_do(folder: Path, name: str) -> None:
    write(folder, name, "")
    assert name in files(folder).files


def test_what_is_missing_is_told_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no folder to build from") as caught:
        fingerprint(str(tmp_path / "no"), "")
    assert "build.context" in (caught.value.hint or "")
    with pytest.raises(EngineError, match="Dockerfile"):
        fingerprint(str(tmp_path), str(tmp_path / "Dockerfile"))
    write(tmp_path, ".dockerignore", "[x\n")
    with pytest.raises(EngineError, match="line 1"):
        fingerprint(str(tmp_path), "")


def test_what_an_image_was_built_from_is_kept_and_the_oldest_forgotten() -> None:
    assert recall("0" * 64) is None
    assert recall("../x") is None
    for number in range(60):
        remember(f"{number:064}", {"a": str(number)})
        os.utime(Path(os.environ["XDG_STATE_HOME"], "sglaunch", "builds", f"{number:064}.json"), (number, number))
    assert recall(f"{59:064}") == {"a": "59"}
    assert recall(f"{0:064}") is None
