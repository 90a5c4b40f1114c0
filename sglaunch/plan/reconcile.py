"""The decision: profiles, observation and choices in; a Plan out. Pure.

Whatever needs consent or deserves a warning comes back as data in the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan import consent
from sglaunch.plan.assign import assign, claim, claim_named, lost_port
from sglaunch.plan.building import build_change, taken_image
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.cards import accelerator_of, with_devices_of
from sglaunch.plan.choices import Choices
from sglaunch.plan.creation import create_steps, image_steps, missing_key, missing_paths, with_devices, with_launcher
from sglaunch.plan.diff import Change, changes
from sglaunch.plan.gaps import fitted
from sglaunch.plan.gpus import Shortage, busy, count_problems
from sglaunch.plan.observation import STOPPED, Observation, ObservedContainer, Project, foreign, way_out
from sglaunch.plan.options import NOTHING
from sglaunch.plan.options import RECREATE as RECREATE_EFFECT
from sglaunch.plan.order import bringing_up, in_order, removed_last
from sglaunch.plan.ports import given, occupied, taken_ports
from sglaunch.plan.removing import removal
from sglaunch.plan.repair import leftovers, passing, plan_repair, plan_successor, repaired
from sglaunch.plan.replacing import gpu_check, passing_names, proof_steps, ready_steps, replace_steps, update_steps
from sglaunch.plan.requirements import unmet
from sglaunch.plan.sharing import renewal
from sglaunch.plan.steps import BUILD, CREATE, NONE, RECREATE, REFUSE, START, UPDATE, ContainerPlan, Plan, Step
from sglaunch.plan.volumes import inherited, own_volumes, unsaved
from sglaunch.spec.canonical import SECRET_VALUE
from sglaunch.spec.container import Wanted


def plan_up(wanted: Sequence[Wanted], seen: Observation, project: Project, choices: Choices) -> Plan:
    """Makes every container what its profile says; repairs first, then what others depend on."""
    first, ordered = seen, in_order(wanted)
    repair = plan_repair(seen, project, [one.profile for one in wanted])
    seen = repaired(seen, repair)
    for successor in [_successor(one, seen, project, choices) for one in ordered]:
        if successor is not None:
            repair = Plan((*repair.containers, successor))
            seen = repaired(seen, Plan((successor,)))
    orphans, warnings = _orphans(ordered, seen, project, choices)
    left_behind, seen = _left_behind(ordered, seen, project, choices)
    plans: list[ContainerPlan] = []
    left = claim_named(occupied(seen, project, ordered, {plan.container for plan in orphans}), ordered)
    before: dict[str, str] = {}
    for one in ordered:
        chosen = _for(one, seen, choices)
        plans.append(_plan_one(one, with_devices_of(left, accelerator_of(one)), project, chosen, before))
        before[plans[-1].container] = plans[-1].action
        left = claim(given(left, one) if plans[-1].action != REFUSE else left, plans[-1].steps)
    plans = [_after_needed(plan, one, ordered, seen.engine) for plan, one in zip(plans, ordered, strict=True)]
    plans = bringing_up(plans, ordered, seen, orphans)
    everything = removed_last((*repair.containers, *left_behind, *plans, *orphans), first)
    return Plan(tuple(everything), (*warnings, *leftovers(seen, project)))


def _for(wanted: Wanted, seen: Observation, choices: Choices) -> Choices:
    """A stopped container that nobody named stays stopped."""
    there = seen.named(wanted.spec.container_name)
    stopped = wanted.profile in choices.followers and there is not None and there.status in STOPPED
    return replace(choices, start=False) if stopped else choices


def _successor(wanted: Wanted, seen: Observation, project: Project, choices: Choices) -> ContainerPlan | None:
    """What becomes of a new container whose old one is still set aside; None where there is none."""
    name = wanted.spec.container_name
    if not choices.start:
        return None

    def as_wanted(container: ObservedContainer) -> bool:
        fit = _fitted(wanted, seen, container)[0]
        found = changes(fit, container, seen.images.get(wanted.spec.image), seen.engine)
        return all(change.effect != RECREATE_EFFECT for change in found)

    return plan_successor(name, seen, project, proof_steps(wanted, choices, seen.engine), as_wanted)


def _left_behind(
    wanted: Sequence[Wanted], seen: Observation, project: Project, choices: Choices
) -> tuple[list[ContainerPlan], Observation]:
    """What is left of a recreate beside the containers of some profiles is removed, with consent where it may hold
    work; and the observation without it."""
    protected = {one.profile: one.settings.protect for one in wanted}
    plans = [
        removal(one, "left by an interrupted recreate", seen, protect=protected[profile], snapshot=choices.snapshot)
        for one in passing(seen, project)
        if (profile := one.applied.profile if one.applied is not None else "") in protected
    ]
    plans = [one for one in plans if not (one.consent and choices.no_recreate)]
    gone = {one.container for one in plans}
    return plans, replace(seen, containers=tuple(c for c in seen.containers if c.name not in gone))


def ours(seen: Observation, project: Project) -> list[ObservedContainer]:
    """The project's containers, without those that only pass: a replacement in the making, an old one set aside."""
    return [
        container
        for container in seen.containers
        if not foreign(container, project) and not container.name.endswith(passing_names(""))
    ]


