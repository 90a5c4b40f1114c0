"""The arrow, once: facts, load, observe, reconcile, consent, apply.

Every verb that acts goes through here; a verb that only shows stops earlier.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sglaunch.config.files import FILE_VARIABLE, find_project
from sglaunch.config.load import Config, Request, load
from sglaunch.engine import host
from sglaunch.engine.apply import Report, apply, exited, pulls_only
from sglaunch.engine.client import DockerClient
from sglaunch.engine.explain import cli_missing
from sglaunch.engine.observe import measure, observe
from sglaunch.errors import ConfigError, Refused, UsageError
from sglaunch.plan.observation import Observation, Project, foreign
from sglaunch.plan.reconcile import Choices, plan_pull, plan_up
from sglaunch.plan.removing import plan_down
from sglaunch.plan.steps import RECREATE, REFUSE, REMOVE, Plan
from sglaunch.spec.container import Wanted

ENGINE_VARIABLE, CONTEXT_VARIABLE = "SGLAUNCH_ENGINE", "SGLAUNCH_CONTEXT"
Consent = Callable[[Plan], "Plan | None"]
"""Answers for a plan that would lose something: the plan to go on with, or None to keep everything as it is."""


@dataclass(frozen=True)
class Common:
    """The options every command has, as plain values."""

    directory: Path
    file: str | None = None
    engine: str | None = None
    context: str | None = None
    json: bool = False
    yes: bool = False
    quiet: bool = False
    overrides: tuple[str, ...] = ()


def project_file(common: Common) -> Path:
    """The project this command is about."""
    if not common.directory.is_dir():
        raise UsageError(f"{common.directory}: no such folder", "see -C")
    return find_project(common.directory, common.file or os.environ.get(FILE_VARIABLE))


def request(common: Common) -> Request:
    """What the configuration is given of the world."""
    return Request(project_file(common), host.facts(), dict(os.environ), common.overrides)


def load_config(common: Common, profiles: Sequence[str] = (), *, everything: bool = False) -> Config:
    """The project and the named profiles. Nothing named and nothing declared is an error that lists what there is."""
    config = load(request(common), profiles, everything=everything)
    if not config.resolved:
        hint = f"name one: {', '.join(config.names)}; or declare profiles in {config.file.name}"
        raise UsageError("no profile is declared here", hint)
    return config


def project_of(config: Config) -> Project:
    """Whose containers these are."""
    return Project(config.project, str(config.file), host.owner())


def connect(common: Common, configured: Mapping[str, str]) -> DockerClient:
    """The engine: named on the command line, in the environment, in a file; else Docker."""
    name = common.engine or os.environ.get(ENGINE_VARIABLE) or configured.get("name") or "auto"
    if name not in ("auto", "docker"):
        known = name in ("podman", "nerdctl")
        message = f"{name} is not driven by this version of sglaunch" if known else f"unknown engine {name!r}"
        raise UsageError(message, "use docker (--engine docker)")
    if shutil.which("docker") is None:
        raise cli_missing("docker")
    context = common.context or os.environ.get(CONTEXT_VARIABLE) or configured.get("context", "")
    address = "" if common.context else configured.get("host", "")
    if context.startswith("-") or address.startswith("-"):
        raise UsageError("an engine's context or host cannot start with -")
    return DockerClient(["docker"], host=address, context=context)


@dataclass
class Run:
    """A loaded project, its engine, and the looks taken at it."""

    config: Config
    engine: DockerClient
    project: Project
    wanted: list[Wanted]

    def observe(self) -> Observation:
        return observe(self.engine, self.project.name, self.wanted)

    def plan(self, seen: Observation, choices: Choices) -> Plan:
        """The plan, measured where something would be lost."""
        choices = replace(choices, known_profiles=frozenset(self.config.names))
        plan = plan_up(self.wanted, seen, self.project, choices)
        at_risk = _at_risk(plan, seen)
        return plan_up(self.wanted, measure(self.engine, seen, at_risk), self.project, choices) if at_risk else plan


def prepare(common: Common, profiles: Sequence[str], pull_policy: str | None = None) -> Run:
    """Loads and connects; `pull_policy` overrides every profile's."""
    config = load_config(common, profiles)
    wanted = list(config.wanted.values())
    if pull_policy is not None:
        wanted = [replace(one, settings=replace(one.settings, pull_policy=pull_policy)) for one in wanted]
    return Run(config, connect(common, config.engine), project_of(config), wanted)


