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
    blocked = _before(plans)
    followers: dict[int, list[int]] = {}
    for number, before in enumerate(blocked):
        for other in before:
            followers.setdefault(other, []).append(number)
    ready = [number for number, before in enumerate(blocked) if not before]
    running: dict[Future[None], int] = {}
    with ThreadPoolExecutor(max_workers=LANES) as pool:
        while running or (ready and not errors and not side.halted):
            if interrupts.came:
                side.halt()
            free = 0 if errors or side.halted else LANES - len(running)
            begun, ready = ready[:free], ready[free:]
            if len(begun) == 1 and not running:
                run(plans[begun[0]], Lane(interrupts))
                ended = begun
            else:
                running.update({pool.submit(_begin, plans[one], run, side): one for one in begun})
                ended, failed = _ended(running, interrupts)
                errors += failed
            for one in ended:
                for follower in followers.get(one, ()):
                    blocked[follower].remove(one)
                    ready += [] if blocked[follower] else [follower]
    if errors:
        raise _one(errors)


def _before(plans: Sequence[ContainerPlan]) -> list[set[int]]:
    """For each plan the earlier ones that it comes after.

    One whose `after` is None comes after all of them, and before all later ones.
    """
    found: list[set[int]] = []
    numbers: dict[str, list[int]] = {}
    alone: list[int] = []
    for number, plan in enumerate(plans):
        if plan.after is None:
            # Those before the last one of this kind have ended when that one begins.
            found.append(set(range(alone[-1] if alone else 0, number)))
            alone.append(number)
        else:
            found.append({*alone[-1:], *(other for name in plan.after for other in numbers.get(name, ()))})
        numbers.setdefault(plan.container, []).append(number)
    return found


def _begin(plan: ContainerPlan, run: Run, side: SideLane) -> None:
    if not side.halted:
        run(plan, side)


def _ended(running: dict[Future[None], int], interrupts: Interrupts) -> tuple[list[int], list[BaseException]]:
    """Waits until one ends, or a Ctrl-C comes; those that have ended, taken out of `running`, and their errors."""
    from concurrent.futures import FIRST_COMPLETED, wait

    try:
        with contextlib.nullcontext() if interrupts.came else interrupts.breakable():
            wait(running, return_when=FIRST_COMPLETED)
    except KeyboardInterrupt:
        return [], []
    done = [future for future in running if future.done()]
    return [running.pop(future) for future in done], [error for future in done if (error := future.exception())]


def _one(errors: list[BaseException]) -> BaseException:
    """The first failure, with what else went wrong beside it; else the first interruption."""
    first = next((error for error in errors if not isinstance(error, Interrupted)), errors[0])
    if isinstance(first, EngineError):
        first.beside = tuple(error for error in errors[1:] if isinstance(error, EngineError))
    return first