def _after_needed(
    plan: ContainerPlan, wanted: Wanted, everyone: Sequence[Wanted], engine: Capabilities
) -> ContainerPlan:
    """What must be ready before this one starts is waited for, if this one starts at all."""
    if not wanted.settings.needs_ready or not any(step.op in ("start", "unpause") for step in plan.steps):
        return plan
    needed = [one for one in everyone if one.profile in wanted.settings.needs_ready]
    waits = [step for one in needed for step in ready_steps(one, f"{wanted.profile} needs it", engine)]
    return replace(plan, steps=(*waits, *plan.steps))


def _plan_one(
    wanted: Wanted, seen: Observation, project: Project, choices: Choices, before: Mapping[str, str]
) -> ContainerPlan:
    """`before`: by container, the action of each plan that comes before this one."""
    name = wanted.spec.container_name
    container, refusal = _find(wanted, seen, project)
    if refusal:
        return ContainerPlan(wanted.profile, name, REFUSE, reason=refusal)
    if container is None:
        plan = _creation(wanted, seen, choices)
    elif container.status == "removing":
        plan = _creation(wanted, seen, choices, (Step("gone", container.name, "the engine is removing it"),))
    else:
        plan = _existing(wanted, container, seen, choices, renewal(wanted, container, seen, before))
    if any(step.op == BUILD for step in plan.steps) and (reason := taken_image(wanted, seen)):
        return ContainerPlan(wanted.profile, name, REFUSE, reason=reason)
    return plan


def _find(wanted: Wanted, seen: Observation, project: Project) -> tuple[ObservedContainer | None, str]:
    """The profile's container, or why its name cannot be used."""
    name = wanted.spec.container_name
    there = seen.named(name)
    if there is not None:
        reason = foreign(there, project)
        if not reason and there.applied is not None and there.applied.profile != wanted.profile:
            reason = f"is the container of profile {there.applied.profile}"
        if reason:
            since = f" (created {there.created[:19]})" if there.created else ""
            return None, f"container {name} {reason}{since}; {way_out(there, project, wanted.profile)}"
        return there, ""
    mine = [c for c in ours(seen, project) if c.applied is not None and c.applied.profile == wanted.profile]
    return (mine[0] if mine else None), ""


def _creation(wanted: Wanted, seen: Observation, choices: Choices, before: tuple[Step, ...] = ()) -> ContainerPlan:
    wanted, refused, warnings = _fitted(wanted, seen, None)
    counted = count_problems(wanted, seen)
    wanted, shortage = assign(wanted, seen, None)
    spec = wanted.spec
    problems = (*refused, *counted, *missing_paths(wanted, seen), *missing_key(wanted))
    problems += taken_ports(wanted, seen, None) if choices.start else ()
    pulls, image_problems = image_steps(wanted, seen)
    unfit, doubts = unmet(wanted, seen)
    steps = [*before, *pulls, *create_steps(wanted, seen, spec.container_name, "no such container")]
    if choices.start:
        name = spec.container_name
        steps.append(Step("start", name, "wanted running", undo=(Step("stop", name, "undo"),)))
        steps.append(Step("settle", name, "it must keep running"))
    return ContainerPlan(
        wanted.profile,
        spec.container_name,
        CREATE,
        steps=tuple(steps),
        warnings=(*warnings, *doubts),
        problems=(*problems, *image_problems, *unfit),
        shortage=_lines(shortage),
    )


