"""The entrance: a command that nothing has changed for since it was run is answered from memory (replay.py)."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


_MANY = 200_000
"""Objects that may be made before the interpreter looks for garbage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. `arguments`: those of another program that calls us; then nothing is remembered."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:  # before the boundary is there, such as while modules are loaded
        sys.stderr.write("interrupted\n")
        return 130


def _run(arguments: Sequence[str] | None) -> int:
    # What is imported stays; looking for garbage in it takes a tenth of the time of a short command.
    gc.set_threshold(_MANY)
    if arguments is None:
        _open_streams()
    if "_ARGCOMPLETE" in os.environ:
        from sglaunch.boundary import complete

        complete()
    if arguments is None:
        from sglaunch.replay import replayed

        try:
            status = replayed(sys.argv[1:])
        except BrokenPipeError:
            return _nobody_reads()
        if status is not None:
            # All is said; taking the interpreter apart would take longer than saying it.
            os._exit(status)
    from sglaunch.boundary import run

    return run(sys.argv[1:] if arguments is None else arguments, remember=arguments is None)


def _open_streams() -> None:
    """A stream that the caller closed leads nowhere; what its encoding lacks is written as \\xNN or \\uNNNN."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
        elif number == 1:
            stream.reconfigure(errors="backslashreplace")


def _nobody_reads() -> int:
    from sglaunch.boundary import nobody_reads

    return nobody_reads()
