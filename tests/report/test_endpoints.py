"""Where a server answers, for this machine and for others, and a request that works."""

from __future__ import annotations

from typing import Any

import pytest
from builders import make_wanted

from sglaunch.report.data import endpoints_data
from sglaunch.report.text import endpoint_lines
from sglaunch.spec.server import Server
from sglaunch.spec.values import PortBinding

HERE = "127.0.0.1:30000"


@pytest.mark.parametrize(
    ("options", "address", "expected"),
    [
        ({}, HERE, "http://gpu1:30000"),
        ({"ports": {"30000/tcp": (PortBinding("30000", "127.0.0.1"),)}}, HERE, None),
        ({"ports": {"30000/tcp": (PortBinding("8000"),)}}, "127.0.0.1:8000", "http://gpu1:8000"),
        ({"network_mode": "host"}, HERE, "http://gpu1:30000"),
        ({"network_mode": "host", "server": Server("org/m", host="127.0.0.1")}, HERE, None),
        ({"server": Server("org/m", port=0)}, "127.0.0.1:30007", "http://gpu1:30007"),
        ({}, "172.17.0.2:30000", None),
    ],
)
def test_other_machines_are_told_where_they_may_come_in(
    options: dict[str, Any], address: str, expected: str | None
) -> None:
    wanted = make_wanted("server", **{"server": Server("org/m"), "command": None, **options})
    (found,) = endpoints_data([wanted], {"ana-eval-server": address}, "gpu1")
    assert (found["url"], found["host_url"], found["model"]) == (f"http://{address}", expected, "org/m")


def test_a_request_that_works_takes_the_key_from_the_shell() -> None:
    wanted = make_wanted("server", server=Server("org/m", api_key="KEY"), command=None)
    assert endpoint_lines([wanted], {"ana-eval-server": HERE}, "gpu1") == [
        "ready      http://127.0.0.1:30000  org/m  (other machines: http://gpu1:30000)",
        'try        curl -H "Authorization: Bearer $KEY" http://127.0.0.1:30000/v1/models',
    ]


def test_what_has_no_server_or_no_address_has_no_endpoint() -> None:
    server = make_wanted("server", server=Server("org/m"), command=None)
    assert endpoints_data([make_wanted(), server], {"ana-eval-dev": HERE}, "gpu1") == []
