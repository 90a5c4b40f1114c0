"""A change of the project file: shown as a diff, agreed to, and written whole."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path

from sglaunch.errors import ConsentNeeded, UsageError
from sglaunch.project import Common
from sglaunch.report.clean import clean
from sglaunch.report.progress import say
from sglaunch.report.prompt import choose, is_terminal


def agreed(common: Common, file: Path, before: str, after: str, reasons: tuple[str, ...] = ()) -> None:
    """Shows what would be written, with what speaks against it, and asks. Raises ConsentNeeded where nobody agrees."""
    names = (f"{file.name} as it is", f"{file.name} as it would be")
    for line in difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm=""):
        say(clean(line))
    if before == after and not reasons:
        return
    for reason in reasons:
        say(f"note: {clean(reason)}")
    if common.yes:
        return
    if not is_terminal():
        written = () if before == after else (f"{file.name} would be written",)
        raise ConsentNeeded("; ".join((*reasons, *written)), "say --yes to go on")
    if choose("go on?", ("[y]es", "[n]o"), "n") != "y":
        raise ConsentNeeded("not agreed", "nothing was written")


def write(file: Path, text: str) -> None:
    """The whole file or nothing, with the mode it has."""
    target = file.resolve()
    try:
        handle, made = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        Path(made).chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o644)
        Path(made).replace(target)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", "print it without --write") from None
