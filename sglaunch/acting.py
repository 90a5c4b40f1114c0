"""How a plan is carried out: consent, lock, look again, apply.

Every verb that acts goes through `carry_out`: there is no second way.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from enum import Enum

from sglaunch.engine import adopted
from sglaunch.engine.apply import Event, Report, apply
from sglaunch.engine.client import EngineClient
from sglaunch.engine.gpus import machine_lock
from sglaunch.engine.last_engine import record_engine
from sglaunch.engine.lock import DEFAULT_TIMEOUT, hold
from sglaunch.plain import Struct
from sglaunch.plan.steps import REPAIR, Plan


class Answer(Enum):
    """What somebody says to a plan that would lose something."""

    AGREE = "agree"
    SNAPSHOT = "snapshot"
    KEEP = "keep"


Look = Callable[[Answer], Plan]
"""Observes anew and plans, as far as an answer is given."""


class Conduct(Struct, frozen=True):
    """How a verb acts: what was agreed beforehand, who answers else, who is told, how long a lock is waited for.

    `command` is what others who wait for our lock are told. `lock_timeout` is in seconds. `project`: the project file,
    for which the engine is recorded once a container is created or started there.
    """

    ask: Callable[[Plan], Answer]
    report: Report
    tell: Callable[[str], None]
    command: str
    given: Answer | None = None
    lock_timeout: float = DEFAULT_TIMEOUT
    project: str = ""


_APPEAR = ("create", "start", "restart", "unpause")
"""Steps after which the project has a container on the engine."""


def needs_consent(plan: Plan) -> bool:
    """Whether something would be lost."""
    return any(one.consent for one in plan.containers)


def carry_out(look: Look, engine: EngineClient, conduct: Conduct, plan: Plan | None = None) -> Plan:
    """Asks where something would be lost, takes the locks, looks again, and applies.

    A second look that gives another plan is shown, and asked about again, before anything is done. Repairs of what an
    interrupted command left come first, and need no consent, since they lose nothing. `plan`: a look just taken.
    """
    plan = plan or look(conduct.given or Answer.AGREE)
    repairs = plan.only(REPAIR)
    if repairs.containers:
        with _locked(repairs, engine, conduct):
            apply(look(conduct.given or Answer.AGREE).only(REPAIR), engine, conduct.report)
        plan = look(conduct.given or Answer.AGREE)
    answer = conduct.given
    if answer is None and needs_consent(plan):
        answer = conduct.ask(plan)
        plan = plan if answer is Answer.AGREE else look(answer)
    if not any(plan.steps()):
        return plan
    with _locked(plan, engine, conduct), _choosing(plan, conduct) as let_go:
        again = look(answer or Answer.AGREE)
        if not again.does_as(plan):
            conduct.tell("something changed meanwhile; the plan is now:")
            for line in again.lines():
                conduct.tell(line)
            if conduct.given is None and needs_consent(again) and answer is not Answer.SNAPSHOT:
                answer = conduct.ask(again)
                again = again if answer is Answer.AGREE else look(answer)
        apply(again, engine, _after_creation(again, conduct, engine, let_go))
    if any(step.op in ("remove", "gone") for step in again.steps()):
        adopted.sweep(engine)
    return again


def _choosing(plan: Plan, conduct: Conduct) -> contextlib.AbstractContextManager[Callable[[], None]]:
    """The machine-wide lock, where devices are chosen."""
    if plan.chooses_gpus:
        return machine_lock(conduct.lock_timeout, conduct.tell)
    return contextlib.nullcontext(lambda: None)


def _after_creation(plan: Plan, conduct: Conduct, engine: EngineClient, let_go: Callable[[], None]) -> Report:
    """Lets go of the machine once every container is made: its label is the reservation, and others may choose.

    The engine is recorded at once, since what was created may stay where a later step fails.
    """
    left = sum(1 for _ in plan.steps("create"))

    def tell(event: Event) -> None:
        nonlocal left
        if event.kind == "done" and event.step is not None and event.step.op in _APPEAR and conduct.project:
            record_engine(conduct.project, engine.identity)
        if event.kind == "done" and event.step is not None and event.step.op == "create":
            left -= 1
            if left == 0:
                let_go()
        conduct.report(event)

    return tell


def _locked(plan: Plan, engine: EngineClient, conduct: Conduct) -> contextlib.AbstractContextManager[None]:
    names = [one.container for one in plan.containers if one.container]
    return hold(names, engine.identity, conduct.command, conduct.lock_timeout, conduct.tell)
