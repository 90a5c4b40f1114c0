"""Each option of a container as a profile has it, where neither image nor engine brings it; pure.

READ has a row for each option of plan/options.py; where an option changes live, its row there is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sglaunch.convert.found import Notes
from sglaunch.convert.inspected import SHORT_ID, Inspected
from sglaunch.convert.inspected_places import network_mode, networks, of_container, ports, tmpfs, volumes
from sglaunch.convert.inspected_texts import escaped, is_secret, lost, safe, safe_words
from sglaunch.plan.options import LIVE
from sglaunch.spec.values import format_duration, format_size

_TOOL_LABELS = (
    *("sglaunch.", "com.docker.compose.", "desktop.docker.io/", "io.buildah.", "nerdctl/", "io.containerd."),
    *("containerd.io/", "io.podman.compose.", "PODMAN_SYSTEMD_UNIT"),
)
_SHM = {"docker": 64 << 20, "podman": 65536000}
_RUNTIMES = ("", "runc", "io.containerd.runc.v2", "oci", "crun")
_LOGS = {"docker": ("", "json-file"), "podman": ("", "k8s-file", "journald")}
_PODMAN_PIDS, _PODMAN_GRACE = 2048, 10
_PODMAN_LIMITS = ("nofile", "nproc")
_SIZES = ("mem_limit", "mem_reservation", "memswap_limit")
_NANO = 1e9


_Read = Callable[[Inspected, Notes], Any]


def _image(seen: Inspected, notes: Notes) -> Any:
    """As it was written; where that is an id alone, by a name that the image has."""
    written = str(seen.config.get("Image") or "")
    tags = [str(tag) for tag in seen.image.get("RepoTags") or []]
    if re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", written) and tags:
        notes.remark("image", f"started from the id {written}")
        written = tags[0]
    return written.removeprefix(seen.engine.local_prefix)


def _entrypoint(seen: Inspected, notes: Notes) -> Any:
    """The empty tuple, where the image's is taken away."""
    own, brought = seen.words("Entrypoint"), seen.words("Entrypoint", seen.given)
    if own == brought:
        return None
    return safe_words(own, "entrypoint", seen, notes) if own is not None else ()


def _command(seen: Inspected, notes: Notes) -> Any:
    """The image's own command counts only beneath its own entrypoint."""
    own = seen.words("Cmd")
    changed = seen.words("Entrypoint") != seen.words("Entrypoint", seen.given)
    if own is None or (own == seen.words("Cmd", seen.given) and not changed):
        return None
    return safe_words(own, "command", seen, notes)


def _environment(seen: Inspected, _: Notes) -> Any:
    hidden = seen.label_secrets()
    shown = {name: value for name, value in seen.environment().items() if name not in hidden}
    return {name: escaped(value) for name, value in shown.items() if not is_secret(name, value)}


def _namespace(key: str, *defaults: str) -> _Read:
    def read(seen: Inspected, notes: Notes) -> Any:
        value = str(seen.host.get(key) or "")
        return None if value in ("", *defaults) else of_container(value, key, notes)

    return read


def _ipc(seen: Inspected, notes: Notes) -> Any:
    """Podman shows the same word whatever was asked."""
    value = str(seen.host.get("IpcMode") or "")
    hidden = ("private", "shareable") if seen.is_podman else ("private",)
    return None if value in ("", *hidden) else of_container(value, "ipc", notes)


def _cgroup(seen: Inspected, _: Notes) -> Any:
    value = str(seen.host.get("CgroupnsMode") or "")
    usual = "private" if seen.cgroup2 and not seen.privileged else "host"
    return value if seen.is_docker and value not in ("", usual) else None


def _shm_size(seen: Inspected, _: Notes) -> Any:
    size = int(seen.host.get("ShmSize") or 0)
    return format_size(size) if size and size != _SHM.get(seen.engine.name, _SHM["docker"]) else None


