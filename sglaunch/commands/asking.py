"""The question a verb asks before something is lost; without a terminal, the flags that answer it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence

from sglaunch.acting import Answer, Conduct
from sglaunch.engine import trace
from sglaunch.engine.apply import Report
from sglaunch.engine.client import EngineClient
from sglaunch.engine.lock import DEFAULT_TIMEOUT
from sglaunch.errors import ConsentNeeded
from sglaunch.plan.steps import Plan
from sglaunch.project import Common, engine_warnings
from sglaunch.recall import witness
from sglaunch.report.data import plan_data
from sglaunch.report.problems import warning_lines
from sglaunch.report.progress import JsonLines, Lines, moves, say, say_event, silent, size_of
from sglaunch.report.prompt import choose, is_terminal
from sglaunch.spec.columns import fitted

YES = "say --yes to go on"
FLAGS = f"{YES}, --snapshot to save it as an image first"


def conduct(
    common: Common,
    command: str,
    *,
    agree: str = "[r]emove",
    flags: str = FLAGS,
    saves: bool = True,
    snapshot: bool = False,
    lock_timeout: float = DEFAULT_TIMEOUT,
) -> Conduct:
    """How a verb acts. `agree` is the choice that goes on, `flags` what a script may say instead of answering.

    `saves`: whether what would be lost can be saved as an image first.
    """
    given = Answer.SNAPSHOT if snapshot else Answer.AGREE if common.yes else None
    return Conduct(_asker(agree, flags, saves=saves), reporter(common), teller(common), command, given, lock_timeout)


def teller(common: Common) -> Callable[[str], None]:
    """Where lines go that tell of what goes on, such as a lock that is waited for."""
    return silent if common.quiet else say_event if common.json else say


def _asker(agree: str, flags: str, *, saves: bool) -> Callable[[Plan], Answer]:
    answers = {agree[agree.index("[") + 1]: Answer.AGREE, "s": Answer.SNAPSHOT, "k": Answer.KEEP}
    choices = (agree, "[s]napshot first", "[k]eep") if saves else (agree, "[k]eep")

    def ask(plan: Plan) -> Answer:
        reasons = [reason for one in plan.containers for reason in one.consent]
        if not is_terminal():
            raise ConsentNeeded("; ".join(reasons), flags)
        for line in fitted(plan.lines(), size_of(sys.stderr).columns):
            say(line)
        return answers[choose("go on?", choices, "k")]

    return ask


def reporter(common: Common) -> Report:
    """Where the events of apply go."""
    plain = common.plain or not moves(witness.env("TERM"))
    if plain:
        # What BuildKit draws while it builds is a display, too.
        os.environ.setdefault("BUILDKIT_PROGRESS", "plain")
    return silent if common.quiet else JsonLines() if common.json else Lines(plain=plain)


def columns() -> int | None:
    """Of the terminal that the answer goes to; None where it goes to a file or another program."""
    return size_of(sys.stdout).columns if sys.stdout.isatty() else None


def tell_calls(tell: Callable[[str], None]) -> None:
    """From now on each engine command line is told on stderr (--verbose)."""
    trace.listen(lambda words: tell(f"+ {trace.shown(words)}"))


def warn(common: Common, plan: Plan) -> None:
    """A plan's warnings on stderr; in JSON they are in the answer."""
    if not common.json:
        for line in warning_lines([*(w for one in plan.containers for w in one.warnings), *plan.warnings]):
            say(line)


def warn_of_engine(common: Common, engine: EngineClient) -> None:
    """On stderr, what makes this the wrong engine for the project."""
    for line in warning_lines(engine_warnings(engine)):
        (say_event if common.json else say)(line)


def answer(common: Common, plan: Plan, text: Sequence[str]) -> None:
    """The answer on stdout: JSON, or lines."""
    narrow = columns()
    show_json(plan_data(plan)) if common.json else show(text if narrow is None else list(fitted(text, narrow)))


def show(lines: Sequence[str]) -> None:
    """Lines of the answer."""
    for line in lines:
        print(line)  # noqa: T201 - stdout carries the answer
    # What is said on stderr next comes after it, where both are one stream.
    sys.stdout.flush()


def show_json(data: object) -> None:
    """The one JSON document of the answer."""
    print(json.dumps(data, indent=2, ensure_ascii=False))  # noqa: T201 - stdout carries the answer
