"""What Docker's inspect really shows, as an observation. The JSON in cases/inspect was recorded from Docker 20.10, of
containers that sglaunch created, and cut down to what matters and a little more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import ANA, CONFIG, IMAGE_ID, SALT

from sglaunch.convert.from_inspect import container, is_container, local_image
from sglaunch.plan.options import LIVE
from sglaunch.spec.labels import Applied, fingerprints
from sglaunch.spec.values import Secret

CASES = Path(__file__).resolve().parent.parent / "cases" / "inspect"
RECORDED = "sglaunch-test/busybox:1"
RECORDED_ID = "sha256:ffa00210740b61ad8f5c3b5411a6f188073207a48cdac316164f246b6eb5b020"

# What is seen of each beside what all have in common.
SEEN: dict[str, dict[str, Any]] = {
    "created": {"status": "created", "started": ""},
    "running": {
        "status": "running",
        "health": "healthy",
        "ports": ("0.0.0.0:32768->81/udp", "127.0.0.1:18080->80/tcp", "[::]:32768->81/udp"),
        "live": {
            "restart": "on-failure:3",
            "mem_limit": 1 << 30,
            "memswap_limit": 2 << 30,
            "cpus": 1.5,
            "cpuset": "0",
            "pids_limit": 200,
        },
    },
    "exited": {"status": "exited", "exit_code": 3},
    "restarting": {"status": "restarting", "exit_code": 1, "restart_count": 6, "live": {"restart": "always"}},
    "paused": {"status": "paused"},
    "auto-removed": {"status": "running", "auto_remove": True, "network_mode": "host"},
    "foreign": {
        "status": "running",
        "ports": ("0.0.0.0:18081->80/tcp", "0.0.0.0:18082->80/tcp", "[::]:18081->80/tcp", "[::]:18082->80/tcp"),
    },
    "failed-to-start": {"status": "created", "started": "", "exit_code": 127},
    "out-of-memory": {
        "status": "exited",
        "exit_code": 137,
        "oom_killed": True,
        "live": {"mem_limit": 8 << 20, "memswap_limit": 16 << 20},
    },
}


def recorded(case: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((CASES / f"{case}.json").read_text(encoding="utf-8"))
    return data


def test_every_recorded_case_is_looked_at() -> None:
    assert {path.stem for path in CASES.glob("*.json")} == set(SEEN)


@pytest.mark.parametrize("case", SEEN)
def test_a_container_is_seen(case: str) -> None:
    seen, expected = container(recorded(case)), {**SEEN[case]}
    live = {option.field: None for option in LIVE} | {"restart": "no"} | expected.pop("live", {})
    usual = {
        "exit_code": 0,
        "health": "",
        "restart_count": 0,
        "oom_killed": False,
        "auto_remove": False,
        "ports": (),
        "network_mode": "default",
        "image_id": RECORDED_ID,
        "image_ref": RECORDED,
        "layer_size": 0,
        **expected,
    }
    assert {field: getattr(seen, field) for field in usual} == usual
    assert seen.live == live
    assert bool(seen.started) == ("started" not in expected)


@pytest.mark.parametrize("case", [case for case in SEEN if case not in ("foreign", "failed-to-start", "out-of-memory")])
def test_its_name_and_our_labels_are_read(case: str) -> None:
    seen = container(recorded(case))
    assert seen.name == f"ana-eval-{case}"
    assert seen.applied is not None
    assert (seen.applied.project, seen.applied.profile) == ("eval", case)
    assert seen.applied.spec is not None, "what was written then is read now"


def test_a_container_made_without_us_has_no_label_of_ours() -> None:
    assert container(recorded("foreign")).applied is None


def test_the_label_of_a_recorded_container_is_read_whole() -> None:
    spec = {
        "image": RECORDED,
        "command": ["sleep", "infinity"],
        "environment": {"A": "1", "TOKEN": {"secret": True}},
        "healthcheck": {"test": "true", "interval": 1},
        "ports": {"80/tcp": [{"port": "18080", "ip": "127.0.0.1"}], "81/udp": [{}]},
        "stop_signal": "SIGKILL",
    }
    marks = fingerprints({"TOKEN": Secret("hf_0123")}, SALT)
    applied = Applied("eval", "running", ANA, CONFIG, spec, IMAGE_ID, marks, SALT)
    assert container(recorded("running")).applied == applied


def test_the_environment_is_whole_and_shows_nothing() -> None:
    seen = container(recorded("running"))
    assert {name: value.reveal() for name, value in seen.env.items()} == {
        "A": "1",
        "PATH": "/bin",
        "TOKEN": "hf_0123",
    }
    assert "hf_0123" not in repr(seen)


def test_a_failed_start_leaves_the_engines_words() -> None:
    assert 'exec: "no-such-program"' in container(recorded("failed-to-start")).error


def change(case: str, part: str, **values: Any) -> dict[str, Any]:
    data = recorded(case)
    data[part] = {**data[part], **values}
    return data


ENVIRONMENTS: list[tuple[Any, dict[str, str]]] = [
    (None, {}),
    ([], {}),
    (["A=b=c"], {"A": "b=c"}),
    (["A="], {"A": ""}),
    (["A"], {"A": ""}),
    (["A=line one\nline two"], {"A": "line one\nline two"}),
]


@pytest.mark.parametrize(("lines", "expected"), ENVIRONMENTS)
def test_an_environment_is_names_and_the_rest(lines: Any, expected: dict[str, str]) -> None:
    seen = container(change("running", "Config", Env=lines))
    assert {name: value.reveal() for name, value in seen.env.items()} == expected


def test_ports_of_a_stopped_container_are_those_it_asks_for() -> None:
    data = change("running", "NetworkSettings", Ports={})
    data["HostConfig"]["PortBindings"] = {"80/tcp": [{"HostIp": "::1", "HostPort": "80"}], "9/tcp": None}
    assert container(data).ports == ("[::1]:80->80/tcp",)


@pytest.mark.parametrize("part", ["Config", "NetworkSettings", "Image", "Created", "RestartCount", "SizeRw"])
def test_what_an_engine_leaves_out_or_sets_null_is_nothing(part: str) -> None:
    data = recorded("running")
    for lacking in ({**data, part: None}, {key: value for key, value in data.items() if key != part}):
        seen = container(lacking)
        assert seen.status == "running"
        assert "None" not in (seen.name, seen.image_id, seen.image_ref, seen.created, seen.network_mode)


def test_containers_and_images_are_told_apart() -> None:
    assert is_container(recorded("created"))
    assert not is_container({"Id": "sha256:aa", "RepoTags": ["img:1"], "Config": {}})
    assert not is_container({"Name": "net", "Id": "aa", "Driver": "bridge"}), "an untyped inspect finds networks too"


@pytest.mark.parametrize(
    ("data", "names", "digests"),
    [
        ({"RepoTags": ["img:1", "img:2"], "RepoDigests": ["img@sha256:bb"]}, ("img:1", "img:2"), ("sha256:bb",)),
        ({"RepoTags": None, "RepoDigests": None}, (), ()),
        ({}, (), ()),
    ],
)
def test_an_image_has_an_id_all_its_names_and_digests(
    data: dict[str, Any], names: tuple[str, ...], digests: tuple[str, ...]
) -> None:
    image = local_image({"Id": "sha256:aa", **data})
    assert (image.id, image.names, image.digests) == ("sha256:aa", names, digests)


# GPUs


def gpus_of(host: dict[str, Any] | None = None, **data: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    config = {"Image": "img:1", "Env": data.pop("env", []), "CreateCommand": data.pop("command", None)}
    one = container(
        {"Id": "a", "Name": "/a", "State": {"Status": "running"}, "HostConfig": host, "Config": config, **data}
    )
    return one.gpu_ids, one.device_nodes


def request(**fields: Any) -> dict[str, Any]:
    asked = {"Driver": "", "Count": 0, "DeviceIDs": None, "Capabilities": [["gpu"]], **fields}
    return {"DeviceRequests": [asked]}


NVIDIA = {"Runtime": "nvidia", "DeviceRequests": None}
SHOWN: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "--gpus all": ({"host": request(Count=-1)}, ("all",)),
    "--gpus 2, which are the first two": ({"host": request(Count=2)}, ("0", "1")),
    "--gpus device": ({"host": request(DeviceIDs=["1", "GPU-a"])}, ("1", "GPU-a")),
    "a comma": ({"host": request(DeviceIDs=["4,5"])}, ("4", "5")),
    "compose": ({"host": request(Driver="nvidia", DeviceIDs=["3"], Options=None)}, ("3",)),
    "CDI": (
        {"host": request(Driver="cdi", DeviceIDs=["nvidia.com/gpu=0"], Capabilities=None)},
        ("nvidia.com/gpu=0",),
    ),
    "another driver's request": ({"host": request(Driver="fpga", Count=2, Capabilities=[["fpga"]])}, ()),
    "NVIDIA's runtime": ({"host": NVIDIA, "env": ["NVIDIA_VISIBLE_DEVICES=0,GPU-b"]}, ("0", "GPU-b")),
    "an image's all": ({"host": NVIDIA, "env": ["NVIDIA_VISIBLE_DEVICES=all"]}, ("all",)),
    "none": ({"host": NVIDIA, "env": ["NVIDIA_VISIBLE_DEVICES=none"]}, ()),
    "void": ({"host": NVIDIA, "env": ["NVIDIA_VISIBLE_DEVICES=void"]}, ()),
    "no variable": ({"host": NVIDIA}, ()),
    "the variable without the runtime": ({"host": {"Runtime": "runc"}, "env": ["NVIDIA_VISIBLE_DEVICES=0"]}, ()),
    "a request overrides the variable": (
        {"host": {**NVIDIA, **request(DeviceIDs=["1"])}, "env": ["NVIDIA_VISIBLE_DEVICES=all"]},
        ("1",),
    ),
    "Podman's runtime": (
        {"OCIRuntime": "/usr/bin/nvidia-container-runtime", "env": ["NVIDIA_VISIBLE_DEVICES=1"]},
        ("1",),
    ),
    "Podman's words": ({"command": ["podman", "run", "--device", "nvidia.com/gpu=1", "x"]}, ("nvidia.com/gpu=1",)),
    "Podman's words, joined": ({"command": ["podman", "run", "--device=nvidia.com/gpu=all"]}, ("nvidia.com/gpu=all",)),
}


@pytest.mark.parametrize("case", SHOWN)
def test_the_gpus_that_a_container_was_given_are_seen_however_they_were_asked_for(case: str) -> None:
    data, expected = SHOWN[case]
    assert gpus_of(**data) == (expected, ())


def test_device_nodes_are_seen_but_not_those_that_stand_for_a_cdi_name_or_come_with_every_right() -> None:
    host = {"Devices": [{"PathOnHost": "/dev/nvidia3", "PathInContainer": "/dev/nvidia3"}]}
    assert gpus_of(host) == ((), ("/dev/nvidia3",))
    assert gpus_of({**host, "Privileged": True}) == ((), ())
    assert gpus_of(host, command=["podman", "create", "--device=nvidia.com/gpu=3"]) == (("nvidia.com/gpu=3",), ())
