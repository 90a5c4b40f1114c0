"""Inspect JSON of every engine to an observation: our own tolerant reader, since each leaves out something; pure.

What nerdctl leaves out of a container it keeps in labels of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.gpus import VISIBLE, requested
from sglaunch.plan.observation import LocalImage, ObservedContainer, Volume
from sglaunch.plan.options import LIVE
from sglaunch.plan.requirements import required
from sglaunch.plan.sharing import CONTAINER
from sglaunch.spec.container import ANY_ADDRESS
from sglaunch.spec.labels import BUILT, SNAPSHOT, Applied, decode
from sglaunch.spec.server import DEFAULT_PORT, KEY_TARGET
from sglaunch.spec.values import Gpus, Secret

# Words of Podman for what Docker calls otherwise.
_STATUSES = {"configured": "created", "initialized": "created", "stopping": "running", "stopped": "exited"}
_DOCKER = Capabilities()
_HASH = re.compile(r"[0-9a-f]{64}")
_NEVER = "0001-01-01"
_SHARED = {"network_mode": "NetworkMode", "ipc": "IpcMode", "pid": "PidMode"}
_NERDCTL_NAME = "nerdctl/name"
_NERDCTL_LABELS = ("nerdctl/", "io.containerd.", "containerd.io/")
_CDI_WORD = re.compile(r"(?:--device=)?([\w.-]+/gpu=[\w:-]+)")


def is_container(data: Mapping[str, Any]) -> bool:
    """Whether an untyped inspect found a container; it finds images under the same words."""
    return "State" in data and "Name" in data


def _image_identity(data: Mapping[str, Any], *, digest: bool) -> str:
    """What tells an image from others: its id, or where containers do not tell that of theirs the digest."""
    digests = [str(one).rpartition("@")[2] for one in data.get("RepoDigests") or []] if digest else []
    return digests[0] if digests else _identity(str(data.get("Id", "")))


def _identity(text: str) -> str:
    """With its algorithm, which Podman leaves out."""
    return f"sha256:{text}" if _HASH.fullmatch(text) else text


def local_image(data: Mapping[str, Any], engine: Capabilities = _DOCKER) -> LocalImage:
    """One image, by the names that its engine was given."""
    config = data.get("Config") or {}
    labels = config.get("Labels") or {}
    return LocalImage(
        _image_identity(data, digest=engine.digests),
        tuple(str(name).removeprefix(engine.local_prefix) for name in data.get("RepoTags") or []),
        tuple(str(one).rpartition("@")[2] for one in data.get("RepoDigests") or []),
        str(data.get("Created") or ""),
        int(data.get("Size") or 0),
        str(labels.get(BUILT, "")),
        str(labels.get(f"{BUILT}.project", "")),
        str(labels.get(f"{SNAPSHOT}.project", "")),
        str(labels.get(f"{BUILT}.owner") or labels.get(f"{SNAPSHOT}.owner") or ""),
        required=required(variables(config.get("Env"))),
    )


def variables(lines: Iterable[Any] | None) -> dict[str, str]:
    """An image's variables, of its `NAME=value` lines."""
    return {name: value for line in lines or () for name, _, value in [str(line).partition("=")]}


