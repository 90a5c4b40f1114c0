"""Inspect JSON of Docker to an observation: our own tolerant reader, since every engine leaves out something; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.options import LIVE
from sglaunch.spec.labels import Applied, decode
from sglaunch.spec.server import DEFAULT_PORT, KEY_TARGET
from sglaunch.spec.values import Secret

_NEVER = "0001-01-01"


def is_container(data: Mapping[str, Any]) -> bool:
    """Whether an untyped inspect found a container; it finds images under the same words."""
    return "State" in data and "HostConfig" in data


def image_names(data: Mapping[str, Any]) -> tuple[str, list[str]]:
    """An image's id and every name of it."""
    return str(data.get("Id", "")), [*(data.get("RepoTags") or []), *(data.get("RepoDigests") or [])]


def container(data: Mapping[str, Any]) -> ObservedContainer:
    """One container."""
    state, host, config = (data.get(key) or {} for key in ("State", "HostConfig", "Config"))
    return ObservedContainer(
        id=str(data.get("Id") or ""),
        name=str(data.get("Name") or "").removeprefix("/"),
        status=str(state.get("Status") or ""),
        image_id=str(data.get("Image") or ""),
        image_ref=str(config.get("Image") or ""),
        created=str(data.get("Created") or ""),
        started=_time(state.get("StartedAt")),
        finished=_time(state.get("FinishedAt")),
        exit_code=int(state.get("ExitCode") or 0),
        error=str(state.get("Error") or ""),
        oom_killed=bool(state.get("OOMKilled")),
        health=str((state.get("Health") or {}).get("Status", "")),
        restart_count=int(data.get("RestartCount") or 0),
        applied=decode(config.get("Labels") or {}),
        auto_remove=bool(host.get("AutoRemove")),
        network_mode=str(host.get("NetworkMode") or ""),
        live={option.field: option.live.read(host) for option in LIVE if option.live},
        env=_environment(config.get("Env") or []),
        ports=_ports(data, host),
        server_port=(port := _server_port(decode(config.get("Labels") or {}))),
        answers_at=tuple(addresses(data, port)) if port else (),
        key_file=_key_file(data),
        layer_size=data.get("SizeRw"),
    )


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
    network, host = (data.get(key) or {} for key in ("NetworkSettings", "HostConfig"))
    if host.get("NetworkMode") == "host":
        return [f"127.0.0.1:{port}"]
    found = []
    for binding in (network.get("Ports") or {}).get(f"{port}/tcp") or []:
        ip = binding.get("HostIp") or ""
        name = "127.0.0.1" if ip in ("", "0.0.0.0", "::") else f"[{ip}]" if ":" in ip else ip  # noqa: S104 - as told
        found.append(f"{name}:{binding.get('HostPort', '')}")
    own = [network.get("IPAddress"), *(one.get("IPAddress") for one in (network.get("Networks") or {}).values())]
    return list(dict.fromkeys([*found, *(f"{ip}:{port}" for ip in own if ip)]))


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
