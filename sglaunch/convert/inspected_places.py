"""Mounts, ports and networks of a container as a profile has them; pure."""

from __future__ import annotations

import re
from typing import Any

from sglaunch.convert.found import Notes
from sglaunch.convert.inspected import SHORT_ID, Inspected
from sglaunch.convert.inspected_texts import escaped, lost
from sglaunch.spec.mounts import PROPAGATIONS

_PODMAN_TMPFS = {"rw", "rprivate", "nosuid", "nodev", "tmpcopyup"}
# Every engine shows rprivate where none was asked for.
_DEFAULT_PROPAGATION = "rprivate"


def volumes(seen: Inspected, notes: Notes) -> Any:
    found: list[Any] = []
    for mount in seen.mounts():
        target, long = mount["Destination"], seen.long_mount(mount["Destination"])
        if mount.get("Type") not in ("bind", "volume") or target in (seen.host.get("Tmpfs") or {}):
            continue
        if mount["anonymous"]:
            found.append(escaped(target))
            notes.remark("volumes", f"what {target} holds is in the volume {mount.get('Name')}")
            continue
        is_bind = mount.get("Type") == "bind"
        source = str(mount.get("Source") if is_bind else mount.get("Name"))
        modes = seen.modes(target)
        words = [] if mount.get("RW", True) else ["ro"]
        words += [mode for mode in modes if mode in ("z", "Z", "nocopy")]
        options = long.get("BindOptions") or long.get("VolumeOptions") or {}
        words += ["nocopy"] if options.get("NoCopy") and "nocopy" not in words else []
        for key in ("NonRecursive", "DriverConfig", "Subpath"):
            if options.get(key):
                notes.losses.append(lost(seen, f"HostConfig.Mounts.{target}.{key}", "is set, and no profile says it"))
        propagation = str(mount.get("Propagation") or "")
        asked = propagation in PROPAGATIONS and propagation != _DEFAULT_PROPAGATION
        words += [propagation] if is_bind and asked else []
        if ":" in source or ":" in target:
            entry = {"type": mount["Type"], "source": escaped(source), "target": escaped(target)}
            found.append({**entry, **({"read_only": True} if "ro" in words else {})})
        else:
            found.append(escaped(":".join([source, target, *([",".join(words)] if words else [])])))
    return found


def tmpfs(seen: Inspected, _: Notes) -> Any:
    found = []
    for path, options in sorted((seen.host.get("Tmpfs") or {}).items()):
        words = [word for word in str(options).split(",") if word]
        if seen.is_podman:
            words = [word for word in words if word not in _PODMAN_TMPFS]
            if seen.host.get("ReadonlyRootfs") and path in ("/run", "/tmp", "/var/tmp"):
                continue
        found.append(f"{path}:{','.join(words)}" if words else path)
    for mount in seen.host.get("Mounts") or []:
        if mount.get("Type") == "tmpfs":
            options = mount.get("TmpfsOptions") or {}
            words = [f"size={options['SizeBytes']}"] if options.get("SizeBytes") else []
            words += [f"mode={options['Mode']:o}"] if options.get("Mode") else []
            found.append(":".join([mount["Target"], *([",".join(words)] if words else [])]))
    return found


def ports(seen: Inspected, _: Notes) -> Any:
    found = []
    for key, bindings in (seen.host.get("PortBindings") or {}).items():
        port, _sign, protocol = str(key).partition("/")
        target = port if protocol == "tcp" else key
        for binding in bindings or []:
            ip, host = str(binding.get("HostIp") or ""), str(binding.get("HostPort") or "")
            ip = f"[{ip}]" if ":" in ip else ip
            found.append(":".join([ip, host, target]) if ip else f"{host}:{target}" if host else target)
    return [] if seen.network == "host" else sorted(found)


def network_mode(seen: Inspected, notes: Notes) -> Any:
    mode = seen.network
    if mode not in ("host", "none") and not mode.startswith("container:"):
        return None
    return of_container(mode, "network_mode", notes)


def of_container(mode: str, path: str, notes: Notes) -> str:
    if mode.startswith("container:") and re.fullmatch(r"[0-9a-f]{64}", mode.partition(":")[2]):
        notes.remark(path, "an id is another one after a recreate of that container; write its name")
    return mode


def networks(seen: Inspected, notes: Notes) -> Any:
    found: dict[str, Any] = {}
    for name, attached in seen.networks().items():
        ipam = attached.get("IPAMConfig") or {}
        aliases = [
            alias for alias in attached.get("Aliases") or [] if alias not in (seen.id[:SHORT_ID], seen.id, seen.name)
        ]
        entry = {
            "aliases": aliases,
            "ipv4_address": ipam.get("IPv4Address") or "",
            "ipv6_address": ipam.get("IPv6Address") or "",
        }
        found[name] = {key: value for key, value in entry.items() if value} or None
        if attached.get("Links") or attached.get("DriverOpts"):
            notes.losses.append(lost(seen, f"NetworkSettings.Networks.{name}", "links and driver options are not said"))
    return list(found) if found and not any(found.values()) else found
