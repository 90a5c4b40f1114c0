"""The options of a container as fields of a pod: one row for each field of the spec; pure.

A row writes its fields, or refuses with the reason and what to do instead. Nothing is left out without a word.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from sglaunch.convert import leaving
from sglaunch.convert.pod import LABEL, PATCH, SUBDOMAIN, PodDraft, literal, quantity
from sglaunch.convert.pod_mounts import shm_size, tmpfs, volumes
from sglaunch.convert.pod_rights import RIGHTS
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.values import Healthcheck, Secret

_PULL_POLICIES = {"missing": "IfNotPresent", "always": "Always", "never": "Never"}
_Row = Callable[[PodDraft, Any], None]


def _own(key: str) -> _Row:
    """A field of the container with the same value."""

    def write(draft: PodDraft, found: Any) -> None:
        draft.container[key] = found

    return write


def _image(draft: PodDraft, image: str) -> None:
    draft.container["image"] = image
    policy = draft.wanted.settings.pull_policy
    if policy == "build":
        draft.insist("pull_policy", "a cluster builds no images", "write missing or always")
    elif policy not in _PULL_POLICIES:
        draft.tell("pull_policy", f"{policy} is always in a cluster: the image is looked at whenever a pod starts")
    draft.container["imagePullPolicy"] = _PULL_POLICIES.get(policy, "Always")


def _command(draft: PodDraft, command: tuple[str, ...]) -> None:
    draft.container["args"] = [literal(word) for word in command]


def _entrypoint(draft: PodDraft, entrypoint: tuple[str, ...]) -> None:
    """The names are crossed. An empty one is what the command's own first word takes the place of."""
    args = draft.container.pop("args", [])
    words = [literal(word) for word in entrypoint]
    draft.container["command"] = words or args
    if words and args:
        draft.container["args"] = args


def _environment(draft: PodDraft, environment: Mapping[str, str | Secret | None]) -> None:
    """Values as text, secrets as references; what is passed through and not set here is none."""
    entries: list[dict[str, Any]] = []
    for name, value in environment.items():
        if isinstance(value, Secret) or name in draft.wanted.secret_names:
            reference: dict[str, Any] = {"name": draft.spec.container_name, "key": name}
            reference |= {} if isinstance(value, Secret) or name == _key_of(draft) else {"optional": True}
            entries.append({"name": name, "valueFrom": {"secretKeyRef": reference}})
        elif value is not None:
            entries.append({"name": name, "value": literal(value)})
        elif leaving.is_written(draft.wanted, f"environment.{name}"):
            draft.tell(f"environment.{name}", "is not set in this shell, and left out")
    if entries:
        draft.container["env"] = entries


def _key_of(draft: PodDraft) -> str:
    """The variable with the server's API key, which must be there."""
    server = draft.wanted.spec.server
    return server.api_key if server is not None else ""


def _network_mode(draft: PodDraft, mode: str) -> None:
    if mode == "host":
        draft.pod["hostNetwork"] = True
        draft.pod["dnsPolicy"] = "ClusterFirstWithHostNet"
    elif mode not in ("bridge", "default"):
        draft.refuse("network_mode", f"{mode}: a pod has its own network or the node's", "remove it, or write host")


def _extra_hosts(draft: PodDraft, hosts: Mapping[str, tuple[str, ...]]) -> None:
    names: dict[str, list[str]] = {}
    for name, addresses in hosts.items():
        for address in addresses:
            if address == "host-gateway":
                message = "host-gateway: a pod knows no address of its node"
                draft.refuse(f"extra_hosts.{name}", message, "write the address, or the name of a Service")
            else:
                names.setdefault(address, []).append(name)
    if names:
        draft.pod["hostAliases"] = [{"ip": address, "hostnames": listed} for address, listed in names.items()]


def _dns(key: str) -> _Row:
    def write(draft: PodDraft, values: tuple[str, ...]) -> None:
        draft.pod.setdefault("dnsConfig", {})[key] = list(values)

    return write


