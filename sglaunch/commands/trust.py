"""`sglaunch trust`: agrees to what this project's checked-in files ask of the host; `up` asks for it too."""

from __future__ import annotations

import contextlib

from sglaunch.commands.asking import show, show_json
from sglaunch.config.load import Config, load
from sglaunch.engine import trusted
from sglaunch.errors import Problem, Refused
from sglaunch.project import Common, found_project, request
from sglaunch.report.clean import clean
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.report.progress import say
from sglaunch.report.prompt import choose, is_terminal


def run(common: Common) -> int:
    """Shows what every profile asks, and remembers that this user agrees. A changed line is asked about again."""
    file, planted = found_project(common)
    # Agreed to first: what cannot be trusted is not loaded.
    trusted.agree(file, [trusted.fingerprint(text) for text in planted])
    asked = load(request(common, file), [], everything=True).demands
    trusted.agree(file, [trusted.fingerprint(one.remembered) for one in asked])
    lines = [*planted, *map(str, asked)]
    if common.json:
        show_json({"schema_version": SCHEMA_VERSION, "trusted": lines})
    else:
        count = f"{len(lines)} line{'s'[: len(lines) > 1]}"
        show([*(clean(line) for line in lines), f"trusted: {count}" if lines else "nothing needs trust"])
    return 0


def require(config: Config) -> None:
    """Asks on a terminal for what is not agreed to yet; elsewhere refuses. --yes is no answer to this.

    What I wrote in a file of my own, of what is mine, is agreed to by that.
    """
    known = trusted.agreed(config.file)
    asked = [one for one in config.demands if trusted.fingerprint(one.remembered) not in known]
    if own := [one for one in asked if one.own]:
        # Kept, so that nobody is asked about them once the file is checked in.
        with contextlib.suppress(OSError):
            trusted.agree(config.file, [trusted.fingerprint(one.remembered) for one in own])
        asked = [one for one in asked if not one.own]
    if not asked:
        return
    if not is_terminal():
        problems = [Problem(f"asks for {one.text}", one.place, one.path) for one in asked]
        message = "these lines of the project ask something of the host that you have not agreed to"
        raise Refused(message, "look at them, then `sglaunch trust`", problems, config.sources)
    say("this project asks of the host, with your rights:")
    for one in asked:
        say(f"  {one}")
    if choose("trust it?", ("[t]rust", "[a]bort"), "a") != "t":
        raise Refused("not trusted", "nothing was touched")
    trusted.agree(config.file, [trusted.fingerprint(one.remembered) for one in asked])
