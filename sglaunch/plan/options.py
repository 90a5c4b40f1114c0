"""The option table: one row per field of the spec.

A row says how the option is spelled at create, whether and how a live container takes a change of it, where inspect
shows it then, and how its value reads. diff, create and update read the same row; tests walk the table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from sglaunch.plain import Struct, names_of
from sglaunch.spec.values import (
    Device,
    Gpus,
    Mount,
    PortBinding,
    Ulimit,
    format_duration,
    format_size,
)

RECREATE, UPDATE, NOTHING = "recreate", "update", "none"


def _same(value: Any) -> Any:
    return value


class Live(Struct, frozen=True):
    """How a live container shows and takes an option.

    `read` takes inspect's HostConfig. `argument` is the update call's word. `reset` is the value that removes the
    option in place; None where no value does, so that removing needs a new container (`docker update -m 0` succeeds
    and changes nothing).
    """

    read: Callable[[Mapping[str, Any]], Any]
    argument: str
    spell: Callable[[Any], Any] = _same
    reset: Any = None


class Option(Struct, frozen=True):
    """A row. `argument` is the create call's word, "" where convert/to_create joins several options into one.

    `keyed`: the value is a mapping whose entries change one by one. `entry` is the class of a plain entry, for showing.
    """

    field: str
    argument: str = ""
    spell: Callable[[Any], Any] = _same
    keyed: bool = False
    entry: type[Struct] | None = None
    show: Callable[[Any], str] | None = None
    live: Live | None = None

    @property
    def effect(self) -> str:
        return UPDATE if self.live else RECREATE


def _mount_arguments(volumes: Mapping[str, Mount]) -> list[list[str]]:
    return [_mount_argument(target, mount) for target, mount in volumes.items() if not mount.selinux]


def _mount_argument(target: str, mount: Mount) -> list[str]:
    """`--mount` fields; a missing bind source is then an error, where `-v` would make a folder of root's."""
    words = [f"type={mount.type}", *([_csv(f"source={mount.source}")] if mount.source else [])]
    words.append(_csv(f"target={target}"))
    words += ["readonly"] * mount.read_only
    words += [f"bind-propagation={mount.propagation}"] * bool(mount.propagation)
    words += ["volume-nocopy"] * mount.nocopy
    return words


def _csv(word: str) -> str:
    """A field of `--mount`, which is one line of CSV."""
    return '"' + word.replace('"', '""') + '"' if "," in word or '"' in word else word


def gpu_argument(gpus: Gpus) -> str:
    """The value of `--gpus`, which is CSV: several ids need their own quotes, since a bare comma starts a new field."""
    fields = [f"device={','.join(gpus.ids)}"] if gpus.ids else []
    if gpus.capabilities:
        fields += [] if fields else ["all" if gpus.count == -1 else f"count={gpus.count}"]
        fields.append(f"capabilities={','.join(gpus.capabilities)}")
    if not fields:
        return "all" if gpus.count == -1 else str(gpus.count)
    return ",".join(f'"{field}"' if "," in field else field for field in fields)


def _publish(ports: Mapping[str, tuple[PortBinding, ...]]) -> list[tuple[str, ...]]:
    published: list[tuple[str, ...]] = []
    for key, bindings in ports.items():
        port, _, protocol = key.partition("/")
        for binding in bindings:
            ip = f"[{binding.ip}]" if ":" in binding.ip else binding.ip
            host = f"{ip}:{binding.port}" if ip else binding.port
            tail = (port,) if protocol == "tcp" else (f"{port}/{protocol}",)
            published.append((host, *tail) if host else tail)
    return published


def _device_arguments(devices: Mapping[str, Device]) -> list[str]:
    return [
        device.path if target == device.path and "=" in target else f"{device.path}:{target}:{device.permissions}"
        for target, device in devices.items()
    ]


def _whole_seconds(seconds: float) -> int:
    """Engines take whole seconds; a fraction is rounded up, so that nobody is killed early."""
    return math.ceil(seconds)


def _limit(key: str) -> Callable[[Mapping[str, Any]], Any]:
    """A number of HostConfig, where 0, absent and null all mean "not limited"."""

    def read(host: Mapping[str, Any]) -> Any:
        return host.get(key) or None

    return read


def _restart(host: Mapping[str, Any]) -> str:
    policy = host.get("RestartPolicy") or {}
    count = policy.get("MaximumRetryCount") or 0
    name = policy.get("Name") or "no"
    return f"{name}:{count}" if name == "on-failure" and count else name


def _cpus(host: Mapping[str, Any]) -> float | None:
    nano = host.get("NanoCpus") or 0
    return nano / 1e9 if nano else None


def _pids(host: Mapping[str, Any]) -> int | None:
    count = host.get("PidsLimit") or 0
    return count if count > 0 else None


def _cpus_text(value: Any) -> str:
    return f"{value:g}"


