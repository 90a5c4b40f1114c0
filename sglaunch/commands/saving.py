"""A project file written whole or not at all: shown as a difference first, asked about, its mode and link kept."""

from __future__ import annotations

import difflib
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sglaunch.errors import ConsentNeeded, EngineError, Failure, UsageError
from sglaunch.project import Common
from sglaunch.report.clean import clean
from sglaunch.report.progress import say
from sglaunch.report.prompt import choose, is_terminal

_MARK = "\ufeff"


def read_text(path: Path) -> str | None:
    """The text of a file; None where there is none."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", "save it as UTF-8") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", f"check `ls -l {path}`") from None


def save(common: Common, path: Path, before: str | None, after: str, reasons: Sequence[str] = ()) -> None:
    """Writes the text after somebody has seen the difference and agreed; raises ConsentNeeded where nobody did.

    A file that changed since `before` was read is left alone. `reasons`: what else they should know.
    """
    for line in _difference(path, before or "", after, is_new=before is None):
        say(line)
    what = f"{path} would be {'written' if before is None else 'changed'}"
    if not agree(common, [*reasons, what], "write it?", "[w]rite"):
        raise ConsentNeeded(f"{path} is as it was", "without --write the text is only printed")
    if read_text(path) != before:
        raise UsageError(f"{path} was changed meanwhile, and is left as it is now", "run the command again")
    try:
        _replace(path, after) if before is not None else _create(path, after)
    except OSError as error:
        failure = Failure("folder", f"{path} cannot be written: {error.strerror}", "check its folder")
        raise EngineError(failure) from None


def agree(common: Common, reasons: Sequence[str], question: str, yes: str) -> bool:
    """Tells the reasons and asks; `yes` is the choice that goes on. Raises ConsentNeeded where there is no terminal."""
    if not common.yes and not is_terminal():
        raise ConsentNeeded("; ".join(reasons), "say --yes to go on")
    for reason in reasons:
        say(f"note: {clean(reason)}")
    return common.yes or choose(question, (yes, "[k]eep"), "k") == yes[yes.index("[") + 1]


def _difference(path: Path, before: str, after: str, *, is_new: bool) -> list[str]:
    old, new = (text.removeprefix(_MARK).splitlines() for text in (before, after))
    lines = difflib.unified_diff(old, new, "/dev/null" if is_new else path.name, path.name, lineterm="")
    return [clean(line) for line in lines]


def _create(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(text)


def _replace(path: Path, text: str) -> None:
    """What a link leads to is replaced, not the link."""
    real = path.resolve()
    status = real.stat()
    handle, aside = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(real)
    except OSError:
        Path(aside).unlink(missing_ok=True)
        raise
