"""A container as a profile: what its inspect data says beyond the image's and the engine's own defaults; pure.

READ has a row for each option of plan/options.py; where an option changes live, its row there is read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sglaunch.convert.concealed import holds_secret, is_harmless, is_secret_flag, variable_of, without_secrets
from sglaunch.convert.found import Notes
from sglaunch.convert.from_run import from_run
from sglaunch.convert.imported import Imported
from sglaunch.convert.inspected import SHORT_ID, Inspected
from sglaunch.convert.inspected_nerdctl import HIDDEN, as_docker
from sglaunch.convert.launched import with_server
from sglaunch.convert.shell_text import literal
from sglaunch.errors import ConfigError, Place, Problem
from sglaunch.plan.capabilities import NERDCTL
from sglaunch.plan.options import LIVE
from sglaunch.spec.values import format_duration, format_size, looks_secret

_TOOL_LABELS = (
    *("sglaunch.", "com.docker.compose.", "desktop.docker.io/", "io.buildah.", "nerdctl/", "io.containerd."),
    *("containerd.io/", "io.podman.compose.", "PODMAN_SYSTEMD_UNIT"),
)
_SHM = {"docker": 64 << 20, "podman": 65536000}
_RUNTIMES = ("", "runc", "io.containerd.runc.v2", "oci", "crun")
_LOGS = {"docker": ("", "json-file"), "podman": ("", "k8s-file", "journald")}
_PODMAN_PIDS, _PODMAN_GRACE = 2048, 10
_PODMAN_TMPFS = {"rw", "rprivate", "nosuid", "nodev", "tmpcopyup"}
_PODMAN_LIMITS = ("nofile", "nproc")
_PODMAN_HIDES = (
    *("entrypoint", "ipc", "sysctls", "devices", "gpus", "device_cgroup_rules", "userns_mode", "cgroup", "cap_add"),
    *("cap_drop", "security_opt", "ulimits", "logging", "pids_limit", "shm_size"),
)
_PROPAGATIONS = ("shared", "slave", "private", "rshared", "rslave")
_SIZES = ("mem_limit", "mem_reservation", "memswap_limit")
_NANO = 1e9

# What a profile has no word for -> what to say where it is set.
UNSAID: Mapping[str, str] = {
    "OomScoreAdj": "",
    "OomKillDisable": "write mem_reservation",
    "BlkioWeight": "",
    "BlkioWeightDevice": "",
    "BlkioDeviceReadBps": "",
    "BlkioDeviceWriteBps": "",
    "BlkioDeviceReadIOps": "",
    "BlkioDeviceWriteIOps": "",
    "CpusetMems": "",
    "CpuRealtimePeriod": "",
    "CpuRealtimeRuntime": "",
    "Links": "use networks with aliases",
    "StorageOpt": "",
    "PublishAllPorts": "write ports",
    "Annotations": "write labels",
    "VolumeDriver": "create the volume with its driver and name it under volumes",
}


def to_profile(seen: Inspected) -> Imported:
    """The keys of a container. Values of variables that look secret are in none of them."""
    notes = Notes()
    keys: dict[str, Any] = {}
    if seen.engine.name == NERDCTL:
        seen = replace(seen, data=as_docker(seen.data, seen.image))
        message = f"nerdctl does not tell whether it has {', '.join(HIDDEN)}"
        notes.losses.append(lost(seen, "", message, "add what was given when it was made"))
    for field, read in READ.items():
        value = read(seen, notes)
        if value not in (None, "", [], {}, False):
            keys[field] = list(value) if isinstance(value, tuple) else value
    if seen.is_podman:
        _from_its_command(seen, keys, notes)
    secret = [name for name, value in seen.environment().items() if _is_secret(name, value)]
    if secret:
        keys["secret_env"] = secret
        notes.remark("secret_env", "their values stay in the container; here only their names are known")
    keys = _ordered(keys)
    _exclusions(seen, keys)
    keys = _launched(seen, keys, notes)
    for problem in _unsaid(seen):
        notes.losses.append(problem)
    notes.remark("", f"container {seen.name}, as {seen.engine.name} shows it")
    return notes.imported(profile_name(seen.name), keys)


def _from_its_command(seen: Inspected, keys: dict[str, Any], notes: Notes) -> None:
    """What Podman hides stands in the command that made the container, which it keeps."""
    words = [str(word) for word in seen.config.get("CreateCommand") or []]
    made: Mapping[str, Any] = {}
    try:
        made = from_run(shlex.join(words), seen.name, "x")[0].keys
    except ConfigError:
        hint = "look at how it was made, and add them"
        notes.losses.append(lost(seen, "Config.CreateCommand", f"podman hides {', '.join(_PODMAN_HIDES)}", hint))
    for key in _PODMAN_HIDES:
        keys.pop(key, None)
        keys.update({key: made[key]} if key in made else {})


def profile_name(container: str) -> str:
    """A profile's name after a container's."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", container).strip("-._") or "imported"


