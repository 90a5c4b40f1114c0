"""`nodes`, `replicas` and `kubernetes`: their forms, how layers merge them, what excludes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sglaunch.config.load import Request, load
from sglaunch.errors import ConfigError
from sglaunch.spec.container import Wanted
from sglaunch.spec.kubernetes import Kubernetes

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "h", "group": "g"}
Write = Callable[[Mapping[str, str]], Path]
PROJECT = "project: eval\nprofiles:\n  p:\n    image: a:1\n"


def wanted(project: Write, body: str, local: str = "", env: Mapping[str, str] | None = None) -> Wanted:
    folder = project({"sglaunch.yaml": f"{PROJECT}{body}"})
    if local:
        project({"sglaunch.local.yaml": f"profiles:\n  p:\n{local}"})
    return load(Request(folder / "sglaunch.yaml", FACTS, env or {}), ["p"]).wanted["p"]


def problems(project: Write, body: str, env: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        wanted(project, body, env=env)
    return [str(problem) for problem in caught.value.problems()]


def test_what_is_not_written_is_one_server_on_one_machine(project: Write) -> None:
    settings = wanted(project, "    user: root\n").settings
    assert (settings.nodes, settings.replicas, settings.kubernetes) == (1, 1, Kubernetes())


def test_every_key_has_its_form(project: Write) -> None:
    body = """\
    server: {model: m, args: {tp: 16}}
    gpus: 8
    nodes: 2
    replicas: 3
    kubernetes:
      context: prod
      namespace: llm
      node_selector: {gpu: true, rack: 7, name: "{{ user }}"}
      tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
      image_pull_secrets: pull
      service: LoadBalancer
      gpu_resource: nvidia.com/gpu.shared
      patch: {spec: {priorityClassName: high, hostname: null}}
