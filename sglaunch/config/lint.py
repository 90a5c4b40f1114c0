"""Values that are allowed and seldom meant: warnings with their origin; errors where two values exclude each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sglaunch.config.lint_server import lint_server
from sglaunch.config.node import Node, Problems, leaves
from sglaunch.errors import Place
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.container import Wanted, expand, origin_of
from sglaunch.spec.server import loopback_proxies
from sglaunch.spec.values import Secret

SMALL_SHM = 1 << 30
_SECRET_PLACES = ("environment", "secret_env")
_DEVICE_NUMBERS = (
    *("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES"),
    "ZE_AFFINITY_MASK",
)
"""Variables that a program inside the container chooses devices by; each numbers those that the container sees."""
_GIVEN = "NVIDIA_VISIBLE_DEVICES"


class Loaded(Protocol):
    """What lint_names needs of a loaded profile."""

    @property
    def wanted(self) -> Wanted: ...


def lint(wanted: Wanted, merged: Node, problems: Problems) -> None:
    """The rules within one profile."""
    _secrets(merged, problems)
    _exclusions(wanted, merged, problems)
    _ports_on_host(wanted, problems)
    _shared_memory(wanted, problems)
    _device_variables(wanted, problems)
    _mounts_of_root(wanted, problems)
    _loopback_proxy(wanted, problems)
    lint_server(wanted, problems)


def lint_names(resolved: Mapping[str, Loaded], problems: Problems) -> None:
    """Two profiles that render the same container name would fight over one container."""
    by_name: dict[str, str] = {}
    for profile, loaded in resolved.items():
        wanted = loaded.wanted
        name = wanted.spec.container_name
        if name in by_name:
            message = f"{name!r} is also the container of profile {by_name[name]}"
            place = _place("container_name", wanted)
            hint = 'give each its own, for example "{{ user }}-{{ project }}-{{ profile }}"'
            problems.warn(place, "container_name", message, hint)
        by_name.setdefault(name, profile)


def _place(path: str, wanted: Wanted) -> Place | None:
    origin = origin_of(path, wanted.origins)
    return origin.place if origin else None


def _secrets(merged: Node, problems: Problems) -> None:
    """Secrets are variables and nothing else: arguments of the engine and labels are for every user to read."""
    for path, node in leaves(merged):
        if node.secret and path.partition(".")[0] not in _SECRET_PLACES:
            message = "holds a secret, which every user could read in the engine's arguments and labels"
            hint = """write secret_env: [NAME], and let the program read it: [sh, -c, 'exec tool --key "$NAME"']"""
            problems.error(node, path, message, hint)


def _exclusions(wanted: Wanted, merged: Node, problems: Problems) -> None:
    spec = wanted.spec
    if spec.server is not None and spec.command is not None:
        message = "excludes server, which is a command itself"
        problems.error(merged.get("command"), "command", message, "remove one of the two; command: null removes it")
    if spec.auto_remove and spec.restart != "no":
        message = "excludes restart: a container that is removed cannot be restarted"
        problems.error(merged.get("auto_remove"), "auto_remove", message, 'write restart: "no"')
    if spec.networks and spec.network_mode:
        message = "excludes networks"
        problems.error(merged.get("network_mode"), "network_mode", message, "remove one of the two")
    if spec.hostname and spec.uts == "host":
        problems.error(merged.get("hostname"), "hostname", "excludes uts: host", "remove one of the two")
    for target in set(spec.tmpfs) & set(spec.volumes):
        problems.error(merged.at(("tmpfs", target)), f"tmpfs.{target}", "is a volume too", "remove one of the two")
    if spec.cpus is not None and (spec.cpu_quota is not None or spec.cpu_period is not None):
        problems.error(merged.get("cpus"), "cpus", "excludes cpu_quota and cpu_period", "remove one of the two")
    if spec.memswap_limit is not None and spec.mem_limit is None:
        message = "needs mem_limit: it is memory and swap together"
        problems.error(merged.get("memswap_limit"), "memswap_limit", message, "write mem_limit too")
    if spec.memswap_limit not in (None, -1) and spec.mem_limit is not None:
        assert spec.memswap_limit is not None
        if spec.memswap_limit < spec.mem_limit:
            message = "is smaller than mem_limit; it is memory and swap together"
            problems.error(merged.get("memswap_limit"), "memswap_limit", message, "raise it, or write -1")


def _ports_on_host(wanted: Wanted, problems: Problems) -> None:
    if wanted.spec.network_mode == "host" and wanted.spec.ports:
        message = "have no effect with network_mode: host; every port of the container is the host's"
        problems.warn(_place("ports", wanted), "ports", message, "remove ports, or network_mode")


def _mounts_of_root(wanted: Wanted, problems: Problems) -> None:
    """/root is root's alone, so whatever is mounted below it is out of reach for others."""
    user = wanted.spec.user.partition(":")[0]
    targets = [one for one in expand(wanted.spec).volumes if one == "/root" or one.startswith("/root/")]
    if user in ("", "0", "root") or not targets:
        return
    message = f"this user cannot reach what is mounted below /root: {', '.join(targets)}"
    hint = "write user: me, whose HOME holds the caches" if not wanted.settings.as_caller else "mount it elsewhere"
    problems.warn(_place("user", wanted), "user", message, hint)