def container(data: Mapping[str, Any], adopted: Mapping[str, str] | None = None) -> ObservedContainer:
    """One container. `adopted`: what stands in for labels of ours, where it has none."""
    data = _from_nerdctl(data)
    state, host, config = (data.get(key) or {} for key in ("State", "HostConfig", "Config"))
    applied = decode(config.get("Labels") or {}) or decode(adopted or {})
    image, port = _identity(str(data.get("Image") or "")), _server_port(applied)
    env = _environment(config.get("Env") or [])
    cdi = [name[1] for word in config.get("CreateCommand") or [] if (name := _CDI_WORD.fullmatch(str(word)))]
    return ObservedContainer(
        id=str(data.get("Id") or ""),
        name=str(data.get("Name") or "").removeprefix("/"),
        status=_STATUSES.get(str(state.get("Status")), str(state.get("Status") or "")),
        image_id=image if image.startswith("sha256:") else applied.image if applied is not None else "",
        image_ref=str(config.get("Image") or data.get("Image") or ""),
        created=str(data.get("Created") or ""),
        started=_time(state.get("StartedAt")),
        finished=_time(state.get("FinishedAt")),
        exit_code=int(state.get("ExitCode") or 0),
        error=str(state.get("Error") or ""),
        oom_killed=bool(state.get("OOMKilled")),
        health=str((state.get("Health") or {}).get("Status", "")),
        restart_count=int(data.get("RestartCount") or 0),
        applied=applied,
        auto_remove=bool(host.get("AutoRemove")),
        network_mode=str(host.get("NetworkMode") or ""),
        live={option.field: option.live.read(host) for option in LIVE if option.live},
        env=env,
        ports=_ports(data, host),
        server_port=port,
        answers_at=tuple(addresses(data, port)) if port else (),
        key_file=_key_file(data),
        gpu_ids=requested(
            _gpu_requests(host),
            cdi,
            f"{host.get('Runtime') or ''} {data.get('OCIRuntime') or ''}",
            env[VISIBLE].reveal() if VISIBLE in env else "",
        ),
        # Podman shows the nodes that a CDI name stands for as if they had been asked for, and those of a privileged
        # container are all there are.
        device_nodes=() if cdi or host.get("Privileged") else _nodes(host),
        layer_size=data.get("SizeRw"),
        volumes=tuple(_anonymous_volumes(data, applied)),
        networks=_networks(data),
        partners={
            name: mode.removeprefix(CONTAINER)
            for name, key in _SHARED.items()
            if (mode := str(host.get(key) or "")).startswith(CONTAINER)
        },
    )


def _networks(data: Mapping[str, Any]) -> frozenset[str]:
    found = (data.get("NetworkSettings") or {}).get("Networks") or {}
    ids = (str((one or {}).get("NetworkID") or "") for one in found.values())
    return frozenset((*found, *ids)) - {""}


def _anonymous_volumes(data: Mapping[str, Any], applied: Applied | None) -> Iterator[Volume]:
    """Volumes with the names that engines make up, 64 hexadecimal digits, unless the profile names them itself.

    One that a recreate mounted again by its name is anonymous too, though the engine does not say so.
    """
    written = ((applied.spec if applied is not None else None) or {}).get("volumes") or {}
    named = {mount.get("source") for mount in written.values() if isinstance(mount, Mapping)}
    for mount in data.get("Mounts") or []:
        name, target = str(mount.get("Name") or ""), str(mount.get("Destination") or "")
        if mount.get("Type") == "volume" and _HASH.fullmatch(name) and name not in named:
            yield Volume(target.rstrip("/") or "/", name, str(mount.get("Source") or ""))