OPTIONS: tuple[Option, ...] = (
    Option("container_name", "name"),
    Option("image"),
    Option("command"),
    Option("entrypoint"),
    Option("server"),
    Option("environment", keyed=True),
    Option("volumes", "mounts", _mount_arguments, keyed=True, entry=Mount),
    Option("tmpfs", "tmpfs", lambda v: [f"{path}:{opts}" if opts else path for path, opts in v.items()], keyed=True),
    Option("volumes_from", "volumes_from", list),
    Option("ports", "publish", _publish, keyed=True, entry=PortBinding),
    Option("network_mode"),
    Option("networks", keyed=True),
    Option("extra_hosts", "add_hosts", lambda v: [(h, ip) for h, ips in v.items() for ip in ips], keyed=True),
    Option("dns", "dns", list),
    Option("dns_search", "dns_search", list),
    Option("dns_opt", "dns_options", list),
    Option("ipc", "ipc"),
    Option("pid", "pid"),
    Option("uts", "uts"),
    Option("userns_mode", "userns"),
    Option("cgroup", "cgroupns"),
    Option("shm_size", "shm_size", show=format_size),
    Option("gpus", "gpus", gpu_argument, entry=Gpus),
    Option("devices", "devices", _device_arguments, keyed=True, entry=Device),
    Option("device_cgroup_rules", "device_cgroup_rules", list),
    Option("privileged", "privileged"),
    Option("cap_add", "cap_add", list),
    Option("cap_drop", "cap_drop", list),
    Option("security_opt", "security_options", list),
    Option("group_add", "groups_add", list),
    Option(
        "ulimits",
        "ulimit",
        lambda v: [f"{name}={limit.show()}" for name, limit in v.items()],
        keyed=True,
        entry=Ulimit,
    ),
    Option("sysctls", "sysctl", dict, keyed=True),
    Option("user", "user"),
    Option("working_dir", "workdir"),
    Option("hostname", "hostname"),
    Option("labels", keyed=True),
    Option("tty", "tty"),
    Option("stdin_open", "interactive"),
    Option("init", "init"),
    Option("auto_remove", "remove"),
    Option("stop_signal", "stop_signal"),
    Option("stop_grace_period", "stop_timeout", _whole_seconds, show=format_duration),
    Option("healthcheck"),
    Option("read_only", "read_only"),
    Option("runtime", "runtime"),
    Option("platform", "platform"),
    Option("logging_driver", "log_driver"),
    Option("logging_options", "log_options", lambda v: [f"{key}={value}" for key, value in v.items()], keyed=True),
    Option("restart", "restart", live=Live(_restart, "restart", reset="no")),
    Option("mem_limit", "memory", show=format_size, live=Live(_limit("Memory"), "memory")),
    Option(
        "mem_reservation",
        "memory_reservation",
        show=format_size,
        live=Live(_limit("MemoryReservation"), "memory_reservation"),
    ),
    Option("memswap_limit", "memory_swap", show=format_size, live=Live(_limit("MemorySwap"), "memory_swap")),
    Option("cpus", "cpus", show=_cpus_text, live=Live(_cpus, "cpus")),
    Option("cpu_shares", "cpu_shares", live=Live(_limit("CpuShares"), "cpu_shares")),
    Option("cpu_quota", "cpu_quota", live=Live(_limit("CpuQuota"), "cpu_quota")),
    Option("cpu_period", "cpu_period", live=Live(_limit("CpuPeriod"), "cpu_period")),
    Option("cpuset", "cpuset_cpus", lambda v: [v], live=Live(_limit("CpusetCpus"), "cpuset_cpus", str)),
    Option("pids_limit", "pids_limit", live=Live(_pids, "pids_limit", reset=-1)),
)
BY_FIELD: Mapping[str, Option] = {option.field: option for option in OPTIONS}
LIVE: tuple[Option, ...] = tuple(option for option in OPTIONS if option.live)


# Key of a profile -> the field it becomes, where that is another one; one of several that it joins or expands to.
FIELD_OF_KEY: Mapping[str, str] = {
    "env_file": "environment",
    "secret_env": "environment",
    "logging": "logging_driver",
    "hub": "environment",
    "caches": "volumes",
    "accelerator": "devices",
}
_EFFECTS = {RECREATE: "new container", UPDATE: "in place"}


def effect_of(path: str) -> str:
    """What a change of a profile's key, or of what is in it, takes: in words."""
    key = re.split(r"[.\[]", path, maxsplit=1)[0]
    if path == "server.ready" or path.startswith("server.ready."):
        return "nothing"
    if key == "container_name":
        return "renamed in place"
    if key == "build":
        return "a new image, and a new container"
    option = BY_FIELD.get(FIELD_OF_KEY.get(key, key))
    return "nothing" if option is None else _EFFECTS[option.effect]


def recreate_part(data: Mapping[str, Any]) -> dict[str, Any]:
    """The plain spec without what changes in place: what the label and the digest hold."""
    return {name: value for name, value in data.items() if not BY_FIELD[name].live}


def show(field: str, value: Any) -> Any:
    """A plain value of a field as people write it; used for both sides of a change."""
    option = BY_FIELD.get(field)
    if value is None or option is None:
        return value
    if option.entry is not None:
        return _show_entry(option.entry, value)
    return option.show(value) if option.show is not None else value


def _show_entry(entry: type[Struct], value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(str(_show_entry(entry, item)) for item in value)
    if not isinstance(value, Mapping):
        return value
    known = {key: inner for key, inner in value.items() if key in names_of(entry)}
    try:
        made: Any = entry(**{k: tuple(v) if isinstance(v, list) else v for k, v in known.items()})
    except TypeError:
        return value
    return made.show()