def _loopback_proxy(wanted: Wanted, problems: Problems) -> None:
    """A bridge network has a loopback of its own."""
    mode = wanted.spec.network_mode
    found = loopback_proxies(wanted.spec.environment)
    if not found or mode in ("host", "none") or mode.startswith("container:"):
        return
    path = f"environment.{next(iter(found))}"
    addresses = " and ".join(dict.fromkeys(found.values()))
    message = f"{addresses} is on this machine's loopback, which a bridge network does not reach ({', '.join(found)})"
    hint = "write network_mode: host, or use a proxy that listens on an address of the network"
    problems.warn(_place(path, wanted), path, message, hint)


def _shared_memory(wanted: Wanted, problems: Problems) -> None:
    size = wanted.spec.shm_size
    if size is not None and size < SMALL_SHM and wanted.spec.ipc != "host":
        message = "below 1g: PyTorch and NCCL stop with a bus error when /dev/shm is full"
        problems.warn(_place("shm_size", wanted), "shm_size", message, "write 32g; unused space costs nothing")


def _device_variables(wanted: Wanted, problems: Problems) -> None:
    """Devices are numbered from 0 inside: where the container sees a part of them, the host's numbers select none."""
    gpus, environment = wanted.spec.gpus, wanted.spec.environment
    given = _text(environment.get(_GIVEN))
    if gpus is not None and given not in ("", "all"):
        message = "has no effect beside gpus, which gives the container its devices"
        path = f"environment.{_GIVEN}"
        problems.warn(_place(path, wanted), path, message, "choose the devices in gpus alone")
    if gpus is not None and wanted.spec.privileged and wanted.settings.accelerator in CARDS:
        message = "gives the container every card of the machine, whatever gpus says"
        problems.warn(_place("privileged", wanted), "privileged", message, "remove privileged, or write gpus: all")
    visible = gpus.given if gpus is not None else len(_listed(given)) if given not in _NO_PART else 0
    for name in _DEVICE_NUMBERS if visible else ():
        beyond = [
            one
            for one in _listed(_text(environment.get(name)))
            if (n := one.partition(".")[0]).isdecimal() and int(n) >= visible
        ]
        if beyond:
            path = f"environment.{name}"
            last = f"0 to {visible - 1}" if visible > 1 else "0"
            message = f"{', '.join(beyond)} selects no device: the container sees {visible}, numbered {last}"
            problems.warn(_place(path, wanted), path, message, f"remove it, or write numbers of {last}")


_NO_PART = ("", "all", "none", "void")


def _text(value: str | Secret | None) -> str:
    return value.reveal() if isinstance(value, Secret) else value or ""


def _listed(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]