def _dns_opt(draft: PodDraft, options: tuple[str, ...]) -> None:
    entries = []
    for option in options:
        name, found, value = option.partition(":")
        entries.append({"name": name, **({"value": value} if found else {})})
    draft.pod.setdefault("dnsConfig", {})["options"] = entries


def _ipc(draft: PodDraft, mode: str) -> None:
    if mode == "host":
        draft.pod["hostIPC"] = True
    elif mode not in ("private", "shareable"):
        draft.refuse("ipc", f"{mode}: a pod has its own IPC namespace or the node's", "remove it, or write host")


def _pid(draft: PodDraft, mode: str) -> None:
    if mode == "host":
        draft.pod["hostPID"] = True
    else:
        draft.refuse("pid", f"{mode}: a pod has its own processes or the node's", "remove it, or write host")


def _init(draft: PodDraft, _: bool) -> None:
    """The pod's own first process reaps; a pod in the node's PID namespace has the node's."""
    if draft.spec.pid != "host":
        draft.pod["shareProcessNamespace"] = True


def _cgroup(draft: PodDraft, mode: str) -> None:
    if mode != "private":
        draft.refuse("cgroup", f"{mode}: a pod has its own cgroup namespace", "remove it")


def _hostname(draft: PodDraft, name: str) -> None:
    if draft.wanted.settings.nodes > 1:
        draft.refuse("hostname", "each pod of a group has a name of its own", "remove it")
    elif not LABEL.fullmatch(name):
        draft.refuse("hostname", f"{name} is no host name of a pod", "write lower case, digits and -")
    else:
        draft.pod["hostname"] = name


_ANNOTATION = re.compile(r"([a-z0-9.-]+/)?[A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")


def _labels(draft: PodDraft, labels: Mapping[str, str]) -> None:
    """Annotations, since the values of labels are short and few characters are allowed."""
    for name, value in labels.items():
        if not _ANNOTATION.fullmatch(name):
            draft.refuse(f"labels.{name}", "is no name of an annotation", "write prefix.example.com/name")
        else:
            draft.annotations[name] = value


def _stop_signal(draft: PodDraft, signal: str) -> None:
    if signal.upper().removeprefix("SIG") not in ("TERM", "15"):
        draft.refuse("stop_signal", f"{signal}: a pod is stopped by SIGTERM", "remove it, or write SIGTERM")


def _healthcheck(draft: PodDraft, check: Healthcheck) -> None:
    """The engine's own check restarts nothing; in a pod it decides whether the container is restarted."""
    if check.disable or not check.test:
        return
    times = {"periodSeconds": check.interval, "timeoutSeconds": check.timeout}
    probe: dict[str, Any] = {"exec": {"command": ["sh", "-c", check.test]}}
    probe |= {key: max(1, math.ceil(value)) for key, value in times.items() if value is not None}
    draft.container["livenessProbe"] = probe | ({"failureThreshold": check.retries} if check.retries else {})
    draft.tell("healthcheck", "a pod whose check fails is restarted; an engine only tells")


def _mem_limit(draft: PodDraft, size: int) -> None:
    draft.resource("limits", "memory", quantity(size))
    if draft.spec.mem_reservation is None:
        draft.resource("requests", "memory", quantity(size))


def _mem_reservation(draft: PodDraft, size: int) -> None:
    draft.resource("requests", "memory", quantity(size))


def _cpus(draft: PodDraft, cpus: float) -> None:
    draft.resource("requests", "cpu", f"{cpus:g}" if cpus == int(cpus) else f"{math.ceil(cpus * 1000)}m")
    draft.tell("cpus", "is what the pod is given at least, and no limit", f"a limit slows a server down; {PATCH}")


