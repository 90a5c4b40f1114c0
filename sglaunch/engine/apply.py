"""Runs the steps of a plan and reports events; it chooses nothing. A failure takes back what was done."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from sglaunch.convert.to_create import create_call
from sglaunch.engine.interrupts import Interrupts
from sglaunch.engine.lock import noting_stop, stop_note
from sglaunch.engine.protocol import Engine, Tell
from sglaunch.engine.settle import grace, look, settle, stopped
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
_REMOVALS = 2


class Event(Struct, frozen=True):
    """What happened: `begin` and `done` of a step, `undo` of one taken back, `failed`, `finished` for a container,
    `held` where a signal has to wait for a step.

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
    """Every container, several at once where none needs another. A failed one is left as it was before, and ends it.

    An interruption rolls back what is under way; its error says of each container what was done.
    """
    lock = threading.RLock()

    def tell(event: Event) -> None:
        # A terminal that was closed, or a pipe that nobody reads, is no reason to leave something half done.
        with lock, contextlib.suppress(OSError):
            report(event)

    runs = {id(one): _Run(one, engine, tell) for one in plan.containers if one.steps}

    def announce() -> None:
        for run in runs.values():
            run.announce()

    with Interrupts(announce) as interrupts, contextlib.suppress(Interrupted):
        together([run.plan for run in runs.values()], lambda one, lane: runs[id(one)].run(lane), interrupts)
    if interrupts.came or any(run.interrupted for run in runs.values()):
        said = "; ".join(f"{run.plan.container}: {run.outcome()}" for run in runs.values())
        left = any(run.problems for run in runs.values())
        raise Interrupted(f"interrupted; {said}", "run the command again: it repairs what is left" if left else "")


class _Run:
    """One container's steps: what was done of them, what is done now, and what became of it when it was ended."""

    def __init__(self, plan: ContainerPlan, engine: Engine, report: Report) -> None:
        self.plan, self.interrupted = plan, False
        self.problems: list[EngineError] = []
        self._engine, self._report = engine, report
        self._done: list[Step] = []
        self._undoing: list[Step] = []
        self._now: Step | None = None

    def run(self, lane: Lane) -> None:
        """Raises the error of the step that failed, or Interrupted, with what was done rolled back."""
        try:
            for step in self.plan.steps:
                self._halt(lane)
                self._do(step, lane)
            self._halt(lane)
        except (Exception, KeyboardInterrupt) as error:
            failed, self._now = self._now, None
            self._report(Event("failed", self.plan, failed))
            self.interrupted = isinstance(error, KeyboardInterrupt) or lane.was_halted()
            self._take_back(failed, error)
            if self.interrupted:
                raise Interrupted("interrupted") from None
            if isinstance(error, EngineError):
                error.beside = (*error.beside, *self.problems)
            raise
        self._report(Event("finished", self.plan))

    def _halt(self, lane: Lane) -> None:
        """Ends it where a signal has come. There is no way back from a removal: what comes after it is done, too."""
        if not any(step.op in _FINAL for step in self._done):
            lane.pause(0)

    def _do(self, step: Step, lane: Lane) -> None:
        self._report(Event("begin", self.plan, step))
        self._now = step
        with lane.breakable() if step.op in _BREAKABLE else contextlib.nullcontext():
            note = perform(step, self._engine, _teller(self.plan, step, self._report), lane)
        self._now = None
        self._done.append(step)
        self._report(Event("done", self.plan, step, note))

    def _take_back(self, failed: Step | None, error: BaseException) -> None:
        """Undoes in reverse. An undo that fails is a problem, and the others still run."""
        lost = isinstance(error, EngineError) and error.failure.kind == LOST
        if failed is not None and failed.op == "remove" and not _is_there(failed.target, self._engine):
            # The engine may have removed it: taking back the rest would leave neither old nor new.
            return
        if failed is not None and failed.op == "stop" and lost:
            cause = "the engine goes on with it; it is started again then"
            self._report(Event("begin", self.plan, replace(failed, cause=cause)))
            stopped(failed.target, self._engine)
        if failed is not None and _may_be_done(failed, self._engine):
            self._done.append(failed)
        self._undoing = [undo for step in reversed(self._done) for undo in step.undo]
        while self._undoing:
            self._now = self._undoing[0]
            if self._now.op in _DURING:
                self._report(Event("begin", self.plan, self._now))
            problem = _undo(self._now, self._engine)
            self._report(Event("undo", self.plan, self._now, f"failed: {problem}" if problem else ""))
            self.problems += [problem] if problem else []
            del self._undoing[0]
        self._now = None

    def announce(self) -> None:
        """Reports what a signal waits for, and for how long at most."""
        step, left = self._now, len(self._undoing) - 1
        if step is None or (step.op in _BREAKABLE and left < 0):
            return
        with contextlib.suppress(EngineError):
            most = f", at most {grace(step.target, self._engine):.0f} s" if step.op in _DURING else ""
            rest = f", then {left} more" if left > 0 else ""
            what = "still rolling back" if left >= 0 else "interrupted; the step under way ends first"
            note = f"{what}: {step.op} {step.target}{most}{rest}; Ctrl-\\ leaves it to the next command"
            self._report(Event("held", self.plan, step, note))

    def outcome(self) -> str:
        """What was done, in a few words, where an interruption ended it."""
        if self.problems:
            return f"not rolled back: {'; '.join(str(one) for one in self.problems)}"
        if len(self._done) == len(self.plan.steps) and not self.interrupted:
            return "done"
        kept = [f"{step.op} {step.target}" for step in self._done if step.op in _KEPT and not step.undo]
        undone = any(step.undo for step in self._done)
        words = [f"kept: {', '.join(kept)}"] if kept else []
        words += ["the rest was rolled back" if kept else "rolled back"] if undone else []
        return "; ".join(words) or "nothing was changed"


