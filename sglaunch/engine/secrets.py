"""How secret values reach the engine's program: never in its arguments, which every user may read.

A value of one line goes into an env-file of mode 0600 under the user's runtime folder, removed after the call; one of
several lines, which an env-file would cut, goes through the program's environment under a bare name in that file.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from sglaunch.recall import witness
from sglaunch.spec.values import Secret

_PREFIX = "env-"


def runtime_folder() -> Path:
    """`$XDG_RUNTIME_DIR/sglaunch`, else the XDG state folder; mode 0700."""
    base = witness.env("XDG_RUNTIME_DIR") or witness.env("XDG_STATE_HOME") or f"{witness.home()}/.local/state"
    folder = Path(base) / "sglaunch"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def env_file(secrets: Mapping[str, Secret]) -> Iterator[list[str]]:
    """The `--env-file`s that carry the secrets, while the block runs; none for none."""
    if not secrets:
        yield []
        return
    folder = runtime_folder()
    sweep(folder)
    values = {name: secret.reveal() for name, secret in secrets.items()}
    bare = {name: value for name, value in values.items() if "\n" in value or "\r" in value}
    handle, path = tempfile.mkstemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{name}\n" if name in bare else f"{name}={value}\n" for name, value in values.items())
        with environment(bare):
            yield [path]
    finally:
        Path(path).unlink(missing_ok=True)


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Our own environment, which programs get from us, with these variables while the block runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = old


@contextlib.contextmanager
def private_files(texts: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """A file of mode 0600 for each text, by its name, while the block runs."""
    folder = runtime_folder() if texts else Path()
    if texts:
        sweep(folder)
    made: dict[str, str] = {}
    try:
        for name, text in texts.items():
            handle, made[name] = tempfile.mkstemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        yield made
    finally:
        for path in made.values():
            Path(path).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Removes what a killed sglaunch left."""
    for path in folder.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)
