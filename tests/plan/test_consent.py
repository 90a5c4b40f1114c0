"""When something would be lost, and how that is said."""

from __future__ import annotations

from typing import Any

import pytest
from builders import make_container

from sglaunch.plan import consent
from sglaunch.spec.container import Settings

GIB, MIB = 1 << 30, 1 << 20

# recreate, protect, what is known of the layer -> who asks, None for nobody.
RECREATES: list[tuple[str, bool, int | None, str | None]] = [
    ("ask", True, None, "recreate: ask"),
    ("ask", True, 0, "recreate: ask"),
    ("ask", True, GIB, "recreate: ask"),
    ("ask", False, GIB, "recreate: ask"),
    ("ask", False, 0, "recreate: ask"),
    ("always", True, None, "protect: true"),
    ("always", True, 0, None),
    ("always", True, GIB, "protect: true"),
    ("always", False, None, None),
    ("always", False, GIB, None),
]


@pytest.mark.parametrize(("recreate", "protect", "size", "asks"), RECREATES)
def test_replacing_asks(recreate: str, protect: bool, size: int | None, asks: str | None) -> None:
    reasons = consent.for_recreate(Settings(recreate=recreate, protect=protect), make_container(layer_size=size))
    assert len(reasons) == (asks is not None)
    assert all(asks is not None and asks in reason and "ana-eval-dev would be replaced" in reason for reason in reasons)


@pytest.mark.parametrize(("protect", "size", "asks"), [(True, None, 1), (True, 0, 0), (True, GIB, 1), (False, GIB, 0)])
def test_removing_asks_only_for_a_protected_layer_that_holds_something_or_may(
    protect: bool, size: int | None, asks: int
) -> None:
    reasons = consent.for_remove(make_container(layer_size=size), protect=protect)
    assert len(reasons) == asks
    assert all("ana-eval-dev would be removed" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "what was written in its own layer would be lost"),
        (12, "12 bytes written in its own layer would be lost"),
        (1536, "1.5k written"),
        (5 * MIB, "5.0m written"),
        (int(3.1 * GIB), "3.1g written"),
    ],
)
def test_the_reason_says_how_much_would_be_lost(size: Any, words: str) -> None:
    (reason,) = consent.for_recreate(Settings(), make_container(layer_size=size, layer_paths=("/root/run7 (9 files)",)))
    assert words in reason
    assert reason.endswith("would be lost: /root/run7 (9 files) (recreate: ask)")


def test_small_files_count_and_a_little_noise_does_not() -> None:
    """A few bytes somebody wrote are work; a log and a shell's history, below a megabyte, are not."""
    work = make_container(layer_size=12, layer_paths=("/root/notes",))
    noise = make_container(layer_size=MIB - 1)
    assert consent.for_remove(work, protect=True)
    assert not consent.for_remove(noise, protect=True)
    assert consent.for_remove(make_container(layer_size=MIB), protect=True)


def test_an_empty_layer_is_said_to_hold_nothing() -> None:
    (reason,) = consent.for_recreate(Settings(), make_container(layer_size=0))
    assert "lost" not in reason
    assert "its own layer holds no" in reason