_FINAL = ("remove", "erase")
"""Steps from which there is no way back."""
_BREAKABLE = ("pull", "push", "build", "ready", "settle", "gone", "stopped")
"""Steps that an interruption breaks off. Each other one ends first, so that it is known what is to be undone."""
_DURING = ("stop", "restart")
"""Steps that take as long as a container's grace."""
_KEPT = ("stop", "restart", "start", "unpause", "update", "rename", "remove", "snapshot")
"""Steps that are worth a word where nothing undoes them."""


def _may_be_done(failed: Step, engine: Engine) -> bool:
    """Whether what a failed step undoes is to be undone: the engine may have done what it gave no good answer to.

    Taking back a stop, a start or an update that was not carried out changes nothing; a rename can be seen; a step that
    only looks undoes what it found.
    """
    if failed.op != "rename":
        return failed.op in ("stop", "start", "update", "settle", "ready")
    try:
        return look(failed.to, engine) is not None and look(failed.target, engine) is None
    except EngineError:
        return True


def _undo(step: Step, engine: Engine) -> EngineError | None:
    """One step back, tried again where it fails; the last failure."""
    problem: EngineError | None = None
    for _ in range(_UNDO_TRIES):
        try:
            perform(step, engine)
        except EngineError as error:
            problem = error
            with contextlib.suppress(EngineError):
                if step.op == "rename" and look(step.to, engine) is not None and look(step.target, engine) is None:
                    return None
        else:
            return None
    return problem


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
    """One that is gone has been removed, whatever the engine answered; and one that is there has not."""
    for _ in range(_REMOVALS):
        problem = None
        try:
            engine.remove(step.target, volumes=bool(step.values.get("volumes")))
        except EngineError as error:
            problem = error
        if not _is_there(step.target, engine) and (problem is None or _is_gone(step.target, engine)):
            return
        if problem is not None:
            raise problem
    message = f"the engine reports {step.target} as removed, and it is still there"
    raise _not_removed(message, engine)


def _stop(step: Step, engine: Engine) -> None:
    """Stops or restarts it. The engine goes on with that after we are killed, so that it is noted."""
    with noting_stop(step.target, engine.identity):
        engine.stop(step.target) if step.op == "stop" else engine.restart(step.target)


def _start(step: Step, engine: Engine) -> None:
    """Starts it: what was noted of a stop is no longer so."""
    engine.start(step.target)
    with contextlib.suppress(OSError):
        stop_note(step.target, engine.identity).unlink(missing_ok=True)


def _is_there(name: str, engine: Engine) -> bool:
    """Whether the engine shows a container that it is not removing; False where it shows nothing at all."""
    try:
        seen = look(name, engine)
    except EngineError:
        return False
    return seen is not None and seen.status != "removing"


def _is_gone(name: str, engine: Engine) -> bool:
    try:
        return look(name, engine) is None
    except EngineError:
        return False


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


def _not_removed(message: str, engine: Engine) -> EngineError:
    hint = f"see `{engine.capabilities.name} ps -a`, then run the command again"
    return EngineError(Failure("removing", message, hint))


def _wait_gone(step: Step, engine: Engine) -> None:
    name, deadline = step.target, time.monotonic() + GONE_SECONDS
    while look(name, engine) is not None:
        if time.monotonic() >= deadline:
            message = f"{name} is still being removed after {GONE_SECONDS:.0f} s"
            raise _not_removed(message, engine)
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
    "start": _start,
    "settle": lambda step, engine: settle(step.target, engine, step.values.get("seconds")),
    "stop": _stop,
    "restart": _stop,
    "unpause": lambda step, engine: engine.unpause(step.target),
    "update": lambda step, engine: engine.update(step.target, step.values),
    "check-gpus": _check_gpus,
    "rename": lambda step, engine: engine.rename(step.target, step.to),
    "snapshot": _snapshot,
    "remove": _remove,
    "erase": _erase,
    "gone": _wait_gone,
    "stopped": lambda step, engine: stopped(step.target, engine),
}
"""Each op of a step and the one call it is."""
