"""The option table: how a value is spelled at create and shown to people, and what inspect's HostConfig means."""

from __future__ import annotations

from typing import Any

import pytest

from sglaunch.plan.options import BY_FIELD, LIVE, OPTIONS, RECREATE, UPDATE, gpu_argument, recreate_part, show
from sglaunch.spec.values import Gpus


@pytest.mark.parametrize(
    ("gpus", "text"),
    [
        (Gpus(-1), "all"),
        (Gpus(2), "2"),
        (Gpus(ids=("0",)), "device=0"),
        (Gpus(ids=("0", "2")), '"device=0,2"'),
        (Gpus(ids=("GPU-8f6f",)), "device=GPU-8f6f"),
        (Gpus(-1, capabilities=("utility",)), "all,capabilities=utility"),
        (Gpus(2, capabilities=("utility",)), "count=2,capabilities=utility"),
        (Gpus(ids=("0", "2"), capabilities=("compute", "utility")), '"device=0,2","capabilities=compute,utility"'),
    ],
)
def test_gpus_are_csv_with_inner_quotes_around_what_has_commas(gpus: Gpus, text: str) -> None:
    """Without them Docker reads `device=0,2` as device 0 and a count of 2, and fails at start."""
    assert gpu_argument(gpus) == text


# HostConfig, the option, and its value in profile words; null, 0 and absent are all "not limited".
READ: list[tuple[dict[str, Any], str, Any]] = [
    ({}, "restart", "no"),
    ({"RestartPolicy": None}, "restart", "no"),
    ({"RestartPolicy": {"Name": "", "MaximumRetryCount": 0}}, "restart", "no"),
    ({"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}, "restart", "no"),
    ({"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}, "restart", "always"),
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 0}}, "restart", "on-failure"),
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}, "restart", "on-failure:3"),
    ({"RestartPolicy": {"Name": "unless-stopped"}}, "restart", "unless-stopped"),
    *(
        ({key: value}, field, value or None)
        for key, field in {
            "Memory": "mem_limit",
            "MemoryReservation": "mem_reservation",
            "MemorySwap": "memswap_limit",
            "CpuShares": "cpu_shares",
            "CpuQuota": "cpu_quota",
            "CpuPeriod": "cpu_period",
        }.items()
        for value in (0, None, 1 << 30)
    ),
    ({"MemorySwap": -1}, "memswap_limit", -1),
    ({"NanoCpus": 1500000000}, "cpus", 1.5),
    ({"NanoCpus": 300000000}, "cpus", 0.3),
    ({"NanoCpus": 0}, "cpus", None),
    ({"CpusetCpus": ""}, "cpuset", None),
    ({"CpusetCpus": "0-1"}, "cpuset", "0-1"),
    ({"PidsLimit": None}, "pids_limit", None),
    ({"PidsLimit": 0}, "pids_limit", None),
    ({"PidsLimit": -1}, "pids_limit", None),
    ({"PidsLimit": 200}, "pids_limit", 200),
]


@pytest.mark.parametrize(("host", "field", "value"), READ)
def test_inspect_is_read_in_profile_words(host: dict[str, Any], field: str, value: Any) -> None:
    live = BY_FIELD[field].live
    assert live is not None
    assert live.read(host) == value


def test_every_live_option_is_read_somewhere_above() -> None:
    assert {field for _, field, _ in READ} == {option.field for option in LIVE}


@pytest.mark.parametrize("cpus", [0.01, 0.1, 0.3, 1.1, 2.675, 63.999999999])
def test_a_share_of_cpus_is_read_back_exactly(cpus: float) -> None:
    """The engine keeps billionths; a value that came back different would be a change for ever."""
    live = BY_FIELD["cpus"].live
    assert live is not None
    assert live.read({"NanoCpus": round(cpus * 1e9)}) == cpus


# Plain values, as labels hold them.
SHOWN: list[tuple[str, Any, Any]] = [
    ("image", "img:1", "img:1"),
    ("shm_size", 16 << 30, "16g"),
    ("stop_grace_period", 90, "1m30s"),
    ("volumes", {"type": "bind", "source": "/s"}, "/s"),
    ("volumes", {"type": "bind", "source": "/s", "read_only": True}, "/s:ro"),
    ("volumes", {"type": "bind", "source": "/s", "hologram": 1}, "/s"),
    ("volumes", {"source": "/s"}, {"source": "/s"}),
    ("ports", [{"port": "80"}, {"port": "81", "ip": "::1"}], "80, [::1]:81"),
    ("devices", {"path": "/dev/a", "permissions": "r"}, "/dev/a:r"),
    ("ulimits", {"soft": -1, "hard": -1}, "-1"),
    ("gpus", {"count": -1}, "all"),
    ("gpus", {"ids": ["0", "3"], "capabilities": ["compute"]}, "0,3 compute"),
    ("environment", "1", "1"),
    ("mem_limit", 3 << 30, "3g"),
    ("memswap_limit", -1, "-1"),
    ("cpus", 4.0, "4"),
    ("mem_limit", None, None),
    ("an option of another version", 5, 5),
]


@pytest.mark.parametrize(("field", "value", "text"), SHOWN)
def test_a_plain_value_is_shown_as_people_write_it(field: str, value: Any, text: Any) -> None:
    assert show(field, value) == text


def test_the_label_holds_what_needs_a_new_container_and_nothing_else() -> None:
    every = {option.field: option.field for option in OPTIONS}
    kept = recreate_part(every)
    assert {option.field for option in OPTIONS if option.effect == RECREATE} == set(kept)
    assert {option.field for option in OPTIONS if option.effect == UPDATE} == set(every) - set(kept)


def test_removing_an_option_in_place_needs_a_value_that_removes_it() -> None:
    """`docker update -m 0` succeeds and changes nothing, so only these two may be removed in place."""
    assert {o.field: o.live.reset for o in LIVE if o.live and o.live.reset is not None} == {
        "restart": "no",
        "pids_limit": -1,
    }
