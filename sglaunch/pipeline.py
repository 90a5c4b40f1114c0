"""The arrow, once: facts, load, observe, reconcile, and `acting` to carry it out. What only shows stops earlier."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from sglaunch.acting import Answer, Conduct, carry_out, needs_consent
from sglaunch.config.load import Config
from sglaunch.engine import pulled
from sglaunch.engine.apply import Report, apply, expect, images_only, wait_all
from sglaunch.engine.client import EngineClient
from sglaunch.engine.last_engine import record_engine
from sglaunch.engine.layer import measure
from sglaunch.engine.observe import observe
from sglaunch.engine.settle import exited
from sglaunch.errors import ConfigError, EngineError, Failure, Interrupted, Refused, UsageError
from sglaunch.plain import replace
from sglaunch.plan.building import plan_build
from sglaunch.plan.choices import Choices
from sglaunch.plan.fetching import asks_age, is_due, plan_pull, policy_text
from sglaunch.plan.observation import Observation, ObservedContainer, Project, foreign
from sglaunch.plan.order import followers
from sglaunch.plan.pins import disagreement, pinned
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.removing import Needed, plan_down
from sglaunch.plan.replacing import ready_steps
from sglaunch.plan.steps import BUILD, RECREATE, REFUSE, REMOVE, Plan, Step
from sglaunch.project import Common, connect, enforce, engine_warnings, load_config, project_of
from sglaunch.spec.container import Wanted, has_nvidia

SHORTAGE = "shortage"


class Run:
    """A loaded project, its engine, and the looks taken at it."""

    def __init__(self, config: Config, engine: EngineClient, project: Project, wanted: list[Wanted]) -> None:
        self.config, self.engine, self.project, self.wanted = config, engine, project, wanted
        self.followers: set[str] = set()
        self._required: dict[str, Mapping[str, str]] = {}
        self.further: Callable[[Sequence[str]], Run] | None = None
        """Prepares a run of other profiles with the same options."""
        self.accept: Callable[[Config], None] = lambda _: None
        """Refuses a configuration that is not trusted, before it is applied."""

    def observe(self) -> Observation:
        return observe(self.engine, self.project.name, self.wanted)

    def plan(self, choices: Choices, *, measured: bool = True) -> tuple[Plan, Observation]:
        """A look at the engine and the plan, measured where something would be lost, if somebody is to hear of it."""
        choices = replace(choices, known_profiles=frozenset(self.config.names), followers=frozenset(self.followers))
        seen = self.observe()
        plan = plan_up(self.wanted, seen, self.project, choices)
        if self._takes_in(followers(plan, seen, self.project, self.wanted)):
            return self.plan(choices, measured=measured)
        created = {one.profile for one in plan.containers if any(_has_nvidia(step) for step in one.steps)}
        if created:
            seen = self._with_driver(seen, [one for one in self.wanted if one.profile in created])
            plan = plan_up(self.wanted, seen, self.project, choices)
        at_risk = _at_risk(plan, seen) if measured else []
        if at_risk:
            seen = measure(self.engine, seen, at_risk)
            plan = plan_up(self.wanted, seen, self.project, choices)
        return plan, seen

    def _takes_in(self, profiles: Sequence[str]) -> bool:
        """Adds the profiles that a plan makes necessary to the run; False where there are none."""
        names = [name for name in profiles if name in self.config.names]
        if self.further is None or not names:
            return False
        self.followers.update(names)
        more = self.further(names)
        self.accept(more.config)
        known = {one.profile for one in self.wanted}
        new = [one for one in more.wanted if one.profile not in known]
        self.wanted = [*self.wanted, *new]
        return bool(new)

    def _with_driver(self, seen: Observation, created: Sequence[Wanted]) -> Observation:
        """With the driver, and what the images to be pulled require of it; their registries are asked once."""
        driver = self.engine.machine.driver()
        absent = [
            one
            for one in created
            if seen.images.get(one.spec.image) is None and one.build is None and one.settings.pull_policy != "never"
        ]
        absent = [one for one in absent if one.spec.image not in self._required]
        if driver.cuda and absent:
            from sglaunch.engine.freshness import required_of

            unknown: dict[str, Mapping[str, str]] = {one.spec.image: {} for one in absent}
            self._required |= unknown | required_of(absent, seen.engine.platform)
        return replace(seen, driver=driver, required=self._required)


def _has_nvidia(step: Step) -> bool:
    return step.op == "create" and step.spec is not None and has_nvidia(step.spec)


def prepare(
    common: Common,
    profiles: Sequence[str],
    pull_policy: str | None = None,
    wait_timeout: float | None = None,
    *,
    frozen: bool = False,
) -> Run:
    """Loads and connects; `pull_policy` and `wait_timeout` override every profile's. `frozen`: the lock must hold."""
    config = load_config(common, profiles)
    enforce(config, common)
    wanted = list(config.wanted.values())
    if pull_policy is not None:
        wanted = [replace(one, settings=replace(one.settings, pull_policy=pull_policy)) for one in wanted]
    if wait_timeout is not None:
        wanted = [_with_timeout(one, wait_timeout) for one in wanted]
    engine = connect(common, config.engine, config.file)
    config.warnings += engine_warnings(engine)
    run = Run(config, engine, project_of(config, engine), _locked_in(config, wanted, engine, frozen=frozen))
    run.further = lambda names: prepare(common, names, pull_policy, wait_timeout, frozen=frozen)
    return run


