"""The options of a container in Compose's words: one row for each field of the spec; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sglaunch.plan.options import BY_FIELD
from sglaunch.spec.values import (
    Gpus,
    Healthcheck,
    Mount,
    NetworkAttachment,
    PortBinding,
    Ulimit,
    format_size,
)


def _texts(values: Sequence[str]) -> list[str]:
    return list(values)


def _seconds(value: float) -> str:
    return f"{value:g}s"


def _volumes(volumes: Mapping[str, Mount]) -> list[dict[str, Any]]:
    return [_volume(target, mount) for target, mount in volumes.items()]


def _volume(target: str, mount: Mount) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": mount.type}
    entry |= {"source": mount.source} if mount.source else {}
    entry |= {"target": target}
    entry |= {"read_only": True} if mount.read_only else {}
    if mount.type == "bind":
        words = {"propagation": mount.propagation, "selinux": mount.selinux}
        # Left out it would be true: a missing source would become a folder of root's.
        entry["bind"] = {"create_host_path": mount.create_host_path, **{k: v for k, v in words.items() if v}}
    elif mount.nocopy:
        entry["volume"] = {"nocopy": True}
    return entry


def _ports(ports: Mapping[str, tuple[PortBinding, ...]]) -> list[dict[str, Any]]:
    entries = []
    for key, bindings in ports.items():
        port, _, protocol = key.partition("/")
        for binding in bindings:
            host = {"host_ip": binding.ip} if binding.ip else {}
            host |= {"published": binding.port} if binding.port else {}
            entries.append({"target": int(port), **host, "protocol": protocol})
    return entries


def _hosts(hosts: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"{name}={address}" for name, addresses in hosts.items() for address in addresses]


def _ulimits(limits: Mapping[str, Ulimit]) -> dict[str, Any]:
    same = {name: limit.soft == limit.hard for name, limit in limits.items()}
    return {n: one.soft if same[n] else {"soft": one.soft, "hard": one.hard} for n, one in limits.items()}


def _networks(networks: Mapping[str, NetworkAttachment]) -> dict[str, Any]:
    """The first is joined at create, which Compose decides by priority."""
    entries: dict[str, Any] = {}
    for number, (name, one) in enumerate(networks.items()):
        entry: dict[str, Any] = {"aliases": list(one.aliases)} if one.aliases else {}
        entry |= {"ipv4_address": one.ipv4_address} if one.ipv4_address else {}
        entry |= {"ipv6_address": one.ipv6_address} if one.ipv6_address else {}
        entry |= {"priority": len(networks) - number} if len(networks) > 1 else {}
        entries[name] = entry or None
    return entries


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    if check.disable:
        return {"disable": True}
    times = {"interval": check.interval, "timeout": check.timeout, "start_period": check.start_period}
    found: dict[str, Any] = {"test": ["CMD-SHELL", check.test]} if check.test else {}
    found |= {name: _seconds(value) for name, value in times.items() if value is not None}
    return found | ({"retries": check.retries} if check.retries is not None else {})


def _gpus(gpus: Gpus) -> dict[str, Any]:
    device: dict[str, Any] = {"device_ids": list(gpus.ids)} if gpus.ids else {}
    if not gpus.ids:
        device = {"count": "all" if gpus.count == -1 else gpus.count}
    device["capabilities"] = [*gpus.capabilities, "gpu"]
    # `gpus:` is shorter, and needs Compose 2.30.
    return {"resources": {"reservations": {"devices": [device]}}}


def _grace(seconds: float) -> str:
    return f"{BY_FIELD['stop_grace_period'].spell(seconds)}s"


_Spell = Callable[[Any], Any]

# Field of the spec -> Compose's key and its value. In writing order; what an empty value is, the service leaves out.
KEYS: Mapping[str, tuple[str, _Spell]] = {
    "container_name": ("container_name", str),
    "image": ("image", str),
    "entrypoint": ("entrypoint", list),
    "command": ("command", list),
    "volumes": ("volumes", _volumes),
    "tmpfs": ("tmpfs", BY_FIELD["tmpfs"].spell),
    "volumes_from": ("volumes_from", _texts),
    "ports": ("ports", _ports),
    "network_mode": ("network_mode", str),
    "networks": ("networks", _networks),
    "extra_hosts": ("extra_hosts", _hosts),
    "dns": ("dns", _texts),
    "dns_search": ("dns_search", _texts),
    "dns_opt": ("dns_opt", _texts),
    "ipc": ("ipc", str),
    "pid": ("pid", str),
    "uts": ("uts", str),
    "userns_mode": ("userns_mode", str),
    "cgroup": ("cgroup", str),
    "shm_size": ("shm_size", format_size),
    "gpus": ("deploy", _gpus),
    "devices": ("devices", BY_FIELD["devices"].spell),
    "device_cgroup_rules": ("device_cgroup_rules", _texts),
    "privileged": ("privileged", bool),
    "cap_add": ("cap_add", _texts),
    "cap_drop": ("cap_drop", _texts),
    "security_opt": ("security_opt", _texts),
    "group_add": ("group_add", _texts),
    "ulimits": ("ulimits", _ulimits),
    "sysctls": ("sysctls", dict),
    "user": ("user", str),
    "working_dir": ("working_dir", str),
    "hostname": ("hostname", str),
    "labels": ("labels", dict),
    "tty": ("tty", bool),
    "stdin_open": ("stdin_open", bool),
    "init": ("init", bool),
    "stop_signal": ("stop_signal", str),
    "stop_grace_period": ("stop_grace_period", _grace),
    "healthcheck": ("healthcheck", _healthcheck),
    "read_only": ("read_only", bool),
    "runtime": ("runtime", str),
    "platform": ("platform", str),
    "restart": ("restart", str),
    "mem_limit": ("mem_limit", format_size),
    "mem_reservation": ("mem_reservation", format_size),
    "memswap_limit": ("memswap_limit", format_size),
    "cpus": ("cpus", float),
    "cpu_shares": ("cpu_shares", int),
    "cpu_quota": ("cpu_quota", int),
    "cpu_period": ("cpu_period", int),
    "cpuset": ("cpuset", str),
    "pids_limit": ("pids_limit", int),
}
# Fields that no row has, and why.
APART: Mapping[str, str] = {
    "server": "becomes a command before anything is exported (spec.container.expand)",
    "environment": "tells secrets from other values, and files of variables from both",
    "logging_driver": "joined with the options under logging",
    "logging_options": "joined with the driver under logging",
    "auto_remove": "Compose has no word for it",
}