def _gpus(seen: Inspected, notes: Notes) -> Any:
    wanted = [one for one in seen.host.get("DeviceRequests") or [] if one.get("Driver") != "cdi"]
    if not wanted:
        return None
    if len(wanted) > 1:
        notes.losses.append(lost(seen, "HostConfig.DeviceRequests", "only the first of several requests is said"))
    first = wanted[0]
    words = [word for group in first.get("Capabilities") or [] for word in group if word != "gpu"]
    count, ids = int(first.get("Count") or 0), [str(one) for one in first.get("DeviceIDs") or []]
    if count > 0:
        notes.remark("gpus", "a number takes idle ones; the engine gave the first ones")
    asked: Any = ids or ("all" if count == -1 else count)
    return {"ids" if ids else "count": asked, "capabilities": sorted(words)} if words else asked


def _devices(seen: Inspected, _: Notes) -> Any:
    named = [one for one in seen.host.get("DeviceRequests") or [] if one.get("Driver") == "cdi"]
    found = [str(name) for one in named for name in one.get("DeviceIDs") or []]
    for device in seen.host.get("Devices") or [] if not (seen.is_podman and seen.privileged) else ():
        host, inside = str(device.get("PathOnHost")), str(device.get("PathInContainer"))
        rights = str(device.get("CgroupPermissions") or "rwm")
        found.append(":".join([host, inside, rights]) if rights != "rwm" else f"{host}:{inside}")
    return [device.partition(":")[0] if len(set(device.split(":"))) == 1 else device for device in found]


def _security(seen: Inspected, notes: Notes) -> Any:
    options = [str(one) for one in seen.host.get("SecurityOpt") or []]
    if seen.shares_host:
        options = [one for one in options if one != "label=disable"]
    kept = [one for one in options if not re.match(r"seccomp[=:]\s*\{", one)]
    if len(kept) < len(options):
        hint = "write the profile to a file, and security_opt: [seccomp=FILE]"
        notes.losses.append(lost(seen, "HostConfig.SecurityOpt", "a seccomp profile is not carried", hint))
    if seen.is_docker and not seen.privileged and seen.host.get("MaskedPaths") in (None, []) and _tells_masks(seen):
        kept.append("systempaths=unconfined")
    return kept


def _tells_masks(seen: Inspected) -> bool:
    return "MaskedPaths" in seen.host and seen.host.get("ReadonlyPaths") in (None, [])


def _ulimits(seen: Inspected, _: Notes) -> Any:
    found: dict[str, Any] = {}
    for one in seen.host.get("Ulimits") or []:
        name = str(one.get("Name", "")).lower().removeprefix("rlimit_")
        soft, hard = int(one.get("Soft", 0)), int(one.get("Hard", 0))
        if not (seen.is_podman and name in _PODMAN_LIMITS):
            found[name] = soft if soft == hard else {"soft": soft, "hard": hard}
    return found


def _working_dir(seen: Inspected, _: Notes) -> Any:
    value = seen.own("WorkingDir")
    return None if value == "/" and not seen.given.get("WorkingDir") else value


def _hostname(seen: Inspected, _: Notes) -> Any:
    name, domain = str(seen.config.get("Hostname") or ""), str(seen.config.get("Domainname") or "")
    shared = seen.network.startswith("container:") or seen.host.get("UTSMode") == "host"
    if shared or name in ("", seen.id[:SHORT_ID]) or (seen.network == "host" and name == seen.hostname):
        return None
    return f"{name}.{domain}" if domain else name


def _labels(seen: Inspected, notes: Notes) -> Any:
    brought = seen.given.get("Labels") or {}
    labels = sorted((seen.config.get("Labels") or {}).items())
    own = {str(k): str(v) for k, v in labels if brought.get(k) != v and not str(k).startswith(_TOOL_LABELS)}
    return {name: safe(value, f"labels.{name}", seen, notes) for name, value in own.items()}


def _stop_signal(seen: Inspected, _: Notes) -> Any:
    value = seen.config.get("StopSignal")
    usual = (None, "", 15, "15", "SIGTERM") if not seen.given.get("StopSignal") else ()
    brought = str(seen.given.get("StopSignal") or "")
    return None if value in usual or str(value) == brought else str(value)


def _grace(seen: Inspected, _: Notes) -> Any:
    value = seen.config.get("StopTimeout")
    if value is None or (seen.is_podman and value == _PODMAN_GRACE):
        return None
    return format_duration(float(value)) if value else "0s"