def _existing(
    wanted: Wanted,
    container: ObservedContainer,
    seen: Observation,
    choices: Choices,
    renewed: str,
) -> ContainerPlan:
    wanted, refused, host_warnings = _fitted(wanted, seen, container)
    found = changes(wanted, container, seen.images.get(wanted.spec.image), seen.engine)
    rebuilt = build_change(wanted, seen)
    found += [rebuilt] if rebuilt is not None else []
    pending = [change.field for change in found if change.effect == RECREATE_EFFECT]
    warnings = _loop_warning(container)
    cause = _recreate_cause(container, choices, pending, lost_port(seen, container), renewed)
    if cause:
        if renewed and container.partners:
            message = f"{container.name} {renewed}: if its recreate fails, the old one cannot start again"
            warnings.append(Problem(message, hint="`sglaunch up` tries again"))
        found = [_taken(change) for change in found]
        plan = _recreation(wanted, container, seen, choices, cause)
        if renewed and container.partners:
            # Docker cannot start it then, and Podman would start the replaced container with it.
            plan = replace(plan, steps=tuple(replace(s, undo=()) if s.op == "stop" else s for s in plan.steps))
        return replace(
            plan,
            changes=tuple(found),
            problems=(*refused, *plan.problems),
            warnings=(*host_warnings, *plan.warnings, *warnings),
        )
    warnings += _image_warnings(found)
    if pending:
        message = f"kept as it is; pending changes: {', '.join(pending)}"
        warnings.append(Problem(message, hint="`sglaunch up --yes` applies them"))
    updates = update_steps(wanted, container, found)
    starts = _start_steps(container, choices)
    held = busy(container, seen) if starts and container.status in STOPPED else []
    if held and wanted.spec.server is None:
        warnings += [Problem(f"its GPU is in use: {line}", path="gpus", hint="see `sglaunch gpus`") for line in held]
    name = wanted.spec.container_name if updates else container.name
    starts = tuple(replace(step, target=name) for step in starts)
    starts += gpu_check(wanted, container, (*updates, *starts))
    action = UPDATE if updates else START if starts else NONE
    return ContainerPlan(
        wanted.profile,
        name,
        action,
        tuple(found),
        (*updates, *starts),
        warnings=tuple(warnings),
        problems=(*refused, *(taken_ports(wanted, seen, container) if starts else ())),
        shortage=("its GPUs are in use", *held) if held and wanted.spec.server is not None else (),
    )


def _fitted(
    wanted: Wanted, seen: Observation, container: ObservedContainer | None
) -> tuple[Wanted, list[Problem], list[Problem]]:
    """The profile as host and engine can make it, what is refused, and what of the built-in's wishes is left out."""
    wanted, warnings = with_devices(with_launcher(wanted, seen), seen, container)
    wanted, refused, more = fitted(wanted, seen.engine)
    return wanted, refused, [*warnings, *more]


def _recreate_cause(
    container: ObservedContainer, choices: Choices, pending: Sequence[str], lost_port: int | None, renewed: str
) -> str:
    """Why a new container is needed, or "". A dead one cannot be kept, whatever was asked."""
    if container.status == "dead":
        return "the engine calls it dead"
    if choices.no_recreate:
        return ""
    if pending:
        return "its spec changed"
    if renewed:
        return renewed
    if lost_port is not None and choices.start:
        return f"port {lost_port}, which it was given, is taken"
    return "asked by --force-recreate" if choices.force_recreate else ""


