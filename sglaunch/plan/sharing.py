"""Who shares a namespace or volumes with whom, and what follows when that container is replaced; pure.

An engine keeps the id of the container whose namespace is shared: once that one was replaced, the other cannot start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sglaunch.plan.observation import RUNNING, Observation, ObservedContainer, Project, foreign
from sglaunch.plan.steps import CREATE, RECREATE, Plan
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
    return ""


def followers(plan: Plan, seen: Observation, project: Project, wanted: Iterable[Wanted]) -> list[str]:
    """Profiles of running containers that share something of one that the plan replaces, without those wanted."""
    known = {one.profile for one in wanted}
    replaced = {one.container for one in plan.containers if one.action == RECREATE}
    return sorted(
        {
            one.applied.profile
            for one in seen.containers
            if one.status == RUNNING and one.applied is not None and not foreign(one, project)
            if one.applied.profile not in known and replaced & set(shares(one.applied.spec or {}))
        }
    )


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
