"""Plans of the other verbs: down, rm, start, stop, restart. They act on what is there, whatever the files say; pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan import consent
from sglaunch.plan.observation import SERVING, STOPPED, Observation, ObservedContainer, Project, foreign
from sglaunch.plan.order import following, removable
from sglaunch.plan.repair import leftovers, plan_repair, repaired
from sglaunch.plan.replacing import forget_steps
from sglaunch.plan.sharing import sharers
from sglaunch.plan.steps import NONE, REFUSE, REMOVE, RESTART, START, STOP, ContainerPlan, Plan, Step
from sglaunch.plan.volumes import erase_steps, own_volumes, unsaved

Needed = Mapping[str, Collection[str]]
"""By profile, the profiles it needs."""
_PlanOne = Callable[[ObservedContainer], ContainerPlan]


def plan_down(
    seen: Observation,
    project: Project,
    profiles: Collection[str],
    unprotected: Collection[str],
    needed: Needed,
    *,
    snapshot: bool = False,
) -> Plan:
    """Stops and removes the project's containers, of all profiles or the named ones; what is not ours is not touched,
    and refused where it is of a named profile that has none of ours.

    What needs another goes before it. `unprotected`: profiles whose files say `protect: false`. An orphan's files say
    nothing, so it is protected. `snapshot`: what needs consent is saved first.
    """
    mine = [c for c in seen.containers if not foreign(c, project) and (not profiles or _profile(c) in profiles)]
    plans = [removal(c, "asked", seen, protect=_profile(c) not in unprotected, snapshot=snapshot) for c in mine]
    named = {profile for profile in profiles if profile not in {_profile(c) for c in mine}}
    refused = [_refusal(c, project) for c in seen.containers if _profile(c) in named and not _is_passing(c)]
    return Plan((*removable(following(plans, sharers(mine, needed)), seen), *refused))


def removal(
    container: ObservedContainer, cause: str, seen: Observation, *, protect: bool, snapshot: bool = False
) -> ContainerPlan:
    """Stops and removes one container, and its anonymous volumes."""
    volumes = own_volumes(container, seen) if container.status != "removing" else ()
    needed = consent.for_remove(container, volumes, protect=protect)
    serving = container.status in SERVING
    vanishes = (container.auto_remove and serving) or container.status == "removing"
    save = [consent.snapshot_step(container, seen.now)] if snapshot and needed else []
    back = () if vanishes else (Step("start", container.name, "undo"),)
    stop = [Step("stop", container.name, cause, undo=back)] if serving else []
    leave = Step("gone" if vanishes else "remove", container.name, cause)
    steps = [*_unpause(container), *([*save, *stop] if vanishes else [*stop, *save]), leave]
    steps += [*erase_steps(volumes, container.name, saved=bool(save)), *forget_steps(container)]
    kept = unsaved(volumes, container.name, seen.engine.name) if save else ()
    return ContainerPlan(_profile(container), container.name, REMOVE, steps=tuple(steps), consent=needed, warnings=kept)


def plan_start(seen: Observation, project: Project, profiles: Collection[str], needed: Needed) -> Plan:
    """Starts what is there and stopped, what is needed first; edits of the files are not applied."""
    return _each(seen, project, profiles, _start, lambda plans: following(plans, needed, up=True))


def plan_stop(
    seen: Observation, project: Project, profiles: Collection[str], needed: Needed, *, snapshot: bool = False
) -> Plan:
    """Stops what runs, and keeps it. One that its engine removes as it stops needs the consent of a removal."""

    def stop(one: ObservedContainer) -> ContainerPlan:
        if one.auto_remove and one.status in SERVING:
            return replace(removal(one, "asked", seen, protect=True, snapshot=snapshot), action=STOP)
        return _plan(one, STOP, [*_unpause(one), *([Step("stop", one.name, "asked")] if one.status in SERVING else [])])

    return _each(seen, project, profiles, stop, lambda plans: following(plans, needed))


def plan_restart(seen: Observation, project: Project, profiles: Collection[str], needed: Needed) -> Plan:
    """Stops and starts; edits of the files are not applied."""
    return _each(seen, project, profiles, _restart, lambda plans: following(plans, needed, up=True))


def _each(
    seen: Observation,
    project: Project,
    profiles: Collection[str],
    plan: _PlanOne,
    order: Callable[[Iterable[ContainerPlan]], Iterable[ContainerPlan]],
) -> Plan:
    repair = plan_repair(seen, project, profiles)
    seen = repaired(seen, repair)
    found: dict[str, ObservedContainer] = {}
    refused: list[ContainerPlan] = []
    for container in seen.containers:
        profile = _profile(container)
        if _is_passing(container) or profile not in profiles:
            continue
        if foreign(container, project):
            refused.append(_refusal(container, project))
        else:
            found[profile] = container
    absent = [
        ContainerPlan(name, "", REFUSE, problems=(Problem(f"profile {name} has no container", hint=_up(name)),))
        for name in profiles
        if name not in found and name not in {refusal.profile for refusal in refused}
    ]
    plans = order(plan(found[name]) for name in profiles if name in found)
    return Plan((*repair.containers, *plans, *refused, *absent), tuple(leftovers(seen, project)))


def _is_passing(container: ObservedContainer) -> bool:
    return container.name.endswith((".new", ".old"))


def _refusal(container: ObservedContainer, project: Project) -> ContainerPlan:
    reason = f"container {container.name} {foreign(container, project)}"
    return ContainerPlan(_profile(container), container.name, REFUSE, reason=reason)


def _up(profile: str) -> str:
    return f"`sglaunch up {profile}` creates it"


def _start(container: ObservedContainer) -> ContainerPlan:
    steps = [*_unpause(container)]
    if container.status in STOPPED:
        steps += [Step("start", container.name, "asked"), Step("settle", container.name, "it must keep running")]
    return _plan(container, START, steps)


def _restart(container: ObservedContainer) -> ContainerPlan:
    if container.auto_remove and container.status in SERVING:
        message = f"{container.name} is removed as it stops (auto_remove), so it cannot be restarted"
        hint = f"`sglaunch up --force-recreate {_profile(container)}`"
        return ContainerPlan(_profile(container), container.name, REFUSE, problems=(Problem(message, hint=hint),))
    settle = Step("settle", container.name, "it must keep running")
    return _plan(container, RESTART, [*_unpause(container), Step("restart", container.name, "asked"), settle])


def _plan(container: ObservedContainer, action: str, steps: Iterable[Step]) -> ContainerPlan:
    listed = tuple(steps)
    return ContainerPlan(_profile(container), container.name, action if listed else NONE, steps=listed)


def _unpause(container: ObservedContainer) -> list[Step]:
    paused = container.status == "paused"
    return [Step("unpause", container.name, "it is paused")] if paused else []


def _profile(container: ObservedContainer) -> str:
    return container.applied.profile if container.applied is not None else ""
