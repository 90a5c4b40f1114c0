"""Profiles as a Compose file: every field has its key, and what Compose cannot say is told."""

from __future__ import annotations

from typing import Any

import pytest
from builders import at, make_wanted

from sglaunch.config.profile import Profile
from sglaunch.convert.compose_keys import APART, KEYS
from sglaunch.convert.to_compose import to_compose
from sglaunch.errors import Problem
from sglaunch.plain import names_of
from sglaunch.spec.build import Build, BuildSecret
from sglaunch.spec.container import ContainerSpec, Readiness
from sglaunch.spec.server import Server
from sglaunch.spec.values import Device, Gpus, Healthcheck, Mount, NetworkAttachment, PortBinding, Secret, Ulimit


def service(**options: Any) -> dict[str, Any]:
    """What options add to the service of a plain profile."""
    document = to_compose("eval", [make_wanted(**options)]).document
    bare = to_compose("eval", [make_wanted()]).document["services"]["dev"]
    found: dict[str, Any] = document["services"]["dev"]
    return {key: value for key, value in found.items() if bare.get(key) != value}


def losses(**options: Any) -> tuple[Problem, ...]:
    return to_compose("eval", [make_wanted(**options)]).losses


CASES: list[tuple[str, Any, dict[str, Any]]] = [
    ("container_name", "x", {"container_name": "x"}),
    ("image", "a:1", {"image": "a:1"}),
    ("command", ("a", "$B"), {"command": ["a", "$$B"]}),
    ("entrypoint", (), {"entrypoint": []}),
    ("entrypoint", ("sh", "-c"), {"entrypoint": ["sh", "-c"]}),
    ("environment", {"A": "$x", "N": None}, {"environment": {"A": "$$x", "N": None}}),
    (
        "volumes",
        {"/d": Mount("bind", "/s", read_only=True)},
        {
            "volumes": [
                {"type": "bind", "source": "/s", "target": "/d", "read_only": True, "bind": {"create_host_path": False}}
            ]
        },
    ),
    (
        "volumes",
        {"/d": Mount("bind", "/s", create_host_path=True, propagation="rslave", selinux="z")},
        {
            "volumes": [
                {
                    "type": "bind",
                    "source": "/s",
                    "target": "/d",
                    "bind": {"create_host_path": True, "propagation": "rslave", "selinux": "z"},
                }
            ]
        },
    ),
    ("volumes", {"/d": Mount("volume")}, {"volumes": [{"type": "volume", "target": "/d"}]}),
    (
        "volumes",
        {"/d": Mount("volume", "v", nocopy=True)},
        {"volumes": [{"type": "volume", "source": "v", "target": "/d", "volume": {"nocopy": True}}]},
    ),
    ("tmpfs", {"/t": "", "/u": "size=1g"}, {"tmpfs": ["/t", "/u:size=1g"]}),
    ("volumes_from", ("a", "b:ro"), {"volumes_from": ["container:a", "container:b:ro"]}),
    (
        "ports",
        {"80/tcp": (PortBinding("8000", "::1"), PortBinding())},
        {
            "ports": [
                {"target": 80, "host_ip": "::1", "published": "8000", "protocol": "tcp"},
                {"target": 80, "protocol": "tcp"},
            ]
        },
    ),
    ("network_mode", "host", {"network_mode": "host"}),
    (
        "networks",
        {"n": NetworkAttachment(("a",), "10.0.0.2"), "m": NetworkAttachment()},
        {"networks": {"n": {"aliases": ["a"], "ipv4_address": "10.0.0.2", "priority": 2}, "m": {"priority": 1}}},
    ),
    ("networks", {"n": NetworkAttachment()}, {"networks": {"n": None}}),
    ("extra_hosts", {"h": ("1.2.3.4", "::1")}, {"extra_hosts": ["h=1.2.3.4", "h=::1"]}),
    ("dns", ("1.1.1.1",), {"dns": ["1.1.1.1"]}),
    ("dns_search", ("s",), {"dns_search": ["s"]}),
    ("dns_opt", ("ndots:2",), {"dns_opt": ["ndots:2"]}),
    ("ipc", "host", {"ipc": "host"}),
    ("pid", "host", {"pid": "host"}),
    ("uts", "host", {"uts": "host"}),
    ("userns_mode", "host", {"userns_mode": "host"}),
    ("cgroup", "private", {"cgroup": "private"}),
    ("shm_size", 32 << 30, {"shm_size": "32g"}),
    (
        "gpus",
        Gpus(-1),
        {"deploy": {"resources": {"reservations": {"devices": [{"count": "all", "capabilities": ["gpu"]}]}}}},
    ),
    (
        "gpus",
        Gpus(ids=("0", "2"), capabilities=("utility",)),
        {
            "deploy": {
                "resources": {
                    "reservations": {"devices": [{"device_ids": ["0", "2"], "capabilities": ["utility", "gpu"]}]}
                }
            }
        },
    ),
    ("devices", {"/dev/a": Device("/dev/b", "r")}, {"devices": ["/dev/b:/dev/a:r"]}),
    ("device_cgroup_rules", ("c 1:1 r",), {"device_cgroup_rules": ["c 1:1 r"]}),
    ("privileged", True, {"privileged": True}),
    ("cap_add", ("A",), {"cap_add": ["A"]}),
    ("cap_drop", ("A",), {"cap_drop": ["A"]}),
    ("security_opt", ("a=b",), {"security_opt": ["a=b"]}),
    ("group_add", ("44",), {"group_add": ["44"]}),
    (
        "ulimits",
        {"memlock": Ulimit(-1, -1), "nofile": Ulimit(1, 2)},
        {"ulimits": {"memlock": -1, "nofile": {"soft": 1, "hard": 2}}},
    ),
    ("sysctls", {"net.a": "1"}, {"sysctls": {"net.a": "1"}}),
    ("user", "1", {"user": "1"}),
    ("working_dir", "/w", {"working_dir": "/w"}),
    ("hostname", "h", {"hostname": "h"}),
    ("labels", {"a": "$b"}, {"labels": {"a": "$$b"}}),
    ("tty", True, {"tty": True}),
    ("stdin_open", True, {"stdin_open": True}),
    ("init", True, {"init": True}),
    ("auto_remove", True, {}),
    ("stop_signal", "SIGINT", {"stop_signal": "SIGINT"}),
    ("stop_grace_period", 0.5, {"stop_grace_period": "1s"}),
    (
        "healthcheck",
        Healthcheck("curl $HOST", 1.5, 3.0, 0, 90.0),
        {
            "healthcheck": {
                "test": ["CMD-SHELL", "curl $$HOST"],
                "interval": "1.5s",
                "timeout": "3s",
                "start_period": "90s",
                "retries": 0,
            }
        },
    ),
    ("healthcheck", Healthcheck(disable=True), {"healthcheck": {"disable": True}}),
    ("read_only", True, {"read_only": True}),
    ("runtime", "nvidia", {"runtime": "nvidia"}),
    ("platform", "linux/arm64", {"platform": "linux/arm64"}),
    ("logging_driver", "local", {"logging": {"driver": "local"}}),
    ("logging_options", {"max-size": "1m"}, {"logging": {"options": {"max-size": "1m"}}}),
    ("restart", "on-failure:3", {"restart": "on-failure:3"}),
    ("mem_limit", 1 << 30, {"mem_limit": "1g"}),
    ("mem_reservation", 1 << 20, {"mem_reservation": "1m"}),
    ("memswap_limit", -1, {"memswap_limit": "-1"}),
    ("cpus", 1.5, {"cpus": 1.5}),
    ("cpu_shares", 512, {"cpu_shares": 512}),
    ("cpu_quota", 50000, {"cpu_quota": 50000}),
    ("cpu_period", 100000, {"cpu_period": 100000}),
    ("cpuset", "0-3", {"cpuset": "0-3"}),
    ("pids_limit", -1, {"pids_limit": -1}),
]


