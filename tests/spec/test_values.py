"""The small values: what people may write, what it means, and what is refused with a sentence that says the allowed."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sglaunch.spec.values import (
    MASK,
    Device,
    Gpus,
    Mount,
    PortBinding,
    Secret,
    Ulimit,
    format_duration,
    format_size,
    looks_secret,
    masked,
    parse_duration,
    parse_port,
    parse_size,
    parse_swap,
)

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

SIZES: dict[Any, int] = {
    0: 0,
    1048576: MIB,
    "0": 0,
    "512": 512,
    "512b": 512,
    "1k": KIB,
    "1K": KIB,
    "1kb": KIB,
    "1KiB": KIB,
    "64m": 64 * MIB,
    "64MB": 64 * MIB,
    "64 mb": 64 * MIB,
    "32g": 32 * GIB,
    "16GiB": 16 * GIB,
    "1.5g": 3 * GIB // 2,
    "0.5k": 512,
    "2t": 2048 * GIB,
    "1p": 1 << 50,
    " 32g ": 32 * GIB,
}


@pytest.mark.parametrize("text", SIZES)
def test_a_size_is_in_powers_of_1024_whatever_its_suffix(text: Any) -> None:
    assert parse_size(text) == SIZES[text]


@pytest.mark.parametrize("text", ["", "g", "-1", "-1g", "1x", "1gg", "1 g b", "1,5g", "32 gigs", "1e9", True, None, -5])
def test_what_is_no_size_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(ValueError, match=r"is not a size; write .* 32g"):
        parse_size(text)


def test_a_large_whole_size_is_exact() -> None:
    """A float would lose the last bytes."""
    assert parse_size("8191p") == 8191 << 50
    assert parse_size("9007199254740993") == 9007199254740993


@pytest.mark.parametrize(("text", "swap"), [("-1", -1), (-1, -1), ("4g", 4 * GIB), (0, 0)])
def test_swap_may_be_unlimited(text: Any, swap: int) -> None:
    assert parse_swap(text) == swap


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (1, "1"),
        (1023, "1023"),
        (KIB, "1k"),
        (1536, "1536"),
        (3 << 19, "1536k"),
        (32 * GIB, "32g"),
        (-1, "-1"),
    ],
)
def test_a_size_is_shown_in_its_shortest_exact_form(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(min_value=0, max_value=1 << 60))
def test_a_size_shown_is_the_size_read(size: int) -> None:
    assert parse_size(format_size(size)) == size


DURATIONS: dict[Any, float] = {
    0: 0.0,
    30: 30.0,
    1.5: 1.5,
    "90": 90.0,
    "90s": 90.0,
    "1m30s": 90.0,
    "1h": 3600.0,
    "2h30m": 9000.0,
    "1d": 86400.0,
    "500ms": 0.5,
    "1.5s": 1.5,
    "10us": 1e-5,
    " 5m ": 300.0,
}


@pytest.mark.parametrize("text", DURATIONS)
def test_a_duration_is_in_seconds(text: Any) -> None:
    assert parse_duration(text) == pytest.approx(DURATIONS[text])


@pytest.mark.parametrize("text", ["", "s", "-1s", -1, "1m30", "1 m", "5 minutes", "1x", True, None, "1h-2m"])
def test_what_is_no_duration_is_refused_with_an_example(text: Any) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it as 90s"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (5, "5s"), (90, "1m30s"), (3600, "1h"), (3661, "1h1m1s"), (0.5, "0.5s")]
)
def test_a_duration_is_shown_in_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**7))
def test_a_duration_shown_is_the_duration_read(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


# The binding as (container port, host address, host port).
PORTS: dict[str, list[tuple[str, str, str]]] = {
    "80": [("80/tcp", "", "")],
    "8000:80": [("80/tcp", "", "8000")],
    "8000:80/tcp": [("80/tcp", "", "8000")],
    "8000:80/udp": [("80/udp", "", "8000")],
    "80/sctp": [("80/sctp", "", "")],
    "127.0.0.1:8000:80": [("80/tcp", "127.0.0.1", "8000")],
    "127.0.0.1::80": [("80/tcp", "127.0.0.1", "")],
    "[::1]:8000:80": [("80/tcp", "::1", "8000")],
    "[::]:8000:80/udp": [("80/udp", "::", "8000")],
    "80-82": [("80/tcp", "", ""), ("81/tcp", "", ""), ("82/tcp", "", "")],
    "8000-8001:80-81": [("80/tcp", "", "8000"), ("81/tcp", "", "8001")],
    "127.0.0.1:8000-8001:80-81": [("80/tcp", "127.0.0.1", "8000"), ("81/tcp", "127.0.0.1", "8001")],
    "65535:1": [("1/tcp", "", "65535")],
}


@pytest.mark.parametrize("text", PORTS)
def test_a_port_is_read_as_compose_reads_it(text: str) -> None:
    assert [(port, binding.ip, binding.port) for port, binding in parse_port(text)] == PORTS[text]


BAD_PORTS = {
    "": "is not a port",
    "0:80": "is not a host port",
    "80:0": "is not a container port",
    "80:65536": "is not a container port",
    "a:80": "is not a host port",
    "80:a": "is not a container port",
    "80/icmp": "'icmp' is not a protocol",
    "80-79": "low to high",
    "8000-8002:80-81": "differ in length",
    "8000:80-81": "differ in length",
    "localhost:8000:80": "'localhost' is not an address",
    "::1:8000:80": "is not a",
    "1:2:3:4": "is not a",
    "-80": "is not a container port",
}


@pytest.mark.parametrize("text", BAD_PORTS)
def test_what_is_no_port_is_refused_and_says_which_part(text: str) -> None:
    with pytest.raises(ValueError, match=BAD_PORTS[text]):
        parse_port(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Mount("bind", "/srv"), "/srv"),
        (Mount("bind", "/srv", read_only=True), "/srv:ro"),
        (Mount("volume"), "anonymous"),
        (PortBinding("8000"), "8000"),
        (PortBinding(), "any"),
        (PortBinding("8000", "127.0.0.1"), "127.0.0.1:8000"),
        (PortBinding("8000", "::1"), "[::1]:8000"),
        (Device("/dev/a"), "/dev/a"),
        (Device("/dev/a", "r"), "/dev/a:r"),
        (Ulimit(-1, -1), "-1"),
        (Ulimit(1024, 4096), "1024:4096"),
        (Gpus(-1), "all"),
        (Gpus(2), "2"),
        (Gpus(ids=("0", "3")), "0,3"),
        (Gpus(2, min_free=40 * GIB), "2 min_free=40g"),
        (Gpus(-1, capabilities=("compute", "utility")), "all compute utility"),
    ],
)
def test_a_value_is_shown_as_people_write_it(value: Any, text: str) -> None:
    assert value.show() == text


SECRET_NAMES = {
    "HF_TOKEN": True,
    "hf_token": True,
    "TOKEN": True,
    "OPENAI_API_KEY": True,
    "APIKEY": True,
    "DB_PASSWORD": True,
    "PASSWORD1": True,
    "AWS_SECRET_ACCESS_KEY": True,
    "SSH_PRIVATE_KEY": True,
    "GOOGLE_APPLICATION_CREDENTIALS": True,
    "MAX_TOKENS": False,
    "TOKENIZERS_PARALLELISM": False,
    "KEY": False,
    "PATH": False,
    "HF_HOME": False,
    "SECRETARY": False,
    "KEYBOARD": False,
}


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_name_tells_whether_its_value_is_usually_secret(name: str) -> None:
    assert looks_secret(name) is SECRET_NAMES[name]


def test_a_secret_shows_itself_to_nobody_who_does_not_ask() -> None:
    value = Secret("hf_0123")
    old_style = "%s" % value  # noqa: UP031 - that is what is asked
    for shown in (str(value), repr(value), f"{value}", f"{value!r:>20}", old_style, str([value]), str({"a": value})):
        assert "hf_" not in shown
        assert MASK in shown
    assert value.reveal() == "hf_0123"


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_secret_is_never_serialised(way: Any) -> None:
    with pytest.raises(TypeError):
        way(Secret("hf_0123"))


def test_secrets_are_equal_by_value_and_never_equal_to_text() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_a_secret_has_no_attribute_that_holds_it() -> None:
    assert not hasattr(Secret("a"), "__dict__")


def test_each_line_of_a_secret_is_masked_and_short_ones_stay() -> None:
    key = "-----BEGIN KEY-----\nc2VjcmV0\n}\n"
    assert masked("line c2VjcmV0 }", [key]) == "line ******** }"
    assert masked(key, [key]) == "********"
