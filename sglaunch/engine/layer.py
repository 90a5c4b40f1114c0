"""What containers wrote in their own layers: a walk over files, so only where a plan would lose them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sglaunch.convert.from_diff import Tree, changed_trees
from sglaunch.engine.protocol import Engine
from sglaunch.plain import replace
from sglaunch.plan.observation import Observation, ObservedContainer
from sglaunch.spec.values import readable_size

SHOWN = 3
_MAX_WALK = 200_000


def measure(engine: Engine, seen: Observation, names: Iterable[str]) -> Observation:
    """The observation with size and largest trees of some containers' layers.

    One process for all the sizes, and one for each container's list of changed paths.
    """
    asked = list(names)
    if not asked:
        return seen
    data = {str(found["Id"]): found for found in engine.inspect(asked, size=True).values()}
    containers = (
        _measured(one, data[one.id], engine) if one.id in data and one.status != "removing" else one
        for one in seen.containers
    )
    return replace(seen, containers=tuple(containers))


def _measured(one: ObservedContainer, data: Mapping[str, Any], engine: Engine) -> ObservedContainer:
    trees = changed_trees(engine.changed_paths(one.name), _mounts(data))
    return replace(one, layer_size=data.get("SizeRw"), layer_paths=_largest(trees, _upper(data)))


def _mounts(data: Mapping[str, Any]) -> list[str]:
    tmpfs = (data.get("HostConfig") or {}).get("Tmpfs") or {}
    return [*(str(mount.get("Destination", "")) for mount in data.get("Mounts") or []), *tmpfs]


def _upper(data: Mapping[str, Any]) -> Path | None:
    """The layer's folder on this host, where we may read it: then trees can be told by size."""
    folder = ((data.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir")
    return Path(folder) if folder and os.access(folder, os.R_OK | os.X_OK) else None


def _largest(trees: list[Tree], upper: Path | None) -> tuple[str, ...]:
    if upper is None:
        return _told([f"{tree.path} ({tree.entries} files)" if tree.entries > 1 else tree.path for tree in trees])
    sizes = {tree.path: _size(upper / tree.path.lstrip("/")) for tree in trees}
    ordered = sorted(trees, key=lambda tree: (-sizes[tree.path], tree.path))
    return _told(
        [f"{tree.path} ({readable_size(sizes[tree.path])})" if sizes[tree.path] else tree.path for tree in ordered]
    )


def _told(paths: list[str]) -> tuple[str, ...]:
    more = [f"and {len(paths) - SHOWN} more"] if len(paths) > SHOWN else []
    return (*paths[:SHOWN], *more)


def _size(path: Path) -> int:
    """Bytes at and below a path; what cannot be read counts nothing, and a huge tree is counted in part."""
    if not path.is_dir() or path.is_symlink():
        try:
            return path.lstat().st_size
        except OSError:
            return 0
    total = entries = 0
    for folder, _, files in os.walk(path):
        for name in files:
            entries += 1
            try:
                total += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
        if entries > _MAX_WALK:
            break
    return total
