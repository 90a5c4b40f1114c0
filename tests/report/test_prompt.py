"""A question on a terminal: every Ctrl-C is heard, also one that comes the moment the question is there."""

from __future__ import annotations

import os
import pty
import select
import sys

PROMPTS = 300
SECONDS = 20.0

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


def test_each_ctrl_c_ends_the_question_it_was_typed_at() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", ASKED])
    told = ""
    while select.select([terminal], [], [], SECONDS)[0]:
        try:
            told += os.read(terminal, 65536).decode()
        except OSError:  # the end, as a terminal tells it
            break
        while "(k): " in told:
            told = told.partition("(k): ")[2]
            os.write(terminal, b"\x03")
    os.close(terminal)
    os.waitpid(pid, 0)
    assert told.endswith(f"heard {PROMPTS}"), told
