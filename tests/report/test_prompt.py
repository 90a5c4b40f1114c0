"""A question on a terminal: every Ctrl-C is heard, also one that comes the moment the question is there."""

from __future__ import annotations

import os
import pty
import select
import sys

PROMPTS = 300
SECONDS = 20.0

ASKED_AGAIN = """
import sys
from sglaunch.report.prompt import choose
choose("go on?", ("[r]ecreate", "[s]napshot first", "[k]eep"), "k")
sys.stderr.write("done")
choose("trust it?", ("[t]rust", "[a]bort"), "a")
"""
ASKED = f"""
import sys
from sglaunch.report.prompt import choose
heard = 0
for _ in range({PROMPTS}):
    try:
        choose("go on?", ("[r]emove", "[k]eep"), "k")
    except KeyboardInterrupt:
        heard += 1
sys.stderr.write(f"heard {{heard}}")
"""


def test_another_letter_is_told_which_ones_there_are() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASKED_AGAIN])
    told = ""
    answers = iter(("x\n", "yes\n", "S\n", "r\n", "t\n"))
    while select.select([terminal], [], [], SECONDS)[0]:
        try:
            told += os.read(terminal, 65536).decode()
        except OSError:  # the end, as a terminal tells it
            break
        if told.endswith("): "):
            os.write(terminal, next(answers).encode())
    os.close(terminal)
    os.waitpid(pid, 0)
    first, _, second = told.replace("\r", "").partition("done")
    asked = "go on? [r]ecreate / [s]napshot first / [k]eep (k): "
    assert first == f"{asked}x\nanswer r, s or k\n{asked}yes\nanswer r, s or k\n{asked}S\n"
    assert "r\nanswer t or a\n" in second


def test_each_ctrl_c_ends_the_question_it_was_typed_at() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASKED])
    told = everything = ""
    while select.select([terminal], [], [], SECONDS)[0]:
        try:
            said = os.read(terminal, 65536).decode()
        except OSError:  # the end, as a terminal tells it
            break
        told, everything = told + said, everything + said
        while "(k): " in told:
            told = told.partition("(k): ")[2]
            os.write(terminal, b"\x03")
    os.close(terminal)
    os.waitpid(pid, 0)
    assert told.endswith(f"\nheard {PROMPTS}"), told
    assert everything.count("\n") == PROMPTS, "what is said next begins on a line of its own"
