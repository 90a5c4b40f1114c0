"""Inspect data of nerdctl in Docker's shape, as far as it goes; pure.

Before 2.0.4 there is no HostConfig, and no release shows command, entrypoint, folder or terminal of a container: the
process is `Path` and `Args`, and the rest stands in labels of nerdctl's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_INTERNAL = ("/etc/resolv.conf", "/etc/hosts", "/etc/hostname")
_OWN_ENV = ("HOSTNAME=", "PATH=")
HIDDEN = (
    *("user", "working_dir", "tty", "init", "devices", "gpus", "ulimits", "privileged", "cap_add", "cap_drop"),
    *("security_opt", "healthcheck", "stop_signal", "sysctls", "tmpfs", "mem_limit", "cpus", "read_only"),
)
"""What such a container may have been given and nobody can tell."""


def as_docker(data: Mapping[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    """A container of nerdctl as Docker would show it."""
    config, host = dict(data.get("Config") or {}), dict(data.get("HostConfig") or {})
    labels = config.get("Labels") or {}
    brought = image.get("Config") or {}
    config.update(_process(data, brought))
    config["Image"] = str(data.get("Image") or "").removeprefix("docker.io/library/").removeprefix("docker.io/")
    config["Env"] = [line for line in config.get("Env") or [] if not line.startswith(_OWN_ENV)]
    if seconds := labels.get("nerdctl/stop-timeout", ""):
        config["StopTimeout"] = int(seconds) if seconds.isdecimal() else None
    networks = [str(name) for name in _read(labels.get("nerdctl/networks"), [])]
    host["NetworkMode"] = networks[0] if networks else ""
    host["RestartPolicy"] = _restart(labels.get("containerd.io/restart.policy", ""))
    host["AutoRemove"] = labels.get("nerdctl/auto-remove") == "true"
    host["IpcMode"] = str(_read(labels.get("nerdctl/ipc"), {}).get("mode") or host.get("IpcMode") or "")
    host["ExtraHosts"] = _read(labels.get("nerdctl/extraHosts"), host.get("ExtraHosts") or [])
    host["PortBindings"] = _ports(_read(labels.get("nerdctl/ports"), []))
    mounts = [one for one in data.get("Mounts") or [] if one.get("Destination") not in _INTERNAL]
    host["Binds"] = [f"{one.get('Name') or one.get('Source')}:{one.get('Destination')}" for one in mounts]
    return {
        **data,
        "Config": config,
        "HostConfig": host,
        "Mounts": mounts,
        "NetworkSettings": {"Networks": {name: {} for name in networks}},
    }


def _process(data: Mapping[str, Any], brought: Mapping[str, Any]) -> dict[str, Any]:
    """The words of the process, divided as the image divides its own."""
    words = [str(word) for word in (data.get("Path"), *(data.get("Args") or [])) if word]
    entrypoint = [str(word) for word in brought.get("Entrypoint") or []]
    if entrypoint and words[: len(entrypoint)] == entrypoint:
        return {"Entrypoint": entrypoint, "Cmd": words[len(entrypoint) :]}
    return {"Entrypoint": words[:1], "Cmd": words[1:]} if entrypoint else {"Entrypoint": None, "Cmd": words}


def _restart(text: str) -> dict[str, Any]:
    name, _, count = text.partition(":")
    return {"Name": name, "MaximumRetryCount": int(count) if count.isdecimal() else 0}


def _ports(listed: list[Any]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for one in listed:
        ip = str(one.get("HostIP") or "")
        binding = {"HostIp": "" if ip == "0.0.0.0" else ip, "HostPort": str(one.get("HostPort") or "")}  # noqa: S104 - as told
        found.setdefault(f"{one.get('ContainerPort')}/{one.get('Protocol', 'tcp')}", []).append(binding)
    return found


def _read(text: Any, otherwise: Any) -> Any:
    try:
        found = json.loads(text or "")
    except (TypeError, ValueError, RecursionError):
        return otherwise
    return found if isinstance(found, type(otherwise)) else otherwise
