"""`sglaunch up`: makes it so; then enters the shell, where a profile wants that and somebody sits at a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from sglaunch.commands import trust
from sglaunch.commands.asking import conduct, reporter, show, show_json, warn
from sglaunch.commands.enter import enter_shell
from sglaunch.commands.plan import show_plan
from sglaunch.engine.lock import DEFAULT_TIMEOUT
from sglaunch.errors import EngineError
from sglaunch.pipeline import SHORTAGE, due, prepare, up, wait
from sglaunch.plain import replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.steps import CREATE, NONE, RECREATE, REMOVE, REPAIR, START, UPDATE, ContainerPlan, Plan
from sglaunch.project import Common
from sglaunch.report.data import endpoints_data, plan_data
from sglaunch.report.problems import warning_lines
from sglaunch.report.progress import say
from sglaunch.report.text import endpoint_lines
from sglaunch.spec.container import Wanted

WAIT_GPUS_SECONDS = 5.0
FLAGS = "say --yes to go on, --snapshot to save it as an image first, or --no-recreate to keep what is there"
_KEPT = "kept"
_DONE = {
    NONE: "up to date",
    CREATE: "created",
    START: "started",
    UPDATE: "updated",
    RECREATE: "recreated",
    REMOVE: "removed",
    REPAIR: "repaired",
}


def run(
    common: Common,
    profiles: Sequence[str],
    choices: Choices,
    *,
    attach: bool = True,
    pull: str | None = None,
    frozen: bool = False,
    dry_run: bool = False,
    snapshot: bool = False,
    lock_timeout: float = DEFAULT_TIMEOUT,
    wait_timeout: float | None = None,
    wait_gpus: bool = False,
) -> int:
    """Creates, starts, updates or recreates what the profiles need. `pull` overrides every pull_policy."""
    prepared = prepare(common, profiles, pull, wait_timeout, frozen=frozen)
    if dry_run:
        planned, seen = prepared.plan(replace(choices, snapshot=snapshot))
        planned = replace(planned, containers=(*due(prepared, choices, seen).containers, *planned.containers))
        return show_plan(common, planned, prepared.config.sources, prepared.config.warnings)
    trust.require(prepared.config)
    prepared.accept = trust.require
    if not common.json and not common.quiet:
        for line in warning_lines(prepared.config.warnings):
            say(line)
    command = " ".join(["up", *profiles])
    acting = conduct(common, command, agree="[r]ecreate", flags=FLAGS, snapshot=snapshot, lock_timeout=lock_timeout)
    plan = _patient(lambda: up(prepared, choices, acting), acting.tell) if wait_gpus else up(prepared, choices, acting)
    warn(common, plan)
    hostname = prepared.engine.machine.hostname()
    answers = wait(prepared, plan, reporter(common)) if choices.wait and choices.start else {}
    if common.json:
        told = replace(plan, warnings=(*prepared.config.warnings, *plan.warnings))
        show_json({**plan_data(told), "endpoints": endpoints_data(prepared.wanted, answers, hostname)})
    entered = _entered(profiles, prepared.wanted, attach, common)
    if entered is not None and choices.start:
        container = next(one.container for one in plan.containers if one.profile == entered.profile)
        return enter_shell(prepared.engine, container, entered.settings)
    if not common.json and not common.quiet:
        show([*summary(plan), *endpoint_lines(prepared.wanted, answers, hostname)])
    return 0


def _patient(attempt: Callable[[], Plan], tell: Callable[[str], None]) -> Plan:
    """Tries again until there are enough GPUs; says once what it waits for."""
    told = ""
    while True:
        try:
            return attempt()
        except EngineError as error:
            if error.failure.kind != SHORTAGE:
                raise
            if error.message != told:
                for line in (f"{error.message}; waiting", *error.failure.log):
                    tell(line)
            told = error.message
        time.sleep(WAIT_GPUS_SECONDS)


def _entered(profiles: Sequence[str], wanted: Sequence[Wanted], attach: bool, common: Common) -> Wanted | None:
    """The profile to enter: the only one asked for, which wants it, on a terminal."""
    chosen = [one for one in wanted if not profiles or one.profile in profiles]
    if len(chosen) != 1 or not attach or common.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    return chosen[0] if chosen[0].settings.attach else None


def summary(plan: Plan) -> list[str]:
    """What became of each container."""
    return [f"{one.container}  {_KEPT if _is_kept(one) else _DONE[one.action]}" for one in plan.containers]


def _is_kept(one: ContainerPlan) -> bool:
    """Whether nothing was done, though only a new container would be what the files say."""
    return one.action == NONE and any(change.effect == RECREATE for change in one.changes)
