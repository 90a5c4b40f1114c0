"""What containers wrote in their own layers: a walk over files, so only where a plan would lose them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sglaunch.convert.from_diff import Tree, changed_trees
from sglaunch.engine.protocol import Engine
from sglaunch.plain import replace
from sglaunch.plan.observation import Observation, ObservedContainer, Volume
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
    volumes = tuple(_measured_volume(volume, _image_layers(data)) for volume in one.volumes)
    return replace(one, layer_size=data.get("SizeRw"), layer_paths=_largest(trees, _upper(data)), volumes=volumes)


def _image_layers(data: Mapping[str, Any]) -> list[Path]:
    """The folders of the image's layers on this host, the uppermost first, where the engine names them."""
    folders = str(((data.get("GraphDriver") or {}).get("Data") or {}).get("LowerDir") or "")
    return [Path(folder) for folder in folders.split(":") if folder]


def _measured_volume(volume: Volume, image: Sequence[Path]) -> Volume:
    """What was written in a volume. Engines copy the image's files into a new one: those do not count while they are
    as the image has them. A volume that we cannot read as a whole is not measured."""
    if not volume.source.startswith("/"):
        return volume
    unread: list[OSError] = []
    sizes: dict[str, int] = {}
    root, entries = Path(volume.source), 0
    for folder, folders, files in os.walk(root, onerror=unread.append):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for path in (Path(folder) / name for name in (*files, *links)):
            inner = path.relative_to(root)
            if not _is_of_image(path, [layer / volume.target.lstrip("/") / inner for layer in image]):
                sizes[inner.parts[0]] = sizes.get(inner.parts[0], 0) + _size(path)
        entries += len(files)
        if entries > _MAX_WALK:
            break
    if unread:
        return volume
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    paths = _told([f"{name} ({readable_size(size)})" if size else name for name, size in ordered])
    return replace(volume, size=sum(sizes.values()), paths=paths)


def _is_of_image(path: Path, candidates: Sequence[Path]) -> bool:
    """Whether a file is the image's, by kind, size and time of change; the uppermost layer that has it decides."""
    original = next((found for one in candidates if (found := _stat(one)) is not None), None)
    own = _stat(path)
    return original is not None and own is not None and own == original


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return stat.S_IFMT(found.st_mode), found.st_size, int(found.st_mtime)


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
