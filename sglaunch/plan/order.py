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
    return sort(wanted, lambda one: one.profile, {one.profile: needs(one, wanted) for one in wanted})


def needs(wanted: Wanted, everyone: Iterable[Wanted]) -> list[str]:
    """Profiles that must be there first: those depended on, and those whose namespaces or volumes are shared."""
    by_container = {one.spec.container_name: one.profile for one in everyone if one.profile != wanted.profile}
    return [*wanted.settings.depends_on, *(by_container[name] for name in shares(wanted.spec) if name in by_container)]


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
    found = []
    for plan, one in zip(plans, wanted, strict=True):
        first = needs(one, wanted)
        ports = host_ports(one.spec).keys()
        after = [
            other.container
            for other in (*plans, *leaving)
            if other is not plan and (other.profile in first or ports & _held(other.profile, seen))
        ]
        found.append(replace(plan, after=tuple(after)))
    return found


def following(
    plans: Iterable[ContainerPlan], needed: Mapping[str, Collection[str]], *, up: bool = False
) -> list[ContainerPlan]:
    """What needs another goes before that one; `up`: the other way round. `needed`: by profile, those it needs."""
    plans = list(plans)
    first = needed if up else {plan.profile: [one for one in needed if plan.profile in needed[one]] for plan in plans}
    return [
        replace(plan, after=tuple(p.container for p in plans if p.profile in first.get(plan.profile, ()) and p != plan))
        for plan in sort(plans, lambda plan: plan.profile, first)
    ]


def _held(profile: str, seen: Observation) -> set[int]:
    held = (held_ports(c) for c in seen.containers if c.applied is not None and c.applied.profile == profile)
    return set().union(*held)