def _locked_in(config: Config, wanted: Sequence[Wanted], engine: EngineClient, *, frozen: bool) -> list[Wanted]:
    """The profiles with their images as the lock file has them. What it has not is a warning, or an error if frozen."""
    found = [pinned(one, engine.capabilities.platform) for one in wanted]
    problems = [problem for _, problem in found if problem is not None]
    unlocked = [problem for one in wanted if (problem := disagreement(one)) is not None]
    if frozen:
        problems += unlocked
    elif config.pins:
        config.warnings += unlocked
    if problems:
        raise ConfigError(problems, config.sources)
    return [one for one, _ in found]


def _with_timeout(wanted: Wanted, seconds: float) -> Wanted:
    readiness = wanted.settings.readiness
    changed = replace(readiness, timeout=seconds) if readiness is not None else None
    return replace(wanted, settings=replace(wanted.settings, readiness=changed))


def up(run: Run, choices: Choices, conduct: Conduct) -> Plan:
    """Makes it so. Pulls come first, since what an image is decides what else is to be done."""
    looks: list[Observation] = []
    agreed = conduct.given is Answer.AGREE

    def look(answer: Answer) -> Plan:
        keep = answer is Answer.KEEP
        chosen = replace(
            choices,
            no_recreate=choices.no_recreate or keep,
            force_recreate=choices.force_recreate and not keep,
            remove_orphans=choices.remove_orphans and not keep,
            snapshot=answer is Answer.SNAPSHOT,
        )
        plan, seen = run.plan(chosen, measured=not agreed)
        looks.append(seen)
        check(plan, run.config.sources)
        return plan

    first: Plan | None = look(conduct.given or Answer.AGREE)
    assert first is not None
    if conduct.given is None and needs_consent(first) and any(first.steps(BUILD)):
        # Before the minutes that a build takes; what it changes is what is asked about.
        conduct = replace(conduct, given=conduct.ask(first))
        first = look(conduct.given or Answer.AGREE)
    asked = due(run, choices, looks[-1])
    check(asked)
    images = images_only(Plan((*asked.containers, *first.containers)))
    expect(first, run.engine)
    if images.containers:
        apply(images, run.engine, conduct.report)
        run.wanted = [replace(one, settings=replace(one.settings, pull_policy="missing")) for one in run.wanted]
        first = None
    plan = carry_out(look, run.engine, replace(conduct, project=run.project.config_file), first)
    record_engine(run.project.config_file, run.engine.identity)
    _check_loops(plan, looks[-1], run.engine)
    return plan


def due(run: Run, choices: Choices, seen: Observation) -> Plan:
    """The pulls and builds that somebody asked for, whatever is there."""
    ages = pulled.ages(run.engine.identity) if any(map(asks_age, run.wanted)) else {}
    pulls = [plan_pull([one], policy_text(one.settings.pull_policy)) for one in run.wanted if is_due(one, ages)]
    cause = "asked by --build" if choices.build else "pull_policy is build"
    builds = [one for one in run.wanted if choices.build or one.settings.pull_policy == "build"]
    return Plan((*(one for plan in pulls for one in plan.containers), *plan_build(builds, seen, cause).containers))


