"""What engines draw while they pull and push, as recorded (cases/transfer), cut anywhere."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import pytest

from sglaunch.convert.from_transfer import Moved, Rate, Transfer, percent, told

CASES = sorted((Path(__file__).parent.parent / "cases" / "transfer").glob("*.txt"))
MIB = 1 << 20


def read(path: Path) -> str:
    return path.read_bytes().decode()


def run(text: str, cuts: list[int]) -> tuple[list[Moved], Transfer]:
    transfer = Transfer()
    edges = [0, *sorted(cuts), len(text)]
    steps = [transfer.feed(text[a:b]) for a, b in itertools.pairwise(edges)]
    return [*steps, transfer.end()], transfer


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_transfer_ends_with_every_layer_and_what_had_to_move(path: Path) -> None:
    text = read(path)
    steps, transfer = run(text, list(range(0, len(text), 40)))
    last = steps[-1]
    assert last.layers == last.layers_done == (1 if path.stem.startswith("nerdctl") else 2)
    assert 60 * MIB * 0.95 <= last.total <= 66 * MIB
    assert last.done == last.total
    assert any(0 < step.done < step.total for step in steps), "on its way"
    assert [line for line in transfer.said if "skipping verifying HTTPS" not in line] == [], "all of it is progress"
    assert not any("\x1b" in line for line in transfer.said)
    assert bool(last.digest) == path.stem.startswith("docker")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
@pytest.mark.parametrize("seed", range(5))
def test_where_it_is_cut_changes_nothing(path: Path, seed: int) -> None:
    text = read(path)
    chance = random.Random(seed)
    whole = run(text, [])[0][-1]
    assert run(text, [chance.randrange(len(text)) for _ in range(300)])[0][-1] == whole


def test_what_is_no_progress_is_kept_for_the_error() -> None:
    transfer = Transfer()
    transfer.feed("1: Pulling from x\r\n\x1b[1A\x1b[2K\r0123456789ab: Waiting \r\x1b[1B")
    transfer.feed("Error response from daemon: no space left on device\r\n")
    transfer.end()
    assert transfer.said == ["Error response from daemon: no space left on device"]


def test_a_registry_that_went_away_is_told() -> None:
    transfer = Transfer()
    transfer.feed("0123456789ab: Pushing [==>   ] 10MB/20MB\r")
    moved = transfer.feed("0123456789ab: Retrying in 5 seconds \r")
    assert moved.retrying
    assert "no answer, trying again" in told(moved, 0)


def test_the_line_says_layers_bytes_rate_and_time() -> None:
    moved = Moved(7, 3, 120_000_000, 300_000_000)
    assert told(moved, 35_000_000) == "3/7 layers, 120 MB of 300 MB, 35 MB/s, 5 s left"
    assert percent(moved) == 40
    assert told(Moved(2, 1), 0) == "1/2 layers"
    assert percent(Moved(2, 1)) is None
    assert (
        told(Moved(2, 2, 2_100_000_000, 2_100_000_000, extracting=True), 5)
        == "2/2 layers, 2.1 GB of 2.1 GB, extracting"
    )


def test_the_rate_is_that_of_the_last_seconds() -> None:
    rate = Rate()
    assert rate.add(0, 0) == 0
    assert rate.add(1, 100) == 100
    for second in range(2, 20):
        last = rate.add(second, 100 + (second - 1) * 10)
    assert last == pytest.approx(10)


@pytest.mark.parametrize("seed", range(20))
def test_no_text_breaks_it(seed: int) -> None:
    chance = random.Random(seed)
    pieces = ["0123456789ab: ", "Pushing [", "\x1b[", "3", "A", "m", "\r", "9.9.9MB/1", "Copying blob ", "ü", "\n"]
    pieces.append("layer-sha256:")
    transfer = Transfer()
    for _ in range(500):
        transfer.feed(chance.choice(pieces))
    assert transfer.end().done <= transfer.end().total
