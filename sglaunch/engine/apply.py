"""Runs the steps of a plan and reports events; it chooses nothing. A failure takes back what was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sglaunch.convert.from_inspect import container
from sglaunch.convert.to_create import create_call
from sglaunch.engine import host
from sglaunch.engine.protocol import Engine
from sglaunch.errors import EngineError, Failure, Interrupted
from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.steps import ContainerPlan, Plan, Step

SETTLE_SECONDS = 0.3
GONE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LOG_LINES = 10
_UNDO_TRIES = 3


@dataclass(frozen=True)
class Event:
    """What happened: `begin` and `done` of a step, `undo` of one taken back, `failed`, `finished` for a container.

    `note` says what a person should know beyond the step.
    """

    kind: str
    plan: ContainerPlan
    step: Step | None = None
    note: str = ""


Report = Callable[[Event], None]


def apply(plan: Plan, engine: Engine, report: Report) -> None:
    """Every container in turn. The first failure ends it, with that container as it was before."""
    for one in plan.containers:
        if one.steps:
            _run(one, engine, report)


def _run(plan: ContainerPlan, engine: Engine, report: Report) -> None:
    done: list[Step] = []
    try:
        for step in plan.steps:
            report(Event("begin", plan, step))
            done.append(step)
            note = perform(step, engine)
            report(Event("done", plan, step, note))
    except (EngineError, KeyboardInterrupt) as error:
        failed = done[-1] if done else None
        # A step that was cut off may have been carried out all the same; one that failed was not.
        begun = done if isinstance(error, KeyboardInterrupt) else done[:-1]
        report(Event("failed", plan, failed))
        if isinstance(error, KeyboardInterrupt) and failed is not None and failed.op == "remove":
            # The engine may have removed it all the same: taking back the rest would leave neither old nor new.
            hint = "run the command again, or see `sglaunch ps`"
            raise Interrupted(f"interrupted while {failed.target} was being removed", hint) from None
        _take_back(plan, begun, engine, report)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted("interrupted; what was begun has been taken back") from None
        raise
    report(Event("finished", plan))


def _take_back(plan: ContainerPlan, done: Iterable[Step], engine: Engine, report: Report) -> None:
    """Undoes in reverse. An undo that fails is told, and the others still run."""
    for step in reversed(list(done)):
        for undo in step.undo:
            report(Event("undo", plan, undo, _undo(undo, engine)))


def _undo(step: Step, engine: Engine) -> str:
    """One step back; the result is a note. A second Ctrl-C cuts off the engine's program, so it is tried again."""
    problem = ""
    for _ in range(_UNDO_TRIES):
        try:
            perform(step, engine)
        except KeyboardInterrupt:
            continue
        except EngineError as error:
            if step.op == "rename" and look(step.to, engine) is not None and look(step.target, engine) is None:
                return ""
            problem = str(error)
        else:
            return ""
    return f"failed: {problem}" if problem else "interrupted"


def perform(step: Step, engine: Engine) -> str:
    """One step; the result is a note for people."""
    target = step.target
    if step.op == "create":
        if step.spec is None:
            raise ValueError("a create step carries its spec")
        engine.create(create_call(step.spec, step.labels))
    elif step.op == "pull":
        engine.pull(target, str(step.values.get("platform", "")))
    elif step.op == "mkdir":
        _make_folder(target)
    elif step.op == "connect":
        engine.connect(target, step.to, step.values["attachment"])
    elif step.op == "update":
        engine.update(target, step.values)
    elif step.op == "rename":
        engine.rename(target, step.to)
    elif step.op == "snapshot":
        engine.snapshot(target, step.to, step.values["secrets"])
        return f"saved as an image; `image: {step.to}` starts from it"
    elif step.op == "settle":
        return _settle(target, engine)
    elif step.op == "gone":
        _wait_gone(target, engine)
    else:
        {
            "start": engine.start,
            "stop": engine.stop,
            "restart": engine.restart,
            "unpause": engine.unpause,
            "remove": engine.remove,
        }[step.op](target)
    return ""


def _make_folder(path: str) -> None:
    try:
        host.make_folder(path)
    except OSError as error:
        hint = "create it yourself, or take the mount out of the profile"
        raise EngineError(Failure("folder", f"{path} cannot be made: {error.strerror}", hint)) from None


def look(name: str, engine: Engine) -> ObservedContainer | None:
    """One container as it is now."""
    data = engine.inspect([name], size=False).get(name)
    return container(data) if data is not None else None


def _settle(name: str, engine: Engine) -> str:
    """A container that exits at once is a failure, with its last words; one that ends well is told."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        seen = look(name, engine)
        if seen is None:
            return "it has ended and is removed (auto_remove)"
        if seen.status == "restarting" or (seen.status == "exited" and seen.exit_code != 0):
            raise exited(seen, engine)
        if seen.status == "exited":
            return "it has ended with exit code 0"
        if time.monotonic() >= deadline:
            return ""
        time.sleep(_POLL_SECONDS)


def exited(seen: ObservedContainer, engine: Engine) -> EngineError:
    """The error of a container that does not stay up, with its last words."""
    code = f"exit code {seen.exit_code}{', out of memory' if seen.oom_killed else ''}"
    verb = "keeps exiting" if seen.status == "restarting" else "exited at once"
    log = tuple(engine.log_tail(seen.name, _LOG_LINES))
    hint = "check command and the log" if log else "it wrote no log; check command"
    return EngineError(Failure("exited", f"container {seen.name} {verb} ({code})", hint, log=log))


def _wait_gone(name: str, engine: Engine) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while look(name, engine) is not None:
        if time.monotonic() >= deadline:
            message = f"{name} is still being removed after {GONE_SECONDS:.0f} s"
            raise EngineError(Failure("removing", message, "look at it with `docker ps -a`, then try again"))
        time.sleep(_POLL_SECONDS)


def pulls_only(plan: Plan) -> Plan:
    """The pulls of a plan, one per image: they come first, since what an image is decides what else is to be done."""
    seen: set[str] = set()
    kept = []
    for one in plan.containers:
        steps = tuple(step for step in one.steps if step.op == "pull" and step.target not in seen)
        seen.update(step.target for step in steps)
        if steps:
            kept.append(replace(one, steps=steps, consent=()))
    return Plan(tuple(kept))
