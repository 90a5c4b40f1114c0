"""What an interrupted recreate left behind, recognised by labels and names, and the steps that put it right; pure.

A recreate passes through NAME.new and NAME.old (plan/replacing.py). Whatever was cut off, the container that worked is
still there, under its own name or set aside: it is put back, unless the new one has taken its place and runs. Nothing
is removed that was not provably replaced or that has ever run.
"""

from __future__ import annotations

from collections.abc import Collection

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan.observation import RUNNING, Observation, ObservedContainer, Project, foreign
from sglaunch.plan.replacing import NEW_SUFFIX, OLD_SUFFIX, passing_names
from sglaunch.plan.steps import REPAIR, ContainerPlan, Plan, Step


def plan_repair(seen: Observation, project: Project, profiles: Collection[str]) -> Plan:
    """The repairs of some profiles' containers, of all with none named; empty where nothing was cut off."""
    names = [
        c.name.removesuffix(NEW_SUFFIX).removesuffix(OLD_SUFFIX)
        for c in _passing(seen, project)
        if not profiles or (c.applied is not None and c.applied.profile in profiles)
    ]
    return Plan(tuple(plan for name in dict.fromkeys(names) if (plan := _repair(name, seen, project)).steps))


def repaired(seen: Observation, plan: Plan) -> Observation:
    """The observation as it will be after the repairs."""
    for step in plan.steps("remove", "rename", "start"):
        kept = (c for c in seen.containers if step.op != "remove" or c.name != step.target)
        seen = replace(seen, containers=tuple(_after(step, c) if c.name == step.target else c for c in kept))
    return seen


def _after(step: Step, container: ObservedContainer) -> ObservedContainer:
    return replace(container, name=step.to) if step.op == "rename" else replace(container, status=RUNNING)


def leftovers(seen: Observation, project: Project) -> list[Problem]:
    """What no rule can put right, once the repairs are done: two containers for one name, of which both have run."""
    return [
        Problem(
            f"{container.name} was left by an interrupted recreate, and nothing tells whether it is needed",
            hint=f"look into it; `docker rm {container.name}` when nothing in it is",
        )
        for container in _passing(seen, project)
    ]


def _passing(seen: Observation, project: Project) -> list[ObservedContainer]:
    return [c for c in seen.containers if c.name.endswith(passing_names("")) and not foreign(c, project)]


def _repair(name: str, seen: Observation, project: Project) -> ContainerPlan:
    new_name, old_name = passing_names(name)
    beside = {c.name: c for c in _passing(seen, project)}
    main, new, old = seen.named(name), beside.get(new_name), beside.get(old_name)
    steps: list[Step] = []
    if new is not None and new.status == "created":
        steps.append(Step("remove", new_name, "left by an interrupted recreate; it never ran"))
    if old is not None and (main is None or _never_ran(main, old, project)):
        if main is not None:
            steps.append(Step("remove", name, "it never ran"))
        steps.append(Step("rename", old_name, "an interrupted recreate set it aside", to=name))
        steps += _restart(old, name, new or main)
    elif old is None and main is not None and new is not None:
        steps += _restart(main, name, new)
    elif old is not None and main is not None and main.status == RUNNING and _succeeds(main, old, project):
        steps.append(Step("settle", name, f"it has taken the place of {old_name}"))
        steps.append(Step("remove", old_name, f"replaced by {name}, which runs"))
    owner = new or old or main
    profile = owner.applied.profile if owner is not None and owner.applied is not None else ""
    return ContainerPlan(profile, name, REPAIR, steps=tuple(steps), reason="a recreate was interrupted")


def _restart(old: ObservedContainer, name: str, successor: ObservedContainer | None) -> list[Step]:
    """It ran before, if it was stopped after the one that was to replace it had been made."""
    if successor is None or old.status != "exited" or not old.finished > successor.created:
        return []
    return [Step("start", name, "it ran before")]


def _never_ran(main: ObservedContainer, old: ObservedContainer, project: Project) -> bool:
    return main.status == "created" and not main.started and _succeeds(main, old, project)


def _succeeds(main: ObservedContainer, old: ObservedContainer, project: Project) -> bool:
    """Whether one was made to replace the other: both ours, of one profile, the one younger than the other."""
    if foreign(main, project) or main.applied is None or old.applied is None:
        return False
    return main.applied.profile == old.applied.profile and main.created > old.created
