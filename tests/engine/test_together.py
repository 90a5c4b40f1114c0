"""Several containers at once: the order that is needed, one failure, and a Ctrl-C that reaches every lane."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest

from sglaunch.engine.interrupts import Interrupts
from sglaunch.engine.together import Lane, Run
from sglaunch.engine.together import together as side_by_side
from sglaunch.errors import EngineError, Failure, Interrupted
from sglaunch.plan.steps import ContainerPlan


def together(plans: list[ContainerPlan], run: Run) -> None:
    with Interrupts() as interrupts:
        side_by_side(plans, run, interrupts)


def plans(**after: tuple[str, ...] | None) -> list[ContainerPlan]:
    return [ContainerPlan(name, name, "create", after=before) for name, before in after.items()]


def test_what_needs_nothing_runs_at_once_and_the_rest_after_what_it_needs() -> None:
    both = threading.Barrier(2, timeout=5)
    ended: list[str] = []

    def run(plan: ContainerPlan, _: Lane) -> None:
        if plan.container in ("a", "b"):
            both.wait()
        ended.append(plan.container)

    together(plans(a=(), b=(), c=("a", "b"), d=None, e=()), run)
    assert set(ended[:2]) == {"a", "b"}
    assert ended[2:] == ["c", "d", "e"]


def test_one_alone_runs_in_the_thread_that_signals_reach() -> None:
    seen: list[threading.Thread] = []
    together(plans(a=(), b=("a",), c=None), lambda _, __: seen.append(threading.current_thread()))
    assert seen == [threading.main_thread()] * 3


def test_the_first_failure_lets_what_is_under_way_end_and_begins_nothing_more() -> None:
    begun = threading.Event()
    ended: list[str] = []

    def run(plan: ContainerPlan, _: Lane) -> None:
        if plan.container == "slow":
            begun.set()
            time.sleep(0.2)
        elif plan.container.startswith("bad"):
            begun.wait(5)
            raise EngineError(Failure("x", plan.container))
        ended.append(plan.container)

    with pytest.raises(EngineError) as caught:
        together(plans(slow=(), bad=(), bad2=(), later=("bad",), after_slow=("slow",)), run)
    assert ended == ["slow"]
    assert {caught.value.message, *(one.message for one in caught.value.beside)} == {"bad", "bad2"}


def test_a_ctrl_c_reaches_every_lane_and_is_raised_when_all_have_ended() -> None:
    ready = threading.Barrier(3, timeout=5)
    taken_back: list[str] = []

    def run(plan: ContainerPlan, lane: Lane) -> None:
        ready.wait()
        try:
            lane.pause(10)
        except KeyboardInterrupt:
            time.sleep(0.1)
            taken_back.append(plan.container)
            raise Interrupted(f"{plan.container} taken back") from None

    def press() -> None:
        ready.wait()
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    finger = threading.Thread(target=press)
    finger.start()
    with pytest.raises(Interrupted, match="taken back"):
        together(plans(a=(), b=(), c=("a",)), run)
    finger.join()
    assert sorted(taken_back) == ["a", "b"]


def test_an_engine_that_a_ctrl_c_killed_is_told_from_one_that_failed() -> None:
    told: dict[str, bool] = {}

    def run(plan: ContainerPlan, lane: Lane) -> None:
        if plan.container == "first":
            time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT)
        told[plan.container] = lane.was_halted()
        raise EngineError(Failure("x", "signal: interrupt"))

    with pytest.raises(EngineError):
        together(plans(first=(), second=()), run)
    assert told["first"]


def test_each_plan_is_looked_at_once_however_many_wait() -> None:
    """Of a long chain, and of many that come one after the other, none is looked at again in each round."""

    class Counted(list[ContainerPlan]):
        looked = 0

        def __getitem__(self, which: Any) -> Any:
            self.looked += 1
            return super().__getitem__(which)

    names = [f"n{number}" for number in range(200)]
    chain = plans(**{name: (names[number - 1],) if number else () for number, name in enumerate(names)})
    for given in (Counted(chain), Counted(plans(**dict.fromkeys(names)))):
        ended: list[str] = []
        together(given, lambda plan, _, ended=ended: ended.append(plan.container))
        assert ended == names
        assert given.looked <= 2 * len(names)
