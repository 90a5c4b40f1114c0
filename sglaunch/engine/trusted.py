"""What the user has agreed to: a file of their own under the XDG state folder, keyed by project file."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from sglaunch.recall import witness

_MOST = 16 << 20


def state_folder() -> Path:
    """`$XDG_STATE_HOME/sglaunch`; mode 0700."""
    base = witness.env("XDG_STATE_HOME") or f"{witness.home()}/.local/state"
    folder = Path(base) / "sglaunch"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def fingerprint(text: str) -> str:
    """What is remembered of a demand: enough to know it again, nothing to read in it."""
    return hashlib.sha256(text.encode()).hexdigest()


def planted(paths: Iterable[Path]) -> list[str]:
    """Of some files those that neither this user nor root owns, or that everybody may write, as sentences."""
    found = []
    for path in paths:
        status = witness.file(path)
        if status.error:
            continue
        shown = f"{path} ({hashlib.sha256(status.content or b'').hexdigest()[:12]})"
        if status.owner not in (os.getuid(), 0):
            found.append(f"{shown} belongs to uid {status.owner}")
        elif status.mode & stat.S_IWOTH:
            found.append(f"{shown} may be written by everybody")
    return found


def agreed(project_file: Path) -> frozenset[str]:
    """The fingerprints agreed to for a project file."""
    return frozenset(_known(witness.file(_store(), _MOST).content or b"").get(str(project_file), ()))


def agree(project_file: Path, fingerprints: Collection[str]) -> None:
    """Adds to what is agreed to. Written beside and moved into place, under a lock, so that nothing is lost."""
    store = _store()
    with _locked(store):
        data = _read(store)
        data[str(project_file)] = sorted({*data.get(str(project_file), ()), *fingerprints})
        handle, name = tempfile.mkstemp(prefix=".trust-", dir=store.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1, sort_keys=True)
        Path(name).replace(store)


def _store() -> Path:
    return state_folder() / "trust.json"


@contextlib.contextmanager
def _locked(store: Path) -> Iterator[None]:
    handle = os.open(store.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(store: Path) -> dict[str, list[str]]:
    try:
        return _known(store.read_bytes())
    except OSError:
        return {}


def _known(text: bytes) -> dict[str, list[str]]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(data, dict):
        return {}
    return {str(key): [str(item) for item in value] for key, value in data.items() if isinstance(value, list)}
