"""Runs the plans of several containers, those at once that need not come one after the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sglaunch.errors import EngineError, Interrupted
from sglaunch.plan.steps import ContainerPlan

if TYPE_CHECKING:
    from concurrent.futures import Future

LANES = 16
"""How many containers are worked on at once."""

_MOMENT = 0.2
"""Seconds within which a Ctrl-C that ended the engine's program is known here too."""


class Lane:
    """Where one container is worked on: this thread, which a Ctrl-C reaches by itself."""

    def pause(self, seconds: float) -> None:
        """Sleeps; raises KeyboardInterrupt once the user has pressed Ctrl-C."""
        time.sleep(seconds)

    def was_halted(self) -> bool:
        """Whether it was a Ctrl-C that ended the engine's program, which its terminal sends to it as well."""
        return False


class SideLane(Lane):
    """A lane of another thread. Only the main thread gets a Ctrl-C, and halts the others."""

    def __init__(self) -> None:
        self._halted = threading.Event()

    def halt(self) -> None:
        self._halted.set()

    @property
    def halted(self) -> bool:
        return self._halted.is_set()

    def pause(self, seconds: float) -> None:
        if self._halted.wait(seconds):
            raise KeyboardInterrupt

    def was_halted(self) -> bool:
        return self._halted.wait(_MOMENT)


_WHOLE = "interrupted; nothing was left half done"

Run = Callable[[ContainerPlan, Lane], None]


def together(plans: Sequence[ContainerPlan], run: Run, interrupt: Callable[[], None] = lambda: None) -> None:
    """Every plan, after those that it comes after. The first error lets what is under way end, and is raised then.

    A plan that has nothing beside it runs in this thread, where a Ctrl-C reaches it at once; `interrupt` ends what
    others wait for then.
    """
    if len(plans) == 1:
        try:
            run(plans[0], Lane())
        except KeyboardInterrupt:
            raise Interrupted(_WHOLE) from None
        return
    from concurrent.futures import ThreadPoolExecutor

    side = SideLane()
    errors: list[BaseException] = []
    waiting = list(range(len(plans)))
    running: dict[Future[None], int] = {}
    with ThreadPoolExecutor(max_workers=LANES) as pool:
        try:
            while waiting and not errors:
                unfinished = {*waiting, *running.values()}
                ready = [one for one in waiting if not _before(one, plans) & unfinished]
                waiting = [one for one in waiting if one not in ready]
                if len(ready) == 1 and not running:
                    run(plans[ready[0]], Lane())
                    continue
                for one in ready:
                    running[pool.submit(_begin, plans[one], run, side)] = one
                errors += _ended(running)
        except KeyboardInterrupt:
            side.halt()
            interrupt()
        while running:
            try:
                errors += _ended(running)
            except KeyboardInterrupt:
                side.halt()
                interrupt()
    interrupted = [error for error in errors if isinstance(error, Interrupted)]
    if side.halted:
        raise next(iter(interrupted), Interrupted(_WHOLE))
    if errors:
        raise _one(errors)


def _before(one: int, plans: Sequence[ContainerPlan]) -> set[int]:
    after = plans[one].after

    def must_end(other: ContainerPlan) -> bool:
        return after is None or other.after is None or other.container in after

    return {number for number, other in enumerate(plans[:one]) if must_end(other)}


def _begin(plan: ContainerPlan, run: Run, side: SideLane) -> None:
    if not side.halted:
        run(plan, side)


def _ended(running: dict[Future[None], int]) -> list[BaseException]:
    """Waits until one ends; the errors of those that have."""
    from concurrent.futures import FIRST_COMPLETED, wait

    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        del running[future]
    return [error for future in done if (error := future.exception()) is not None]


def _one(errors: list[BaseException]) -> BaseException:
    """The first error, with what else went wrong beside it."""
    first = errors[0]
    if isinstance(first, EngineError):
        first.beside = tuple(error for error in errors[1:] if isinstance(error, EngineError))
    return first
