"""Who publishes which port, read from the table of containers."""

from __future__ import annotations

import pytest

from sglaunch.convert.from_ps import publishers


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("web\t0.0.0.0:8080->80/tcp, :::8080->80/tcp\t", {8080: "web"}),
        ("web\t127.0.0.1:8080->80/tcp\t1000:ana", {8080: "web of ana"}),
        ("web\t0.0.0.0:7000-7002->80-82/tcp, 443/tcp\t", {7000: "web", 7001: "web", 7002: "web"}),
        ("dns\t0.0.0.0:53->53/udp\t", {}),
        ("web\t80/tcp, 443/tcp\t", {}),
        ("web\t\t", {}),
        ("web", {}),
        ("", {}),
        ("web\t[::1]:8080->80/tcp\t1000:ana", {8080: "web of ana"}),
    ],
)
def test_a_line_of_the_table(line: str, expected: dict[int, str]) -> None:
    assert publishers(line) == expected


def test_several_lines() -> None:
    assert publishers("a\t0.0.0.0:1->1/tcp\t\nb\t0.0.0.0:2->2/tcp\t7:ben\n") == {1: "a", 2: "b of ben"}