def _healthcheck(seen: Inspected, notes: Notes) -> Any:
    check = seen.own("Healthcheck")
    if not check:
        return None
    words = [str(word) for word in check.get("Test") or []]
    if words[:1] == ["NONE"]:
        return {"disable": True}
    safe = safe_words(words, "healthcheck.test", seen, notes)
    test: Any = safe[1] if words[:1] == ["CMD-SHELL"] and len(words) == 2 else safe
    times = {"interval": "Interval", "timeout": "Timeout", "start_period": "StartPeriod"}
    spoken = {word: format_duration(check[key] / _NANO) for word, key in times.items() if check.get(key)}
    found = {"test": test, **spoken, "retries": check.get("Retries") or None}
    return {key: value for key, value in found.items() if value}


def _logging(seen: Inspected, _: Notes) -> Any:
    log = seen.host.get("LogConfig") or {}
    driver, options = str(log.get("Type") or ""), dict(log.get("Config") or {})
    if seen.is_podman and log.get("Size"):
        options["max-size"] = str(log["Size"])
    plain = driver in _LOGS.get(seen.engine.name, _LOGS["docker"])
    if plain and not options:
        return None
    return {"driver": driver, **({"options": {k: escaped(str(v)) for k, v in options.items()}} if options else {})}


def _listed(key: str) -> _Read:
    return lambda seen, _: [escaped(str(one)) for one in seen.host.get(key) or []]


def _live(field: str) -> _Read:
    """An option that changes live, by the way the option table reads it."""
    live = next(option.live for option in LIVE if option.field == field)
    assert live is not None

    def read(seen: Inspected, _: Notes) -> Any:
        value = live.read(seen.host)
        if value in (None, 0, "", live.reset):
            return None
        if field == "memswap_limit" and (value == 2 * (live_memory(seen) or 0) or not live_memory(seen)):
            return None
        if field == "pids_limit" and seen.is_podman and value == _PODMAN_PIDS:
            return None
        return format_size(value) if field in _SIZES and value > 0 else value

    return read


def live_memory(seen: Inspected) -> int:
    return int(seen.host.get("Memory") or 0)


READ: Mapping[str, _Read] = {
    "container_name": lambda seen, _: seen.name,
    "image": _image,
    "platform": lambda seen, _: None,  # no engine stores it
    "entrypoint": _entrypoint,
    "command": _command,
    "environment": _environment,
    "volumes": volumes,
    "tmpfs": tmpfs,
    "volumes_from": _listed("VolumesFrom"),
    "ports": ports,
    "network_mode": network_mode,
    "networks": networks,
    "extra_hosts": _listed("ExtraHosts"),
    "dns": _listed("Dns"),
    "dns_search": _listed("DnsSearch"),
    "dns_opt": _listed("DnsOptions"),
    "ipc": _ipc,
    "pid": _namespace("PidMode", "private"),
    "uts": _namespace("UTSMode", "private"),
    "userns_mode": _namespace("UsernsMode", "private"),
    "cgroup": _cgroup,
    "shm_size": _shm_size,
    "gpus": _gpus,
    "devices": _devices,
    "device_cgroup_rules": _listed("DeviceCgroupRules"),
    "privileged": lambda seen, _: seen.privileged,
    "cap_add": _listed("CapAdd"),
    "cap_drop": _listed("CapDrop"),
    "security_opt": _security,
    "group_add": _listed("GroupAdd"),
    "ulimits": _ulimits,
    "sysctls": lambda seen, _: dict(sorted((seen.host.get("Sysctls") or {}).items())),
    "user": lambda seen, _: seen.own("User"),
    "working_dir": _working_dir,
    "hostname": _hostname,
    "labels": _labels,
    "tty": lambda seen, _: bool(seen.config.get("Tty")),
    "stdin_open": lambda seen, _: bool(seen.config.get("OpenStdin")),
    "init": lambda seen, _: bool(seen.host.get("Init")),
    "auto_remove": lambda seen, _: bool(seen.host.get("AutoRemove")),
    "stop_signal": _stop_signal,
    "stop_grace_period": _grace,
    "healthcheck": _healthcheck,
    "read_only": lambda seen, _: bool(seen.host.get("ReadonlyRootfs")),
    "runtime": lambda seen, _: None if seen.host.get("Runtime") in (None, *_RUNTIMES) else seen.host.get("Runtime"),
    "logging": _logging,
    **{option.field: _live(option.field) for option in LIVE},
}
