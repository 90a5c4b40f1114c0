"""The files that an image is built from, as digests: what tells that one changed, and which.

What .dockerignore leaves out does not count. Content, kind and executable bit count; times and owners do not, since a
fresh clone must not look like a change.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sglaunch.convert.ignored import Ignored
from sglaunch.engine import kept
from sglaunch.engine.state import state_folder
from sglaunch.errors import EngineError, Failure
from sglaunch.plain import Struct
from sglaunch.recall import witness
from sglaunch.spec.canonical import digest

_SHORT = 16
_RACY_SECONDS = 2.0
"""A file as young as this may change once more without another time, so nothing is kept of it (git's rule)."""
_KEPT = 50
_CHUNK = 1 << 20
_OURS = ("sglaunch.yaml", "sglaunch.local.yaml", "sglaunch.lock", ".sglaunch.schema.json")
"""They say what is built, and are no reason to build it again."""


class Files(Struct, frozen=True):
    """Path -> digest of each file, and one digest of it all."""

    digest: str
    files: Mapping[str, str]


def fingerprint(context: str, dockerfile: str) -> Files:
    """What a folder and a Dockerfile ("" for one that is text) hold. Raises EngineError for what is not there."""
    folder = Path(context)
    if not folder.is_dir():
        raise EngineError(Failure("context", f"{context} is no folder to build from", "correct build.context"))
    known = _Known()
    found = {}
    if dockerfile:
        if not Path(dockerfile).is_file():
            hint = "correct build.dockerfile, or write it"
            raise EngineError(Failure("context", f"there is no {dockerfile} to build from", hint))
        found[_shown(Path(dockerfile), folder)] = known.digest(Path(dockerfile))
    for path, name in _walk(folder, _ignored(folder, dockerfile)):
        if name not in found:
            found[name] = known.digest(path)
    known.keep()
    return Files(digest(dict(sorted(found.items()))), found)


def _shown(file: Path, folder: Path) -> str:
    try:
        return file.relative_to(folder).as_posix()
    except ValueError:
        return str(file)


def _ignored(folder: Path, dockerfile: str) -> Ignored:
    """BuildKit's rule: `NAME.dockerignore` beside the Dockerfile, else that of the context."""
    for path in (*([Path(f"{dockerfile}.dockerignore")] if dockerfile else []), folder / ".dockerignore"):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _unreadable(path, error) from None
        try:
            return Ignored.parse(text)
        except ValueError as error:
            raise EngineError(Failure("context", f"{path}: {error}", "correct it")) from None
    return Ignored()


def _walk(folder: Path, ignored: Ignored, inside: str = "") -> Iterator[tuple[Path, str]]:
    """Every file, link and empty folder that counts; links are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None
    for entry in entries:
        name = f"{inside}{entry.name}"
        if name in _OURS:
            continue
        left_out = ignored.matches(name)
        if entry.is_dir(follow_symlinks=False):
            below = list(_walk(Path(entry.path), ignored, f"{name}/")) if not left_out or ignored.may_hold(name) else []
            yield from below
            if not below and not left_out:
                yield Path(entry.path), name
        elif not left_out and (entry.is_symlink() or entry.is_file(follow_symlinks=False)):
            yield Path(entry.path), name


def _unreadable(path: Path, error: OSError) -> EngineError:
    hint = f"make it readable, or name it in .dockerignore (`ls -ld {path}`)"
    return EngineError(Failure("context", f"{path} cannot be read: {error.strerror}", hint))


class _Known:
    """Digests of files that have not changed since they were read: by path, with size, time and inode."""

    def __init__(self) -> None:
        self._before = kept.read(_cache_file())
        self._now: dict[str, list[Any]] = {}
        self._read = 0

    def digest(self, path: Path) -> str:
        """Of its kind, executable bit and content."""
        try:
            info = path.lstat()
            if stat.S_ISDIR(info.st_mode):
                return "folder"
            if stat.S_ISLNK(info.st_mode):
                return hashlib.sha256(f"link {path.readlink()}".encode(errors="surrogateescape")).hexdigest()[:_SHORT]
            stamp = [info.st_size, info.st_mtime_ns, info.st_ino, info.st_mode, info.st_ctime_ns]
            known = self._before.get(str(path))
            if isinstance(known, list) and known[:-1] == stamp:
                found = str(known[-1])
            else:
                found = _content(path, executable=bool(info.st_mode & stat.S_IXUSR))
                self._read += 1
        except OSError as error:
            raise _unreadable(path, error) from None
        if time.time() - max(info.st_mtime, info.st_ctime) > _RACY_SECONDS:
            self._now[str(path)] = [*stamp, found]
        return found

    def keep(self) -> None:
        """Where something was read anew. Other contexts' files stay known, as far as they fit."""
        if self._read:
            merged = {**self._before, **self._now}
            kept.write(_cache_file(), dict(list(merged.items())[-200_000:]))


def _content(path: Path, *, executable: bool) -> str:
    found = hashlib.sha256(b"x" if executable else b"-")
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()[:_SHORT]


def _cache_file() -> Path:
    base = witness.env("XDG_CACHE_HOME") or f"{witness.home()}/.cache"
    return Path(base) / "sglaunch" / "files.json"


def remember(built: str, files: Mapping[str, str]) -> None:
    """Keeps what an image was built from, so that a later change can be named."""
    folder = state_folder() / "builds"
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        kept.write(folder / f"{built}.json", dict(files))
        newest = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in newest[_KEPT:]:
            path.unlink(missing_ok=True)


def recall(built: str) -> dict[str, str] | None:
    """What an image was built from, None where that was forgotten, or was on another machine."""
    if not built.isalnum():
        return None
    found = kept.read(state_folder() / "builds" / f"{built}.json")
    return {name: str(value) for name, value in found.items()} or None


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The paths that differ: edited as they are, others with what happened to them."""
    words = {name: "" for name in old if name in new and old[name] != new[name]}
    words |= {name: " (added)" for name in new if name not in old}
    words |= {name: " (removed)" for name in old if name not in new}
    return [f"{name}{words[name]}" for name in sorted(words)]
