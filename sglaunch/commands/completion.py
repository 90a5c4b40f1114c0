"""`sglaunch completion`: the lines by which a shell completes commands, options, profiles and containers."""

from __future__ import annotations

from sglaunch.commands.asking import show
from sglaunch.completion import script


def run(shell: str) -> int:
    """Prints the script of a shell."""
    show(script(shell).splitlines())
    return 0