@pytest.mark.parametrize(("field", "value", "expected"), CASES)
def test_an_option_becomes_its_key(field: str, value: Any, expected: dict[str, Any]) -> None:
    found = service(**{field: value})
    if field == "networks":
        assert "network_mode" not in to_compose("eval", [make_wanted(**{field: value})]).document["services"]["dev"]
    assert found == expected


def test_every_field_of_the_spec_has_a_row_or_a_reason() -> None:
    names = set(names_of(ContainerSpec))
    assert set(KEYS) | set(APART) == names
    assert not set(KEYS) & set(APART)
    assert {field for field, _, _ in CASES} | {"server"} == names


def test_every_key_is_one_that_a_profile_takes_back() -> None:
    assert {key for key, _ in KEYS.values()} - {"deploy"} <= set(Profile.model_fields)


def test_a_network_of_the_projects_own_is_not_made() -> None:
    document = to_compose("eval", [make_wanted()]).document
    assert document["services"]["dev"]["network_mode"] == "bridge"
    assert set(document) == {"name", "services"}


@pytest.mark.parametrize(
    ("project", "name"), [("eval", "eval"), ("My Project", "my-project"), ("_x", "x"), ("_", "project")]
)
def test_the_project_has_a_name_that_compose_takes(project: str, name: str) -> None:
    assert to_compose(project, [make_wanted()]).document["name"] == name


def test_networks_and_volumes_are_the_engines() -> None:
    options: dict[str, Any] = {
        "networks": {"n": NetworkAttachment()},
        "volumes": {"/a": Mount("volume", "v"), "/b": Mount("bind", "/s"), "/c": Mount("volume")},
    }
    document = to_compose("eval", [make_wanted(**options)]).document
    assert document["networks"] == {"n": {"external": True}}
    assert document["volumes"] == {"v": {"external": True}}
    assert any("docker volume create v" in loss.hint for loss in losses(**options))


