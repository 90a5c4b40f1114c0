"""A service of a compose file as a profile; pure.

Our profile has Compose's vocabulary, so most keys are carried as they are written, interpolation apart. TABLE says how
each of the others is; what has no row is named in the losses, with the key and its line.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Mapping

from sglaunch.convert import compose_deploy, compose_environment, compose_kinds, compose_networks, compose_storage
from sglaunch.convert.compose_service import Composed, Service, default_container
from sglaunch.convert.compose_texts import Texts
from sglaunch.convert.found import Found, Notes
from sglaunch.convert.imported import Imported
from sglaunch.convert.launched import split, with_server
from sglaunch.convert.shell_text import Word
from sglaunch.convert.through_shell import through_shell
from sglaunch.spec.values import PULL_POLICY

_HEALTH = ("test", "interval", "timeout", "retries", "start_period", "disable")
_CONDITIONS = ("service_started", "service_healthy")

NOT_SAID = "is no key that sglaunch knows"

_Carry = Callable[[Service, Found], None]


def services(composed: Composed) -> list[str]:
    """The services, in written order."""
    return list(composed.services)


def from_compose(
    composed: Composed, name: str, imported: Collection[str], not_carried: Mapping[str, str] | None = None
) -> Imported:
    """One service. `imported`: those that become profiles beside it; `not_carried`: what to write instead of a key."""
    found, notes = Found(composed.services[name], ("services", name), composed.places), Notes()
    service = Service(name, composed, Texts(composed.folders, notes), notes, imported)
    if not found.is_map:
        notes.lose(found, "is no mapping")
        return notes.imported(name, {})
    for key, value in found.entries():
        if value.value is None or key.startswith("x-"):
            continue
        if key in TABLE:
            try:
                TABLE[key](service, value)
            except (TypeError, AttributeError, ValueError, LookupError):
                notes.lose(value, "is of a form that Compose does not know", "write it as Compose's reference has it")
        else:
            notes.lose(value, "is not carried", (not_carried or {}).get(key) or NOT_SAID)
    for key in ("command", "entrypoint"):
        if isinstance(service.keys.get(key), int | float):
            service.keys[key] = str(service.keys[key])
    compose_networks.default_network(service)
    _named_by_others(service)
    _launched(service, found)
    if names := through_shell(service.keys):
        service.keys["secret_env"] = list(dict.fromkeys([*service.keys.get("secret_env", []), *names]))
        notes.remark("command", f"{', '.join(names)}: put in by a shell of the container")
    _exclusions(service, found)
    for where, remark in composed.remarks.items():
        if where[:2] == found.where and len(where) > 2:
            notes.remark(str(where[2]) if str(where[2]) in service.keys else "", remark)
    if "image" not in service.keys and "build" not in service.keys:
        message = "has neither image nor build: perhaps the file is read together with others"
        notes.lose(found, message, "write image, or extends with the profile it belongs on")
    notes.remark("", f"service {name} of {posixpath.basename(composed.file)}")
    return notes.imported(name, service.keys)


def _launched(service: Service, found: Found) -> None:
    """An SGLang launch command is a server. An entrypoint of the image's own cannot be known here."""
    words: list[Word] = []
    place = None
    for key in ("entrypoint", "command"):
        said = found.get(key)
        if said is None:
            continue
        place = place or said.place
        listed = (
            [Word(service.texts.interpolated(one.text(), one).parts) for one in said.items()]
            if said.is_list
            else split(service.texts.interpolated(said.text(), said))
        )
        if listed is None:
            return
        words += listed
    targets = [target for one in service.keys.get("volumes", ()) if (target := compose_storage.target(one))]
    service.keys = with_server(service.keys, words, targets, service.notes, place) or service.keys


def _healthcheck(service: Service, found: Found) -> None:
    check = {
        key: service.texts.tree(item) for key, item in found.entries() if key in _HEALTH and item.value is not None
    }
    for key, item in found.entries():
        if key not in _HEALTH and not key.startswith("x-"):
            service.notes.lose(item, "is not carried", "start_period covers the start of a server")
    if check:
        service.keys["healthcheck"] = check


def _logging(service: Service, found: Found) -> None:
    service.keys["logging"] = {
        key: service.texts.tree(item) for key, item in found.entries() if key in ("driver", "options")
    }


