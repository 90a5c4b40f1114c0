"""Who shares a namespace or volumes with whom, and what follows when that container is replaced; pure.

An engine keeps the id of the container whose namespace is shared: once that one was replaced, the other cannot start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sglaunch.plan.capabilities import PODMAN
from sglaunch.plan.observation import Observation, ObservedContainer
from sglaunch.plan.steps import CREATE, RECREATE
from sglaunch.plan.volumes import lent
from sglaunch.spec.container import ContainerSpec, Wanted

CONTAINER = "container:"
NAMESPACES = {"network_mode": "the network", "ipc": "the IPC namespace", "pid": "the PID namespace"}


def shares(spec: ContainerSpec | Mapping[str, Any]) -> dict[str, str]:
    """Container -> the field of a spec, or of a label's, that makes it needed."""
    data = spec if isinstance(spec, Mapping) else {name: getattr(spec, name) for name in (*NAMESPACES, "volumes_from")}
    found = {str(name).partition(":")[0]: "volumes_from" for name in data.get("volumes_from") or ()}
    modes = {name: str(data.get(name) or "") for name in NAMESPACES}
    return {**found, **{mode.removeprefix(CONTAINER): name for name, mode in modes.items() if CONTAINER in mode}}


def renewal(wanted: Wanted, old: ObservedContainer, seen: Observation, renewed: Mapping[str, str]) -> str:
    """Why a container must be replaced because of one that it shares something with, or "".

    `renewed`: by container, the action of its plan. Volumes stay mounted where their container is gone.
    """
    for name, field in shares(wanted.spec).items():
        what, action, there = NAMESPACES.get(field, "volumes"), renewed.get(name), seen.named(name)
        if action == RECREATE or (action == CREATE and field in NAMESPACES):
            return f"shares {what} of {name}, which is {action}d"
        held = old.partners.get(field)
        if held and there is not None and held not in (there.id, there.name):
            return f"shares {what} of a container that was {name} and is gone"
        volumes = lent(old, seen) if field == "volumes_from" else {}
        if any(one.name not in volumes.get(one.target, (one.name,)) for one in old.volumes):
            return f"has volumes of a container that was {name} and is gone"
    return ""


def dependents(container: ObservedContainer, seen: Observation) -> list[ObservedContainer]:
    """Containers that share a namespace or volumes of one: as the engine shows it, else as their labels have it."""

    def depends(one: ObservedContainer) -> bool:
        spec = (one.applied.spec if one.applied is not None else None) or {}
        field = shares(spec).get(container.name)
        return container.id in one.partners.values() or (field is not None and field not in one.partners)

    return [one for one in seen.containers if depends(one)]


def blocking(container: ObservedContainer, seen: Observation) -> list[ObservedContainer]:
    """Containers that must be removed before one can be: Podman keeps a container whose namespaces others share."""
    shared = dependents(container, seen) if seen.engine.name == PODMAN else []
    return [one for one in shared if container.id in one.partners.values()]


def sharers(containers: Iterable[ObservedContainer], needed: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """By profile, the profiles it needs: those given, and those whose namespaces or volumes it has by its label."""
    there = [one for one in containers if one.applied is not None]
    profiles = {one.name: one.applied.profile for one in there if one.applied is not None}
    found = {name: list(others) for name, others in needed.items()}
    for one in there:
        spec = one.applied.spec if one.applied is not None else None
        found.setdefault(profiles[one.name], []).extend(
            profiles[name] for name in shares(spec or {}) if name in profiles
        )
    return found
