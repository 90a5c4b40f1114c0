"""What a container may do, as a pod's security context; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sglaunch.convert.pod import PATCH, PodDraft
from sglaunch.spec.accelerator import EXPANSIONS
from sglaunch.spec.values import Ulimit


def _privileged(draft: PodDraft, _: bool) -> None:
    draft.security("privileged", True)


def _read_only(draft: PodDraft, _: bool) -> None:
    draft.security("readOnlyRootFilesystem", True)


def _userns(draft: PodDraft, mode: str) -> None:
    if mode != "host":
        draft.refuse("userns_mode", f"{mode} is not known to Kubernetes", "remove it, or write host")


def _devices(draft: PodDraft, devices: Mapping[str, Any]) -> None:
    for target in devices:
        if not draft.comes_from("accelerator", f"devices.{target}"):
            message = f"{target}: devices reach a pod through a device plug-in"
            draft.refuse(f"devices.{target}", message, f"ask for the plug-in's resource: {PATCH}")


def _cap_add(draft: PodDraft, names: tuple[str, ...]) -> None:
    for name in names:
        draft.capability("add", name)


def _cap_drop(draft: PodDraft, names: tuple[str, ...]) -> None:
    for name in names:
        draft.capability("drop", name)


def _security_opt(draft: PodDraft, options: tuple[str, ...]) -> None:
    for option in options:
        name, _, value = option.replace("=", ":", 1).partition(":")
        if name == "no-new-privileges" and value in ("", "true"):
            draft.security("allowPrivilegeEscalation", False)
        elif name == "seccomp" and value == "unconfined":
            draft.security("seccompProfile", {"type": "Unconfined"})
        elif name == "apparmor":
            profile = {"type": "Localhost", "localhostProfile": value}
            draft.security("appArmorProfile", {"type": "Unconfined"} if value == "unconfined" else profile)
            draft.tell("security_opt", f"{option} needs Kubernetes 1.30 or newer")
        elif name != "no-new-privileges":
            draft.refuse("security_opt", f"{option} is not carried to a pod", f"remove it, or {PATCH}")


def _group_add(draft: PodDraft, groups: tuple[str, ...]) -> None:
    brought = EXPANSIONS.get(draft.wanted.settings.accelerator, {}).get("group_add", ())
    names = [group for group in groups if not group.isdecimal()]
    if plugged := [name for name in names if name in brought]:
        draft.tell("group_add", f"{', '.join(plugged)}: the device plug-in gives access to the devices")
    if others := [name for name in names if name not in brought]:
        draft.refuse("group_add", f"{', '.join(others)}: a pod takes numbers alone", "write the number of the group")
    if numbers := [int(group) for group in groups if group.isdecimal()]:
        draft.pod_security("supplementalGroups", numbers)


def _user(draft: PodDraft, user: str) -> None:
    parts = ["0" if part == "root" else part for part in user.split(":")]
    if not all(part.isdecimal() for part in parts):
        draft.refuse("user", f"{user}: a pod takes numbers alone", "write the number, such as 1000:1000")
        return
    draft.security("runAsUser", int(parts[0]))
    if len(parts) > 1:
        draft.security("runAsGroup", int(parts[1]))


def _ulimits(draft: PodDraft, limits: Mapping[str, Ulimit]) -> None:
    for name, limit in limits.items():
        if name == "memlock" and limit.soft == limit.hard == -1:
            draft.capability("add", "IPC_LOCK")
        else:
            message = f"{name}: limits of a pod's processes are the node's"
            draft.refuse(f"ulimits.{name}", message, "set it in the node's container runtime")


def _sysctls(draft: PodDraft, values: Mapping[str, str]) -> None:
    draft.pod_security("sysctls", [{"name": name, "value": value} for name, value in values.items()])
    draft.tell("sysctls", "a node takes unsafe ones only where its kubelet allows them")


RIGHTS: Mapping[str, Callable[[PodDraft, Any], None]] = {
    "privileged": _privileged,
    "cap_add": _cap_add,
    "cap_drop": _cap_drop,
    "security_opt": _security_opt,
    "group_add": _group_add,
    "user": _user,
    "ulimits": _ulimits,
    "sysctls": _sysctls,
    "devices": _devices,
    "userns_mode": _userns,
    "read_only": _read_only,
}
"""By field of the spec."""