def wait(run: Run, plan: Plan, report: Report) -> dict[str, str]:
    """Waits for what the plan left starting; the address of each server. Leaving off leaves them as they are."""
    planned = {one.container: one for one in plan.containers if one.action not in (REFUSE, REMOVE)}
    steps = [
        (planned[name], step)
        for one in run.wanted
        if (name := one.spec.container_name) in planned
        if one.profile not in run.followers or any(step.op == "start" for step in planned[name].steps)
        for step in ready_steps(one, "wanted ready", run.engine.capabilities)
    ]
    try:
        return wait_all(steps, run.engine, report)
    except KeyboardInterrupt:
        names = ", ".join(step.target for _, step in steps)
        hint = f"`sglaunch wait {' '.join(plan.profile for plan, _ in steps)}` goes on waiting"
        raise Interrupted(f"no longer waiting; still starting: {names}", hint) from None


def check(plan: Plan, sources: Mapping[str, Sequence[str]] | None = None) -> None:
    """Refusals and mistakes that only the host could show end the run before anything is touched."""
    problems = [problem for one in plan.containers for problem in one.problems]
    refusals = [one.reason for one in plan.containers if one.action == REFUSE and one.reason]
    if refusals:
        raise Refused("; ".join(refusals), "nothing was touched")
    if problems:
        raise ConfigError(problems, sources)
    for one in plan.containers:
        if one.shortage:
            hint = "wait for them with --wait-gpus, or ask for fewer"
            message = f"{one.container}: {one.shortage[0]}"
            raise EngineError(Failure(SHORTAGE, message, hint, log=one.shortage[1:]))


def down_plan(
    engine: EngineClient,
    project: Project,
    profiles: Collection[str],
    unprotected: Collection[str],
    needed: Needed,
    *,
    snapshot: bool = False,
    measured: bool = True,
) -> tuple[Plan, Observation]:
    """What down removes, measured where something would be lost, if somebody is to hear of it."""
    seen = observe(engine, project.name)
    plan = plan_down(seen, project, profiles, unprotected, needed, snapshot=snapshot)
    at_risk = _at_risk(plan, seen) if measured else []
    if at_risk:
        seen = measure(engine, seen, at_risk)
        plan = plan_down(seen, project, profiles, unprotected, needed, snapshot=snapshot)
    return plan, seen


def _at_risk(plan: Plan, seen: Observation) -> list[str]:
    """Containers whose layer a plan would lose and whose loss needs consent."""
    profiles = {one.profile for one in plan.containers if one.action in (RECREATE, REMOVE) and one.consent}
    names = {one.container for one in plan.containers if one.action in (RECREATE, REMOVE) and one.consent}
    return [
        one.name
        for one in seen.containers
        if one.applied is not None and (one.name in names or one.applied.profile in profiles)
    ]


def _check_loops(plan: Plan, seen: Observation, engine: EngineClient) -> None:
    """A container that keeps exiting was left as it is, and is still not up."""
    planned = {one.container: one for one in plan.containers}
    for one in seen.containers:
        if one.status == "restarting" and one.name in planned and not planned[one.name].steps:
            raise exited(one, engine)


def mine(seen: Observation, project: Project, profile: str, *, reading: bool = False) -> ObservedContainer:
    """A profile's running container. `reading`: any container of the project will do, running or not."""
    found = [
        one
        for one in seen.containers
        if one.applied is not None and one.applied.profile == profile and not one.name.endswith((".new", ".old"))
    ]
    own = [one for one in found if not foreign(one, project)] or (found if reading else [])
    if not own:
        if found:
            raise Refused(f"container {found[0].name} {foreign(found[0], project)}", "it is not yours to enter")
        raise UsageError(f"profile {profile} has no container", f"`sglaunch up {profile}` creates it")
    one = own[0]
    if not reading and one.status != "running":
        raise UsageError(f"{one.name} is {one.status}, not running", f"`sglaunch up {profile}` starts it")
    return one
