"""`config PROFILE KEY --origins`: what a key means, its value, and what became of every layer's candidate."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sglaunch.cli import main

Project = Callable[[dict[str, str]], Path]
FILES = {
    "sglaunch.yaml": """\
project: eval
defaults:
  environment: {TZ: UTC, LEVEL: warn}
profiles:
  a:
    image: x
    environment: {LEVEL: info, MY_TOKEN: abcdef, HF_ENDPOINT: mine, URL: "http://u:pw@h"}
    secret_env: [KEY]
    hub: hf-mirror
    caches: [sglang, huggingface]
    cap_add: [NET_ADMIN]
    volumes: [./a:/data, ./c:/root/.cache/huggingface, ./d:/d:ro]
    command: [top]
    sysctls: {net.core.somaxconn: 5}
    ulimits: {nofile: 1}
    accelerator: rocm
    user: low
  s:
    extends: server
    network_mode: bridge
    server: {model: /models/m, args: {tp: 2}}
""",
    "sglaunch.local.yaml": """\
profiles:
  a:
    environment: {LEVEL: debug}
    volumes: [./b:/data:ro, ./e:/d]
    command: null
    cap_add: [SYS_TIME]
    ulimits: !reset null
    user: !override high
    security_opt: !override [label=disable]
  s: {server: {args: {tensor-parallel-size: 4}}}
