"""The error boundary and the exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from sglaunch.dispatch import COMMANDS
from sglaunch.errors import SglaunchError, UsageError
from sglaunch.parser import Command, build, spelled_out
from sglaunch.recorded import Recording


def run(words: Sequence[str], *, remember: bool = False) -> int:
    """Runs one command; every exception ends here. `remember`: for the next time, if it does nothing but ask."""
    for name in (signal.SIGTERM, signal.SIGHUP):
        # What a killed terminal or a service manager sends is taken back as Ctrl-C is.
        # nohup has SIGHUP ignored, and only the main thread may set a handler.
        with contextlib.suppress(ValueError):
            if signal.getsignal(name) is signal.SIG_DFL:
                signal.signal(name, signal.default_int_handler)
    wants_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    try:
        try:
            with Recording(words if remember else ()) as recording:
                status = _dispatch(words, wants_json=wants_json)
                sys.stdout.flush()
                if status == 0:
                    recording.keep()
        except SglaunchError as error:
            return _report(error, wants_json)
    except KeyboardInterrupt:
        _last_word("interrupted\n")
        return 130
    except BrokenPipeError:
        return nobody_reads()
    except OSError as error:
        return _report(_machine_error(error), wants_json)
    except Exception as error:  # a bug of ours: whatever it is, a person gets a line and a report, no traceback
        return _bug(error)
    return status


def complete() -> None:
    """Answers a shell that asks what may be typed, and ends the process."""
    from sglaunch.completion import complete as answer

    answer(build(COMMANDS))


def nobody_reads() -> int:
    """The reader of our output has gone; Python would complain of it once more at exit."""
    _discard(sys.stdout)
    return 1


def _discard(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _machine_error(error: OSError) -> SglaunchError:
    """What the system refuses is no bug: a full disk, a folder that cannot be written, no working folder."""
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
    try:
        Path.cwd()
    except OSError:
        return UsageError("the working folder was removed", "change to another folder")
    where = error.filename or "a file, a connection or the output"
    hint = (
        "check that it can be written and that its disk has space; XDG_STATE_HOME, XDG_RUNTIME_DIR and TMPDIR move it"
    )
    return SglaunchError(f"{where}: {error.strerror or error}", hint)


def _dispatch(words: Sequence[str], *, wants_json: bool) -> int:
    words = spelled_out(words)
    parser = build(COMMANDS, next(iter(words), ""))
    parsed = parser.parse_args(words)
    command: Command | None = getattr(parsed, "command", None)
    if getattr(parsed, "verbose", False):
        from sglaunch.commands.asking import tell_calls
        from sglaunch.report.progress import say, say_event

        tell_calls(say_event if wants_json else say)
    if command is None:
        parser.print_help()
        return UsageError.status
    return command(parsed)


def _report(error: SglaunchError, wants_json: bool) -> int:
    """An error as text on stderr, or as the JSON answer on stdout."""
    import json

    from sglaunch.report.problems import error_lines, errors_data

    if wants_json:
        _write(sys.stdout, json.dumps(errors_data(error), indent=2, ensure_ascii=False) + "\n")
    else:
        _last_word("\n".join(error_lines(error)) + "\n")
    return error.status


def _bug(error: Exception) -> int:
    """Versions and traceback go to a file that only the user can read; the terminal names it."""
    from sglaunch.report.bug import write

    where = write(error)
    kept = f"please report it with {where}" if where else "and its report could not be written"
    _last_word(f"sglaunch has a bug: {type(error).__name__}; {kept}\n")
    return SglaunchError.status


def _last_word(text: str) -> None:
    """On stderr, in the place of the lines that move there."""
    from sglaunch.report import standing

    with contextlib.suppress(OSError):
        standing.end()
    _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    """Where it cannot be written, only the exit status is left."""
    try:
        stream.write(text)
        stream.flush()
    except OSError:
        _discard(stream)
