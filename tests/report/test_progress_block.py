"""Several things at once on a terminal: a moving line each; elsewhere lines that are worth one."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from sglaunch.commands.asking import reporter
from sglaunch.plan.steps import ContainerPlan, Step
from sglaunch.project import Common
from sglaunch.report import progress, standing
from sglaunch.report.progress import Lines, moves, say
from sglaunch.spec.columns import width
from sglaunch.spec.startup import Progress

PLAN = ContainerPlan("dev", "ana-eval-dev", "pull")


@dataclass(frozen=True)
class Event:
    kind: str
    step: Step
    progress: Progress | None = None
    seconds: float = 0.0
    note: str = ""
    plan: ContainerPlan = PLAN


class Stderr(io.StringIO):
    terminal = True

    def isatty(self) -> bool:
        return self.terminal


def screen(text: str) -> list[str]:
    """What a terminal shows of it: carriage return, newline, cursor up, erase below."""
    lines, row = [""], 0
    for piece in re.findall(r"\x1b\[\d*[AJ]|\r|\n|[^\x1b\r\n]+", text):
        if piece == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif piece.endswith("A") and piece.startswith("\x1b"):
            row -= int(piece[2:-1] or 1)
        elif piece == "\x1b[J":
            del lines[row + 1 :]
            lines[row] = ""
        elif piece != "\r":
            lines[row] = piece
    return [line for line in lines if line]


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Stderr:
    made = Stderr()
    monkeypatch.setenv("TERM", "xterm")
    for module in (progress, standing):
        monkeypatch.setattr(module, "sys", SimpleNamespace(stderr=made))
    monkeypatch.setattr(standing._Standing, "lines", ())
    monkeypatch.setattr(progress, "_size", lambda: os.terminal_size((60, 5)))
    return made


def moving(name: str, percent: int, seconds: float = 0.0, line: str = "") -> Event:
    return Event("progress", Step("pull", name, "asked"), Progress("pulling", percent, line), seconds)


def test_each_has_a_line_that_moves_and_what_is_done_stands_above(stderr: Stderr) -> None:
    lines = Lines(plain=not moves(os.environ.get("TERM", "")))
    for percent in (10, 20):
        lines(moving("a:1", percent))
        lines(moving("b:1", percent))
    assert screen(stderr.getvalue()) == ["a:1: pulling 20% (0s)", "b:1: pulling 20% (0s)"]
    lines(Event("done", Step("pull", "a:1", "asked")))
    assert screen(stderr.getvalue()) == ["a:1: pulled (asked)", "b:1: pulling 20% (0s)"]
    lines(Event("done", Step("pull", "b:1", "asked")))
    assert screen(stderr.getvalue()) == ["a:1: pulled (asked)", "b:1: pulled (asked)"]


def test_what_else_is_said_stands_above_the_lines_that_move_and_the_last_word_in_their_place(stderr: Stderr) -> None:
    lines = Lines()
    for name in ("a:1", "b:1"):
        lines(moving(name, 10))
    say("+ docker ps")
    assert screen(stderr.getvalue()) == ["+ docker ps", "a:1: pulling 10% (0s)", "b:1: pulling 10% (0s)"]
    standing.end()
    stderr.write("interrupted\n")
    lines(moving("b:1", 20))  # somebody still waits
    assert screen(stderr.getvalue()) == ["+ docker ps", "interrupted"]


@pytest.mark.parametrize(
    ("step", "note", "said"),
    [
        (Step("stop", "root-x", "undo"), "", "root-x: stopped (taken back)"),
        (Step("remove", "root-x.new", "undo"), "", "root-x.new: removed (taken back)"),
        (Step("rename", "root-x.old", "undo", to="root-x"), "", "root-x.old: renamed to root-x (taken back)"),
        (
            Step("update", "root-x", "undo", values={"restart": "always"}),
            "",
            "root-x: updated restart=always (taken back)",
        ),
        (Step("start", "root-x", "undo"), "failed: gone", "root-x: start (taking back: failed: gone)"),
        (Step("start", "root-x", "undo"), "interrupted", "root-x: start (taking back: interrupted)"),
    ],
)
def test_what_is_taken_back_is_told_like_what_was_done(step: Step, note: str, said: str, stderr: Stderr) -> None:
    Lines()(Event("undo", step, note=note))
    assert stderr.getvalue() == f"{said}\n"


def test_no_line_is_wider_and_no_block_higher_than_the_terminal(stderr: Stderr) -> None:
    lines = Lines()
    for number in range(9):
        lines(moving(f"image{number}", 1, line="x" * 200))
    shown = screen(stderr.getvalue())
    assert [line[:6] for line in shown] == ["image5", "image6", "image7", "image8"]
    assert max(map(len, shown)) == 59


def test_on_a_plain_terminal_nothing_moves(stderr: Stderr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    lines = Lines(plain=not moves(os.environ.get("TERM", "")))
    for percent in (10, 20):
        lines(moving("a:1", percent))
    assert stderr.getvalue() == "a:1: pulling 10% (0s)\n"


def test_elsewhere_a_transfer_is_told_now_and_then(stderr: Stderr) -> None:
    stderr.terminal = False
    lines = Lines()
    for second in range(60):
        lines(moving("a:1", second * 2, second, "1/2 layers"))
    said = stderr.getvalue().splitlines()
    assert said[0] == "a:1: pulling 0% (0s)  1/2 layers"
    assert len(said) == 12
    assert "\x1b" not in stderr.getvalue()


def test_chinese_names_do_not_wrap(stderr: Stderr) -> None:
    lines = Lines()
    lines(moving("镜像", 1, line="层" * 80))
    (shown,) = screen(stderr.getvalue())
    assert width(shown) <= 59


def test_plain_moves_nothing_on_a_terminal_either(stderr: Stderr) -> None:
    lines = Lines(plain=True)
    for second in range(60):
        lines(moving("a:1", second * 2, second, "1/2 layers"))
    lines(Event("done", Step("pull", "a:1", "asked")))
    assert "\x1b" not in stderr.getvalue()
    assert "\r" not in stderr.getvalue()
    assert stderr.getvalue().splitlines()[-1] == "a:1: pulled (asked)"


def test_no_display_has_colours_of_its_own(stderr: Stderr) -> None:
    """NO_COLOR asks for none, and there are none to leave out; those of an engine are taken out of its lines."""
    lines = Lines()
    lines(moving("a:1", 10, line="\x1b[31mred\x1b[0m"))
    lines(Event("done", Step("pull", "a:1", "asked"), note="\x1b[1mbold"))
    assert re.search(r"\x1b\[[\d;]*m", stderr.getvalue()) is None


@pytest.mark.parametrize(
    ("common", "term", "moving_lines"),
    [(Common(Path()), "xterm", True), (Common(Path()), "dumb", False), (Common(Path(), plain=True), "xterm", False)],
)
def test_who_asks_for_plain(
    common: Common, term: str, moving_lines: bool, stderr: Stderr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("BUILDKIT_PROGRESS", raising=False)
    reporter(common)(moving("a:1", 10))
    assert ("\r" in stderr.getvalue() or not stderr.getvalue().endswith("\n")) == moving_lines
    assert (os.environ.get("BUILDKIT_PROGRESS") == "plain") == (not moving_lines)
    monkeypatch.delenv("BUILDKIT_PROGRESS", raising=False)