""",
}
# Profile and key -> the lines after the first two.
SHOWN: dict[str, tuple[str, ...]] = {
    "a environment.LEVEL": (
        "value: debug",
        "->  debug  sglaunch.local.yaml:3:26 (local)  wins",
        "    info   sglaunch.yaml:7:26 (project)      replaced",
        "    warn   sglaunch.yaml:3:33 (project)      replaced",
    ),
    "a environment.TZ": ("value: UTC", "->  UTC  sglaunch.yaml:3:21 (project)  wins"),
    "a environment.MY_TOKEN": ("value: ********", "->  ********  sglaunch.yaml:7:42 (project)  wins"),
    "a environment.URL": ("value: ********", "->  ********  sglaunch.yaml:7:74 (project)  wins"),
    "a environment.KEY": (
        "value: the caller's, which has none",
        "->  ********  sglaunch.yaml:8:18 (project)  wins, from secret_env",
    ),
    "a environment.HF_ENDPOINT": (
        "value: mine",
        "->  mine                   sglaunch.yaml:7:63 (project)  wins",
        "    https://hf-mirror.com  sglaunch.yaml:9:10 (project)  gives way: what is written beats it, from hub",
    ),
    "a environment.SGLANG_USE_AITER": (
        "value: 1",
        "->  1  sglaunch.yaml:16:18 (project)  wins, from accelerator",
    ),
    "a cap_add": (
        'value: ["NET_ADMIN", "SYS_TIME", "SYS_PTRACE"]',
        '->  ["SYS_TIME"]    sglaunch.local.yaml:6:14 (local)  appended',
        '->  ["NET_ADMIN"]   sglaunch.yaml:11:14 (project)     appended',
        '->  ["SYS_PTRACE"]  sglaunch.yaml:16:18 (project)     appended, from accelerator',
    ),
    "a cap_add.0": ("value: NET_ADMIN", "->  NET_ADMIN  sglaunch.yaml:11:15 (project)  wins"),
    "a cap_add[1]": ("value: SYS_TIME", "->  SYS_TIME  sglaunch.local.yaml:6:15 (local)  wins"),
    "a security_opt": (
        'value: ["label=disable", "seccomp=unconfined"]',
        '->  ["label=disable"]       sglaunch.local.yaml:9:19 (local)  wins',
        '->  ["seccomp=unconfined"]  sglaunch.yaml:16:18 (project)     appended, from accelerator',
    ),
    "a volumes./d.read_only": (
        "value: false",
        "what layers wrote is removed: this is the default",
        '  {"type": "bind", "source": "PROJ/e"}  sglaunch.local.yaml:4:29 (local)  '
        "replaces the whole entry, and leaves this out",
        "  true                                  sglaunch.yaml:12:56 (project)     replaced",
    ),
    "a volumes./root/.cache/huggingface": (
        'value: {"type": "bind", "source": "PROJ/c"}',
        '->  {"type": "bind", "source": "PROJ/c"}                sglaunch.yaml:12:26 (project)  wins',
        '    {"type": "bind", "source": "~/.cache/huggingface"}  sglaunch.yaml:10:22 (project)  '
        "gives way: what is written beats it, from caches",
    ),
    "a volumes": (
        'value: {"/root/.cache/sglang": {"type": "bind", "source": "HOME/.cache/sglang", "create_host_path": true}, '
        '"/root/.cache/huggingface": {"type": "bind", "source": "PROJ/c"}, '
        '"/data": {"type": "bind", "source": "PROJ/b", "read_only": true}, "/d": {"type": "bind", "source": "PROJ/e"}}',
        '->  {"/data": {"read_only": true, "type": "bind", "source": "PROJ/b"}, '
        '"/d": {"type": "bind", "source": "PROJ/e"}}  sglaunch.local.yaml:4:14 (local)  merged',
        '->  {"/data": {"type": "bind", "source": "PROJ/a"}, "/root/.cache/huggingface": {"type": "bind", '
        '"source": "PROJ/c"}, "/d": {"read_only": true, "type": "bind", "source": "PROJ/d"}}  '
        "sglaunch.yaml:12:14 (project)  merged",
        '->  {"/root/.cache/sglang": {"type": "bind", "source": "~/.cache/sglang"}}  sglaunch.yaml:10:14 (project)  '
        "merged, from caches",
    ),
    "a command": (
        "value: -",
        "what layers wrote is removed: this is the default",
        "  -        sglaunch.local.yaml:5:14 (local)  removes what lies beneath",
        '  ["top"]  sglaunch.yaml:13:14 (project)     removed',
    ),
    "a devices": (
        'value: {"/dev/kfd": {"path": "/dev/kfd"}, "/dev/dri": {"path": "/dev/dri"}}',
        '->  {"/dev/kfd": "/dev/kfd", "/dev/dri": "/dev/dri"}  sglaunch.yaml:16:18 (project)  merged, from accelerator',
    ),
    "s ports": (
        'value: {"30000/tcp": [{"port": "30000"}]}',
        '->  {"30000/tcp": [{"port": "30000"}]}  <server.yaml>:4:9 (built-in)  merged, from server.port',
    ),
    "a ulimits.nofile": (
        "value: -",
        "what layers wrote is removed: this is the default",
        "  -                       sglaunch.local.yaml:7:14 (local)  removes what lies beneath",
        '  {"soft": 1, "hard": 1}  sglaunch.yaml:15:23 (project)     removed',
    ),
    "a user": (
        "value: high",
        "->  high  sglaunch.local.yaml:8:11 (local)  wins",
        "    low   sglaunch.yaml:17:11 (project)     replaced",
    ),
    "a sysctls.net.core.somaxconn": ("value: 5", "->  5  sglaunch.yaml:14:35 (project)  wins"),
    "a protect": ("value: true", "no layer writes it: this is the default"),
    "a shell": ('value: ["bash"]', "no layer writes it: this is the default"),
    "a healthcheck.retries": ("value: -", "no layer writes it: this is the default"),
    "s server.args.tp": (
        "value: 4",
        "->  4  sglaunch.local.yaml:10:45 (local)  wins",
        "    2  sglaunch.yaml:21:43 (project)      replaced",
    ),
    "s server.args.tp-size": (
        "value: 4",
        "->  4  sglaunch.local.yaml:10:45 (local)  wins",
        "    2  sglaunch.yaml:21:43 (project)      replaced",
    ),
    "s ports.30000": (
        'value: [{"port": "30000"}]',
        '->  [{"port": "30000"}]  <server.yaml>:4:9 (built-in)  wins, from server.port',
    ),
    "s volumes./models/m": (
        'value: {"type": "bind", "source": "/models/m", "read_only": true}',
        '->  {"type": "bind", "source": "/models/m", "read_only": true}  sglaunch.yaml:21:21 (project)  '
        "wins, from server.model",
    ),
    "s server.ready.stall": ("value: 1200.0", "no layer writes it: this is the default"),
}


@pytest.mark.parametrize("asked", SHOWN)
def test_what_became_of_each_candidate(asked: str, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(FILES)
    assert main(["-C", str(folder), "config", *asked.split(), "--origins"]) == 0
    said = capsys.readouterr().out.replace(str(folder), "PROJ").replace(os.environ["HOME"], "HOME")
    lines = said.splitlines()
    wanted = [line.replace(str(folder), "PROJ") for line in SHOWN[asked]]
    assert [" ".join(line.split()) for line in lines[2:]] == [" ".join(line.split()) for line in wanted]


# Key -> its meaning, and what a change takes; the rule by which layers come together.
MEANT: dict[str, tuple[str, str]] = {
    "environment.TZ": ("variables; a bare name", "a new container; of several layers the nearest wins"),
    "environment": ("variables; a bare name", "a new container; layers are merged key by key"),
    "cap_add": ("capabilities added", "a new container; layers are appended, without duplicates"),
    "cap_add[0]": ("capabilities added", "a new container; layers are appended, without duplicates"),
    "command": ("words run in place of", "a new container; of several layers the nearest wins"),
    "mem_limit": ("memory limit", "in place; of several layers the nearest wins"),
    "protect": ("removing it needs consent", "nothing; of several layers the nearest wins"),
    "container_name": ("name of the container", "renamed in place; of several layers the nearest wins"),
    "server.ready.timeout": ("how long a start may take", "nothing; of several layers the nearest wins"),
    "build.target": ("the stage to build", "a new image, and a new container; of several layers the nearest wins"),
    "volumes./data.source": ("path on the host", "a new container; of several layers the nearest wins"),
}


@pytest.mark.parametrize("key", MEANT)
def test_what_a_key_means_and_a_change_takes(key: str, project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(project(FILES)), "config", "a", key, "--origins"]) == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{key}: {MEANT[key][0]}")
    assert second == f"a change: {MEANT[key][1]}"


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("evironment", "a has no value 'evironment'; did you mean environment?"),
        ("environment.LEVL", "a has no value 'environment.LEVL'; did you mean environment.LEVEL?"),
        ("server.modle", "a has no value 'server.modle'; did you mean server?"),
        ("healthcheck.tset", "a has no value 'healthcheck.tset'; did you mean healthcheck?"),
        ("labels.x", "a has no value 'labels.x'; did you mean labels?"),
        ("image.x", "a has no value 'image.x'; did you mean image?"),
        ("deploy.resources", "deploy is not carried by sglaunch; write gpus, mem_limit, cpus and restart instead"),
        ("zzz", "a has no value 'zzz'; docs/reference.md lists the keys"),
        ("..", "a has no value '..'; docs/reference.md lists the keys"),
        ("[0]", "a has no value '[0]'; docs/reference.md lists the keys"),
    ],
)
def test_a_key_that_is_none_is_told_with_the_nearest(
    key: str, told: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-C", str(project(FILES)), "config", "a", key]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == told


def test_as_json(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(FILES)
    assert main(["-C", str(folder), "config", "a", "environment.HF_ENDPOINT", "--json"]) == 0
    hub = {"origin": "sglaunch.yaml:9:10", "layer": "project", "from": "hub"}
    mine = {"origin": "sglaunch.yaml:7:63", "layer": "project", "from": None}
    assert json.loads(capsys.readouterr().out) == {
        "schema_version": 1,
        "key": "environment.HF_ENDPOINT",
        "value": "mine",
        "description": "variables; a bare name takes the caller's value",
        "effect": "new container",
        "rule": "replace",
        "winner": mine,
        "candidates": [
            {"value": "mine", **mine, "fate": "wins"},
            {"value": "https://hf-mirror.com", **hub, "fate": "gives way"},
        ],
    }
    assert main(["-C", str(folder), "config", "a", "protect", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["winner"] is None


@pytest.mark.parametrize("words", [[], ["--origins"], ["--json"]])
@pytest.mark.parametrize("key", ["environment", "environment.MY_TOKEN", "secret_env", "environment.KEY"])
def test_no_secret_is_shown(
    key: str, words: list[str], project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "topsecret")
    assert main(["-C", str(project(FILES)), "config", "a", key, *words]) == 0
    said = "".join(capsys.readouterr())
    assert "abcdef" not in said.replace("quote", "")
    assert "pw@" not in said
    assert "topsecret" not in said
