"""What short words stand for: accelerator, caches, hub, user: me, passed proxies. Written values beat them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sglaunch.config.node import Node
from sglaunch.config.profile import Profile
from sglaunch.errors import Origin
from sglaunch.plain import Struct, field, replace
from sglaunch.spec.accelerator import EXPANSIONS, expansion
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.server import NO_PROXIES, PROXIES
from sglaunch.spec.values import Device, Mount, Secret, looks_secret

CACHES = {"huggingface": ".cache/huggingface", "modelscope": ".cache/modelscope", "sglang": ".cache/sglang"}
"""Each cache, below the user's home on the host and below HOME in the container."""
ME = "me"
"""The value of `user` that stands for the caller."""
_HOMES = ".local/share/sglaunch/homes"
HUBS: Mapping[str, Mapping[str, str]] = {
    "huggingface": {},
    "hf-mirror": {"HF_ENDPOINT": "https://hf-mirror.com"},
    "modelscope": {"SGLANG_USE_MODELSCOPE": "true"},
}
CREDENTIALS = re.compile(r"://[^/@\s]*:[^/@\s]*@")


class Surroundings(Struct, frozen=True):
    """What a profile meets: facts of user and host, the environment, and the values of files it names."""

    facts: Mapping[str, Any]
    env: Mapping[str, str]
    config_file: str
    env_files: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict)


def environment(
    profile: Profile, merged: Node, around: Surroundings, origins: dict[str, Origin], direct: Sequence[str]
) -> tuple[dict[str, str | Secret | None], set[str]]:
    """The variables, and the names of those that are secret. A value that is passed through and unset is None.
    `direct`: hosts that no proxy may be asked for."""
    values: dict[str, str | Secret | None] = {**_caller_variables(profile, around)}
    origins.update({f"environment.{name}": origins["user"] for name in values})
    for key in ("accelerator", "hub"):
        node = merged.get(key)
        if node is not None:
            extra = EXPANSIONS[node.value].get("environment", {}) if key == "accelerator" else HUBS[node.value]
            values.update(extra)
            origins.update({f"environment.{name}": node.origin for name in extra})
    values.update({name: Secret(text) for name, text in around.env_files.items()})
    if (env_file := merged.get("env_file")) is not None:
        origins.update({f"environment.{name}": env_file.origin for name in around.env_files})
    written = merged.get("environment")
    for name, text in profile.environment.items():
        node = written.value[name] if written is not None else merged
        origins[f"environment.{name}"] = node.origin
        value = _passed(name, around.env, direct) if text is None else text
        is_secret = node.secret or looks_secret(name) or (value is not None and CREDENTIALS.search(value))
        values[name] = Secret(value) if value is not None and is_secret else value
    for name in profile.secret_env:
        text = around.secret_files.get(name, around.env.get(name))
        values[name] = None if text is None else Secret(text)
        origins[f"environment.{name}"] = origins[f"secret_env.{name}"]
    secrets = {name for name, value in values.items() if isinstance(value, Secret)}
    return values, secrets | set(profile.secret_env)


def _passed(name: str, env: Mapping[str, str], direct: Sequence[str]) -> str | None:
    """The caller's value. A proxy that is passed through must leave the container's own addresses alone."""
    value = env.get(name)
    if name not in NO_PROXIES:
        return value
    proxied = any(env.get(proxy) for proxy in PROXIES)
    if value is None and not proxied:
        return None
    if value == "*":
        return value
    hosts = [host for host in (value or "").split(",") if host]
    return ",".join([*hosts, *(host for host in direct if host not in hosts)])


def user(profile: Profile, around: Surroundings) -> str:
    """`user`, with numbers in the place of `me`."""
    return f"{around.facts['uid']}:{around.facts['gid']}" if profile.user == ME else profile.user


def _caller_variables(profile: Profile, around: Surroundings) -> dict[str, str]:
    """What a process needs that runs as the caller, whom the image's passwd file does not list. Root needs nothing."""
    if profile.user != ME or around.facts["uid"] == 0:
        return {}
    name = str(around.facts["user"])
    return {"HOME": f"/home/{re.sub(r'[^A-Za-z0-9._-]', '-', name)}", "USER": name, "LOGNAME": name}


def container_home(environment: Mapping[str, Any]) -> str:
    """HOME in the container where the profile sets it, else that of root."""
    home = environment.get("HOME")
    return home.rstrip("/") or "/root" if isinstance(home, str) and home.startswith("/") else "/root"


def volumes(
    profile: Profile, around: Surroundings, environment: Mapping[str, Any], name: str, origins: dict[str, Origin]
) -> dict[str, Mount]:
    """The mounts of the accelerator, the caller's HOME and the caches, beneath the written ones.

    `name`: of the container. The HOME of `user: me` is a folder of the host, since only root can make one in a
    container; so it also outlives the container. `.cache` is mounted by itself because the engine would make it, as
    root, for the caches below it.
    """
    home, inside = str(around.facts["home"]), container_home(environment)
    brought = expansion(profile.accelerator, pinned=False).get("volumes", ())
    found = {target: Mount("bind", target) for target in brought}
    origins.update({f"volumes.{target}": origins["accelerator"] for target in found})
    made: dict[str, tuple[str, str]] = {}
    if inside == _caller_variables(profile, around).get("HOME"):
        made = {f"{inside}{below}": (f"{_HOMES}/{name}{below}", "user") for below in ("", "/.cache")}
    made |= {f"{inside}/{CACHES[cache]}": (CACHES[cache], "caches") for cache in profile.caches}
    for target, (folder, key) in made.items():
        found[target] = Mount("bind", f"{home}/{folder}", create_host_path=True)
        origins.setdefault(f"volumes.{target}", origins[key])
    for target, entry in profile.volumes.items():
        found[target] = Mount(**entry.model_dump())
    for target in profile.tmpfs:
        found.pop(target, None)
    return found


def accelerated(spec: ContainerSpec, profile: Profile, merged: Node, origins: dict[str, Origin]) -> ContainerSpec:
    """Devices, rights and flags of the accelerator, beneath the written ones."""
    row = expansion(profile.accelerator, pinned=spec.gpus is not None)
    given: dict[str, Any] = {}
    if "devices" in row:
        given["devices"] = {**{path: Device(path) for path in row["devices"]}, **spec.devices}
        _from_accelerator([f"devices.{path}" for path in row["devices"]], origins)
    for key in ("group_add", "cap_add", "security_opt"):
        more = [item for item in row.get(key, ()) if item not in getattr(spec, key)]
        if more:
            given[key] = (*getattr(spec, key), *more)
            _from_accelerator([key], origins)
    for key in ("privileged", "user", "shm_size"):
        shared = key == "shm_size" and spec.ipc
        if key in row and merged.get(key) is None and not shared:
            given[key] = row[key]
            _from_accelerator([key], origins)
    if spec.server is not None and "args" in row:
        given["server"] = replace(spec.server, args={**row["args"], **spec.server.args})
        _from_accelerator([f"server.args.{name}" for name in row["args"]], origins)
    return replace(spec, **given)


def _from_accelerator(paths: Iterable[str], origins: dict[str, Origin]) -> None:
    for path in paths:
        origins.setdefault(path, origins["accelerator"])