def test_secrets_are_passed_through_by_name() -> None:
    options: dict[str, Any] = {
        "environment": {"T": Secret("hf_0123"), "ABSENT": None, "F": Secret("in-file")},
        "secret_names": frozenset({"T", "ABSENT"}),
        "env_files": {"/p/a.env": True, "/p/b.env": False},
        "origins": {"environment.F": at(9), "env_file": at(9)},
    }
    made = to_compose("eval", [make_wanted(**options)])
    assert "hf_0123" not in str(made)
    assert "in-file" not in str(made)
    found = made.document["services"]["dev"]
    assert found["environment"] == {"T": None, "ABSENT": None}, "what a file brings is left to the file"
    assert found["env_file"] == ["/p/a.env", {"path": "/p/b.env", "required": False}]
    assert [loss.path for loss in made.losses] == ["environment.T", "environment.ABSENT"]


def test_what_is_in_the_same_file_is_named_by_its_service() -> None:
    db = make_wanted("db")
    web = make_wanted("web", network_mode="container:ana-eval-db", pid="container:other", volumes_from=("ana-eval-db",))
    services = to_compose("eval", [db, web]).document["services"]
    assert services["web"]["network_mode"] == "service:db"
    assert services["web"]["pid"] == "container:other"
    assert services["web"]["depends_on"] == {"db": {"condition": "service_started"}}


def test_compose_waits_for_a_healthcheck_alone() -> None:
    checked = make_wanted("db", healthcheck=Healthcheck("true"))
    unchecked = make_wanted("model", command=None, server=Server("m"))
    web = make_wanted("web", depends_on=("db", "model"), needs_ready=frozenset({"db", "model"}))
    made = to_compose("eval", [checked, unchecked, web])
    assert made.document["services"]["web"]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "model": {"condition": "service_started"},
    }
    assert [loss.path for loss in made.losses] == ["depends_on.model"]


def test_an_api_key_is_a_config_with_the_callers_value() -> None:
    options: dict[str, Any] = {
        "command": None,
        "server": Server("m", api_key="KEY"),
        "environment": {"KEY": Secret("k")},
    }
    document = to_compose("eval", [make_wanted(**options)]).document
    assert document["configs"] == {"dev-api-key": {"content": 'api-key: "${KEY:?is the key of the server}"\n'}}
    (config,) = document["services"]["dev"]["configs"]
    assert config == {"source": "dev-api-key", "target": "/run/sglaunch/server.yaml", "mode": 0o400}


def test_a_build_is_composes_own() -> None:
    build = Build(
        "/p",
        "/p/Dockerfile",
        args={"A": "1", "P": "here"},
        passed=frozenset({"P"}),
        tags=("a:1",),
        secrets={"T": BuildSecret(Secret("x")), "F": BuildSecret(file="/f")},
        extra_hosts={"h": ("::1",)},
        no_cache=True,
    )
    document = to_compose("eval", [make_wanted(build=build)]).document
    assert document["services"]["dev"]["build"] == {
        "context": "/p",
        "dockerfile": "/p/Dockerfile",
        "args": {"A": "1", "P": None},
        "tags": ["a:1"],
        "secrets": ["T", "F"],
        "extra_hosts": ["h=::1"],
        "no_cache": True,
    }
    assert document["secrets"] == {"T": {"environment": "T"}, "F": {"file": "/f"}}


LOSSES: dict[str, tuple[dict[str, Any], str]] = {
    "removal": ({"auto_remove": True}, "auto_remove: Compose keeps stopped containers"),
    "folders of caches": (
        {"volumes": {"/c": Mount("bind", "/h", create_host_path=True)}},
        "caches: folders of caches that are missing are made by the engine, as root",
    ),
    "mode of others' volumes": ({"volumes_from": ("a:ro",)}, "volumes_from: a:ro: Compose mounts it writable"),
    "policy of pulls": ({"pull_policy": "daily"}, "pull_policy: daily"),
    "a number of GPUs": ({"gpus": Gpus(2)}, "gpus: up takes 2 idle devices"),
    "the wait": ({"command": None, "server": Server("m"), "readiness": Readiness(1)}, "server.ready: up waits"),
    "several machines": ({"command": None, "server": Server("m"), "nodes": 2}, "nodes: a Compose file is for one"),
    "several servers": ({"replicas": 2}, "replicas: a container with a name is one"),
    "consent": ({"origins": {"recreate": at(3)}}, "sglaunch.yaml:3:5: recreate"),
}


@pytest.mark.parametrize("case", LOSSES)
def test_what_compose_cannot_say_is_told(case: str) -> None:
    options, expected = LOSSES[case]
    assert [loss for loss in losses(**options) if expected in str(loss)]


def test_nothing_is_lost_of_a_plain_profile() -> None:
    assert losses(environment={"A": "1"}, restart="always") == ()
