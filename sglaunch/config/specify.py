"""A validated profile to the spec and the launcher's settings; pure.

Expansions (accelerator, caches, hub, env_file, secret_env) join in here, each beneath what the profile writes itself.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping
from typing import Any

from sglaunch.config import expansions
from sglaunch.config.building import build_of
from sglaunch.config.expansions import Surroundings
from sglaunch.config.node import Node, Problems, join
from sglaunch.config.nodes import check_nodes, kubernetes_of
from sglaunch.config.profile import Profile
from sglaunch.errors import BUILTIN, Origin
from sglaunch.plain import replace
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.container import ASSIGNED_PORT, CONTAINER_NAME, ContainerSpec, Readiness, Settings, Wanted
from sglaunch.spec.labels import PREFIX
from sglaunch.spec.server import Server, direct_hosts, launcher_of
from sglaunch.spec.values import (
    Device,
    Gpus,
    Healthcheck,
    NetworkAttachment,
    PortBinding,
    Ulimit,
)

MAX_NAME = 63
SERVICE = "service:"
SHARING = ("network_mode", "ipc", "pid", "volumes_from")
"""Keys that may name another profile of the project as `service:PROFILE`."""
_DIGEST = 8
# Fields whose names and shapes the profile and the spec share.
_SAME = (
    *("image", "network_mode", "ipc", "pid", "uts", "userns_mode", "cgroup", "shm_size", "privileged", "user"),
    *("working_dir", "hostname", "tty", "stdin_open", "init", "auto_remove", "stop_signal", "stop_grace_period"),
    *("read_only", "runtime", "platform", "restart", "mem_limit", "mem_reservation", "memswap_limit", "cpus"),
    *("cpu_shares", "cpu_quota", "cpu_period", "cpuset", "pids_limit"),
)
_TUPLES = (
    *("volumes_from", "dns", "dns_search", "dns_opt", "device_cgroup_rules", "cap_add", "cap_drop", "security_opt"),
    *("group_add",),
)


def specify(profile: Profile, merged: Node, around: Surroundings, problems: Problems) -> Wanted:
    """The spec of a profile, the settings, and the origin of each value."""
    origins: dict[str, Origin] = {}
    _origins(merged, "", origins)
    server = _server(profile, merged, problems)
    environment, secret_names = expansions.environment(profile, merged, around, origins, direct_hosts(server))
    name = profile.container_name or default_name(around.facts)
    spec = ContainerSpec(
        **{**_shared(profile), "user": expansions.user(profile, around)},
        container_name=name,
        command=_tuple(profile.command),
        entrypoint=_tuple(profile.entrypoint),
        environment=environment,
        volumes=expansions.volumes(profile, around, environment, name, origins),
        tmpfs=dict(profile.tmpfs),
        ports={key: tuple(PortBinding(b.port, b.ip) for b in bindings) for key, bindings in profile.ports.items()},
        networks={
            name: NetworkAttachment(tuple(n.aliases), n.ipv4_address, n.ipv6_address)
            for name, n in profile.networks.items()
        },
        extra_hosts={name: tuple(addresses) for name, addresses in profile.extra_hosts.items()},
        gpus=_gpus(profile, merged, problems),
        devices={key: Device(device.path, device.permissions) for key, device in profile.devices.items()},
        ulimits={name: Ulimit(limit.soft, limit.hard) for name, limit in profile.ulimits.items()},
        sysctls=dict(profile.sysctls),
        labels=_labels(profile, merged, problems),
        healthcheck=_healthcheck(profile, merged, problems),
        logging_driver=profile.logging.driver if profile.logging else "",
        logging_options=dict(profile.logging.options) if profile.logging else {},
        server=server,
    )
    spec = expansions.accelerated(spec, profile, merged, origins)
    spec = _one_shared_memory(spec, merged, problems)
    _check_name(spec.container_name, merged, problems)
    check_nodes(profile, merged, problems)
    return Wanted(
        project=str(around.facts["project"]),
        profile=str(around.facts["profile"]),
        config_file=around.config_file,
        spec=spec,
        settings=_settings(profile, merged),
        build=build_of(profile, merged, around, problems),
        origins=origins,
        secret_names=frozenset(secret_names),
        passed=frozenset(name for name, text in profile.environment.items() if text is None),
        secret_files={name: entry.file for name, entry in profile.secret_env.items() if entry.file},
        env_files={entry.path: entry.required for entry in profile.env_file},
    )


def _shared(profile: Profile) -> dict[str, Any]:
    """Fields that a profile and a spec have alike."""
    same = {name: getattr(profile, name) for name in _SAME}
    shared = {**same, **{name: tuple(getattr(profile, name)) for name in _TUPLES}}
    # Compose writes `container:NAME` for one that is no service of the file.
    return {**shared, "volumes_from": tuple(name.removeprefix("container:") for name in profile.volumes_from)}


def services(profile: Profile) -> list[str]:
    """The profiles whose namespaces or volumes are shared, written as Compose writes a service of the same file."""
    modes = [profile.network_mode, profile.ipc, profile.pid]
    modes += [
        SERVICE + name.removeprefix(SERVICE).partition(":")[0] for name in profile.volumes_from if SERVICE in name
    ]
    return [mode.removeprefix(SERVICE) for mode in modes if mode.startswith(SERVICE)]


def with_containers(spec: ContainerSpec, containers: Mapping[str, str]) -> ContainerSpec:
    """The spec with the container of each profile in the place of `service:PROFILE`."""

    def named(text: str, prefix: str) -> str:
        name, colon, mode = text.removeprefix(SERVICE).partition(":")
        return f"{prefix}{containers[name]}{colon}{mode}" if text.startswith(SERVICE) and name in containers else text

    modes = {field: named(getattr(spec, field), "container:") for field in ("network_mode", "ipc", "pid")}
    return replace(spec, **modes, volumes_from=tuple(named(one, "") for one in spec.volumes_from))


def default_name(facts: Mapping[str, Any]) -> str:
    """`user-project-profile`, lower-cased, other characters turned to `-`; a digest keeps a cut name unique."""
    parts = (str(facts[key]) for key in ("user", "project", "profile"))
    cleaned = (re.sub(r"-+", "-", re.sub(r"[^a-z0-9]", "-", part.lower())).strip("-") or "x" for part in parts)
    name = "-".join(cleaned)
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - _DIGEST - 1].rstrip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]}"


def _tuple(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)


def _origins(node: Node, path: str, origins: dict[str, Origin]) -> None:
    """Origins of every value in profile words; lists count as one value, entries of keyed options as one each."""
    if path:
        origins[path] = node.origin
    for key, inner in node.items():
        _origins(inner, join(path, key), origins)


def _gpus(profile: Profile, merged: Node, problems: Problems) -> Gpus | None:
    asked = profile.gpus
    node = merged.get("gpus")
    if asked is None or node is None:
        return None
    if profile.accelerator == "cpu":
        if node.origin.layer != BUILTIN and (asked.ids or asked.count != 0):
            hint = "write gpus: null, or the accelerator of the devices: nvidia, rocm, npu or xpu"
            problems.error(node, "gpus", "asks for devices, and accelerator is cpu", hint)
        return None
    if asked.ids is not None and asked.count not in (None, len(asked.ids)):
        problems.error(node, "gpus", "count and ids exclude each other", "write one of the two")
    if asked.count == 0 and not asked.ids:
        return None
    if profile.accelerator in CARDS and asked.count == -1 and not asked.ids:
        # What the accelerator brings is all of them.
        return None
    count = 0 if asked.ids else asked.count or 0
    return Gpus(count, tuple(asked.ids or ()), asked.min_free, asked.idle, tuple(asked.capabilities))


def _labels(profile: Profile, merged: Node, problems: Problems) -> dict[str, str]:
    for name in profile.labels:
        if name.startswith(PREFIX):
            message = f"labels under {PREFIX} are sglaunch's own"
            problems.error(merged.at(("labels", name)), f"labels.{name}", message, "choose another name")
    return dict(profile.labels)


def _healthcheck(profile: Profile, merged: Node, problems: Problems) -> Healthcheck | None:
    check = profile.healthcheck
    if check is None:
        return None
    words = list(check.test or [])
    if check.disable or words[:1] == ["NONE"]:
        return Healthcheck(disable=True)
    if words and words[0] not in ("CMD", "CMD-SHELL"):
        node = merged.at(("healthcheck", "test"))
        problems.error(node, "healthcheck.test", "must begin with CMD, CMD-SHELL or NONE", "or be one line of text")
    line = shlex.join(words[1:]) if words[:1] == ["CMD"] else " ".join(words[1:])
    return Healthcheck(line, check.interval, check.timeout, check.retries, check.start_period)


def _server(profile: Profile, merged: Node, problems: Problems) -> Server | None:
    server = profile.server
    if server is None:
        return None
    modelscope = profile.hub == "modelscope" or bool(profile.environment.get("SGLANG_USE_MODELSCOPE"))
    image = profile.image if profile.build is None else ""
    launcher = tuple(server.launcher or launcher_of(image, modelscope=modelscope))
    if server.api_key and server.api_key not in profile.secret_env:
        # The value is not quoted back: it may be the key itself.
        message = "must name an entry of secret_env; the key itself never stands in a file like this"
        hint = "write secret_env: [SGLANG_API_KEY] and server: {api_key: SGLANG_API_KEY}"
        problems.error(merged.at(("server", "api_key")), "server.api_key", message, hint)
    return Server(server.model, server.host, server.port, dict(server.args), launcher, server.api_key)


def _one_shared_memory(spec: ContainerSpec, merged: Node, problems: Problems) -> ContainerSpec:
    """`ipc: host` shares the host's /dev/shm, so a size says nothing (and Podman refuses the pair): the size goes."""
    if spec.ipc != "host" or spec.shm_size is None:
        return spec
    node = merged.value["shm_size"]
    if node.origin.layer != BUILTIN:
        hint = "remove shm_size, or ipc: host"
        problems.warn(node, "shm_size", "has no effect beside ipc: host, which shares the host's /dev/shm", hint)
    return replace(spec, shm_size=None)


