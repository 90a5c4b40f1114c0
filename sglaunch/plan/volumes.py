"""Anonymous volumes of a container: which of them its replacement mounts again, which are removed; pure.

An image's VOLUME and `volumes: [/data]` give a container a volume that only the container knows. docker compose mounts
it again in a replacement. So does sglaunch, by the volume's name; from then on the engine calls it a named one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sglaunch.errors import Problem
from sglaunch.plan.observation import Observation, ObservedContainer, Volume
from sglaunch.plan.steps import Step
from sglaunch.spec.container import ContainerSpec, Wanted, expand


def own_volumes(container: ObservedContainer, seen: Observation) -> tuple[Volume, ...]:
    """The anonymous volumes of a container, without those of the containers it has `volumes_from`."""
    shared = lent(container, seen)
    return tuple(volume for volume in container.volumes if volume.target not in shared)


def lent(container: ObservedContainer, seen: Observation) -> dict[str, set[str]]:
    """By path, the anonymous volumes of the containers it has `volumes_from`, where its profile mounts nothing."""
    found: dict[str, set[str]] = {}
    for volume in (volume for lender in _lenders(container, seen) for volume in lender.volumes):
        if volume.target not in _written(container):
            found.setdefault(volume.target, set()).add(volume.name)
    return found


def inherited(wanted: Wanted, old: ObservedContainer, seen: Observation) -> tuple[Volume, ...]:
    """The volumes of the old container that its replacement mounts again.

    Not where the profile mounts something else, nor where an anonymous volume of the profile was deleted from it.
    """
    spec = expand(wanted.spec)
    taken = {*spec.tmpfs, *_written(old)}
    lenders = (seen.named(name.partition(":")[0]) for name in spec.volumes_from)
    taken |= {volume.target for one in lenders if one is not None for volume in one.volumes}
    return tuple(volume for volume in old.volumes if _takes(spec, volume.target, taken))


def _takes(spec: ContainerSpec, target: str, taken: set[str]) -> bool:
    mount = spec.volumes.get(target)
    return target not in taken if mount is None else mount.type == "volume" and not mount.source


def erase_steps(volumes: Iterable[Volume], name: str, *, saved: bool = False) -> list[Step]:
    """Removes volumes that would be left without a container. `saved`: by a snapshot, which holds no volumes, so that
    those with work are kept."""
    cause = f"anonymous volume of {name}"
    return [Step("erase", one.name, f"{cause} at {one.target}") for one in volumes if not (saved and one.holds_work)]


def unsaved(volumes: Iterable[Volume], name: str, engine: str) -> tuple[Problem, ...]:
    """What a snapshot does not hold is kept: a warning that names it."""
    return tuple(
        Problem(
            f"the volume of {name} at {one.target} is kept: a snapshot does not hold volumes",
            hint=f"mount it as {one.name}:{one.target}, or remove it with `{engine} volume rm {one.name}`",
        )
        for one in volumes
        if one.holds_work
    )


def _lenders(container: ObservedContainer, seen: Observation) -> list[ObservedContainer]:
    names = (str(name).partition(":")[0] for name in _applied(container).get("volumes_from") or ())
    return [one for one in map(seen.named, names) if one is not None]


def _written(container: ObservedContainer) -> set[str]:
    """Where the profile asked for an anonymous volume when the container was made."""
    return set(_applied(container).get("volumes") or {})


def _applied(container: ObservedContainer) -> Mapping[str, Any]:
    return (container.applied.spec if container.applied is not None else None) or {}
