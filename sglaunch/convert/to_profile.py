"""A container as a profile: what its inspect data says beyond the image's and the engine's own defaults; pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from sglaunch.convert.found import Notes
from sglaunch.convert.from_run import from_run
from sglaunch.convert.imported import Imported
from sglaunch.convert.inspected import Inspected
from sglaunch.convert.inspected_nerdctl import HIDDEN, as_docker
from sglaunch.convert.inspected_texts import is_secret, lost
from sglaunch.convert.inspected_values import READ
from sglaunch.convert.launched import with_server
from sglaunch.convert.shell_text import literal
from sglaunch.convert.through_shell import through_shell
from sglaunch.errors import ConfigError, Place, Problem
from sglaunch.plain import replace
from sglaunch.plan.capabilities import NERDCTL

_PODMAN_HIDES = (
    *("entrypoint", "ipc", "sysctls", "devices", "gpus", "device_cgroup_rules", "userns_mode", "cgroup", "cap_add"),
    *("cap_drop", "security_opt", "ulimits", "logging", "pids_limit", "shm_size"),
)

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
    hidden = seen.label_secrets()
    secret = [name for name, value in seen.environment().items() if name in hidden or is_secret(name, value)]
    if secret:
        keys["secret_env"] = secret
        notes.remark("secret_env", "their values stay in the container; here only their names are known")
    keys = _ordered(keys)
    _exclusions(keys)
    keys = _launched(seen, keys, notes)
    if names := through_shell(keys):
        keys["secret_env"] = list(dict.fromkeys([*keys.get("secret_env", []), *names]))
        keys = _ordered(keys)
        notes.remark("command", f"{', '.join(names)}: put in by a shell of the container")
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


def _exclusions(keys: dict[str, Any]) -> None:
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
