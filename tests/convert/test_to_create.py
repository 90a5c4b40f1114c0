"""Every option of a spec as words of the engine's create call: the table walks the spec, so that none is forgotten."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest
from builders import make_spec
from python_on_whales import DockerClient

from sglaunch.convert.to_create import connect_words, create_call, update_arguments
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.values import (
    Device,
    Gpus,
    Healthcheck,
    Mount,
    NetworkAttachment,
    PortBinding,
    Secret,
    Ulimit,
)

# option, its value, the arguments it makes
TABLE: list[tuple[str, Any, dict[str, Any]]] = [
    ("container_name", "x", {"name": "x"}),
    ("environment", {"A": "1", "E": ""}, {"envs": {"A": "1", "E": ""}}),
    ("environment", {"A": None}, {}),
    ("volumes", {"/d": Mount("bind", "/s")}, {"mounts": [["type=bind", "source=/s", "target=/d"]]}),
    (
        "volumes",
        {"/d": Mount("bind", "/s", read_only=True)},
        {"mounts": [["type=bind", "source=/s", "target=/d", "readonly"]]},
    ),
    ("volumes", {"/d": Mount("volume", "v")}, {"mounts": [["type=volume", "source=v", "target=/d"]]}),
    ("volumes", {"/d": Mount("volume")}, {"mounts": [["type=volume", "target=/d"]]}),
    (
        "volumes",
        {"/d": Mount("volume", "v", nocopy=True)},
        {"mounts": [["type=volume", "source=v", "target=/d", "volume-nocopy"]]},
    ),
    (
        "volumes",
        {"/d": Mount("bind", "/s", propagation="rshared")},
        {"mounts": [["type=bind", "source=/s", "target=/d", "bind-propagation=rshared"]]},
    ),
    (
        "volumes",
        {"/d,e": Mount("bind", '/a "b",c')},
        {"mounts": [["type=bind", '"source=/a ""b"",c"', '"target=/d,e"']]},
    ),
    (
        "volumes",
        {"/d": Mount("bind", "/s", create_host_path=True)},
        {"mounts": [["type=bind", "source=/s", "target=/d"]]},
    ),
    ("volumes", {"/d": Mount("bind", "/s", selinux="z")}, {"mounts": [], "volumes": [("/s", "/d", "z")]}),
    (
        "volumes",
        {"/d": Mount("bind", "/s", read_only=True, selinux="Z", propagation="rslave")},
        {"mounts": [], "volumes": [("/s", "/d", "ro,Z,rslave")]},
    ),
    ("tmpfs", {"/t": "", "/u": "size=1g"}, {"tmpfs": ["/t", "/u:size=1g"]}),
    ("volumes_from", ("a", "b:ro"), {"volumes_from": ["a", "b:ro"]}),
    ("ports", {"80/tcp": (PortBinding("8000"),)}, {"publish": [("8000", "80")]}),
    ("ports", {"80/udp": (PortBinding("8000"),)}, {"publish": [("8000", "80/udp")]}),
    ("ports", {"80/tcp": (PortBinding(),)}, {"publish": [("80",)]}),
    ("ports", {"80/tcp": (PortBinding("8000", "127.0.0.1"),)}, {"publish": [("127.0.0.1:8000", "80")]}),
    ("ports", {"80/tcp": (PortBinding("", "127.0.0.1"),)}, {"publish": [("127.0.0.1:", "80")]}),
    ("ports", {"80/tcp": (PortBinding("8000", "::1"),)}, {"publish": [("[::1]:8000", "80")]}),
    ("ports", {"80/tcp": (PortBinding("1"), PortBinding("2"))}, {"publish": [("1", "80"), ("2", "80")]}),
    ("network_mode", "host", {"networks": ["host"]}),
    ("networks", {"n": NetworkAttachment()}, {"networks": ["n"]}),
    (
        "networks",
        {"n": NetworkAttachment(("a", "b"), "10.0.0.2", "fd00::2"), "m": NetworkAttachment(("c",))},
        {"networks": ["n"], "network_aliases": ["a", "b"], "ip": "10.0.0.2", "ip6": "fd00::2"},
    ),
    ("extra_hosts", {"h": ("1.2.3.4", "::1")}, {"add_hosts": [("h", "1.2.3.4"), ("h", "::1")]}),
    ("dns", ("1.1.1.1",), {"dns": ["1.1.1.1"]}),
    ("dns_search", ("s",), {"dns_search": ["s"]}),
    ("dns_opt", ("ndots:2",), {"dns_options": ["ndots:2"]}),
    ("ipc", "host", {"ipc": "host"}),
    ("pid", "host", {"pid": "host"}),
    ("uts", "host", {"uts": "host"}),
    ("userns_mode", "host", {"userns": "host"}),
    ("cgroup", "private", {"cgroupns": "private"}),
    ("shm_size", 32 << 30, {"shm_size": 34359738368}),
    ("gpus", Gpus(-1), {"gpus": "all"}),
    ("gpus", Gpus(ids=("0", "2")), {"gpus": '"device=0,2"'}),
    ("devices", {"/dev/a": Device("/dev/b", "r")}, {"devices": ["/dev/b:/dev/a:r"]}),
    (
        "devices",
        {"nvidia.com/gpu=all": Device("nvidia.com/gpu=all")},
        {"devices": ["nvidia.com/gpu=all"]},
    ),
    ("device_cgroup_rules", ("c 1:1 r",), {"device_cgroup_rules": ["c 1:1 r"]}),
    ("privileged", True, {"privileged": True}),
    ("cap_add", ("SYS_PTRACE",), {"cap_add": ["SYS_PTRACE"]}),
    ("cap_drop", ("ALL",), {"cap_drop": ["ALL"]}),
    ("security_opt", ("seccomp=unconfined",), {"security_options": ["seccomp=unconfined"]}),
    ("group_add", ("video",), {"groups_add": ["video"]}),
    ("ulimits", {"memlock": Ulimit(-1, -1), "nofile": Ulimit(1, 2)}, {"ulimit": ["memlock=-1", "nofile=1:2"]}),
    ("sysctls", {"net.a": "1"}, {"sysctl": {"net.a": "1"}}),
    ("user", "1000:1000", {"user": "1000:1000"}),
    ("working_dir", "/w", {"workdir": "/w"}),
    ("hostname", "h", {"hostname": "h"}),
    ("tty", True, {"tty": True}),
    ("stdin_open", True, {"interactive": True}),
    ("init", True, {"init": True}),
    ("auto_remove", True, {"remove": True}),
    ("stop_signal", "SIGINT", {"stop_signal": "SIGINT"}),
    ("stop_grace_period", 90.0, {"stop_timeout": 90}),
    ("stop_grace_period", 0.5, {"stop_timeout": 1}),
    ("stop_grace_period", 0.0, {"stop_timeout": 0}),
    ("healthcheck", Healthcheck("curl :80"), {"health_cmd": "curl :80"}),
    (
        "healthcheck",
        Healthcheck("c", interval=1.5, timeout=3.0, retries=0, start_period=90.0),
        {
            "health_cmd": "c",
            "health_interval": 1.5,
            "health_timeout": 3,
            "health_retries": 0,
            "health_start_period": 90,
        },
    ),
    ("healthcheck", Healthcheck(disable=True), {"healthcheck": False}),
    ("read_only", True, {"read_only": True}),
    ("runtime", "nvidia", {"runtime": "nvidia"}),
    ("platform", "linux/arm64", {"platform": "linux/arm64"}),
    ("logging_driver", "local", {"log_driver": "local"}),
    ("logging_options", {"max-size": "1m"}, {"log_options": ["max-size=1m"]}),
    ("restart", "on-failure:3", {"restart": "on-failure:3"}),
    ("restart", "no", {}),
    ("mem_limit", 1 << 30, {"memory": 1 << 30}),
    ("mem_reservation", 1 << 30, {"memory_reservation": 1 << 30}),
    ("memswap_limit", -1, {"memory_swap": -1}),
    ("cpus", 1.5, {"cpus": 1.5}),
    ("cpu_shares", 512, {"cpu_shares": 512}),
    ("cpu_quota", 50000, {"cpu_quota": 50000}),
    ("cpu_period", 100000, {"cpu_period": 100000}),
    ("cpuset", "0-3,8", {"cpuset_cpus": ["0-3,8"]}),
    ("pids_limit", -1, {"pids_limit": -1}),
    ("pids_limit", 0, {"pids_limit": 0}),
    ("mem_limit", 0, {"memory": 0}),
]
# Not arguments of their own: words of the command, labels, and what is expanded before.
APART = {"image", "command", "entrypoint", "server", "labels"}


def arguments(**options: Any) -> dict[str, Any]:
    """What the options add to the arguments of a spec without any."""
    call = create_call(make_spec(**options), {"a": "b"})
    bare = create_call(make_spec(), {"a": "b"}).arguments
    return {name: value for name, value in call.arguments.items() if name not in bare or bare[name] != value}


@pytest.mark.parametrize(("field", "value", "expected"), TABLE)
def test_an_option_becomes_its_arguments(field: str, value: Any, expected: dict[str, Any]) -> None:
    assert arguments(**{field: value}) == expected


def test_every_argument_is_one_that_the_library_takes() -> None:
    known = set(inspect.signature(DockerClient().container.create).parameters)
    assert {name for _, _, expected in TABLE for name in expected} | {"labels", "entrypoint", "pull"} <= known


def test_the_table_names_every_option() -> None:
    names = {item.name for item in fields(ContainerSpec)}
    assert {field for field, _, _ in TABLE} | APART == names


@pytest.mark.parametrize("field", [item.name for item in fields(ContainerSpec)])
def test_an_option_that_is_unset_is_not_sent(field: str) -> None:
    """What is not sent keeps the engine's or the image's own default."""
    assert set(create_call(make_spec(command=None), {}).arguments) == {"labels", "name"}
    if field not in ("container_name", "image"):
        assert arguments(**{field: ContainerSpec("n", "i").__dict__[field]}) == {}


PROCESSES: dict[str, tuple[dict[str, Any], tuple[str, ...], Any]] = {
    "the image's own": ({"command": None}, (), None),
    "a command": ({"command": ("a", "b c")}, ("a", "b c"), None),
    "an entrypoint": ({"command": None, "entrypoint": ("e",)}, (), "e"),
    "both": ({"command": ("a",), "entrypoint": ("e",)}, ("a",), "e"),
    "an entrypoint of several words": ({"command": ("a",), "entrypoint": ("e", "-x", "--")}, ("-x", "--", "a"), "e"),
    "no entrypoint, whatever the image's": ({"command": ("a",), "entrypoint": ()}, ("a",), ""),
}


@pytest.mark.parametrize("case", PROCESSES)
def test_entrypoint_and_command_run_as_written(case: str) -> None:
    """Engines take one word as entrypoint: its other words go before the command."""
    options, words, entrypoint = PROCESSES[case]
    call = create_call(make_spec(**options), {})
    assert (call.command, call.arguments.get("entrypoint")) == (words, entrypoint)


def test_the_labels_are_those_of_the_plan() -> None:
    call = create_call(make_spec(labels={"team": "eval"}), {"team": "eval", "sglaunch.profile": "dev"})
    assert call.arguments["labels"] == {"team": "eval", "sglaunch.profile": "dev"}


def test_secrets_are_handed_over_beside_the_arguments() -> None:
    call = create_call(make_spec(environment={"T": Secret("hf_0123"), "A": "1"}), {})
    assert call.secrets == {"T": Secret("hf_0123")}
    assert call.arguments["envs"] == {"A": "1"}
    assert "hf_0123" not in repr(call)
    assert "T" not in repr(call.arguments["envs"])


# update, connect


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"restart": "always"}, {"restart": "always"}),
        ({"mem_limit": 5, "memswap_limit": 10}, {"memory": 5, "memory_swap": 10}),
        ({"mem_reservation": 5}, {"memory_reservation": 5}),
        ({"cpus": 1.5, "cpu_shares": 1, "cpu_quota": 2, "cpu_period": 3}, None),
        ({"cpuset": "0-3"}, {"cpuset_cpus": "0-3"}),
        ({"pids_limit": -1}, {"pids_limit": -1}),
    ],
)
def test_new_values_of_live_options_become_the_words_of_update(
    values: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    """update takes the CPUs of a set as text, where create takes a list."""
    assert update_arguments(values) == (values if expected is None else expected)


@pytest.mark.parametrize(
    ("attachment", "words"),
    [
        (NetworkAttachment(), []),
        (NetworkAttachment(("a", "b")), ["--alias=a", "--alias=b"]),
        (NetworkAttachment((), "10.0.0.2", "fd00::2"), ["--ip=10.0.0.2", "--ip6=fd00::2"]),
    ],
)
def test_a_further_network_is_joined_under_every_alias_and_address(
    attachment: NetworkAttachment, words: list[str]
) -> None:
    assert connect_words(attachment) == words
