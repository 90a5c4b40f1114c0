"""Mounts of a container as volumes of a pod; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sglaunch.convert.pod import SUBDOMAIN, PodDraft, quantity
from sglaunch.spec.values import Mount, parse_size

_PROPAGATION = {"rshared": "Bidirectional", "rslave": "HostToContainer", "rprivate": "None", "private": "None"}
_SIZE = re.compile(r"(?:^|,)size=(\d+[bkmgtBKMGT]?)(?=,|$)")


def volumes(draft: PodDraft, mounts: Mapping[str, Mount]) -> None:
    """Binds are folders of the node, named volumes are claims; nothing is taken from this machine."""
    for target, mount in mounts.items():
        path = f"volumes.{target}"
        if path not in draft.wanted.origins:
            path = "server.model"
        how = {"readOnly": True} if mount.read_only else {}
        if mount.type == "volume":
            _claim(draft, path, target, mount, how)
        elif draft.comes_from("caches", path):
            message = f"{target} is empty in each new pod, for {mount.source} is a folder of this machine"
            draft.tell(path, message, f"write volumes: [NAME:{target}] with the name of a claim")
            draft.mount(target, {"emptyDir": {}})
        else:
            _folder(draft, path, target, mount, how)


def _claim(draft: PodDraft, path: str, target: str, mount: Mount, how: dict[str, Any]) -> None:
    if not mount.source:
        draft.tell(path, f"{target} is empty in each new pod", "name a claim")
        draft.mount(target, {"emptyDir": {}}, **how)
    elif not SUBDOMAIN.fullmatch(mount.source):
        draft.insist(path, f"{mount.source} is no name of a claim", "lower case, digits, - and . are allowed")
    else:
        hint = "it must be there, and holds nothing of what the image has at that path"
        draft.tell(path, f"{mount.source} is a PersistentVolumeClaim of the namespace", hint)
        draft.mount(target, {"persistentVolumeClaim": {"claimName": mount.source}}, **how)


def _folder(draft: PodDraft, path: str, target: str, mount: Mount, how: dict[str, Any]) -> None:
    ours = next((folder for folder in draft.here if f"{mount.source}/".startswith(f"{folder.rstrip('/')}/")), "")
    if ours:
        hint = "name a claim instead, or a folder that every node has"
        draft.insist(path, f"{mount.source} is on this machine, not on the node", hint)
        return
    if mount.selinux:
        draft.refuse(path, f"{mount.selinux}: a node's folder is not labelled anew", "label it there, and leave z out")
    if mount.propagation:
        if mount.propagation not in _PROPAGATION:
            allowed = ", ".join(_PROPAGATION)
            draft.refuse(path, f"propagation {mount.propagation} is not known to Kubernetes", f"allowed are {allowed}")
        else:
            how = {**how, "mountPropagation": _PROPAGATION[mount.propagation]}
    # What an accelerator brings may be a file.
    made = "DirectoryOrCreate" if mount.create_host_path else "Directory"
    kind = {} if draft.comes_from("accelerator", path) else {"type": made}
    draft.mount(target, {"hostPath": {"path": mount.source, **kind}}, **how)


def tmpfs(draft: PodDraft, mounts: Mapping[str, str]) -> None:
    for target, options in mounts.items():
        size = _SIZE.search(options)
        others = [word for word in _SIZE.sub("", options).split(",") if word and word != "rw"]
        if others:
            draft.tell(f"tmpfs.{target}", f"{', '.join(others)}: memory of a pod is mounted as Kubernetes does")
        limit = {"sizeLimit": quantity(parse_size(size[1]))} if size else {}
        draft.mount(target, {"emptyDir": {"medium": "Memory", **limit}})


def shm_size(draft: PodDraft, size: int) -> None:
    draft.mount("/dev/shm", {"emptyDir": {"medium": "Memory", "sizeLimit": quantity(size)}})
    if draft.spec.mem_limit is not None:
        draft.tell("shm_size", "counts against mem_limit in a pod", "raise mem_limit by as much")