def _from_nerdctl(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A container of nerdctl in Docker's shape. Its status is empty where it has no task: never started, or lost with a
    reboot. Releases before 2.0.4 show no HostConfig."""
    state, config = data.get("State") or {}, data.get("Config") or {}
    labels = config.get("Labels") or {}
    if _NERDCTL_NAME not in labels:
        return data
    status = state.get("Status") or ("exited" if _time(state.get("FinishedAt")) else "created")
    if state.get("Running") and not state.get("Paused"):
        status = "running"
    elif status == "restarting" and labels.get("containerd.io/restart.explicitly-stopped") == "true":
        status = "exited"
    host = dict(data.get("HostConfig") or {})
    networks = _list(labels.get("nerdctl/networks"))
    host.setdefault("NetworkMode", str(networks[0]) if networks else "")
    shared = re.search(r'"victimContainerId":"(\w+)"', labels.get("nerdctl/ipc") or "")
    partners = {"PidMode": labels.get("nerdctl/pid-container"), "IpcMode": shared and shared[1]}
    host |= {key: f"{CONTAINER}{partner}" for key, partner in partners.items() if partner}
    host.setdefault("AutoRemove", labels.get("nerdctl/auto-remove") == "true")
    if not host.get("PortBindings"):
        host["PortBindings"] = _nerdctl_ports(_list(labels.get("nerdctl/ports")))
    own = {name: text for name, text in labels.items() if not name.startswith(_NERDCTL_LABELS)}
    return {**data, "State": {**state, "Status": status}, "HostConfig": host, "Config": {**config, "Labels": own}}


def _nerdctl_ports(ports: list[Any]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for one in (one for one in ports if isinstance(one, Mapping)):
        binding = {"HostIp": str(one.get("HostIP", "")), "HostPort": str(one.get("HostPort", ""))}
        found.setdefault(f"{one.get('ContainerPort')}/{one.get('Protocol', 'tcp')}", []).append(binding)
    return found


def _list(text: Any) -> list[Any]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, TypeError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def _server_port(applied: Applied | None) -> int:
    server = (applied.spec or {}).get("server") if applied is not None else None
    if not isinstance(server, Mapping) or applied is None:
        return 0
    port = server.get("port", DEFAULT_PORT) or applied.assigned.get("port", 0)
    return port if isinstance(port, int) else 0


def _key_file(data: Mapping[str, Any]) -> str:
    mounts = data.get("Mounts") or []
    return next((str(mount.get("Source", "")) for mount in mounts if mount.get("Destination") == KEY_TARGET), "")


def addresses(data: Mapping[str, Any], port: int) -> list[str]:
    """`host:port` to reach a container's port from its host, the published one first."""
    data = _from_nerdctl(data)
    network, host = (data.get(key) or {} for key in ("NetworkSettings", "HostConfig"))
    if host.get("NetworkMode") == "host":
        return [f"127.0.0.1:{port}"]
    found = []
    for binding in (network.get("Ports") or {}).get(f"{port}/tcp") or []:
        ip = binding.get("HostIp") or ""
        name = "127.0.0.1" if ip in ANY_ADDRESS else f"[{ip}]" if ":" in ip else ip
        found.append(f"{name}:{binding.get('HostPort', '')}")
    own = [network.get("IPAddress"), *(one.get("IPAddress") for one in (network.get("Networks") or {}).values())]
    return list(dict.fromkeys([*found, *(f"{ip}:{port}" for ip in own if ip)]))


def _gpu_requests(host: Mapping[str, Any]) -> list[Gpus]:
    """What was asked with `--gpus`, or by CDI names."""
    return [
        Gpus(int(one.get("Count") or 0), tuple(map(str, one.get("DeviceIDs") or ())))
        for one in host.get("DeviceRequests") or ()
        if one.get("Driver") in ("cdi", "nvidia") or any("gpu" in group for group in one.get("Capabilities") or ())
    ]


def _nodes(host: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(one.get("PathOnHost") or "") for one in host.get("Devices") or ())


def _time(text: Any) -> str:
    return "" if not text or str(text).startswith(_NEVER) else str(text)


def _environment(lines: list[str]) -> dict[str, Secret]:
    pairs = (line.partition("=") for line in lines)
    return {name: Secret(value) for name, _, value in pairs}


def _ports(data: Mapping[str, Any], host: Mapping[str, Any]) -> tuple[str, ...]:
    """`127.0.0.1:8000->80/tcp`, from what is bound while it runs, else from what is asked."""
    bound = (data.get("NetworkSettings") or {}).get("Ports") or host.get("PortBindings") or {}
    shown = []
    for port, bindings in bound.items():
        for binding in bindings or []:
            ip = binding.get("HostIp") or "0.0.0.0"  # noqa: S104 - what the engine says, shown to the user
            shown.append(f"{f'[{ip}]' if ':' in ip else ip}:{binding.get('HostPort', '')}->{port}")
    return tuple(sorted(set(shown)))
