"""What a plan would lose, as sentences; no prompts. A command turns them into a question or exit status 3."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sglaunch.plan.observation import ObservedContainer, Volume
from sglaunch.plan.steps import Step
from sglaunch.spec.canonical import SECRET_VALUE
from sglaunch.spec.container import Settings
from sglaunch.spec.labels import snapshot_labels
from sglaunch.spec.values import looks_secret, readable_size

# Below this, a layer whose changed paths are all noise counts as unchanged: logs, caches and shell histories.
SMALL_LAYER = 1 << 20
SNAPSHOTS = "sglaunch-snapshot"


def holds_changes(container: ObservedContainer) -> bool:
    """Whether the writable layer holds what somebody could miss, or may, where nobody looked."""
    return container.layer_size is None or container.layer_size >= SMALL_LAYER or bool(container.layer_paths)


def snapshot_step(container: ObservedContainer, now: str) -> Step:
    """Saves the container's layer as an image, without the values of its secrets."""
    applied = container.applied
    environment = (applied.spec or {}).get("environment", {}) if applied is not None else {}
    secrets = {name for name, value in environment.items() if value == SECRET_VALUE} | set(
        applied.secrets if applied else ()
    )
    secrets |= {name for name in container.env if looks_secret(name)}
    image = f"{SNAPSHOTS}/{container.name.lower()}:{now}"
    values = {"secrets": tuple(sorted(secrets)), "labels": snapshot_labels(applied) if applied is not None else {}}
    return Step("snapshot", container.name, "asked for first", to=image, values=values)


def for_recreate(settings: Settings, container: ObservedContainer, lost: Sequence[Volume] = ()) -> tuple[str, ...]:
    """`recreate: ask` asks always; `protect: true` asks when the writable layer holds changes, or may, or one of the
    volumes that the new container does not mount again (`lost`)."""
    what = f"{container.name} would be replaced; {_layer(container)}{_volumes(container, lost)}"
    if settings.recreate == "ask":
        return (f"{what} (recreate: ask)",)
    if settings.protect and (holds_changes(container) or _hold(lost)):
        return (f"{what} (protect: true)",)
    return ()


def for_remove(container: ObservedContainer, volumes: Sequence[Volume] = (), *, protect: bool) -> tuple[str, ...]:
    """`protect: true` asks when the writable layer or one of its `volumes` holds changes, or may. One that never ran
    has written nothing in its layer; one that is being removed is lost in any case."""
    ran = container.status != "created"
    if protect and container.status != "removing" and ((ran and holds_changes(container)) or _hold(volumes)):
        layer = _layer(container) if ran else "it never ran"
        return (f"{container.name} would be removed; {layer}{_volumes(container, volumes)} (protect: true)",)
    return ()


def _hold(volumes: Iterable[Volume]) -> bool:
    return any(volume.holds_work for volume in volumes)


def _volumes(container: ObservedContainer, lost: Sequence[Volume]) -> str:
    """What happens to each anonymous volume that holds work, or may."""
    said = []
    for one in container.volumes:
        paths = f": {', '.join(one.paths)}" if one.paths else ""
        size = readable_size(one.size) if one.size is not None else "what was"
        if one not in lost:
            said.append(f"; its volume at {one.target} is kept")
        elif one.holds_work:
            said.append(f"; {size} written in its volume at {one.target} would be lost{paths} (kept with --snapshot)")
    return "".join(said)


def _layer(container: ObservedContainer) -> str:
    if not holds_changes(container):
        return "its own layer holds no work"
    paths = f": {', '.join(container.layer_paths)}" if container.layer_paths else ""
    if not container.layer_size:
        return f"what was written in its own layer would be lost{paths}"
    return f"{readable_size(container.layer_size)} written in its own layer would be lost{paths}"