def lost(seen: Inspected, path: str, message: str, hint: str = "") -> Problem:
    """What the profile cannot say of a container."""
    return Problem(message, Place(f"container {seen.name}"), path, hint)


def _ordered(keys: dict[str, Any]) -> dict[str, Any]:
    """Secrets beside the other variables."""
    names = [name for name in keys if name != "secret_env"]
    at = names.index("environment") + 1 if "environment" in names else min(len(names), 3)
    if "secret_env" in keys:
        names.insert(at, "secret_env")
    return {name: keys[name] for name in names}


def _launched(seen: Inspected, keys: dict[str, Any], notes: Notes) -> dict[str, Any]:
    """An SGLang launch command is a server, if its port is the host's or published: a server's would be."""
    words = [*((seen.words("Entrypoint") or []) if "entrypoint" in keys else []), *(seen.words("Cmd") or [])]
    targets = [str(mount["Destination"]) for mount in seen.mounts()]
    trial = Notes()
    made = with_server(keys, [literal(word) for word in words], targets, trial, Place(f"container {seen.name}"))
    if made is None or made.get("ports") != keys.get("ports"):
        return keys
    if "entrypoint" in made and not seen.words("Entrypoint", seen.given):
        del made["entrypoint"]
    notes.losses = [one for one in notes.losses if one.path not in ("command", "entrypoint")] + trial.losses
    for path, remark in trial.comments.items():
        notes.remark(path, remark)
    return made


def _exclusions(seen: Inspected, keys: dict[str, Any]) -> None:
    """What engines show twice, and a profile may say once."""
    if "cpus" in keys:
        keys.pop("cpu_quota", None)
        keys.pop("cpu_period", None)
    if "memswap_limit" in keys and "mem_limit" not in keys:
        del keys["memswap_limit"]
    if keys.get("ipc") == "host":
        keys.pop("shm_size", None)
    if keys.get("auto_remove"):
        keys.pop("restart", None)


def _unsaid(seen: Inspected) -> list[Problem]:
    host = seen.host
    found = [
        lost(seen, f"HostConfig.{key}", "is set, and no profile says it", hint)
        for key, hint in UNSAID.items()
        if host.get(key) not in (None, "", 0, False, [], {}, {"": ""})
    ]
    if seen.is_docker and host.get("CgroupParent"):
        found.append(lost(seen, "HostConfig.CgroupParent", "is set, and no profile says it"))
    if seen.is_docker and host.get("MemorySwappiness") not in (None, -1, 0):
        found.append(lost(seen, "HostConfig.MemorySwappiness", "is set, and no profile says it", "write memswap_limit"))
    published = set(host.get("PortBindings") or {})
    exposed = sorted(set(seen.config.get("ExposedPorts") or {}) - set(seen.given.get("ExposedPorts") or {}) - published)
    if exposed:
        hint = "containers reach each other's ports without it"
        found.append(lost(seen, "Config.ExposedPorts", f"{', '.join(exposed)} exposed, not published", hint))
    check = seen.own("Healthcheck") or {}
    if check.get("StartInterval"):
        found.append(lost(seen, "Config.Healthcheck.StartInterval", "no profile says it"))
    return found


def _is_secret(name: str, value: str) -> bool:
    return bool(value) and ((looks_secret(name) and not is_harmless(value)) or holds_secret(value))


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
    return _safe_words(own, "entrypoint", seen, notes) if own is not None else ()


