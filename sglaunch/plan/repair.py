"""What a recreate that was cut off left behind, recognised by labels and names, and the steps that put it right; pure.

A recreate passes through NAME.new and NAME.old (plan/replacing.py). The older of two containers is the one that worked
before: it may hold work, so it gets the name back, unless the new one has taken its place and proves that it is up.
Repairs lose nothing: a container that has ever run is removed with consent alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan.observation import RUNNING, SERVING, STOPPED, Observation, ObservedContainer, Project, foreign
from sglaunch.plan.replacing import OLD_SUFFIX, forget_steps, passing_names
from sglaunch.plan.sharing import dependents
from sglaunch.plan.steps import REPAIR, ContainerPlan, Plan, Step
from sglaunch.plan.volumes import erase_steps


def plan_repair(seen: Observation, project: Project, profiles: Collection[str]) -> Plan:
    """The repairs of some profiles' containers, of all with none named; empty where nothing was cut off."""
    names = [base_name(c) for c in passing(seen, project) if not profiles or _profile(c) in profiles]
    plans = (_plan(name, seen, project, _steps(name, seen, project)) for name in dict.fromkeys(names))
    return Plan(tuple(plan for plan in plans if plan.steps))


def plan_successor(
    name: str,
    seen: Observation,
    project: Project,
    proof: Sequence[Step],
    is_wanted: Callable[[ObservedContainer], bool],
) -> ContainerPlan | None:
    """A new container that has the name while the old one is set aside: it proves that it is up, and the old one is
    removed; else the old one is put back. None where there is none. `is_wanted`: whether one is as the files say.
    """
    main, (new, old) = seen.named(name), _beside(name, seen, project)
    if main is None or old is None or new is not None or not _succeeds(main, old, project):
        return None
    if old.status not in STOPPED or main.status not in (*STOPPED, *SERVING):
        return None
    back = _back(main, old, name, seen)
    if not is_wanted(main) and (main.status in STOPPED or is_wanted(old) or dependents(old, seen)):
        return _plan(name, seen, project, [*_halt(main), *back])
    undo = (Step("stop", name, "undo"), *(replace(step, cause="undo") for step in back))
    starts = {"paused": ["unpause"], "created": ["start"], "exited": ["start"]}.get(main.status, [])
    steps = [*(Step(op, name, "it is to take the place of the old one") for op in starts), *proof]
    gone = Step("remove", old.name, f"replaced by {name}, which runs")
    # Whether a snapshot was asked for, which does not hold them, is not known: volumes with work are kept.
    rest = [*erase_steps(old.volumes, old.name, saved=True), *forget_steps(old)]
    return _plan(name, seen, project, [replace(steps[0], undo=undo), *steps[1:], gone, *rest])


def repaired(seen: Observation, plan: Plan) -> Observation:
    """The observation as it will be after the repairs."""
    for step in plan.steps("remove", "rename", "start", "stop", "unpause"):
        kept = (c for c in seen.containers if step.op != "remove" or c.name != step.target)
        seen = replace(seen, containers=tuple(_after(step, c) if c.name == step.target else c for c in kept))
    return seen


def _after(step: Step, container: ObservedContainer) -> ObservedContainer:
    if step.op == "rename":
        return replace(container, name=step.to)
    return replace(container, status="exited" if step.op == "stop" else RUNNING)


def leftovers(seen: Observation, project: Project) -> list[Problem]:
    """What is left beside a container once the repairs are done."""
    return [
        Problem(
            f"{container.name} was left by an interrupted recreate, and may hold work",
            hint=f"`sglaunch up {_profile(container)}` asks before it is removed",
        )
        for container in passing(seen, project)
    ]


def passing(seen: Observation, project: Project) -> list[ObservedContainer]:
    """The project's containers that have a passing name."""
    return [c for c in seen.containers if c.name.endswith(passing_names("")) and not foreign(c, project)]