def _depends_on(service: Service, found: Found) -> None:
    entries: dict[str, str] = {}
    for name, item in found.entries() if found.is_map else [(one.text(), one) for one in found.items()]:
        if name not in service.imported:
            service.notes.lose(item, f"{name} is not imported beside it", f"import it too: --service {name}")
            continue
        asked = item.get("condition") if item.is_map else None
        condition = asked.text() if asked is not None else _CONDITIONS[0]
        if condition not in _CONDITIONS:
            service.notes.lose(asked or item, f"{condition} cannot be waited for", "run it by hand before the others")
            condition = _CONDITIONS[0]
        if (again := item.get("restart")) is not None and again.value is True:
            service.notes.lose(again, "is not carried", "`sglaunch restart` both")
        entries[name] = condition
    if entries:
        plain = all(condition == _CONDITIONS[0] for condition in entries.values())
        service.keys["depends_on"] = (
            list(entries) if plain else {name: {"condition": condition} for name, condition in entries.items()}
        )


def _restart(service: Service, found: Found) -> None:
    """`restart: no` is false for a YAML 1.1 reader."""
    if "restart" not in service.keys:
        service.keys["restart"] = "no" if found.value is False else service.texts.scalar(found)


def _pull_policy(service: Service, found: Found) -> None:
    if "$" not in found.text() and not re.fullmatch(PULL_POLICY, found.text()):
        service.notes.lose(
            found, f"{found.text()!r} is not a pull policy here", "write always, missing, never or daily"
        )
        return
    compose_kinds.text(service, found)


def _named_by_others(service: Service) -> None:
    """A container that another service names has the name that this one says."""
    if "container_name" in service.keys:
        return
    words = (f"service:{service.name}", service.name)
    for name, other in service.composed.services.items():
        named = [other.get(key) for key in ("network_mode", "ipc", "pid")] if isinstance(other, Mapping) else []
        from_volumes = [str(one).partition(":")[0] for one in (other.get("volumes_from") or [])] if named else []
        if name != service.name and (words[0] in named or words[1] in from_volumes):
            service.keys = {"container_name": default_container(service.name), **service.keys}
            service.notes.remark("container_name", f"profile {name} names this container")
            return


def _exclusions(service: Service, found: Found) -> None:
    """What Compose takes and a profile calls an error."""
    keys = service.keys
    if "memswap_limit" in keys and "mem_limit" not in keys:
        service.notes.lose(found.get("memswap_limit") or found, "has no effect without mem_limit")
        del keys["memswap_limit"]
    if "cpus" in keys and keys.keys() & {"cpu_quota", "cpu_period"}:
        service.notes.lose(found, "cpu_quota and cpu_period exclude cpus", "cpus is kept")
        keys.pop("cpu_quota", None), keys.pop("cpu_period", None)
    if keys.get("ipc") == "host" and "shm_size" in keys:
        service.notes.remark("shm_size", "has no effect beside ipc: host")


TABLE: Mapping[str, _Carry] = {
    "container_name": compose_kinds.text,
    "image": compose_kinds.text,
    "build": compose_storage.build,
    "command": compose_kinds.words,
    "entrypoint": compose_kinds.words,
    "environment": compose_environment.environment,
    "env_file": compose_environment.env_file,
    "volumes": compose_storage.volumes,
    "tmpfs": compose_kinds.tree,
    "volumes_from": compose_storage.volumes_from,
    "secrets": compose_storage.secrets,
    "configs": compose_storage.configs,
    "ports": compose_kinds.tree,
    "network_mode": compose_networks.network_mode,
    "networks": compose_networks.networks,
    "extra_hosts": compose_kinds.tree,
    **dict.fromkeys(("dns", "dns_search", "dns_opt"), compose_kinds.tree),
    "ipc": compose_networks.namespace,
    "pid": compose_networks.namespace,
    **dict.fromkeys(
        ("uts", "userns_mode", "cgroup", "shm_size", "user", "working_dir", "hostname"), compose_kinds.text
    ),
    "gpus": compose_deploy.gpus,
    "deploy": compose_deploy.deploy,
    "devices": compose_deploy.devices,
    **dict.fromkeys(
        ("device_cgroup_rules", "cap_add", "cap_drop", "security_opt", "group_add", "ulimits"), compose_kinds.tree
    ),
    **dict.fromkeys(("privileged", "read_only", "init", "tty", "stdin_open"), compose_kinds.flag),
    "sysctls": compose_kinds.assignments,
    "labels": compose_kinds.assignments,
    **dict.fromkeys(("stop_signal", "stop_grace_period", "runtime", "platform", "cpuset"), compose_kinds.text),
    **dict.fromkeys(("mem_limit", "mem_reservation", "memswap_limit", "cpus", "cpu_shares"), compose_kinds.number),
    **dict.fromkeys(("cpu_quota", "cpu_period", "pids_limit"), compose_kinds.number),
    "restart": _restart,
    "pull_policy": _pull_policy,
    "healthcheck": _healthcheck,
    "logging": _logging,
    "depends_on": _depends_on,
}
