"""What inspect data says beyond image and engine, as a profile; on real engines see e2e/test_import_container."""

from __future__ import annotations

from typing import Any

import pytest

from sglaunch.convert.imported import Imported
from sglaunch.convert.inspected import Inspected
from sglaunch.convert.inspected_values import READ
from sglaunch.convert.to_profile import UNSAID, profile_name, to_profile
from sglaunch.plan.capabilities import PODMAN, Capabilities
from sglaunch.plan.options import OPTIONS

ID = "ab" * 32
IMAGE: dict[str, Any] = {
    "Id": "sha256:1",
    "RepoTags": ["img:1"],
    "Config": {
        "Env": ["PATH=/bin", "FROM=image"],
        "Cmd": ["serve"],
        "Entrypoint": ["/entry"],
        "WorkingDir": "/app",
        "User": "app",
        "Labels": {"of": "image"},
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/data": {}},
        "Healthcheck": {"Test": ["CMD", "true"]},
        "StopSignal": "SIGQUIT",
    },
}


def container(config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **rest: Any) -> Imported:
    """A container of that image, which says nothing of its own but what is given."""
    data = {
        "Id": ID,
        "Name": "/box",
        "Config": {**IMAGE["Config"], "Image": "img:1", "Hostname": ID[:12], **(config or {})},
        "HostConfig": {"NetworkMode": "default", "ShmSize": 67108864, "Runtime": "runc", **(host or {})},
        **rest,
    }
    return to_profile(Inspected(data, IMAGE))


def own(found: Imported) -> dict[str, Any]:
    return {key: value for key, value in found.keys.items() if key not in ("container_name", "image")}


def test_what_image_and_engine_bring_is_left_out() -> None:
    anonymous = {"Type": "volume", "Name": "f" * 64, "Source": "/x", "Destination": "/data", "RW": True}
    found = container(Mounts=[anonymous])
    assert found.keys == {"container_name": "box", "image": "img:1"}
    assert not found.losses


def test_every_option_has_a_row() -> None:
    joined = {"server", "logging_driver", "logging_options"}
    assert set(READ) == ({option.field for option in OPTIONS} - joined) | {"logging"}


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({"Cmd": ["other"]}, {"command": ["other"]}),
        ({"Entrypoint": ["sh"], "Cmd": None}, {"entrypoint": ["sh"]}),
        ({"Entrypoint": ["sh"], "Cmd": ["serve"]}, {"entrypoint": ["sh"], "command": ["serve"]}),
        ({"Entrypoint": None, "Cmd": ["x"]}, {"entrypoint": [], "command": ["x"]}),
        ({"Env": ["PATH=/bin", "FROM=me", "A={{ b }}"]}, {"environment": {"FROM": "me", "A": "{{ '{{' }} b }}"}}),
        ({"User": "0", "WorkingDir": "/w"}, {"user": "0", "working_dir": "/w"}),
        ({"Hostname": "h", "Domainname": "d"}, {"hostname": "h.d"}),
        ({"Labels": {"of": "image", "com.docker.compose.x": "y", "l": "m"}}, {"labels": {"l": "m"}}),
        ({"Healthcheck": {"Test": ["NONE"]}}, {"healthcheck": {"disable": True}}),
        ({"StopSignal": "SIGTERM", "StopTimeout": 90}, {"stop_signal": "SIGTERM", "stop_grace_period": "1m30s"}),
    ],
)
def test_what_the_container_says_of_its_own(config: dict[str, Any], keys: dict[str, Any]) -> None:
    assert own(container(config)) == keys


