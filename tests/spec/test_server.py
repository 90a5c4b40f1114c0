"""A server as typed fields: the command line that SGLang understands, the published port, the mount of its model."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from builders import make_spec

from sglaunch.spec.container import expand
from sglaunch.spec.server import ALIASES, LONG_FLAGS, Server, command, flag_word, model_mount
from sglaunch.spec.values import Mount, PortBinding

HEAD = "python3 -m sglang.launch_server --model-path m --host 0.0.0.0 --port 30000"

ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "none": ({}, ""),
    "a number": ({"tp": 8}, "--tp-size 8"),
    "a fraction": ({"mem-fraction-static": 0.85}, "--mem-fraction-static 0.85"),
    "text": ({"dtype": "bfloat16"}, "--dtype bfloat16"),
    "text with spaces stays one word": ({"chat-template": "a b"}, "--chat-template 'a b'"),
    "true is a bare flag": ({"enable-metrics": True}, "--enable-metrics"),
    "false is left out": ({"enable-metrics": False}, ""),
    "null is left out": ({"dtype": None}, ""),
    "zero is a value": ({"random-seed": 0}, "--random-seed 0"),
    "empty text is a value": ({"chat-template": ""}, "--chat-template ''"),
    "a list is several values": ({"lora-paths": ["a=/x", "b=/y"]}, "--lora-paths a=/x b=/y"),
    "a list of numbers": ({"cuda-graph-bs": [1, 2, 4]}, "--cuda-graph-bs 1 2 4"),
    "booleans in a list are words": ({"x": [True, False]}, "--x true false"),
    "a mapping is JSON": (
        {"model-loader-extra-config": {"b": 1, "a": [2]}},
        """--model-loader-extra-config '{"a": [2], "b": 1}'""",
    ),
    "an unknown flag is passed on": ({"brand-new-flag": "v"}, "--brand-new-flag v"),
    "in the order of their names": ({"tp": 2, "dp": 4, "a": 1}, "--a 1 --dp-size 4 --tp-size 2"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_the_arguments_become_words(case: str) -> None:
    args, words = ARGUMENTS[case]
    assert shlex.join(command(Server("m", args=args))) == f"{HEAD} {words}".rstrip()


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (
            Server("Qwen/Qwen3-8B"),
            "python3 -m sglang.launch_server --model-path Qwen/Qwen3-8B --host 0.0.0.0 --port 30000",
        ),
        (Server("m", host="::1", port=8000), "python3 -m sglang.launch_server --model-path m --host ::1 --port 8000"),
        (Server("m", launcher=("sglang", "serve")), "sglang serve --model-path m --host 0.0.0.0 --port 30000"),
        (Server("/models/my model"), HEAD.replace(" m ", " '/models/my model' ")),
    ],
)
def test_model_host_port_and_launcher_have_their_place(server: Server, words: str) -> None:
    assert shlex.join(command(server)) == words


@pytest.mark.parametrize("word", LONG_FLAGS)
def test_short_words_leave_as_the_long_flag(word: str) -> None:
    """argparse takes a prefix of a flag only while it is the prefix of one flag, which changes between releases."""
    assert f"--{LONG_FLAGS[word]}" in command(Server("m", args={word: 2}))


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("tp", "tp"),
        ("--tp", "tp"),
        ("tp_size", "tp"),
        ("--tp-size", "tp"),
        ("--tensor-parallel-size", "tp"),
        ("tensor_parallel_size", "tp"),
        ("mem_fraction_static", "mem-fraction-static"),
        ("--mem-fraction-static", "mem-fraction-static"),
        ("enable_hicache", "enable-hierarchical-cache"),
    ],
)
def test_every_spelling_of_a_flag_is_one_word(written: str, word: str) -> None:
    assert flag_word(written) == word


def test_an_alias_is_never_the_alias_of_an_alias() -> None:
    assert {flag_word(word) for word in ALIASES} == set(ALIASES.values())
    assert all(flag_word(flag) == word for word, flag in LONG_FLAGS.items())


def test_the_command_is_words_only() -> None:
    args = {"a": 1, "b": 0.5, "c": [1, "x"], "d": {"k": None}}
    words = command(Server("m", args=args))
    assert all(isinstance(word, str) for word in words)
    assert json.loads(words[-1]) == {"k": None}


# What a server makes of a spec.


def test_a_server_becomes_the_command_of_the_spec() -> None:
    spec = expand(make_spec(command=None, server=Server("m")))
    assert spec.server is None
    assert shlex.join(spec.command or ()) == HEAD


def test_a_spec_without_a_server_stays_as_it_is() -> None:
    spec = make_spec(ports={"80/tcp": (PortBinding("80"),)})
    assert expand(spec) is spec


OWN = {"30000/tcp": (PortBinding("31000", "127.0.0.1"),)}
OTHER = {"9000/tcp": (PortBinding("9000"),)}
PUBLISHED = {"30000/tcp": (PortBinding("30000"),)}
PORTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "published": ({}, PUBLISHED),
    "as written where written": ({"ports": OWN}, OWN),
    "beside other ports": ({"ports": OTHER}, {**PUBLISHED, **OTHER}),
    "in a named network": ({"networks": {"n": ()}}, PUBLISHED),
    "not on the host's network": ({"network_mode": "host"}, {}),
    "not in another container's network, which can publish nothing": ({"network_mode": "container:proxy"}, {}),
}


@pytest.mark.parametrize("case", PORTS)
def test_the_port_of_a_server_is_published(case: str) -> None:
    options, ports = PORTS[case]
    assert expand(make_spec(command=None, server=Server("m"), **options)).ports == ports


MOUNTED = {"/models/q": Mount("bind", "/models/q", read_only=True)}
MODELS: dict[str, tuple[str, list[str], dict[str, Mount]]] = {
    "an id needs no mount": ("Qwen/Qwen3-8B", [], {}),
    "a path is mounted read-only at the same path": ("/models/q", [], MOUNTED),
    "a mount of the path covers it": ("/models/q", ["/models/q"], {}),
    "a mount above covers it": ("/models/q", ["/models"], {}),
    "a mount above with a slash covers it": ("/models/q", ["/models/"], {}),
    "a mount of the root covers it": ("/models/q", ["/"], {}),
    "a mount beside does not": ("/models/q", ["/models/q2", "/mod"], MOUNTED),
    "a mount below does not": ("/models/q", ["/models/q/lora"], MOUNTED),
}


@pytest.mark.parametrize("case", MODELS)
def test_a_model_on_the_host_is_there_in_the_container(case: str) -> None:
    model, targets, mounts = MODELS[case]
    written = dict.fromkeys(targets, Mount("bind", "/elsewhere"))
    assert model_mount(Server(model), written) == mounts
    spec = expand(make_spec(command=None, server=Server(model), volumes=written))
    assert spec.volumes == {**mounts, **written}
