"""What a plan would lose, as sentences; no prompts. A command turns them into a question or exit status 3."""

from __future__ import annotations

from sglaunch.plan.observation import ObservedContainer
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


def for_recreate(settings: Settings, container: ObservedContainer) -> tuple[str, ...]:
    """`recreate: ask` asks always; `protect: true` asks when the writable layer holds changes, or may."""
    if settings.recreate == "ask":
        return (f"{container.name} would be replaced; {_layer(container)} (recreate: ask)",)
    if settings.protect and holds_changes(container):
        return (f"{container.name} would be replaced; {_layer(container)} (protect: true)",)
    return ()


def for_remove(container: ObservedContainer, *, protect: bool) -> tuple[str, ...]:
    """`protect: true` asks when the writable layer holds changes, or may."""
    if protect and holds_changes(container):
        return (f"{container.name} would be removed; {_layer(container)} (protect: true)",)
    return ()


def _layer(container: ObservedContainer) -> str:
    if not holds_changes(container):
        return "its own layer holds no work"
    paths = f": {', '.join(container.layer_paths)}" if container.layer_paths else ""
    if not container.layer_size:
        return f"what was written in its own layer would be lost{paths}"
    return f"{readable_size(container.layer_size)} written in its own layer would be lost{paths}"
