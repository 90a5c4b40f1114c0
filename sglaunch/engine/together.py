"""Runs the plans of several containers, those at once that need not come one after the other."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sglaunch.engine.interrupts import Interrupts
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

    def __init__(self, interrupts: Interrupts | None = None) -> None:
        self._interrupts = interrupts or Interrupts()

    def pause(self, seconds: float) -> None:
        """Sleeps; raises KeyboardInterrupt once the user has pressed Ctrl-C."""
        self._interrupts.check()
        time.sleep(seconds)

    def breakable(self) -> contextlib.AbstractContextManager[None]:
        """A block that a Ctrl-C may break off; everything else ends first."""
        return self._interrupts.breakable()

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

    def breakable(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def was_halted(self) -> bool:
        return self._halted.wait(_MOMENT)


Run = Callable[[ContainerPlan, Lane], None]


def together(plans: Sequence[ContainerPlan], run: Run, interrupts: Interrupts) -> None:
    """Every plan, after those that it comes after. The first error lets what is under way end, and is raised then.

    A plan that has nothing beside it runs in this thread, where a Ctrl-C reaches it at once.
    """
    if len(plans) == 1:
        run(plans[0], Lane(interrupts))
        return
    from concurrent.futures import ThreadPoolExecutor

    side = SideLane()
    errors: list[BaseException] = []
    waiting = list(range(len(plans)))
    running: dict[Future[None], int] = {}
    with ThreadPoolExecutor(max_workers=LANES) as pool:
        while running or (waiting and not errors and not side.halted):
            if interrupts.came:
                side.halt()
            unfinished = {*waiting, *running.values()}
            ready = [one for one in waiting if not (errors or side.halted or _before(one, plans) & unfinished)]
            waiting = [one for one in waiting if one not in ready]
            if len(ready) == 1 and not running:
                run(plans[ready[0]], Lane(interrupts))
                continue
            for one in ready:
                running[pool.submit(_begin, plans[one], run, side)] = one
            errors += _ended(running, interrupts)
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


def _ended(running: dict[Future[None], int], interrupts: Interrupts) -> list[BaseException]:
    """Waits until one ends, or a Ctrl-C comes; the errors of those that have ended."""
    from concurrent.futures import FIRST_COMPLETED, wait

    try:
        with contextlib.nullcontext() if interrupts.came else interrupts.breakable():
            wait(running, return_when=FIRST_COMPLETED)
    except KeyboardInterrupt:
        return []
    done = [future for future in running if future.done()]
    for future in done:
        del running[future]
    return [error for future in done if (error := future.exception()) is not None]


def _one(errors: list[BaseException]) -> BaseException:
    """The first failure, with what else went wrong beside it; else the first interruption."""
    first = next((error for error in errors if not isinstance(error, Interrupted)), errors[0])
    if isinstance(first, EngineError):
        first.beside = tuple(error for error in errors[1:] if isinstance(error, EngineError))
    return first
