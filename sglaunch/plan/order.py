"""Who comes before whom: what a container needs is up before it and goes after it; the rest goes at once. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan.observation import RUNNING, Observation, ObservedContainer, Project, foreign
from sglaunch.plan.ports import held_ports, host_ports
from sglaunch.plan.replacing import OLD_SUFFIX
from sglaunch.plan.sharing import blocking, dependents, shares
from sglaunch.plan.steps import REMOVE, ContainerPlan, Plan
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


def removed_last(plans: Sequence[ContainerPlan], seen: Observation) -> list[ContainerPlan]:
    """The plans, with the removal of a container after the plans that remove who shares something of it."""
    removals, sharers = _removals(Plan(tuple(plans)), seen), _sharers(seen)
    removed = {one.name for one in removals.values()}
    kept: list[ContainerPlan] = []
    last: list[ContainerPlan] = []
    for plan in plans:
        at = next((number for number, step in enumerate(plan.steps) if step.op == "remove"), len(plan.steps))
        before, steps = plan.steps[:at], plan.steps[at:]
        found = removals.get(steps[0].target) if steps else None
        names = {one.name for one in dependents(found, sharers)} & removed if found is not None else set()
        if not names:
            kept.append(plan)
            continue
        names |= {name.removesuffix(OLD_SUFFIX) for name in names}
        after = (plan.container, *sorted(names), *(name + OLD_SUFFIX for name in sorted(names)))
        kept += [replace(plan, steps=before)] if before else []
        removal = ContainerPlan(plan.profile, steps[0].target, REMOVE, steps=steps) if before else plan
        last.insert(0, replace(removal, after=after))
    return removable([*kept, *last], seen)


def removable(plans: Sequence[ContainerPlan], seen: Observation) -> list[ContainerPlan]:
    """The plans, with a problem where the engine does not remove a container because another one stays."""
    removals, sharers = _removals(Plan(tuple(plans)), seen), _sharers(seen)
    removed = {one.name for one in removals.values()}
    found = []
    for plan in plans:
        containers = [removals[step.target] for step in plan.steps if step.op == "remove" and step.target in removals]
        stay = [(one, other) for one in containers for other in blocking(one, sharers) if other.name not in removed]
        problems = [
            Problem(
                f"{seen.engine.name} cannot remove {one.name} while {other.name} exists, which shares its namespaces",
                hint=f"remove {other.name} too",
            )
            for one, other in stay
        ]
        found.append(replace(plan, problems=(*plan.problems, *problems)))
    return found


def followers(plan: Plan, seen: Observation, project: Project, wanted: Iterable[Wanted]) -> list[str]:
    """Profiles that are not wanted, of containers that must be replaced with one that the plan removes: they run and
    share something of it, or the engine does not remove it before them."""
    known, sharers = {one.profile for one in wanted}, _sharers(seen)
    found = [
        one
        for container in _removals(plan, seen).values()
        for one in (*(c for c in dependents(container, sharers) if c.status == RUNNING), *blocking(container, sharers))
    ]
    ours = {one.applied.profile for one in found if one.applied is not None and not foreign(one, project)}
    return sorted(ours - known)


def _sharers(seen: Observation) -> Observation:
    """The observation, with the containers alone that share something of another one."""
    specs = ((one, (one.applied.spec if one.applied is not None else None) or {}) for one in seen.containers)
    return replace(seen, containers=tuple(one for one, spec in specs if one.partners or shares(spec)))


def _removals(plan: Plan, seen: Observation) -> dict[str, ObservedContainer]:
    """The containers that a plan removes, each by the name it has by then."""
    aside = {step.to: step.target for step in plan.steps("rename") if step.to.endswith(OLD_SUFFIX)}
    found = {step.target: seen.named(aside.get(step.target, step.target)) for step in plan.steps("remove", "gone")}
    return {name: one for name, one in found.items() if one is not None}
