"""Runs the steps of a plan and reports events; it chooses nothing. A failure takes back what was done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from sglaunch.convert.to_create import create_call
from sglaunch.engine.protocol import Engine, Tell
from sglaunch.engine.settle import look, settle, stopped
from sglaunch.engine.together import Lane, together
from sglaunch.errors import EngineError, Failure, Interrupted
from sglaunch.plain import Struct, replace
from sglaunch.plan.steps import BUILD, PULL, ContainerPlan, Plan, Step
from sglaunch.spec.startup import Progress

GONE_SECONDS = 30.0
LOST = "daemon-down"
"""Kind of the failure of a call that the engine may have heard, and did not answer."""
_POLL_SECONDS = 0.05
_UNDO_TRIES = 3


class Event(Struct, frozen=True):
    """What happened: `begin` and `done` of a step, `undo` of one taken back, `failed`, `finished` for a container.

    `note` says what a person should know beyond the step. `progress`: where a start-up is, and for how many seconds
    it was waited for.
    """

    kind: str
    plan: ContainerPlan
    step: Step | None = None
    note: str = ""
    progress: Progress | None = None
    seconds: float = 0.0


Report = Callable[[Event], None]


def apply(plan: Plan, engine: Engine, report: Report) -> None:
    """Every container, several at once where none needs another. A failed one is left as it was before, and ends it."""
    told = threading.RLock()

    def tell(event: Event) -> None:
        with told:
            report(event)

    steps = [one for one in plan.containers if one.steps]
    together(steps, lambda one, lane: _run(one, engine, tell, lane), engine.interrupt)


def _run(plan: ContainerPlan, engine: Engine, report: Report, lane: Lane) -> None:
    done: list[Step] = []
    try:
        for step in plan.steps:
            lane.pause(0)
            report(Event("begin", plan, step))
            done.append(step)
            note = perform(step, engine, _teller(plan, step, report), lane)
            report(Event("done", plan, step, note))
    except (EngineError, KeyboardInterrupt) as error:
        failed = done[-1] if done else None
        interrupted = isinstance(error, KeyboardInterrupt) or lane.was_halted()
        unsure = interrupted or (failed is not None and _may_be_done(failed, engine))
        begun = done if unsure else done[:-1]
        report(Event("failed", plan, failed))
        if interrupted and failed is not None and failed.op in ("remove", "erase"):
            # The engine may have removed it all the same: taking back the rest would leave neither old nor new.
            hint = "run the command again, or see `sglaunch ps`"
            raise Interrupted(f"interrupted while {failed.target} was being removed", hint) from None
        lost = interrupted or (isinstance(error, EngineError) and error.failure.kind == LOST)
        stop = failed if lost and failed is not None and failed.op == "stop" else None
        if stop is not None and stop.undo:
            report(Event("begin", plan, replace(stop, cause="the engine goes on with it; it is started again then")))
            stopped(stop.target, engine)
        _take_back(plan, begun, engine, report)
        if interrupted and stop is not None and not stop.undo:
            hint = "`sglaunch ps -a` shows when it has ended"
            raise Interrupted(f"interrupted; the engine goes on stopping {stop.target}", hint) from None
        if interrupted:
            raise Interrupted("interrupted; what was begun has been taken back") from None
        raise
    report(Event("finished", plan))


def _may_be_done(failed: Step, engine: Engine) -> bool:
    """Whether the engine may have done what it gave no good answer to: it came too late, or was lost.

    Taking back a stop, a start or an update that was not carried out changes nothing; a rename can be seen.
    """
    if failed.op != "rename":
        return failed.op in ("stop", "start", "update")
    try:
        return look(failed.to, engine) is not None and look(failed.target, engine) is None
    except EngineError:
        return True


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


def _teller(plan: ContainerPlan, step: Step, report: Report) -> Tell:
    return lambda progress, seconds: report(Event("progress", plan, step, progress=progress, seconds=seconds))


def perform(step: Step, engine: Engine, tell: Tell = lambda progress, seconds: None, lane: Lane | None = None) -> str:
    """One step; the result is a note for people. `tell` hears of a start-up that is waited for."""
    if step.op == "ready":
        from sglaunch.engine.ready import wait_ready

        back = step.values.get("rolls_back", False)
        pause = (lane or Lane()).pause
        address = wait_ready(step.target, engine, step.values["readiness"], tell, pause, rolls_back=back)
        return f"it answers at {address}" if address else "it is ready"
    if step.op == "pull":
        from sglaunch.engine import images

        return images.pull(step, engine, tell)
    if step.op == "push":
        from sglaunch.engine import images

        digest = images.push(step, engine, tell, (lane or Lane()).pause)
        return f"digest {digest}" if digest else ""
    return _PERFORM[step.op](step, engine) or ""


def wait_all(steps: Sequence[tuple[ContainerPlan, Step]], engine: Engine, report: Report) -> dict[str, str]:
    """Waits for several start-ups at once; the address of each container that has one. The first failure ends it."""
    if not steps:
        return {}
    from sglaunch.engine.ready import wait_ready

    found: dict[str, str] = {}
    errors: list[EngineError] = []
    told = threading.Lock()

    def watch(plan: ContainerPlan, step: Step) -> None:
        def tell(progress: Progress, seconds: float) -> None:
            with told:
                report(Event("progress", plan, step, progress=progress, seconds=seconds))

        try:
            found[step.target] = wait_ready(step.target, engine, step.values["readiness"], tell)
            with told:
                report(Event("done", plan, step))
        except EngineError as error:
            errors.append(error)

    threads = [threading.Thread(target=watch, args=one, daemon=True) for one in steps]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and not errors:
        for thread in threads:
            thread.join(timeout=_POLL_SECONDS)
    if errors:
        raise errors[0]
    return found


def expect(plan: Plan, engine: Engine) -> None:
    """Tells the engine what a plan will create, before what comes before it is waited for."""
    calls = [create_call(s.spec, s.labels, engine.capabilities) for s in plan.steps("create") if s.spec is not None]
    if calls:
        engine.expect(calls)


def _create(step: Step, engine: Engine) -> None:
    assert step.spec is not None, "a create step carries its spec"
    engine.create(create_call(step.spec, step.labels, engine.capabilities))


def _build(step: Step, engine: Engine) -> None:
    from sglaunch.engine import images

    images.build(step, engine)


def _snapshot(step: Step, engine: Engine) -> str:
    engine.snapshot(step.target, step.to, step.values["secrets"], step.values["labels"])
    return f"saved as an image; `image: {step.to}` starts from it"


def _on_host(path: str, change: Callable[[], None]) -> None:
    """A folder or file of the user; what the system says of it is an error like an engine's."""
    try:
        change()
    except OSError as error:
        hint = f"check `ls -ld {path}` and its parents"
        raise EngineError(Failure("folder", f"{path} cannot be made: {error.strerror}", hint)) from None