def _command(seen: Inspected, notes: Notes) -> Any:
    """The image's own command counts only beneath its own entrypoint."""
    own = seen.words("Cmd")
    changed = seen.words("Entrypoint") != seen.words("Entrypoint", seen.given)
    if own is None or (own == seen.words("Cmd", seen.given) and not changed):
        return None
    return _safe_words(own, "command", seen, notes)


def escaped(text: str) -> str:
    """Text that means itself, as a value of ours."""
    return literal(text).template


def _safe(text: str, path: str, seen: Inspected, notes: Notes) -> str:
    """The same, with a variable for each secret in it."""
    word, names = without_secrets(literal(text))
    for name in names:
        hint = f"set {name} in the environment or in .env beside sglaunch.yaml"
        message = f"a secret is written nowhere; {{{{ env.{name} }}}} stands for it"
        notes.losses.append(lost(seen, path, message, hint))
    return word.template


def _safe_words(words: list[str], path: str, seen: Inspected, notes: Notes) -> list[str]:
    """Words that mean themselves; what follows a flag for secrets is one."""
    found: list[str] = []
    for number, word in enumerate(words):
        flag = words[number - 1] if number else ""
        if flag.startswith("--") and is_secret_flag(flag) and not is_harmless(word, flag):
            name = variable_of(flag)
            message = f"a secret is written nowhere; {{{{ env.{name} }}}} stands for it"
            notes.losses.append(lost(seen, path, message, f"set {name} in the environment"))
            found.append(f"{{{{ env.{name} }}}}")
        else:
            found.append(_safe(word, path, seen, notes))
    return found


def _environment(seen: Inspected, _: Notes) -> Any:
    found = seen.environment()
    return {name: escaped(value) for name, value in found.items() if not _is_secret(name, value)}


def _volumes(seen: Inspected, notes: Notes) -> Any:
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
        words += [propagation] if is_bind and propagation in _PROPAGATIONS else []
        if ":" in source or ":" in target:
            entry = {"type": mount["Type"], "source": escaped(source), "target": escaped(target)}
            found.append({**entry, **({"read_only": True} if "ro" in words else {})})
        else:
            found.append(escaped(":".join([source, target, *([",".join(words)] if words else [])])))
    return found


def _tmpfs(seen: Inspected, _: Notes) -> Any:
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


def _ports(seen: Inspected, _: Notes) -> Any:
    found = []
    for key, bindings in (seen.host.get("PortBindings") or {}).items():
        port, _sign, protocol = str(key).partition("/")
        target = port if protocol == "tcp" else key
        for binding in bindings or []:
            ip, host = str(binding.get("HostIp") or ""), str(binding.get("HostPort") or "")
            ip = f"[{ip}]" if ":" in ip else ip
            found.append(":".join([ip, host, target]) if ip else f"{host}:{target}" if host else target)
    return [] if seen.network == "host" else sorted(found)


def _network_mode(seen: Inspected, notes: Notes) -> Any:
    mode = seen.network
    if mode not in ("host", "none") and not mode.startswith("container:"):
        return None
    return _of_container(mode, "network_mode", notes)


def _of_container(mode: str, path: str, notes: Notes) -> str:
    if mode.startswith("container:") and re.fullmatch(r"[0-9a-f]{64}", mode.partition(":")[2]):
        notes.remark(path, "an id is another one after a recreate of that container; write its name")
    return mode


def _networks(seen: Inspected, notes: Notes) -> Any:
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


def _namespace(key: str, *defaults: str) -> _Read:
    def read(seen: Inspected, notes: Notes) -> Any:
        value = str(seen.host.get(key) or "")
        return None if value in ("", *defaults) else _of_container(value, key, notes)

    return read


def _ipc(seen: Inspected, notes: Notes) -> Any:
    """Podman shows the same word whatever was asked."""
    value = str(seen.host.get("IpcMode") or "")
    hidden = ("private", "shareable") if seen.is_podman else ("private",)
    return None if value in ("", *hidden) else _of_container(value, "ipc", notes)


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
    return {name: _safe(value, f"labels.{name}", seen, notes) for name, value in own.items()}


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
    safe = _safe_words(words, "healthcheck.test", seen, notes)
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
    "volumes": _volumes,
    "tmpfs": _tmpfs,
    "volumes_from": _listed("VolumesFrom"),
    "ports": _ports,
    "network_mode": _network_mode,
    "networks": _networks,
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