"""
    settings = wanted(project, body).settings
    assert (settings.nodes, settings.replicas) == (2, 3)
    assert settings.kubernetes == Kubernetes(
        "prod",
        "llm",
        {"gpu": "true", "rack": "7", "name": "ana"},
        ({"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},),
        ("pull",),
        "LoadBalancer",
        "nvidia.com/gpu.shared",
        {"spec": {"priorityClassName": "high", "hostname": None}},
    )


MERGES: dict[str, tuple[str, str, Kubernetes]] = {
    "a nearer name": ("{namespace: a, context: c}", "{namespace: b}", Kubernetes(namespace="b", context="c")),
    "null removes": ("{namespace: a}", "{namespace: null}", Kubernetes()),
    "node selectors by name": (
        "{node_selector: {a: 1, b: 1}}",
        "{node_selector: {b: 2, a: null}}",
        Kubernetes(node_selector={"b": "2"}),
    ),
    "tolerations append": (
        "{tolerations: [{key: a}]}",
        "{tolerations: [{key: a}, {key: b}]}",
        Kubernetes(tolerations=({"key": "a"}, {"key": "b"})),
    ),
    "in a patch mappings merge, lists are replaced, and null stays": (
        "{patch: {spec: {a: [1], b: {c: 1}, d: 1, e: {f: 1}, g: null}}}",
        "{patch: {spec: {a: [2], b: {h: 2}, d: null, e: null, g: {i: 1}}}}",
        Kubernetes(patch={"spec": {"a": [2], "b": {"c": 1, "h": 2}, "d": None, "e": None, "g": {"i": 1}}}),
    ),
}


@pytest.mark.parametrize("case", MERGES)
def test_layers_merge(project: Write, case: str) -> None:
    base, over, expected = MERGES[case]
    found = wanted(project, f"    kubernetes: {base}\n", f"    kubernetes: {over}\n")
    assert found.settings.kubernetes == expected


MISTAKES: dict[str, tuple[str, list[str]]] = {
    "no machine": ("    nodes: 0\n", ["sglaunch.yaml:5:12: nodes: must be greater than or equal to 1, found 0"]),
    "half a machine": ("    replicas: 1.5\n", ["sglaunch.yaml:5:15: replicas: must be a whole number"]),
    "nodes without a server": (
        "    nodes: 2\n",
        ["sglaunch.yaml:5:12: nodes: is for a profile with server; remove it, or write server: {model: ...}"],
    ),
    "the meeting of ranks": (
        "    nodes: 2\n    server: {model: m, args: {nnodes: 2, node-rank: 0, dist-init-addr: 'a:1'}}\n",
        [
            f"sglaunch.yaml:6:{column}: server.args.{flag}: is written by sglaunch where nodes is, for each machine "
            "its own; remove it, or remove nodes"
            for flag, column in (("nnodes", 31), ("node-rank", 42), ("dist-init-addr", 56))
        ],
    ),
    "the same of one node": (
        "    nodes: 1\n    server: {model: m, args: {nnodes: 2}}\n",
        [
            "sglaunch.yaml:6:31: server.args.nnodes: is written by sglaunch where nodes is, for each machine its own; "
            "remove it, or remove nodes"
        ],
    ),
    "sizes that do not fit": (
        "    nodes: 2\n    gpus: 8\n    server: {model: m, args: {pp: 2, tp: 4}}\n",
        [
            "sglaunch.yaml:7:42: server.args: tp * pp is 8, and 2 nodes with 8 GPUs each have 16; change tp, pp, nodes "
            "or gpus"
        ],
    ),
    "an unknown key": (
        "    kubernetes: {name_space: a}\n",
        ["sglaunch.yaml:5:18: kubernetes.name_space: unknown key; did you mean namespace?"],
    ),
    "a type of Service": ("    kubernetes: {service: Ingress}\n", ["sglaunch.yaml:5:27: kubernetes.service: "]),
    "a namespace": ("    kubernetes: {namespace: My_Space}\n", ["sglaunch.yaml:5:29: kubernetes.namespace: "]),
    "no mapping": ("    kubernetes: prod\n", ["sglaunch.yaml:5:17: kubernetes: must be a mapping such as"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_its_place(project: Write, case: str) -> None:
    body, expected = MISTAKES[case]
    found = problems(project, body)
    assert len(found) == len(expected), found
    assert [said[: len(start)] for said, start in zip(sorted(found), sorted(expected), strict=True)] == sorted(expected)


@pytest.mark.parametrize(
    "body",
    [
        "    nodes: 2\n    gpus: 8\n    server: {model: m, args: {tp: 16}}\n",
        "    nodes: 2\n    gpus: 8\n    server: {model: m, args: {tp: 8, pp: 2}}\n",
        "    nodes: 2\n    gpus: 8\n    server: {model: m}\n",
        "    nodes: 2\n    gpus: all\n    server: {model: m, args: {tp: 4}}\n",
    ],
)
def test_sizes_that_fit_or_are_not_said_are_taken(project: Write, body: str) -> None:
    assert wanted(project, body).settings.nodes == 2


def test_the_settings_are_no_part_of_the_spec(project: Write) -> None:
    """So that they are never a change of a container."""
    plain = wanted(project, "    server: {model: m}\n").spec
    more = "    server: {model: m}\n    nodes: 2\n    replicas: 2\n    kubernetes: {namespace: a}\n"
    assert wanted(project, more).spec == plain


def test_a_secret_stands_nowhere_but_in_the_environment(project: Write) -> None:
    body = """\
    command: [x, "--token={{ env.HF_TOKEN }}"]
    labels: {a: "{{ env.HF_TOKEN }}", b: "{{ env.HOME }}"}
    environment: {A: "{{ env.HF_TOKEN }}"}
    secret_env: [HF_TOKEN]
    kubernetes: {patch: {spec: {x: ["{{ env.HF_TOKEN }}"]}}}
"""
    folder = project({"sglaunch.yaml": f"{PROJECT}{body}"})
    env = {"HF_TOKEN": "hf_0123", "HOME": "/home/ana"}
    with pytest.raises(ConfigError) as raised:
        load(Request(folder / "sglaunch.yaml", FACTS, env), ["p"])
    assert [(one.path, str(one.place)) for one in raised.value.problems() if "holds a secret" in one.message] == [
        ("command[1]", "sglaunch.yaml:5:18"),
        ("labels.a", "sglaunch.yaml:6:17"),
        ("kubernetes.patch.spec.x[0]", "sglaunch.yaml:9:37"),
    ]
    assert "hf_0123" not in str(raised.value)


def test_files_of_secrets_are_remembered_for_exports(project: Write) -> None:
    folder = project({"a.env": "A=1\n", "token": "t\n"})
    body: Any = (
        "    env_file: [a.env, {path: b.env, required: false}]\n    secret_env: {T: {file: ./token}, HF_TOKEN: {}}\n"
    )
    found = wanted(project, body)
    assert found.env_files == {f"{folder}/a.env": True, f"{folder}/b.env": False}
    assert found.secret_files == {"T": f"{folder}/token"}