@pytest.mark.parametrize(
    ("host", "keys"),
    [
        ({"Memory": 1 << 30, "MemorySwap": 2 << 30}, {"mem_limit": "1g"}),
        ({"Memory": 1 << 30, "MemorySwap": -1}, {"mem_limit": "1g", "memswap_limit": -1}),
        ({"NanoCpus": 1500000000, "CpuQuota": 150000, "CpuPeriod": 100000}, {"cpus": 1.5}),
        ({"IpcMode": "host", "SecurityOpt": ["label=disable"], "ShmSize": 1 << 30}, {"ipc": "host"}),
        ({"CgroupnsMode": "private"}, {"cgroup": "private"}),
        ({"CgroupnsMode": "host"}, {}),
        ({"NetworkMode": "host", "PortBindings": {"80/tcp": [{"HostPort": "1"}]}}, {"network_mode": "host"}),
        ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}, {"restart": "on-failure:3"}),
        ({"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["a/b=c"]}]}, {"devices": ["a/b=c"]}),
        ({"DeviceRequests": [{"Count": 2, "Capabilities": [["gpu"]]}]}, {"gpus": 2}),
        ({"MaskedPaths": [], "ReadonlyPaths": []}, {"security_opt": ["systempaths=unconfined"]}),
        ({"LogConfig": {"Type": "json-file", "Config": {}}}, {}),
        ({"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}, {"ulimits": {"nofile": {"soft": 1, "hard": 2}}}),
    ],
)
def test_what_the_engine_was_asked(host: dict[str, Any], keys: dict[str, Any]) -> None:
    assert own(container(host=host)) == keys


def test_secrets_are_names_alone() -> None:
    found = container({"Env": ["HF_TOKEN=hf_s3cretvalue", "U=http://a:s3cretvalue@h", "HF_HOME=/h", "API_KEY="]})
    assert own(found) == {"environment": {"API_KEY": "", "HF_HOME": "/h"}, "secret_env": ["HF_TOKEN", "U"]}
    command = container({"Cmd": ["tool", "--api-key", "s3cretvalue", "hf_s3cretvalue1234567"]})
    script = 'exec "${1}" "${2}" "${API_KEY}" "${HF_TOKEN}"'
    assert own(command) == {
        "command": ["sh", "-c", script, "sh", "tool", "--api-key"],
        "secret_env": ["API_KEY", "HF_TOKEN"],
    }
    assert len(command.losses) == 2
    assert "s3cret" not in repr((found, command))


SERVE = ["python3", "-m", "sglang.launch_server", "--model-path", "a/b", "--tp", "2", "--host", "0.0.0.0"]


def test_a_launch_command_is_a_server_where_its_port_is_reached() -> None:
    found = container({"Cmd": SERVE}, {"NetworkMode": "host"})
    assert own(found)["server"] == {"model": "a/b", "args": {"tp-size": 2}}
    assert "command" not in found.keys
    published = container({"Cmd": SERVE}, {"PortBindings": {"30000/tcp": [{"HostIp": "", "HostPort": "8000"}]}})
    assert own(published)["ports"] == ["8000:30000"]
    assert "server" in published.keys
    assert own(container({"Cmd": SERVE})) == {"command": SERVE}


@pytest.mark.parametrize("key", UNSAID)
def test_what_no_profile_says_is_told(key: str) -> None:
    found = container(host={key: ["x"]})
    assert [(loss.path, str(loss.place)) for loss in found.losses] == [(f"HostConfig.{key}", "container box")]


def test_exposed_ports_and_a_seccomp_profile_are_told() -> None:
    found = container({"ExposedPorts": {"80/tcp": {}, "90/tcp": {}}}, {"SecurityOpt": ['seccomp={"a": 1}', "x"]})
    assert [loss.path for loss in found.losses] == ["HostConfig.SecurityOpt", "Config.ExposedPorts"]
    assert own(found) == {"security_opt": ["x"]}


def test_what_podman_hides_comes_from_its_command_or_is_told() -> None:
    data = {"Id": ID, "Name": "box", "Config": {"Image": "img:1"}, "HostConfig": {"IpcMode": "shareable"}}
    made = {"CreateCommand": ["podman", "create", "--name", "box", "--ipc", "host", "--sysctl", "a.b=1", "img:1"]}
    engine = Capabilities(PODMAN)
    known = to_profile(Inspected({**data, "Config": {**data["Config"], **made}}, {}, engine))
    assert own(known) == {"ipc": "host", "sysctls": {"a.b": "1"}}
    unknown = to_profile(Inspected(data, {}, engine))
    assert "podman hides" in unknown.losses[0].message


def test_a_profile_is_named_after_the_container() -> None:
    assert [profile_name(name) for name in ("my_box.1", "-x-", "a b", "___")] == ["my_box.1", "x", "a-b", "imported"]