def _remove(step: Step, engine: Engine) -> None:
    """One that is gone has been removed, whatever the engine answered."""
    try:
        engine.remove(step.target, volumes=bool(step.values.get("volumes")))
    except EngineError:
        if look(step.target, engine) is not None:
            raise


def _erase(step: Step, engine: Engine) -> str:
    """A volume; the container is gone by now, so what fails here must take nothing back."""
    try:
        return "" if engine.remove_volume(step.target) else "kept: another container uses it"
    except EngineError as error:
        return f"kept: {error}"


def _check_gpus(step: Step, engine: Engine) -> str:
    """Raises EngineError where a container may no longer open its NVIDIA devices."""
    lost = engine.denied_devices(step.target)
    if lost is None:
        return "its GPUs could not be checked: no command runs in it"
    if lost:
        message = f"the update took the GPUs of {step.target} away ({', '.join(lost)}: operation not permitted)"
        hint = (
            f"`sglaunch restart {step.values['profile']}` gives them back; gpu_update: recreate avoids it, "
            "and `sglaunch doctor` shows how to fix the host"
        )
        raise EngineError(Failure("gpus-lost", message, hint))
    return ""


def _wait_gone(step: Step, engine: Engine) -> None:
    name, deadline = step.target, time.monotonic() + GONE_SECONDS
    while look(name, engine) is not None:
        if time.monotonic() >= deadline:
            message = f"{name} is still being removed after {GONE_SECONDS:.0f} s"
            raise EngineError(Failure("removing", message, "look at it with `docker ps -a`, then try again"))
        time.sleep(_POLL_SECONDS)


def images_only(plan: Plan) -> Plan:
    """The pulls and builds of a plan, each image once: they come first, since what an image is decides what else is to
    be done."""
    seen: set[str] = set()
    kept = []
    for one in plan.containers:
        steps = tuple(step for step in one.steps if step.op in (PULL, BUILD) and step.target not in seen)
        seen.update(step.target for step in steps)
        if steps:
            kept.append(replace(one, steps=steps, consent=(), after=()))
    return Plan(tuple(kept))


_PERFORM: Mapping[str, Callable[[Step, Engine], str | None]] = {
    "build": _build,
    "discard": lambda step, engine: engine.discard(step.target),
    "mkdir": lambda step, engine: _on_host(step.target, lambda: engine.machine.make_folder(step.target)),
    "secret": lambda step, engine: _on_host(
        step.values["path"], lambda: engine.machine.write_private(step.values["path"], step.values["text"].reveal())
    ),
    "forget": lambda step, engine: _on_host(
        step.values["path"], lambda: engine.machine.forget_private(step.values["path"])
    ),
    "create": _create,
    "connect": lambda step, engine: engine.connect(step.target, step.to, step.values["attachment"]),
    "start": lambda step, engine: engine.start(step.target),
    "settle": lambda step, engine: settle(step.target, engine, step.values.get("seconds")),
    "stop": lambda step, engine: engine.stop(step.target),
    "restart": lambda step, engine: engine.restart(step.target),
    "unpause": lambda step, engine: engine.unpause(step.target),
    "update": lambda step, engine: engine.update(step.target, step.values),
    "check-gpus": _check_gpus,
    "rename": lambda step, engine: engine.rename(step.target, step.to),
    "snapshot": _snapshot,
    "remove": _remove,
    "erase": _erase,
    "gone": _wait_gone,
}
"""Each op of a step and the one call it is."""
