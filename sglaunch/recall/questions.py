"""What may be asked of the world: one function a kind of question, its answer as plain data.

An answer that is kept (door.py) holds as long as every question that led to it is answered as it was. So what is not a
row of KINDS cannot be depended on.

Every command imports this room, and many do little else. So nothing in it needs more than `os` and `json`: `typing`
and `hashlib`, which brings OpenSSL, would each cost more than all that is done here.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

MAX_INDEX = 64 << 20
_ENTRY, _EXTENDED = 60, 0x40
"""Bytes of an index entry before its flags, and the bit of the first flag byte that says that two more follow."""
_ELF = b"\x7fELF"


class File(tuple[int, int, int, int, "bytes | None"]):
    """A path as it is: error number (0 for none), owner's uid, mode, size in bytes, and the content of a regular file.

    The content is None for what is no regular file, cannot be read, or is larger than what was asked for.
    """

    __slots__ = ()

    @property
    def error(self) -> int:
        return self[0]

    @property
    def owner(self) -> int:
        return self[1]

    @property
    def mode(self) -> int:
        return self[2]

    @property
    def size(self) -> int:
        return self[3]

    @property
    def content(self) -> bytes | None:
        return self[4]


def file(path: str, most: int) -> File:
    """A file with at most `most` bytes of content; links are followed."""
    try:
        status = os.stat(path)
        content = None
        if stat.S_ISREG(status.st_mode) and status.st_size <= most:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with open(handle, "rb") as opened:
                content = opened.read(most + 1)
    except OSError as error:
        return File((error.errno or errno.EIO, 0, 0, 0, None))
    return File((0, status.st_uid, status.st_mode, status.st_size, content))


def exists(path: str) -> bool:
    """Whether a path leads to something."""
    return os.path.exists(path)


def is_folder(path: str) -> bool:
    """Whether a path leads to a folder."""
    return os.path.isdir(path)


def folder(path: str) -> list[str] | None:
    """The names in a folder, sorted; None for what is none or may not be read."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return None


def real(path: str) -> str:
    """The path without symbolic links; what does not exist is followed as far as it does.

    As it is, where a link may not be read (`/proc/1/root`): only the engine can follow it.
    """
    try:
        return os.path.realpath(path)
    except OSError:
        return os.path.abspath(path)


def stamp(path: str) -> list[int] | None:
    """What changes when a file or socket is made anew or written to: inode and time in nanoseconds."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_ino, status.st_mtime_ns]


def program(name: str, path: str) -> str | None:
    """The program of a name in the folders of a PATH, as a shell would find it."""
    folders = [""] if "/" in name else path.split(os.pathsep)
    for one in folders:
        found = os.path.join(one, name)
        if os.access(found, os.X_OK) and not os.path.isdir(found):
            return found
    return None


def executable(path: str) -> bool:
    """Whether we may run a file."""
    return os.access(path, os.X_OK)


def is_binary(path: str) -> bool:
    """Whether a program is no script, which could call any other."""
    try:
        with open(path, "rb") as opened:
            return opened.read(len(_ELF)) == _ELF
    except OSError:
        return False


def env(name: str) -> str | None:
    """A variable of the caller."""
    return os.environ.get(name)


def env_names() -> list[str]:
    """Which variables there are."""
    return sorted(os.environ)


def person() -> list[object]:
    """Who runs us: uid, gid, name and home as the system knows them, "" for a uid without an entry."""
    import pwd

    uid = os.getuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return [uid, os.getgid(), "", ""]
    return [uid, os.getgid(), entry.pw_name, entry.pw_dir]


def hostname() -> str:
    """This machine's name."""
    return os.uname().nodename


def status(path: str) -> list[int] | None:
    """Owner's uid, gid, and mode of what a path leads to; None where that is nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_uid, found.st_gid, found.st_mode]


def foreign(path: str) -> str:
    """Why a file counts as written by somebody else, "" for one of our own and for none.

    Git tracks it, another user owns it, or it was unpacked from an archive: those keep whole seconds of a file's time.
    """
    try:
        found = os.stat(path)
    except OSError:
        return ""
    if found.st_uid != os.getuid():
        return f"belongs to uid {found.st_uid}"
    if tracked(path):
        return "is tracked by git"
    return "" if found.st_mtime_ns % 10**9 else "was unpacked from an archive"


def tracked(path: str) -> bool:
    """Whether git tracks a file: its name stands in the index of the repository that its folder really lies in.

    True where that cannot be read.
    """
    folder, name = os.path.split(path)
    above = folder = os.path.realpath(folder)
    while True:
        git = _git_folder(above)
        index = file(os.path.join(git, "index"), MAX_INDEX)
        if not index.error:
            try:
                split = any(one.startswith("sharedindex.") for one in os.listdir(git))
                return split or _lists(index.content or b"", os.path.relpath(f"{folder}/{name}", above))
            except (OSError, IndexError, ValueError):
                return True
        if above == os.path.dirname(above):
            return False
        above = os.path.dirname(above)


def _git_folder(above: str) -> str:
    """`.git`, or where it leads: in a worktree and in a submodule it is a file (gitrepository-layout(5))."""
    git = os.path.join(above, ".git")
    pointer = file(git, 4096).content or b""
    if not pointer.startswith(b"gitdir: "):
        return git
    return os.path.join(above, os.fsdecode(pointer[len(b"gitdir: ") :].strip()))


def _lists(index: bytes, path: str) -> bool:
    """Whether an index (gitformat-index(5)) has a path.

    In versions 2 and 3 paths stand in full, after two bytes of flags whose low bits are the length, and end with NUL.
    """
    name = os.fsencode(path)
    if index[4:8] == b"\0\0\0\4":
        return name in _compressed(index)
    start = index.find(name + b"\0")
    while start >= 0:
        lengths = [int.from_bytes(index[at - 2 : at], "big") & 0xFFF for at in (start, start - 2)]
        if min(len(name), 0xFFF) in lengths:
            return True
        start = index.find(name + b"\0", start + 1)
    return False


def _compressed(index: bytes) -> Iterator[bytes]:
    """The paths of version 4: each says how many bytes of the end of the one before it to drop, and what to add."""
    at, name = 12, b""
    for _ in range(int.from_bytes(index[8:12], "big")):
        at += _ENTRY + (4 if index[at + _ENTRY] & _EXTENDED else 2)
        dropped = index[at] & 127
        while index[at] & 128:
            at += 1
            dropped = (dropped + 1 << 7) + (index[at] & 127)
        end = index.index(b"\0", at + 1)
        name = name[: len(name) - dropped] + index[at + 1 : end]
        yield name
        at = end + 1


KINDS: Mapping[str, Callable[..., Any]] = {
    "file": file,
    "exists": exists,
    "is-folder": is_folder,
    "folder": folder,
    "real": real,
    "stamp": stamp,
    "program": program,
    "executable": executable,
    "is-binary": is_binary,
    "env": env,
    "env-names": env_names,
    "person": person,
    "hostname": hostname,
    "tracked": tracked,
    "foreign": foreign,
    "status": status,
}
"""Word of a question -> who answers it."""