def _recreation(
    wanted: Wanted, container: ObservedContainer, seen: Observation, choices: Choices, cause: str
) -> ContainerPlan:
    counted = count_problems(wanted, seen)
    wanted, shortage = assign(_carry_over(wanted, container), seen, container)
    pulls, image_problems = image_steps(wanted, seen)
    unfit, doubts = unmet(wanted, seen)
    again = inherited(wanted, container, seen)
    lost = tuple(one for one in own_volumes(container, seen) if one not in again)
    warnings = [*doubts, *(unsaved(lost, container.name, seen.engine.name) if choices.snapshot else ())]
    if container.auto_remove:
        message = f"{container.name} is removed as it stops (auto_remove): a failed recreate cannot bring it back"
        warnings.append(Problem(message, hint="--snapshot saves what it holds"))
    return ContainerPlan(
        wanted.profile,
        wanted.spec.container_name,
        RECREATE,
        steps=(
            *pulls,
            *replace_steps(wanted, container, seen, cause, choices),
        ),
        consent=consent.for_recreate(wanted.settings, container, lost),
        warnings=tuple(warnings),
        problems=(
            *counted,
            *missing_paths(wanted, seen),
            *missing_key(wanted),
            *taken_ports(wanted, seen, container),
            *image_problems,
            *unfit,
        ),
        shortage=_lines(shortage),
    )


def _lines(shortage: Shortage | None) -> tuple[str, ...]:
    return () if shortage is None else (shortage.message, *shortage.table)


def _carry_over(wanted: Wanted, container: ObservedContainer) -> Wanted:
    """Values passed through and unset in this shell stay what they are in the old container, secret if they were."""
    applied = container.applied.spec if container.applied is not None else None
    known = (applied or {}).get("environment", {})
    secret = wanted.secret_names | {name for name, value in known.items() if value == SECRET_VALUE}
    kept = {
        name: container.env[name] if name in secret else container.env[name].reveal()
        for name, value in wanted.spec.environment.items()
        if value is None and name in known and name in container.env
    }
    return replace(wanted, spec=replace(wanted.spec, environment={**wanted.spec.environment, **kept}))


def _start_steps(container: ObservedContainer, choices: Choices) -> tuple[Step, ...]:
    if not choices.start:
        return ()
    if container.status == "paused":
        return (Step("unpause", container.name, "it is paused"),)
    if container.stopping:
        return (
            Step("stopped", container.name, "a killed command may have left it to the engine to stop it"),
            Step("start", container.name, "wanted running"),
            Step("settle", container.name, "it must keep running"),
        )
    if container.status in STOPPED:
        cause = "never started" if container.status == "created" else f"it stopped (exit code {container.exit_code})"
        return (
            Step("start", container.name, cause),
            Step("settle", container.name, "it must keep running"),
        )
    return ()


def _taken(change: Change) -> Change:
    """A new container is made from what the tag names now, whatever it is made for."""
    return replace(change, effect=RECREATE_EFFECT) if change.effect == NOTHING else change


def _image_warnings(found: Iterable[Change]) -> list[Problem]:
    return [
        Problem(
            f"the image moved: the tag names another image now ({change.new})",
            change.origin.place if change.origin else None,
            "image",
            "`sglaunch up --force-recreate` takes it",
        )
        for change in found
        if change.field == "image" and change.effect == NOTHING
    ]


def _loop_warning(container: ObservedContainer) -> list[Problem]:
    if container.status != "restarting":
        return []
    message = f"{container.name} keeps exiting (code {container.exit_code}, {container.restart_count} restarts)"
    return [Problem(message, hint=f"see `sglaunch logs {container.applied.profile if container.applied else ''}`")]


def _orphans(
    wanted: Sequence[Wanted], seen: Observation, project: Project, choices: Choices
) -> tuple[list[ContainerPlan], list[Problem]]:
    """Ours, but the profile is gone from the files."""
    names = {one.spec.container_name for one in wanted}
    known = choices.known_profiles | {one.profile for one in wanted}
    orphans = [c for c in ours(seen, project) if c.applied and c.applied.profile not in known and c.name not in names]
    if choices.remove_orphans:
        return [removal(c, "its profile is gone", seen, protect=True, snapshot=choices.snapshot) for c in orphans], []
    hint = "`sglaunch up --remove-orphans` or `sglaunch down` removes it"
    return [], [
        Problem(f"{c.name} is an orphan: profile {c.applied.profile if c.applied else ''} is gone", hint=hint)
        for c in orphans
    ]
