"""Published ports in the table of containers."""

from __future__ import annotations

import pytest

from sglaunch.report.text import _ports


@pytest.mark.parametrize(
    ("published", "shown"),
    [
        (("0.0.0.0:30000->30000/tcp", "[::]:30000->30000/tcp"), ["30000"]),
        (("0.0.0.0:8080->80/tcp",), ["8080->80"]),
        (("127.0.0.1:30000->30000/tcp",), ["127.0.0.1:30000->30000"]),
        (("0.0.0.0:53->53/udp",), ["53->53/udp"]),
        ((), []),
    ],
)
def test_ports_are_short_where_they_are_usual(published: tuple[str, ...], shown: list[str]) -> None:
    assert _ports(published) == shown
