"""The merge rules by path: a lower text, a nearer one, and what both make, in the long form every stage after sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sglaunch.config.document import parse
from sglaunch.config.merge import merge
from sglaunch.config.node import Node, Problems
from sglaunch.config.shorthand import lengthen
from sglaunch.config.shorthand_paths import Paths

PATHS = Paths("/home/ana", "/proj", {"base": Path("/base"), "over": Path("/over")})


def merged(*texts: str, problems: Problems | None = None) -> Node:
    told = problems or Problems()
    nodes = []
    for name, text in zip(("base", "over", "third"), texts, strict=False):
        node = parse(text, name, name, told)
        assert node is not None
        nodes.append(lengthen(node, PATHS, told))
    result = merge(nodes, told)
    assert problems is not None or not told.errors, told.errors
    return result


# What is merged -> lower, nearer, result.
CASES: dict[str, tuple[str, str, Any]] = {
    "a nearer scalar wins": ("image: a", "image: b", {"image": "b"}),
    "null removes": ("image: a\nuser: u", "user: null", {"image": "a"}),
    "null with nothing beneath is nothing": ("image: a", "user: null", {"image": "a"}),
    "!reset removes": ("cap_add: [A]\nimage: a", "cap_add: !reset []", {"image": "a"}),
    "options of a logging driver go with it": (
        "logging: {driver: json-file, options: {max-size: 1m}}",
        "logging: {driver: syslog, options: {tag: x}}",
        {"logging": {"driver": "syslog", "options": {"tag": "x"}}},
    ),
    "options of another logging driver alone": (
        "logging: {driver: json-file, options: {max-size: 1m}}",
        "logging: {driver: syslog}",
        {"logging": {"driver": "syslog"}},
    ),
    "options of the same logging driver merge": (
        "logging: {driver: json-file, options: {max-size: 1m}}",
        "logging: {driver: json-file, options: {max-file: '2'}}",
        {"logging": {"driver": "json-file", "options": {"max-size": "1m", "max-file": "2"}}},
    ),
    "options of a logging driver that only one names merge": (
        "logging: {options: {max-size: 1m}}",
        "logging: {driver: local}",
        {"logging": {"driver": "local", "options": {"max-size": "1m"}}},
    ),
    "!override replaces a list that would append": ("cap_add: [A]", "cap_add: !override [B]", {"cap_add": ["B"]}),
    "!override replaces a mapping": ("labels: {a: 1}", "labels: !override {b: 2}", {"labels": {"b": "2"}}),
    "lists of options append without duplicates": ("cap_add: [A, B]", "cap_add: [B, C]", {"cap_add": ["A", "B", "C"]}),
    "dns appends": ("dns: 1.1.1.1", "dns: [8.8.8.8]", {"dns": ["1.1.1.1", "8.8.8.8"]}),
    "command is replaced": ("command: sleep 1", "command: [top]", {"command": ["top"]}),
    "an empty entrypoint is a value": ("entrypoint: [a]", "entrypoint: []", {"entrypoint": []}),
    "environment by name, both forms": (
        "environment: [A=1, B=2]",
        "environment: {B: 3, C: 4}",
        {"environment": {"A": "1", "B": "3", "C": "4"}},
    ),
    "null in environment is the caller's value": (
        "environment: {A: 1}",
        "environment: {A: null}",
        {"environment": {"A": None}},
    ),
    "!reset in environment removes": (
        "environment: {A: 1, B: 2}",
        "environment: {A: !reset null}",
        {"environment": {"B": "2"}},
    ),
    "labels and sysctls by name, dots and all": (
        "sysctls: {net.core.somaxconn: 1}\nlabels: [com.x.y=1]",
        "sysctls: {net.core.somaxconn: 2}\nlabels: {com.x.y: null}",
        {"sysctls": {"net.core.somaxconn": "2"}, "labels": {}},
    ),
    "volumes by container path: the nearer entry replaces all of it": (
        "volumes: [/a:/data:ro, v:/keep]",
        "volumes: [{type: bind, source: /b, target: /data/}]",
        {"volumes": {"/data": {"type": "bind", "source": "/b"}, "/keep": {"type": "volume", "source": "v"}}},
    ),
    "paths belong to the file that wrote them": (
        "volumes: [./x:/x]",
        "volumes: [./y:/y, ~/z:/z]",
        {
            "volumes": {
                "/x": {"type": "bind", "source": "/base/x"},
                "/y": {"type": "bind", "source": "/over/y"},
                "/z": {"type": "bind", "source": "/home/ana/z"},
            }
        },
    ),
    "ports by container port and protocol: all bindings of it": (
        'ports: ["80:80", "81:80", "53:53/udp"]',
        'ports: ["127.0.0.1:9000:80"]',
        {"ports": {"80/tcp": [{"port": "9000", "ip": "127.0.0.1"}], "53/udp": [{"port": "53", "ip": ""}]}},
    ),
    "tmpfs and devices by container path": (
        "tmpfs: [/t:size=1m]\ndevices: [/dev/a]",
        "tmpfs: /t\ndevices: [/dev/b:/dev/a:r]",
        {"tmpfs": {"/t": ""}, "devices": {"/dev/a": {"path": "/dev/b", "permissions": "r"}}},
    ),
    "ulimits by name": (
        "ulimits: {nofile: 1, memlock: -1}",
        "ulimits: {nofile: {soft: 2, hard: 3}}",
        {"ulimits": {"nofile": {"soft": 2, "hard": 3}, "memlock": {"soft": -1, "hard": -1}}},
    ),
    "extra_hosts by name": (
        'extra_hosts: ["a:1.1.1.1", "b:2.2.2.2"]',
        "extra_hosts: {a: 3.3.3.3}",
        {"extra_hosts": {"a": ["3.3.3.3"], "b": ["2.2.2.2"]}},
    ),
    "one flag of the server changes, whatever its spelling": (
        "server: {model: m, args: {tp-size: 4, list: [1, 2]}}",
        "server: {args: {tp: 8, list: [3]}}",
        {"server": {"model": "m", "args": {"tp": 8, "list": [3]}}},
    ),
    "gpus are one request": ("gpus: all", "gpus: {count: 2, min_free: 1g}", {"gpus": {"count": 2, "min_free": "1g"}}),
    "healthcheck merges, its test is replaced": (
        "healthcheck: {test: [CMD, a, b], interval: 1s}",
        "healthcheck: {test: c, retries: 3}",
        {"healthcheck": {"test": ["CMD-SHELL", "c"], "interval": "1s", "retries": 3}},
    ),
    "secret_env by name": (
        "secret_env: [A, B]",
        "secret_env: {A: {file: ./a}}",
        {"secret_env": {"A": {"file": "/over/a"}, "B": {}}},
    ),
    "a CDI name has a long form too, as docker compose config writes it": (
        "devices: [nvidia.com/gpu=0]",
        "devices: [{source: nvidia.com/gpu=1, target: nvidia.com/gpu=1, permissions: rwm}]",
        {"devices": {name: {"path": name} for name in ("nvidia.com/gpu=0", "nvidia.com/gpu=1")}},
    ),
    "env_file appends": (
        "env_file: a.env",
        "env_file: [b.env]",
        {"env_file": [{"path": "/base/a.env"}, {"path": "/over/b.env"}]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_two_texts_make_one(case: str) -> None:
    base, over, expected = CASES[case]
    assert merged(base, over).plain() == expected


def test_a_clash_of_kinds_names_both_places() -> None:
    problems = Problems()
    merged("server: {model: m}", "server: [x]", problems=problems)
    assert any("over:1:9" in str(one) for one in problems.errors)
    problems = Problems()
    merged("x-a: {b: 1}", "x-a: [c]", problems=problems)
    (problem,) = problems.errors
    assert "base:1:6" in problem.message
    assert "!override" in problem.hint


def test_a_value_knows_its_line_and_what_it_replaced() -> None:
    node = merged("user: u\nimage: a", "image: b").value["image"]
    assert (str(node.origin), node.origin.layer) == ("over:1:8", "over")
    assert (node.beneath.value, str(node.beneath.origin)) == ("a", "base:2:8")


TEXTS = st.dictionaries(
    st.sampled_from(["image", "user", "hostname", "labels", "environment", "cap_add"]),
    st.none() | st.sampled_from(["a", "b"]),
    max_size=4,
)


def text_of(values: dict[str, Any]) -> str:
    shown = {"labels": "{{k: {0}}}", "environment": "{{K: {0}}}", "cap_add": "[{0}]"}
    lines = [
        f"{key}: {'null' if value is None else shown.get(key, '{0}').format(value)}" for key, value in values.items()
    ]
    return "\n".join(lines) or "{}"


@given(TEXTS)
def test_an_empty_text_changes_nothing(values: dict[str, Any]) -> None:
    text = text_of(values)
    assert merged(text, "{}").plain() == merged(text).plain()


@given(TEXTS, TEXTS)
def test_every_value_comes_from_one_of_the_texts_and_the_nearer_scalar_wins(
    base: dict[str, Any], over: dict[str, Any]
) -> None:
    result = merged(text_of(base), text_of(over))
    for key, node in result.items():
        assert node.origin.place.file == ("over" if over.get(key) is not None else "base")
        assert key in base or key in over


@given(TEXTS, TEXTS, TEXTS)
def test_folding_is_the_same_in_one_go_and_step_by_step(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
) -> None:
    problems, nodes = Problems(), []
    for name, values in (("a", one), ("b", two), ("c", three)):
        node = parse(text_of(values), name, name, problems)
        assert node is not None
        nodes.append(lengthen(node, PATHS, problems))
    assert merge(nodes, problems).plain() == merge([merge(nodes[:2], problems), nodes[2]], problems).plain()


@pytest.mark.parametrize(
    ("lower", "nearer", "warned"),
    [
        ("environment: {A: 1}", "environment:\n  # B: 2", True),
        ("server: {args: {tp: 2}}", "server:\n  args:\n", True),
        ("image: a", "image:", True),
        ("environment: {A: 1}", "environment: null", False),
        ("environment: {A: 1}", "environment: ~", False),
        ("environment: {A: 1}", "environment: !reset", False),
        ("environment: {A: 1}", "environment: {A: }", False),
        ("environment: {}", "environment:", False),
        ("image: a", "environment:", False),
    ],
)
def test_an_empty_key_that_removes_values_is_warned_of(lower: str, nearer: str, warned: bool) -> None:
    problems = Problems()
    merged(lower, nearer, problems=problems)
    assert [one.place and one.place.file for one in problems.warnings] == ["over"] * warned
    for one in problems.warnings:
        assert "which removes the values of base:1:" in one.message
        assert ": null` to remove them" in one.hint
