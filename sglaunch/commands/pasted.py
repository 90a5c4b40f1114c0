"""The text that somebody imports: of a file, of stdin, of an argument, or of the words of a command."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from sglaunch.errors import UsageError
from sglaunch.project import Common
from sglaunch.recall.witness import MAX_FILE
from sglaunch.report.progress import say

ARGUMENT, STDIN = "<argument>", "<stdin>"


def read_pasted(common: Common, sources: Sequence[str]) -> tuple[str, str]:
    """The text, and its name in messages."""
    if not sources:
        raise UsageError("nothing to import", "quote a `docker run` command, or name a file, or - for stdin")
    if len(sources) > 1:
        return _clean(shlex.join(sources)), ARGUMENT
    (one,) = sources
    if one == "-":
        if sys.stdin.isatty():
            say("paste the command, then press Enter and Ctrl-D")
        return _clean(sys.stdin.buffer.read(MAX_FILE).decode("utf-8", "replace")), STDIN
    if (text := _file(common.directory / one)) is not None:
        return text, one
    if not re.search(r"\s", one.strip()):
        raise UsageError(f"{one}: no such file", "quote the whole command, or name a file, or - for stdin")
    return _clean(one), ARGUMENT


def _file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return _clean(file.read(MAX_FILE).decode("utf-8-sig", "replace"))
    except IsADirectoryError:
        raise UsageError(f"{path} is a folder", "name a file in it") from None
    except PermissionError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", f"check `ls -l {path}`") from None
    except (OSError, ValueError):
        return None  # a command, whose text is no name of a file


def _clean(text: str) -> str:
    """What a terminal handed over, as text: bytes that are none become marks."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