def _runtime(draft: PodDraft, runtime: str) -> None:
    if SUBDOMAIN.fullmatch(runtime):
        draft.pod["runtimeClassName"] = runtime
        draft.tell("runtime", f"the cluster needs a RuntimeClass {runtime}")
    else:
        draft.refuse("runtime", f"{runtime} is no name of a RuntimeClass", "write one of `kubectl get runtimeclass`")


def _platform(draft: PodDraft, platform: str) -> None:
    system, _, machine = platform.partition("/")
    selector = draft.pod.setdefault("nodeSelector", {})
    selector["kubernetes.io/os"] = system
    if machine:
        selector["kubernetes.io/arch"] = machine.partition("/")[0]


def _grace(draft: PodDraft, seconds: float) -> None:
    draft.pod["terminationGracePeriodSeconds"] = math.ceil(seconds)


ROWS: Mapping[str, _Row] = {
    "image": _image,
    "command": _command,
    "entrypoint": _entrypoint,
    "environment": _environment,
    "volumes": volumes,
    "tmpfs": tmpfs,
    "shm_size": shm_size,
    "network_mode": _network_mode,
    "extra_hosts": _extra_hosts,
    "dns": _dns("nameservers"),
    "dns_search": _dns("searches"),
    "dns_opt": _dns_opt,
    "ipc": _ipc,
    "pid": _pid,
    "init": _init,
    "cgroup": _cgroup,
    "working_dir": _own("workingDir"),
    "hostname": _hostname,
    "labels": _labels,
    "tty": _own("tty"),
    "stdin_open": _own("stdin"),
    "stop_signal": _stop_signal,
    "stop_grace_period": _grace,
    "healthcheck": _healthcheck,
    "runtime": _runtime,
    "platform": _platform,
    "mem_limit": _mem_limit,
    "mem_reservation": _mem_reservation,
    "cpus": _cpus,
    **RIGHTS,
}
"""By field of the spec, in an order in which each may build on those before."""

REFUSED: Mapping[str, tuple[str, str]] = {
    "volumes_from": ("a pod has no volumes of another", "write the same claims in both profiles"),
    "networks": ("a cluster has one network", "remove it; a Service has the container's name"),
    "uts": ("a pod has a host name of its own", "network_mode: host brings the node's"),
    "device_cgroup_rules": ("devices reach a pod through a device plug-in", PATCH),
    "auto_remove": ("a pod that stopped is gone, and another takes its place", "remove it"),
    "logging_driver": ("the logs of pods are the cluster's", "remove it"),
    "logging_options": ("the logs of pods are the cluster's", "remove it"),
    "memswap_limit": ("swap is the node's", "remove it"),
    "cpu_shares": ("a pod has no weight of its own", "write cpus"),
    "cpu_quota": ("a pod has no quota of its own", "write cpus"),
    "cpu_period": ("a pod has no quota of its own", "write cpus"),
    "cpuset": ("which CPUs a pod gets is the kubelet's choice", "write cpus; see the kubelet's CPU manager"),
    "pids_limit": ("how many processes a pod may have is the kubelet's setting", "remove it"),
}
"""Fields that no pod has: why, and what to do instead."""

APART: Mapping[str, str] = {
    "container_name": "is the name of every object",
    "server": "becomes a command, a port and probes",
    "gpus": "are counted with the flags of the server",
    "ports": "are the Service's too",
    "restart": "a pod is always restarted, so that even an unset one is told",
}
"""Fields that no row has, and where they are."""

_PATHS = {"logging_driver": "logging", "logging_options": "logging"}


def write_options(draft: PodDraft) -> None:
    """Every option of the spec that is set."""
    default = ContainerSpec("", "")
    for field, row in ROWS.items():
        value = getattr(draft.spec, field)
        if value != getattr(default, field):
            row(draft, value)
    for field, (message, hint) in REFUSED.items():
        if getattr(draft.spec, field) != getattr(default, field):
            draft.refuse(_PATHS.get(field, field), message, hint)
