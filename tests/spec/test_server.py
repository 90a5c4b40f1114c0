"""A server as typed fields: the command line that SGLang understands, the published port, the mount of its model."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from builders import make_spec

from sglaunch.spec.container import expand
from sglaunch.spec.server import (
    ALIASES,
    DEFAULT_LAUNCHER,
    LOCAL_HOSTS,
    LONG_FLAGS,
    SERVE,
    Server,
    command,
    direct_hosts,
    flag_word,
    launcher_of,
    model_mount,
)
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


LAUNCHERS = {
    SERVE: [
        *(
            "lmsysorg/sglang",
            "lmsysorg/sglang:latest",
            "lmsysorg/sglang:dev",
            "docker.io/lmsysorg/sglang:latest-cu129-runtime",
        ),
        *("lmsysorg/sglang:v0.5.5", "lmsysorg/sglang:v0.5.23-cu129", "lmsysorg/sglang:v0.5.5.post3"),
        f"lmsysorg/sglang:v0.5.23@sha256:{'0' * 64}",
        *("docker.m.daocloud.io/lmsysorg/sglang:latest", "registry.corp:5000/mirror/sglang:v0.5.23"),
        *("lmsysorg/sglang:nightly-dev-cu13-20261101-0123abcd", "lmsysorg/sglang-rocm:v0.5.12-rocm720-mi35x-20260601"),
        *("quay.io/ascend/sglang:v0.5.23-cann9.0.0-a3", "quay.io/ascend/sglang:main-cann9.0.0-a3"),
    ],
    DEFAULT_LAUNCHER: [
        *("lmsysorg/sglang:v0.5.4.post3", "lmsysorg/sglang:v0.4.6.post5-cu124", "lmsysorg/sglang:spark"),
        *("lmsysorg/sglang:dev-deepseekv32", f"lmsysorg/sglang@sha256:{'0' * 64}", "my/sglang:latest", "img:1"),
        *(
            "nvcr.io/nvidia/sglang:25.12-py3",
            "me/other:v0.5.23",
            "public.ecr.aws/deep-learning-containers/sglang:server-cuda",
        ),
    ],
}


@pytest.mark.parametrize(("launcher", "image"), [(one, image) for one, images in LAUNCHERS.items() for image in images])
def test_the_launcher_is_that_of_the_release_an_image_is_named_for(launcher: tuple[str, ...], image: str) -> None:
    assert launcher_of(image, modelscope=False) == launcher


@pytest.mark.parametrize(("tag", "launcher"), [("v0.5.9", DEFAULT_LAUNCHER), ("v0.5.10", SERVE), ("latest", SERVE)])
def test_a_model_of_modelscope_needs_a_release_whose_serve_knows_it(tag: str, launcher: tuple[str, ...]) -> None:
    assert launcher_of(f"lmsysorg/sglang:{tag}", modelscope=True) == launcher


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("10.0.0.1:20000", ["10.0.0.1"]),
        ("tcp://n0:5", ["n0"]),
        ("[fd00::1]:5", ["fd00::1"]),
        ("127.0.0.1:5", []),
        ("", []),
    ],
)
def test_the_node_where_others_meet_is_asked_past_a_proxy(address: str, host: list[str]) -> None:
    assert list(direct_hosts(Server("m", args={"dist-init-addr": address}))) == [*LOCAL_HOSTS, *host]
