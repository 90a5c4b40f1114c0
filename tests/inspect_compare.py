"""Two containers, field by field: what they were asked to be, without what makes each the one it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_EMPTY: tuple[Any, ...] = (None, "", 0, False)
# What differs from container to container, or tells only how the client was attached.
_OWN = ("Hostname", "Labels", "AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce", "CreateCommand", "Env")
_OWN_HOST = ("ContainerIDFile", "LogPath")
_SETS = ("CapAdd", "CapDrop", "SecurityOpt", "Ulimits", "Binds", "Mounts", "Devices", "GroupAdd", "ExtraHosts")


def asked(data: Mapping[str, Any], leave: Iterable[str] = ()) -> dict[str, Any]:
    """What a container was asked to be. `leave`: paths such as `Config.Cmd` that a test lists as differing."""
    config, host = data.get("Config") or {}, data.get("HostConfig") or {}
    found: dict[str, Any] = {f"Config.{key}": value for key, value in config.items() if key not in _OWN}
    found |= {f"HostConfig.{key}": value for key, value in host.items() if key not in _OWN_HOST}
    found["Config.Env"] = sorted(line for line in config.get("Env") or [] if not line.startswith("HOSTNAME="))
    found["Config.Hostname"] = "" if config.get("Hostname") == data["Id"][:12] else config.get("Hostname")
    own = {k: v for k, v in (config.get("Labels") or {}).items() if not k.startswith(("sglaunch.", "com.docker."))}
    found["Config.Labels"] = own
    if (host.get("RestartPolicy") or {}).get("Name") in ("", "no"):
        del found["HostConfig.RestartPolicy"]
    if log := found.get("HostConfig.LogConfig"):
        found["HostConfig.LogConfig"] = {key: value for key, value in log.items() if key != "Path"}
    # A bind is a mount, however it was written.
    del found["HostConfig.Binds"]
    found.pop("HostConfig.Mounts", None)
    found["Mounts"] = [
        {key: mount.get(key) for key in ("Type", "Source", "Destination", "RW", "Propagation")}
        for mount in data.get("Mounts") or []
        if mount.get("Type") != "tmpfs"
    ]
    found["Mounts"] += [
        {"Type": "tmpfs", "Destination": one["Target"], "Options": f"size={one['TmpfsOptions']['SizeBytes']}"}
        for one in host.get("Mounts") or []
        if one.get("Type") == "tmpfs"
    ]
    found["Mounts"] += [
        {"Type": "tmpfs", "Destination": path, "Options": options}
        for path, options in (host.get("Tmpfs") or {}).items()
    ]
    found.pop("HostConfig.Tmpfs", None)
    networks = (data.get("NetworkSettings") or {}).get("Networks") or {}
    found["Networks"] = {
        name: {
            "Aliases": sorted(set(one.get("Aliases") or []) - {data["Id"][:12]}),
            "IPAMConfig": one.get("IPAMConfig"),
        }
        for name, one in networks.items()
    }
    plain = {key: _plain(key, value) for key, value in found.items() if key not in leave}
    return {key: value for key, value in plain.items() if value not in (*_EMPTY, [], {}, [{}])}


def _plain(key: str, value: Any) -> Any:
    """Without what is empty; lists whose order says nothing are sorted."""
    if isinstance(value, Mapping):
        inner = {name: _plain("", one) for name, one in value.items()}
        return {name: one for name, one in inner.items() if one not in (*_EMPTY, [], {})}
    if isinstance(value, list) and key in ("HostConfig.CapAdd", "HostConfig.CapDrop"):
        # Newer clients write the prefix.
        return sorted(str(one).removeprefix("CAP_") for one in value)
    if isinstance(value, list):
        items = [_plain("", one) for one in value]
        return sorted(items, key=repr) if key.rpartition(".")[2] in (*_SETS, "Mounts") else items
    return value
