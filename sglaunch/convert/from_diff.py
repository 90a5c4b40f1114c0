"""The engine's list of changed paths in a container's own layer, as the few trees a person would miss; pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable

from sglaunch.plain import Struct

# What programs leave behind by themselves; facts of many dev containers, not a rule of any engine.
NOISE = (
    *("/tmp/*", "/run/*", "/var/run/*", "/root/.cache/*", "*_history", "/sbin/docker-init", "/dev/*", "/proc/*"),
    # Podman links /etc/mtab in every container; what somebody changes in the folder is told by itself.
    *("/etc", "/etc/mtab"),
)


class Tree(Struct, frozen=True):
    """A changed path and how many entries changed at and below it."""

    path: str
    entries: int = 1


def changed_trees(lines: Iterable[str], mounts: Collection[str]) -> list[Tree]:
    """Trees of `A /path`, `C /path` and `D /path` lines, most entries first.

    Left out: mount points, which the engine makes itself; folders that only contain another change; NOISE.
    """
    entries = [(line[:1], line[2:]) for line in lines if line[1:2] == " "]
    ignored = [path for _, path in entries if _is_noise(path) or _within(path, mounts)]
    made_for = {parent for path in (*ignored, *mounts) for parent in _parents(path)}
    entries = [(kind, path) for kind, path in entries if path not in ignored]
    parents = {parent for _, path in entries for parent in _parents(path)} | made_for
    added = {path for kind, path in entries if kind == "A" and path not in made_for}
    counts: dict[str, int] = {}
    for _, path in entries:
        root = next((parent for parent in reversed(_parents(path)) if parent in added), None)
        if root is None and path in parents and path not in added:
            continue
        top = root or path
        counts[top] = counts.get(top, 0) + 1
    return sorted((Tree(path, count) for path, count in counts.items()), key=lambda tree: (-tree.entries, tree.path))


def _parents(path: str) -> list[str]:
    """The folders above a path, nearest first."""
    parts = path.strip("/").split("/")[:-1]
    return ["/" + "/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _is_noise(path: str) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in NOISE) or f"{path}/*" in NOISE


def _within(path: str, mounts: Collection[str]) -> bool:
    return any(path == mount or path.startswith(f"{mount.rstrip('/')}/") for mount in mounts)