def up(run: Run, choices: Choices, consent: Consent, report: Report) -> Plan:
    """Makes it so. Pulls come first, since what an image is decides what else is to be done."""
    seen = run.observe()
    pulls = plan_pull([one for one in run.wanted if one.settings.pull_policy == "always"], "pull_policy is always")
    first = run.plan(seen, choices)
    check(first, run.config.sources)
    wanted_pulls = pulls_only(Plan((*pulls.containers, *first.containers)))
    if wanted_pulls.containers:
        apply(wanted_pulls, run.engine, report)
        run.wanted = [replace(one, settings=replace(one.settings, pull_policy="missing")) for one in run.wanted]
        seen = run.observe()
        first = run.plan(seen, choices)
        check(first, run.config.sources)
    plan = consent(first) if needs_consent(first) else first
    if plan is None:
        plan = run.plan(seen, replace(choices, no_recreate=True, remove_orphans=False))
    apply(plan, run.engine, report)
    _check_loops(plan, seen, run.engine)
    return plan


def act(plan: Plan, engine: DockerClient, consent: Consent, report: Report) -> Plan:
    """Runs the plan of a verb other than up, with consent where it needs it."""
    check(plan)
    agreed = consent(plan) if needs_consent(plan) else plan
    if agreed is None:
        return Plan()
    apply(agreed, engine, report)
    return agreed


def check(plan: Plan, sources: Mapping[str, Sequence[str]] | None = None) -> None:
    """Refusals and mistakes that only the host could show end the run before anything is touched."""
    problems = [problem for one in plan.containers for problem in one.problems]
    refusals = [one.reason for one in plan.containers if one.action == REFUSE and one.reason]
    if refusals:
        raise Refused("; ".join(refusals), "nothing was touched")
    if problems:
        raise ConfigError(problems, sources)


def needs_consent(plan: Plan) -> bool:
    """Whether something would be lost."""
    return any(one.consent for one in plan.containers)


def down_plan(engine: DockerClient, project: Project, profiles: Collection[str], unprotected: Collection[str]) -> Plan:
    """What down removes, measured where something would be lost."""
    seen = observe(engine, project.name)
    at_risk = _at_risk(plan_down(seen, project, profiles, unprotected), seen)
    return plan_down(measure(engine, seen, at_risk), project, profiles, unprotected)


def _at_risk(plan: Plan, seen: Observation) -> list[str]:
    """Containers whose layer a plan would lose and whose loss needs consent."""
    profiles = {one.profile for one in plan.containers if one.action in (RECREATE, REMOVE) and one.consent}
    names = {one.container for one in plan.containers if one.action in (RECREATE, REMOVE) and one.consent}
    return [
        one.name
        for one in seen.containers
        if one.applied is not None and (one.name in names or one.applied.profile in profiles)
    ]


def _check_loops(plan: Plan, seen: Observation, engine: DockerClient) -> None:
    """A container that keeps exiting was left as it is, and is still not up."""
    planned = {one.container: one for one in plan.containers}
    for one in seen.containers:
        if one.status == "restarting" and one.name in planned and not planned[one.name].steps:
            raise exited(one, engine)


def mine(seen: Observation, project: Project, profile: str, *, reading: bool = False) -> str:
    """The name of a profile's running container. `reading`: any container of the project will do, running or not."""
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
    return one.name
