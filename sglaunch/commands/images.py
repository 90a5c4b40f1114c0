"""`sglaunch pull`, `build`, `push`, `images` and `prune`: the images of the profiles, each once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from sglaunch.acting import Answer, needs_consent
from sglaunch.commands import trust
from sglaunch.commands.asking import YES, answer, columns, conduct, reporter, show, show_json
from sglaunch.commands.plan import show_plan
from sglaunch.engine.apply import Event, apply
from sglaunch.engine.own_images import own_images, used_images
from sglaunch.errors import ConsentNeeded, UsageError
from sglaunch.pipeline import Run, check, prepare
from sglaunch.plan.building import plan_build
from sglaunch.plan.fetching import plan_pull, plan_push
from sglaunch.plan.pruning import plan_prune
from sglaunch.plan.steps import Plan
from sglaunch.project import Common
from sglaunch.report.images import images_data, images_table, rows
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.spec.container import Wanted
from sglaunch.spec.reference import names_registry, parse


def pull(common: Common, profiles: Sequence[str], *, dry_run: bool = False) -> int:
    """Pulls the images of the named profiles, or of all that do not build theirs."""
    prepared = prepare(common, profiles)
    wanted = [one for one in prepared.wanted if profiles or one.build is None]
    trust.require(prepared.config)
    return _carry_out(common, prepared, plan_pull(wanted, "asked"), "pulled", dry_run=dry_run)


def build(common: Common, profiles: Sequence[str], *, dry_run: bool = False) -> int:
    """Builds the images of the named profiles, or of all that have `build`."""
    prepared = prepare(common, profiles)
    wanted = _building(prepared, profiles)
    trust.require(prepared.config)
    return _carry_out(common, prepared, plan_build(wanted, prepared.observe(), "asked"), "built", dry_run=dry_run)


def push(common: Common, profiles: Sequence[str], *, dry_run: bool = False) -> int:
    """Pushes the images of the named profiles, or of all that have `build`, with their further tags."""
    prepared = prepare(common, profiles)
    plan = plan_push(_building(prepared, profiles))
    for step in plan.steps("push"):
        if not names_registry(step.target):
            message = f"{step.target} names no registry; docker would push it to {parse(step.target).full}"
            hint = f"write image: REGISTRY/{step.target}, such as registry.example.com/{step.target}"
            raise UsageError(message, hint)
    if dry_run:
        return show_plan(common, plan)
    digests: dict[str, str] = {}
    report = reporter(common)

    def hear(event: Event) -> None:
        if event.kind == "done" and event.step is not None:
            digests[event.step.target] = event.note.rpartition(" ")[2]
        report(event)

    apply(plan, prepared.engine, hear)
    if common.json:
        found = [
            {"profile": one.profile, "image": step.target, "digest": digests[step.target] or None}
            for one in plan.containers
            for step in one.steps
        ]
        show_json({"schema_version": SCHEMA_VERSION, "images": found})
    else:
        show([f"{step.target}  pushed  {digests[step.target]}".rstrip() for step in plan.steps("push")])
    return 0


def _building(prepared: Run, profiles: Sequence[str]) -> list[Wanted]:
    wanted = [one for one in prepared.wanted if one.build is not None]
    without = [one.profile for one in prepared.wanted if one.build is None and one.profile in profiles]
    if without:
        raise UsageError(f"profile {without[0]} has no build", "write build: FOLDER in it")
    if not wanted:
        raise UsageError("no profile here has build", "write build: FOLDER in one")
    return wanted


def _carry_out(common: Common, prepared: Run, plan: Plan, done: str, *, dry_run: bool) -> int:
    if dry_run:
        return show_plan(common, plan)
    check(plan)
    apply(plan, prepared.engine, reporter(common))
    answer(common, plan, [f"{step.target}  {done}" for step in plan.steps()])
    return 0


def images(common: Common) -> int:
    """Lists the images of this project: what its profiles name, what it built, the snapshots of its containers."""
    prepared = prepare(common, [])
    seen = prepared.observe()
    users: dict[str, list[str]] = {}
    for one in prepared.wanted:
        users.setdefault(one.spec.image, []).append(one.profile)
    found = rows(users, seen.local, own_images(prepared.engine, prepared.project))
    if common.json:
        show_json({"schema_version": SCHEMA_VERSION, "images": images_data(found)})
    else:
        show(images_table(found, datetime.now(timezone.utc), columns()))
    return 0


def prune(common: Common, names: Sequence[str], *, dry_run: bool = False) -> int:
    """Removes images that this project built and nobody uses; snapshots, and others, only by name."""
    prepared = prepare(common, [])
    engine = prepared.engine
    wanted = {one.id for one in prepared.observe().local.values()}
    made = own_images(engine, prepared.project)
    plan = plan_prune(made, prepared.project.name, used_images(engine), wanted, names)
    if dry_run or not plan.containers:
        return show_plan(common, plan)
    acting = conduct(common, "prune", flags=YES, saves=False)
    if needs_consent(plan) and acting.given is None and acting.ask(plan) is not Answer.AGREE:
        raise ConsentNeeded("nothing was removed", YES)
    apply(plan, engine, acting.report)
    answer(common, plan, [f"{step.target}  removed" for step in plan.steps()])
    return 0