def _check_name(name: str, merged: Node, problems: Problems) -> None:
    if not CONTAINER_NAME.fullmatch(name):
        hint = "letters, digits, _ . and -, beginning with a letter or digit, at most 63"
        problems.error(merged.get("container_name"), "container_name", f"{name!r} is not a container name", hint)
    if name.endswith((".new", ".old")):
        message = "names that end in .new and .old are those that a recreate passes through"
        problems.error(merged.get("container_name"), "container_name", message, "choose another")


def _readiness(profile: Profile) -> Readiness | None:
    """A server is asked itself; another container's healthcheck is asked of the engine."""
    if profile.server is not None:
        ready = profile.server.ready
        return Readiness(profile.server.port or ASSIGNED_PORT, ready.path or "", ready.timeout, ready.stall)
    check = profile.healthcheck
    if check is None or check.disable or check.test in (None, [], ["NONE"]):
        return None
    return Readiness()


def _settings(profile: Profile, merged: Node) -> Settings:
    shell = merged.get("shell")
    soft = {path for path in ("gpus", "init", "restart") if (node := merged.get(path)) and node.origin.layer == BUILTIN}
    limits = merged.get("ulimits")
    soft |= {f"ulimits.{key}" for key, node in (limits.items() if limits else ()) if node.origin.layer == BUILTIN}
    return Settings(
        attach=profile.attach,
        shell=tuple(profile.shell),
        fallback_shell=shell is None or shell.origin.layer == BUILTIN,
        recreate=profile.recreate,
        gpu_update=profile.gpu_update,
        protect=profile.protect,
        pull_policy=profile.pull_policy,
        depends_on=tuple(dict.fromkeys([*profile.depends_on, *services(profile)])),
        needs_ready=frozenset(
            name for name, entry in profile.depends_on.items() if entry.condition in ("ready", "service_healthy")
        ),
        readiness=_readiness(profile),
        soft=frozenset(soft),
        accelerator=profile.accelerator or "",
        as_caller=profile.user == expansions.ME,
        nodes=profile.nodes,
        replicas=profile.replicas,
        kubernetes=kubernetes_of(profile),
    )
