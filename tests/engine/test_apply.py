"""Apply runs the steps of a plan in order, tells what happens, chooses nothing, and takes back what was done when one
fails."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from builders import IMAGE, IMAGE_ID, make_container, make_observation, make_spec, make_wanted, project
from fake_engine import FakeEngine

from sglaunch.engine import apply as applying
from sglaunch.engine import interrupts
from sglaunch.engine import settle as settling
from sglaunch.engine.apply import Event, apply, images_only, perform
from sglaunch.engine.explain import failure
from sglaunch.errors import EngineError, Interrupted
from sglaunch.plain import replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.steps import RECREATE, ContainerPlan, Plan, Step
from sglaunch.spec.server import Server
from sglaunch.spec.values import NetworkAttachment

pytestmark = pytest.mark.usefixtures("no_waiting")

NAME = "ana-eval-dev"


def create(name: str = NAME, *undo: Step, **options: Any) -> Step:
    return Step("create", name, "wanted", spec=make_spec(container_name=name, **options), undo=undo)


def plan(*steps: Step, container: str = NAME) -> Plan:
    return Plan((ContainerPlan("dev", container, "create", steps=steps),))


def told(events: list[Event]) -> list[str]:
    return [f"{event.kind} {event.step.op if event.step else ''}".strip() for event in events]


# Each step is its call


STEPS: dict[str, tuple[Step, list[tuple[str, str]]]] = {
    "create": (create("x"), [("create", "x")]),
    "start": (Step("start", NAME, ""), [("start", NAME)]),
    "stop": (Step("stop", NAME, ""), [("stop", NAME)]),
    "restart": (Step("restart", NAME, ""), [("restart", NAME)]),
    "update": (Step("update", NAME, "", values={"cpus": 2.0}), [("update", NAME)]),
    "rename": (Step("rename", NAME, "", to="x"), [("rename", NAME)]),
    "connect": (
        Step("connect", NAME, "", to="net", values={"network": "net", "attachment": NetworkAttachment()}),
        [("connect", NAME)],
    ),
    "pull": (Step("pull", "img:2", "", values={"platform": ""}), [("pull", "img:2")]),
    "settle": (Step("settle", NAME, ""), [("inspect", NAME)]),
}


@pytest.mark.parametrize("op", STEPS)
def test_a_step_is_one_engine_call(op: str) -> None:
    step, calls = STEPS[op]
    engine = FakeEngine([make_container()], networks=["net"], registry={"img:2": IMAGE_ID})
    perform(step, engine)
    assert engine.calls == calls


def test_gpus_that_an_update_took_away_are_a_failure_that_offers_a_restart() -> None:
    engine = FakeEngine([make_container()])
    step = Step("check-gpus", NAME, "", values={"profile": "dev"})
    assert perform(step, engine) == ""
    engine.denied[NAME] = None
    assert "could not be checked" in perform(step, engine)
    engine.denied[NAME] = ["/dev/nvidia0", "/dev/nvidiactl"]
    with pytest.raises(EngineError) as told:
        perform(step, engine)
    assert told.value.failure.kind == "gpus-lost"
    assert f"the update took the GPUs of {NAME} away (/dev/nvidia0, /dev/nvidiactl" in told.value.message
    assert "`sglaunch restart dev`" in told.value.hint
    assert "gpu_update: recreate" in told.value.hint


def test_a_recreate_never_updates_a_running_container_not_even_to_take_it_back() -> None:
    old = make_wanted(restart="always", recreate="always", protect=False)
    engine = FakeEngine([make_container(old)])
    changed = replace(old, spec=replace(old.spec, environment={"A": "1"}))
    plan = plan_up([changed], make_observation(make_container(old)), project(), Choices())
    engine.fail_on("start")
    with pytest.raises(EngineError):
        apply(plan, engine, lambda event: None)
    order = [op for op, _ in engine.changing_calls() if op in ("stop", "update", "start")]
    assert order == ["stop", "update", "start", "stop", "update", "start"]
    assert engine.look(NAME).live["restart"] == "always"


def test_unpausing_and_removing_are_calls_too() -> None:
    engine = FakeEngine([make_container(status="paused"), make_container(make_wanted("api"), status="exited")])
    perform(Step("unpause", NAME, ""), engine)
    perform(Step("remove", "ana-eval-api", ""), engine)
    assert engine.names() == {NAME: "running"}


def test_a_create_step_creates_what_it_carries_with_its_labels() -> None:
    engine = FakeEngine()
    perform(Step("create", "x", "", spec=make_spec(container_name="x", cpus=2.0), labels={"team": "eval"}), engine)
    assert engine.look("x").live["cpus"] == 2.0
    assert engine.containers[engine.look("x").id]["Config"]["Labels"] == {"team": "eval"}


def test_a_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    perform(Step("mkdir", str(tmp_path / "a/b"), ""), FakeEngine())
    perform(Step("mkdir", str(tmp_path / "a/b"), ""), FakeEngine())
    assert (tmp_path / "a/b").is_dir()


def test_a_folder_that_cannot_be_made_is_told_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError) as caught:
        perform(Step("mkdir", str(tmp_path / "file/b"), ""), FakeEngine())
    assert caught.value.failure.kind == "folder"
    assert str(tmp_path / "file/b") in caught.value.message


# Settling


def settle(engine: FakeEngine) -> str:
    return perform(Step("settle", NAME, ""), engine)


def test_a_container_that_runs_on_settles() -> None:
    assert settle(FakeEngine([make_container()])) == ""


def test_a_container_that_ended_well_is_told() -> None:
    assert "exit code 0" in settle(FakeEngine([make_container(status="exited")]))
    assert "auto_remove" in settle(FakeEngine())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "exited", "exit_code": 3}, "exited at once (exit code 3)"),
        ({"status": "exited", "exit_code": 137, "oom_killed": True}, "exit code 137, out of memory"),
        ({"status": "restarting", "exit_code": 1}, "keeps exiting (exit code 1)"),
        ({"status": "restarting", "exit_code": 0}, "keeps exiting (exit code 0)"),
    ],
)
def test_a_container_that_does_not_stay_is_a_failure_with_its_last_words(changes: dict[str, Any], words: str) -> None:
    seen = make_container(**changes)
    engine = FakeEngine([seen])
    engine.logs[seen.id] = [f"line {number}" for number in range(30)]
    with pytest.raises(EngineError) as caught:
        settle(engine)
    assert words in caught.value.message
    assert NAME in caught.value.message
    assert caught.value.failure.log[-1] == "line 29"
    assert 1 < len(caught.value.failure.log) < 30
    assert caught.value.hint


def test_a_server_that_does_not_stay_is_explained() -> None:
    wanted = make_wanted(server=Server("org/model"))
    seen = make_container(wanted, status="exited", exit_code=1)
    engine = FakeEngine([seen])
    engine.logs[seen.id] = ["Traceback (most recent call last):", "torch.OutOfMemoryError: CUDA out of memory."]
    with pytest.raises(EngineError) as caught:
        settle(engine)
    assert caught.value.failure.kind == "gpu-memory"
    assert "exited at once (exit code 1): a GPU has not enough memory" in caught.value.message
    assert "mem-fraction-static" in caught.value.hint


def test_a_failure_without_a_log_says_so() -> None:
    with pytest.raises(EngineError) as caught:
        settle(FakeEngine([make_container(status="exited", exit_code=3)]))
    assert caught.value.failure.log == ()
    assert "no log" in caught.value.hint


def test_a_container_is_watched_until_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that dies a moment after its start is caught."""
    monkeypatch.setattr(settling, "SETTLE_SECONDS", 60.0)
    monkeypatch.setattr(applying.time, "sleep", lambda seconds: None)
    engine = FakeEngine([make_container()])
    looks = iter(range(10))
    inspect = engine.inspect

    def dying(names: Any, *, size: bool) -> Any:
        if next(looks) == 3:
            engine.containers[make_container().id]["State"].update(Status="exited", ExitCode=9)
        return inspect(names, size=size)

    monkeypatch.setattr(engine, "inspect", dying)
    with pytest.raises(EngineError, match="exit code 9"):
        settle(engine)


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_step_says_how_long_to_watch_and_a_restart_meanwhile_counts(
    monkeypatch: pytest.MonkeyPatch, restarts: int
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(applying.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(applying.time, "sleep", lambda seconds: None)
    engine, looks = FakeEngine([make_container(restart_count=2)]), []
    inspect = engine.inspect

    def counting(names: Any, *, size: bool) -> Any:
        looks.append(names)
        if len(looks) == 5:
            engine.containers[make_container().id]["RestartCount"] = 2 + restarts
        return inspect(names, size=size)

    monkeypatch.setattr(engine, "inspect", counting)
    step = Step("settle", NAME, "", values={"seconds": 8.0})
    if restarts:
        with pytest.raises(EngineError, match="keeps exiting"):
            perform(step, engine)
    else:
        assert perform(step, engine) == ""
        assert len(looks) == 8


def test_waiting_for_a_removal_ends_when_the_container_is_gone() -> None:
    engine = FakeEngine([make_container(status="removing")])
    perform(Step("gone", NAME, ""), engine)
    assert engine.names() == {}


def test_waiting_for_a_removal_that_never_ends_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = iter(float(number) for number in range(0, 1000, 10))
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with pytest.raises(EngineError) as caught:
        perform(Step("gone", NAME, ""), FakeEngine([make_container(status="dead")]))
    assert caught.value.failure.kind == "removing"


# The whole


def test_steps_run_in_order_and_each_is_told_before_and_after() -> None:
    engine, events = FakeEngine(), []
    apply(plan(create(), Step("start", NAME, ""), Step("settle", NAME, "")), engine, events.append)
    assert engine.names() == {NAME: "running"}
    assert told(events) == [
        "begin create",
        "done create",
        "begin start",
        "done start",
        "begin settle",
        "done settle",
        "finished",
    ]


def test_the_note_of_a_step_is_told_when_it_is_done() -> None:
    engine, events = FakeEngine(), []
    apply(
        plan(create(command=("true",)), Step("start", NAME, ""), Step("settle", NAME, "")),
        engine,
        events.append,
    )
    assert [event.note for event in events if event.note] == ["it has ended with exit code 0"]


def test_a_plan_without_steps_does_and_tells_nothing() -> None:
    engine, events = FakeEngine([make_container()]), []
    apply(plan(), engine, events.append)
    assert (engine.calls, events) == ([], [])


def test_a_failure_takes_back_what_was_done_in_reverse_but_not_what_failed() -> None:
    engine, events = FakeEngine([make_container()]), []
    steps = (
        Step("rename", NAME, "", to="a", undo=(Step("rename", "a", "undo", to=NAME),)),
        Step("rename", "a", "", to="b", undo=(Step("rename", "b", "undo", to="a"),)),
        Step("unpause", "nowhere", "", undo=(Step("start", "b", "undo"),)),
        Step("remove", "b", ""),
    )
    with pytest.raises(EngineError):
        apply(plan(*steps), engine, events.append)
    assert engine.names() == {NAME: "running"}
    assert engine.calls[-2:] == [("rename", "b"), ("rename", "a")]
    assert told(events)[-3:] == ["failed unpause", "undo rename", "undo rename"]
    assert "finished" not in told(events)


def test_a_stop_that_failed_is_taken_back_too() -> None:
    """Its answer may have come too late: the container is stopped, and the engine's program says that it is not."""
    engine, events = FakeEngine([make_container()]), []
    engine.fail_on("stop")
    with pytest.raises(EngineError):
        apply(plan(Step("stop", NAME, "", undo=(Step("start", NAME, "undo"),))), engine, events.append)
    assert told(events)[-2:] == ["failed stop", "undo start"]


def test_an_undo_that_fails_is_told_and_the_others_still_run() -> None:
    engine, events = FakeEngine([make_container()]), []
    steps = (
        Step("rename", NAME, "", to="a", undo=(Step("rename", "a", "undo", to=NAME),)),
        Step("update", "a", "", values={"cpus": 1.0}, undo=(Step("start", "nowhere", "undo"),)),
        Step("stop", "nowhere", ""),
    )
    with pytest.raises(EngineError):
        apply(plan(*steps), engine, events.append)
    assert engine.names() == {NAME: "running"}
    (note,) = (event.note for event in events if event.note)
    assert note.startswith("failed: ")
    assert "nowhere" in note


@pytest.mark.parametrize("after", [False, True])
def test_an_interruption_lets_the_step_end_and_rolls_it_back(after: bool) -> None:
    engine = FakeEngine([make_container()])
    engine.interrupt_on("stop", after=after)
    step = Step("stop", NAME, "", undo=(Step("start", NAME, "undo"),))
    with pytest.raises(Interrupted) as caught:
        apply(plan(step, Step("update", NAME, "", values={"cpus": 1.0})), engine, lambda _: None)
    assert engine.names() == {NAME: "running"}
    assert [op for op, _ in engine.changing_calls()] == ["stop", "start"]
    assert (caught.value.status, caught.value.message) == (130, f"interrupted; {NAME}: rolled back")


SAID: dict[str, tuple[str, str]] = {
    # The call at which a Ctrl-C comes -> what is said, and what there is.
    "create": ("rolled back", f"{NAME} running"),
    "stop": (f"kept: stop {NAME}; the rest was rolled back", f"{NAME} exited"),
    "remove": ("done", "new created"),
}


@pytest.mark.parametrize("op", SAID)
def test_what_an_interruption_left_is_said(op: str) -> None:
    """A stop that nothing undoes stays; after a removal there is no way back, so the rest is done."""
    engine = FakeEngine([make_container()])
    engine.interrupt_on(op)
    steps = (create("new", Step("remove", "new", "undo")), Step("stop", NAME, ""), Step("remove", NAME, ""))
    with pytest.raises(Interrupted) as caught:
        apply(plan(*steps), engine, lambda _: None)
    said, there = SAID[op]
    assert caught.value.message == f"interrupted; {NAME}: {said}"
    assert [" ".join(one) for one in engine.names().items()] == [there]


def test_no_number_of_interruptions_gives_up_an_undo_and_each_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, events = FakeEngine([make_container()]), []
    monkeypatch.setattr(interrupts, "_MOMENT", 0.0)
    stop = engine.stop

    def stubborn(container: str) -> None:
        for _ in range(4):
            before = len([event for event in events if event.kind == "held"])
            signal.raise_signal(signal.SIGINT)
            while len([event for event in events if event.kind == "held"]) == before:
                time.sleep(0.01)
        stop(container)

    monkeypatch.setattr(engine, "stop", stubborn)
    steps = (
        Step("stop", NAME, "", undo=(Step("start", NAME, "undo"),)),
        create("new", Step("stop", NAME, "undo"), Step("remove", "new", "undo")),
    )
    with pytest.raises(Interrupted, match=r": rolled back$"):
        apply(plan(*steps), engine, events.append)
    assert engine.names() == {NAME: "running"}
    assert [event.note for event in events if event.kind == "held"] == [
        f"interrupted; the step under way ends first: stop {NAME}, at most 15 s; Ctrl-\\ leaves it to the next command"
    ] * 4


def test_what_could_not_be_put_back_is_said_of_an_interruption_and_of_a_failure() -> None:
    steps = (
        Step("stop", NAME, "", undo=(Step("start", "nowhere", "undo"),)),
        Step("update", NAME, "", values={"cpus": 1.0}),
        Step("start", "elsewhere", ""),
    )
    engine = FakeEngine([make_container()])
    engine.interrupt_on("update")
    with pytest.raises(Interrupted, match=r"not rolled back: .*nowhere") as caught:
        apply(plan(*steps), engine, lambda _: None)
    assert "run the command again" in caught.value.hint
    with pytest.raises(EngineError, match="elsewhere") as failed:
        apply(plan(*steps), FakeEngine([make_container()]), lambda _: None)
    assert ["nowhere" in one.message for one in failed.value.beside] == [True]


@pytest.mark.parametrize("error", [BrokenPipeError, OSError])
def test_a_reader_that_is_gone_leaves_nothing_half_done(error: type[OSError]) -> None:
    def report(event: Event) -> None:
        raise error

    engine = FakeEngine()
    apply(plan(create(), Step("start", NAME, "")), engine, report)
    assert engine.names() == {NAME: "running"}


def test_a_stop_whose_answer_is_lost_is_the_engines_failure_and_no_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = FakeEngine([make_container()])

    def stop(container: str) -> None:
        raise failure("error during connect: EOF")

    monkeypatch.setattr(engine, "stop", stop)
    with pytest.raises(EngineError, match="does not answer"):
        apply(plan(Step("stop", NAME, "")), engine, lambda _: None)


def test_a_removal_of_which_nobody_knows_is_not_followed_by_rolling_back_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else there could be neither old nor new."""
    engine = FakeEngine([make_container(status="exited")])

    def lost(*_: object, **__: object) -> None:
        raise failure("error during connect: EOF")

    monkeypatch.setattr(engine, "remove", lost)
    monkeypatch.setattr(engine, "inspect", lost)
    with pytest.raises(EngineError, match="does not answer"):
        apply(plan(create("new", Step("stop", "new", "undo")), Step("remove", NAME, "")), engine, lambda _: None)
    assert [op for op, _ in engine.changing_calls()] == ["create"]


def test_a_removal_that_was_not_carried_out_is_no_removal(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine([make_container(status="exited")])
    monkeypatch.setattr(engine, "remove", lambda name, volumes: None)
    with pytest.raises(EngineError, match=f"reports {NAME} as removed, and it is still there"):
        apply(plan(Step("remove", NAME, "")), engine, lambda _: None)


@pytest.mark.parametrize("status", ["created", "dead", ""])
def test_what_was_started_and_does_not_run_is_not_up(status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine([make_container(status=status)])
    monkeypatch.setattr(settling, "_LATER", 0)
    with pytest.raises(EngineError, match="was started, and the engine says that it is"):
        settling.settle(NAME, engine)


def test_the_first_failure_ends_it_and_leaves_the_containers_before_as_they_are() -> None:
    engine = FakeEngine()
    one, two, three = (
        ContainerPlan(name, name, "create", steps=(create(name, Step("remove", name, "undo"), image=image),))
        for name, image in (("one", IMAGE), ("two", "no/such:1"), ("three", IMAGE))
    )
    with pytest.raises(EngineError) as caught:
        apply(Plan((one, two, three)), engine, lambda _: None)
    assert caught.value.failure.kind == "image-missing"
    assert engine.names() == {"one": "created"}


def test_a_replacement_that_exits_at_once_gives_the_old_one_back_with_the_reason() -> None:
    old = make_container(make_wanted(restart="always"))
    wanted = make_wanted(restart="always", command=("false",))
    engine = FakeEngine([old])
    recreate = plan_up([wanted], make_observation(old), project(), Choices())
    assert [one.action for one in recreate.containers] == [RECREATE]
    with pytest.raises(EngineError, match=r"keeps exiting \(exit code 1\)"):
        apply(recreate, engine, lambda _: None)
    back = engine.look(NAME)
    assert engine.names() == {NAME: "running"}
    assert (back.id, back.live["restart"]) == (old.id, "always")


def test_a_new_container_that_exits_at_once_is_not_left_behind() -> None:
    for restart in ("no", "always"):
        engine = FakeEngine()
        wanted = make_wanted(restart=restart, command=("false",))
        with pytest.raises(EngineError):
            apply(plan_up([wanted], make_observation(), project(), Choices()), engine, lambda _: None)
        assert engine.names() == {}, restart


# Pulls first


def test_the_pulls_of_a_plan_come_once_each_and_need_no_consent() -> None:
    pulls = [Step("pull", image, "") for image in ("a:1", "b:1", "a:1")]
    containers = [
        ContainerPlan(f"p{number}", f"c{number}", "recreate", steps=(step, create()), consent=("lost",))
        for number, step in enumerate(pulls)
    ]
    found = images_only(Plan((*containers, ContainerPlan("q", "d", "none"))))
    assert [step.target for step in found.steps()] == ["a:1", "b:1"]
    assert {step.op for step in found.steps()} == {"pull"}
    assert [one.consent for one in found.containers] == [(), ()]
