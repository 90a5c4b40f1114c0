"""Broken project files give errors with a position and nothing else: no traceback, no engine call, no hang.

200 mutations of good files in every run; `SGLAUNCH_TEST_MUTATIONS=10000` for more. A failure names the seed.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sglaunch.cli import main
from sglaunch.engine import trace

TESTS = Path(__file__).resolve().parent.parent
GOOD = [*sorted((TESTS / "cases" / "mutated").glob("*.yaml")), TESTS.parent / "sglaunch.yaml.example"]
COUNT = int(os.environ.get("SGLAUNCH_TEST_MUTATIONS", "200"))
CHUNK = 20
MAX_SECONDS = 2.0
NASTY = (
    *("\x00", "\ufeff", "\t", "{{", "}}", "{%", "&a", "*a", "!x ", "!reset ", "!override ", "- ", "? ", ": ", "|"),
    *("\r\n", "'", '"', "[", "]", "{", "}", "<<: ", "9" * 400, "1e999", ".nan", "~", "null", "\ud7ff", "é", "%", "@"),
    *("`", "#", "\\", "${X}", "{{ x }}", "{{ env.NOPE }}", "{{ ''.__class__ }}", "{{ 'a' * 9 }}", "true", "-1", "0x1f"),
)
LINES = (
    *("x: y", "- z", "a: &q [*q]", "a: &l [1, 1]\nb: &m [*l, *l]\nc: [*m, *m]"),
    *(f"deep: {'[' * 100}", f"deep: {'{a: ' * 60}"),
)
PLACED = re.compile(r"\S+:\d+:\d+: ")


def mutated(text: str, random_: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(lines)) if lines else 0
        lines = _once(lines or [""], min(at, max(len(lines) - 1, 0)), random_)
    return "\n".join(lines)


def _once(lines: list[str], at: int, random_: random.Random) -> list[str]:
    line = lines[at]
    column = random_.randint(0, len(line))
    words = re.findall(r"\w+", line)
    word = random_.choice(words) if words else ""
    other = random_.randrange(len(lines))
    changed: Sequence[list[str]] = (
        [],
        [line, lines[other]],
        [" " * random_.randint(0, 8) + line.lstrip()],
        [line[:column] + random_.choice(NASTY) + line[column:]],
        [f"{line.split(':')[0]}: {random_.choice((*NASTY, '[]', '{}', '[1, 2]', '{a: b}', 'x'))}"],
        [line.replace(":", "", 1)],
        [line[:column] + line[column + 1 :]],
        [line, "  " * random_.randint(0, 4) + random_.choice(LINES)],
        [line.replace(word, word[:-1] + random_.choice("abcxyz1-_"), 1) if word else line],
    )
    if random_.random() < 0.05:
        return [*lines[:at], line[:column]]
    return [*lines[:at], *random_.choice(changed), *lines[at + 1 :]]


@pytest.fixture
def processes() -> Iterator[list[Sequence[str]]]:
    seen: list[Sequence[str]] = []
    end = trace.listen(seen.append)
    yield seen
    end()


@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_a_mutated_file_is_right_or_told_where_it_is_wrong(
    first: int, tmp_path: Path, processes: list[Sequence[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(first, min(first + CHUNK, COUNT)):
        random_ = random.Random(seed)
        text = mutated(random_.choice(GOOD).read_text(encoding="utf-8"), random_)
        path = tmp_path / "sglaunch.yaml"
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        for verb in ("validate", "plan"):
            processes.clear()
            began = time.process_time()
            status = main(["-C", str(tmp_path), verb])
            seconds = time.process_time() - began
            said = capsys.readouterr().err
            about = f"seed {seed}, {verb}, status {status}: {said}\n{text}"
            assert "Traceback" not in said, about
            assert "has a bug" not in said, about
            assert seconds < MAX_SECONDS, about
            # The engine of these tests does not answer, so a plan of a good file fails with 1.
            assert status in ((0, 2) if verb == "validate" else (0, 1, 2)), about
            if verb == "validate" or status == 2:
                assert processes == [], about
            if status == 2:
                heads = [line for line in said.splitlines() if line and not line.startswith((" ", "warning: "))]
                assert heads, about
                assert all(PLACED.match(line) or "no profile is declared" in line for line in heads), about


def test_the_good_files_are_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Else every mutation of them would be told of the same mistake."""
    (tmp_path / "k").write_text("x", encoding="utf-8")
    for path in GOOD:
        (tmp_path / "sglaunch.yaml").write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        assert main(["-C", str(tmp_path), "validate"]) == 0, capsys.readouterr().err
