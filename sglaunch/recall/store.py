"""Entries on disk: a folder of the user's own, each file signed with a key that only the user can read.

What is not ours, is cut short, or was not written by us with that key is no entry. Files are written whole or not at
all, so that several commands may write at once; the oldest go when there are too many.
"""

from __future__ import annotations

import os
import stat
import time

try:
    from _blake2 import blake2b
except ImportError:  # hashlib has it always, and loads OpenSSL for the sake of others
    from hashlib import blake2b

MOST_ENTRIES = 256
MOST_BYTES = 32 << 20
_LARGEST = 8 << 20
_KEY_BYTES = 32
_MARK_BYTES = 32
_ABANDONED_SECONDS = 3600.0
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def digest(data: bytes, key: bytes = b"") -> str:
    """What tells data from other data; with a key it says nothing of it to whoever has not the key."""
    return blake2b(data, key=key, digest_size=16).hexdigest()


class Store:
    """The entries below a folder. `key` is empty where nothing can be kept: then there are no entries."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.key = _key(folder)

    def mark(self, data: bytes) -> str:
        """A keyed digest."""
        return digest(data, self.key)

    def read(self, name: str) -> bytes | None:
        """An entry."""
        data = _read(self._path(name), _LARGEST) if self.key else None
        if data is None or data[:_MARK_BYTES] != self._signature(name, data[_MARK_BYTES:]):
            return None
        return data[_MARK_BYTES:]

    def write(self, name: str, data: bytes) -> None:
        """Keeps an entry in place of the one before. Where it cannot be written, nothing is kept."""
        if not self.key or len(data) + _MARK_BYTES > _LARGEST:
            return
        try:
            _replace(self._path(name), self._signature(name, data) + data)
            self._sweep()
        except OSError:
            return

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, self.mark(name.encode(errors="surrogateescape")))

    def _signature(self, name: str, data: bytes) -> bytes:
        text = name.encode(errors="surrogateescape")
        return self.mark(len(text).to_bytes(8, "big") + text + data).encode()

    def _sweep(self) -> None:
        """Removes the oldest of too many, and what a killed command left half written."""
        found = []
        for entry in os.scandir(self.folder):
            status = entry.stat(follow_symlinks=False)
            if entry.name.startswith("."):
                if entry.name != _KEY and time.time() - status.st_mtime > _ABANDONED_SECONDS:
                    os.unlink(entry.path)
                continue
            found.append((status.st_mtime_ns, status.st_size, entry.path))
        size = sum(one[1] for one in found)
        found.sort()
        while found and (len(found) > MOST_ENTRIES or size > MOST_BYTES):
            _, freed, path = found.pop(0)
            size -= freed
            os.unlink(path)


_KEY = ".key"


def _key(folder: str) -> bytes:
    """The key of the folder, made with it. Empty where either is not the user's alone."""
    if not os.path.isabs(folder):
        return b""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        status = os.lstat(folder)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            return b""
        path = os.path.join(folder, _KEY)
        found = _read(path, _KEY_BYTES)
        if found is None:
            _first(path, os.urandom(_KEY_BYTES))
            found = _read(path, _KEY_BYTES)
    except OSError:
        return b""
    return found if found is not None and len(found) == _KEY_BYTES else b""


def _first(path: str, data: bytes) -> None:
    """Writes a file that nobody has written yet; of several at once one wins."""
    aside = f"{path}-{os.getpid()}-{os.urandom(4).hex()}"
    _write(aside, data)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(aside)


def _replace(path: str, data: bytes) -> None:
    folder, name = os.path.split(path)
    aside = os.path.join(folder, f".{name}-{os.getpid()}-{os.urandom(4).hex()}")
    _write(aside, data)
    os.replace(aside, path)


def _write(path: str, data: bytes) -> None:
    handle = os.open(path, _FRESH, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(data)
    except OSError:
        os.unlink(path)
        raise


def _read(path: str, most: int) -> bytes | None:
    """A file of the user's that nobody else may read or write."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        foreign = status.st_uid != os.geteuid() or status.st_mode & 0o077
        if foreign or not stat.S_ISREG(status.st_mode) or status.st_size > most:
            return None
        return file.read(most + 1)