def base_name(container: ObservedContainer) -> str:
    """The name without what makes it a passing one."""
    return next((container.name.removesuffix(one) for one in passing_names("") if container.name.endswith(one)), "")


def _profile(container: ObservedContainer) -> str:
    return container.applied.profile if container.applied is not None else ""


def _plan(name: str, seen: Observation, project: Project, steps: Sequence[Step]) -> ContainerPlan:
    owner = next((c for c in (*_beside(name, seen, project), seen.named(name)) if c is not None), None)
    profile = _profile(owner) if owner is not None else ""
    return ContainerPlan(profile, name, REPAIR, steps=tuple(steps), reason="a recreate was interrupted")


def _beside(name: str, seen: Observation, project: Project) -> tuple[ObservedContainer | None, ...]:
    found = {c.name: c for c in passing(seen, project)}
    return tuple(found.get(one) for one in passing_names(name))


def _steps(name: str, seen: Observation, project: Project) -> list[Step]:
    main, (new, old) = seen.named(name), _beside(name, seen, project)
    steps: list[Step] = []
    successor = new
    if new is not None and _never_ran(new):
        steps.append(Step("remove", new.name, "left by an interrupted recreate; it never ran"))
        new = None
    if main is not None and old is not None and _never_ran(main) and _succeeds(main, old, project):
        steps.append(Step("remove", name, "it never ran"))
        main, successor = None, main
    if main is None and (back := _older(old, new)) is not None:
        steps += _halt(new) if new is not back else []
        steps.append(Step("rename", back.name, "an interrupted recreate set it aside", to=name))
        return steps + _restart(back, name, successor if successor is not back else None, seen)
    if main is not None and successor is not None and _succeeds(successor, main, project):
        return steps + _halt(new) + _restart(main, name, successor, seen)
    return steps


def _halt(container: ObservedContainer | None) -> list[Step]:
    """One that gives way runs no longer."""
    if container is None or container.status not in SERVING:
        return []
    paused = [Step("unpause", container.name, "a paused container cannot stop")] if container.status == "paused" else []
    return [*paused, Step("stop", container.name, "the container that worked before gets its place back")]


def _back(main: ObservedContainer, old: ObservedContainer, name: str, seen: Observation) -> list[Step]:
    new_name, old_name = passing_names(name)
    renamed = [
        Step("rename", name, "it did not take the place of the old one", to=new_name),
        Step("rename", old_name, "an interrupted recreate set it aside", to=name),
    ]
    return renamed + _restart(old, name, main, seen)


def _restart(old: ObservedContainer, name: str, successor: ObservedContainer | None, seen: Observation) -> list[Step]:
    """It ran before, if it was stopped after the one that was to replace it had been made. It cannot start where a
    container whose namespace it shares is gone or replaced."""
    there = {word for one in seen.containers if not one.name.endswith(OLD_SUFFIX) for word in (one.id, one.name)}
    if not there.issuperset(old.partners.values()):
        return []
    if successor is None or old.status != "exited" or not _is_later(old.finished, successor.created):
        return []
    return [Step("start", name, "it ran before")]


def _never_ran(container: ObservedContainer) -> bool:
    return container.status == "created" and not container.started


def _older(old: ObservedContainer | None, new: ObservedContainer | None) -> ObservedContainer | None:
    if old is None or new is None:
        return old or new
    return new if _is_later(old.created, new.created) else old


def _succeeds(main: ObservedContainer, old: ObservedContainer, project: Project) -> bool:
    """Whether one was made to replace the other: both ours, of one profile, the other not the younger one."""
    if foreign(main, project) or foreign(old, project) or _profile(main) != _profile(old):
        return False
    return not _is_later(old.created, main.created)


def _is_later(one: str, other: str) -> bool:
    """Of two times of one engine; fractions of a second are as long as they need."""
    return one.rstrip("Z") > other.rstrip("Z")
