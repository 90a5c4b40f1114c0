"""Who comes before whom: what a container needs is up before it and goes after it; the rest goes at once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from sglaunch.plain import replace
from sglaunch.plan.observation import Observation
from sglaunch.plan.ports import held_ports, host_ports
from sglaunch.plan.sharing import shares
from sglaunch.plan.steps import ContainerPlan
from sglaunch.spec.container import Wanted
from sglaunch.spec.dependencies import dependency_order

_T = TypeVar("_T")


def in_order(wanted: Sequence[Wanted]) -> list[Wanted]:
    """What is needed comes first; otherwise the given order."""
    containers = by_container(wanted)
    return sort(wanted, lambda one: one.profile, {one.profile: needs(one, containers) for one in wanted})


def by_container(wanted: Iterable[Wanted]) -> dict[str, str]:
    """The profile of each container name."""
    return {one.spec.container_name: one.profile for one in wanted}


def needs(wanted: Wanted, containers: Mapping[str, str]) -> list[str]:
    """Profiles that must be there first: those depended on, and those whose namespaces or volumes are shared.

    `containers`: the profile of each container name.
    """
    shared = [containers[name] for name in shares(wanted.spec) if name in containers]
    return [*wanted.settings.depends_on, *(profile for profile in shared if profile != wanted.profile)]


def sort(items: Iterable[_T], name: Callable[[_T], str], needed: Mapping[str, Collection[str]]) -> list[_T]:
    """Stable; of a cycle the first named comes last."""
    by_name: dict[str, list[_T]] = {}
    for item in items:
        by_name.setdefault(name(item), []).append(item)
    ordered = dependency_order(by_name, lambda one: [other for other in needed.get(one, ()) if other in by_name])
    return [item for one in ordered for item in by_name[one]]


def bringing_up(
    plans: Sequence[ContainerPlan], wanted: Sequence[Wanted], seen: Observation, leaving: Sequence[ContainerPlan] = ()
) -> list[ContainerPlan]:
    """Each plan with the containers it comes after: those it needs, and those that still have a port it takes.

    `leaving`: plans that remove a container, which may be of the latter.
    """
    others = (*plans, *leaving)
    containers = by_container(wanted)
    numbers: dict[str, list[int]] = {}
    for number, other in enumerate(others):
        numbers.setdefault(other.profile, []).append(number)
    holders: dict[int, set[str]] = {}
    for container in seen.containers:
        if container.applied is not None:
            for port in held_ports(container):
                holders.setdefault(port, set()).add(container.applied.profile)
    found = []
    for number, (plan, one) in enumerate(zip(plans, wanted, strict=True)):
        first = {*needs(one, containers), *(name for port in host_ports(one.spec) for name in holders.get(port, ()))}
        after = sorted({other for name in first for other in numbers.get(name, ())} - {number})
        found.append(replace(plan, after=tuple(others[other].container for other in after)))
    return found


def following(
    plans: Iterable[ContainerPlan], needed: Mapping[str, Collection[str]], *, up: bool = False
) -> list[ContainerPlan]:
    """What needs another goes before that one; `up`: the other way round. `needed`: by profile, those it needs."""
    plans = list(plans)
    first: Mapping[str, Collection[str]] = needed
    if not up:
        needers: dict[str, list[str]] = {}
        for one, others in needed.items():
            for other in others:
                needers.setdefault(other, []).append(one)
        first = needers
    numbers: dict[str, list[int]] = {}
    for number, plan in enumerate(plans):
        numbers.setdefault(plan.profile, []).append(number)
    found = []
    for plan in sort(plans, lambda plan: plan.profile, first):
        after = sorted({number for name in first.get(plan.profile, ()) for number in numbers.get(name, ())})
        found.append(replace(plan, after=tuple(plans[number].container for number in after if plans[number] != plan)))
    return found
