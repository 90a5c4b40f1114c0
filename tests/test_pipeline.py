"""The arrow on the fake engine: what stops a run before it touches anything, when the question is asked, that pulls
come first, and whose container a profile's name stands for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import (
    ANA,
    BEN,
    CONFIG,
    IMAGE,
    IMAGE_ID,
    MOVED_ID,
    make_container,
    make_observation,
    make_wanted,
    project,
)
from fake_engine import FakeEngine

from sglaunch import acting, pipeline
from sglaunch.config.load import Config
from sglaunch.engine import freshness, host, registry
from sglaunch.engine.machine import Machine
from sglaunch.errors import ConfigError, EngineError, Problem, Refused, UsageError
from sglaunch.plain import replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import Driver
from sglaunch.plan.removing import plan_down
from sglaunch.plan.steps import ContainerPlan, Plan
from sglaunch.spec.container import Wanted
from sglaunch.spec.values import Gpus

pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.fixture(autouse=True)
def a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "owner", lambda: ANA)


class Answer:
    """A user who is asked."""

    def __init__(self, *, yes: bool) -> None:
        self.yes = yes
        self.asked: list[Plan] = []

    def __call__(self, plan: Plan) -> acting.Answer:
        self.asked.append(plan)
        return acting.Answer.AGREE if self.yes else acting.Answer.KEEP

    @property
    def conduct(self) -> acting.Conduct:
        return acting.Conduct(self, lambda _: None, lambda _: None, "up")


def run(engine: FakeEngine, *wanted: Wanted) -> pipeline.Run:
    config = Config("eval", Path(CONFIG).parent, Path(CONFIG), [one.profile for one in wanted], [], {})
    return pipeline.Run(config, engine, project(), list(wanted))


def up(engine: FakeEngine, *wanted: Wanted, answer: Answer | None = None, **choices: Any) -> Answer:
    answer = answer or Answer(yes=True)
    pipeline.up(run(engine, *wanted), Choices(**choices), answer.conduct)
    return answer


# Consent


CHANGED = make_wanted(environment={"A": "1"})


def test_nothing_is_asked_where_nothing_would_be_lost() -> None:
    assert up(FakeEngine(), make_wanted()).asked == []
    assert up(FakeEngine([make_container()]), make_wanted()).asked == []
    free = make_wanted(environment={"A": "1"}, recreate="always", protect=False)
    assert up(FakeEngine([make_container()]), free).asked == []


def test_the_question_comes_once_with_the_size_of_what_would_be_lost() -> None:
    (plan,) = up(FakeEngine([make_container(layer_size=3 << 30)]), CHANGED).asked
    assert ["3.0g" in reason for one in plan.containers for reason in one.consent] == [True]


def test_a_protected_layer_that_turns_out_empty_is_not_asked_about() -> None:
    wanted = make_wanted(environment={"A": "1"}, recreate="always", protect=True)
    engine = FakeEngine([make_container(layer_size=0)])
    assert up(engine, wanted).asked == []
    assert engine.look("ana-eval-dev").env["A"].reveal() == "1"


def test_no_keeps_the_container_and_still_does_what_loses_nothing() -> None:
    old = make_container(status="exited")
    engine = FakeEngine([old])
    up(engine, make_wanted(environment={"A": "1"}, cpus=2.0), make_wanted("api"), answer=Answer(yes=False))
    kept = engine.look("ana-eval-dev")
    assert (kept.id, kept.status, kept.live["cpus"]) == (old.id, "running", 2.0)
    assert engine.names()["ana-eval-api"] == "running"


def test_no_keeps_orphans() -> None:
    engine = FakeEngine([make_container(make_wanted("gone"))])
    answer = up(engine, make_wanted(), answer=Answer(yes=False), remove_orphans=True)
    assert len(answer.asked) == 1
    assert engine.names() == {"ana-eval-dev": "running", "ana-eval-gone": "running"}


def test_a_verb_other_than_up_does_nothing_on_no() -> None:
    engine = FakeEngine([make_container()])

    def look(answer: acting.Answer) -> Plan:
        return Plan() if answer is acting.Answer.KEEP else plan_down(run(engine).observe(), project(), (), (), {})

    done = acting.carry_out(look, engine, Answer(yes=False).conduct)
    assert (done.containers, engine.changing_calls()) == ((), [])
    acting.carry_out(look, engine, Answer(yes=True).conduct)
    assert engine.names() == {}


# Pulls


def test_an_image_is_pulled_before_the_decision_that_depends_on_it() -> None:
    """pull_policy: always, and the registry has a newer image: under recreate: always that is a change."""
    wanted = make_wanted(pull_policy="always", recreate="always", protect=False)
    engine = FakeEngine([make_container()], registry={IMAGE: MOVED_ID})
    up(engine, wanted)
    assert engine.look("ana-eval-dev").image_id == MOVED_ID
    assert [op for op, _ in engine.changing_calls()][:2] == ["pull", "create"]


def test_an_image_that_several_profiles_need_is_pulled_once() -> None:
    engine = FakeEngine(images={}, registry={IMAGE: IMAGE_ID})
    up(engine, make_wanted("a"), make_wanted("b", pull_policy="always"))
    assert [target for op, target in engine.changing_calls() if op == "pull"] == [IMAGE]
    assert engine.names() == {"ana-eval-a": "running", "ana-eval-b": "running"}


def test_a_pull_that_fails_leaves_the_running_container_alone() -> None:
    engine = FakeEngine([make_container()])
    with pytest.raises(EngineError) as caught:
        up(engine, make_wanted(image="img:2"))
    assert caught.value.failure.kind == "tag-missing"
    assert engine.names() == {"ana-eval-dev": "running"}


# Refusals and problems


REFUSED = ContainerPlan("a", "ana-eval-a", "refuse", reason="container ana-eval-a belongs to ben")
WRONG = ContainerPlan("b", "ana-eval-b", "create", problems=(Problem("the host has no /srv"),))
FINE = ContainerPlan("c", "ana-eval-c", "none")


def test_a_refusal_counts_more_than_a_problem_and_each_is_told() -> None:
    pipeline.check(Plan((FINE,)))
    with pytest.raises(ConfigError) as wrong:
        pipeline.check(Plan((FINE, WRONG, WRONG)))
    assert [problem.message for problem in wrong.value.problems()] == ["the host has no /srv"] * 2
    with pytest.raises(Refused, match=r"belongs to ben; .*belongs to ben"):
        pipeline.check(Plan((WRONG, REFUSED, REFUSED)))


# Whose container


RUNNING, PASSING = make_container(), make_container(name="ana-eval-dev.old")


def test_a_profile_stands_for_its_own_running_container() -> None:
    seen = make_observation(PASSING, RUNNING, make_container(make_wanted("api")))
    assert pipeline.mine(seen, project(), "dev").name == "ana-eval-dev"
    assert pipeline.mine(seen, project(), "api").name == "ana-eval-api"


def test_one_that_does_not_run_can_be_read_but_not_entered() -> None:
    seen = make_observation(make_container(status="exited"))
    assert pipeline.mine(seen, project(), "dev", reading=True).name == "ana-eval-dev"
    with pytest.raises(UsageError, match="is exited, not running"):
        pipeline.mine(seen, project(), "dev")


def test_one_of_another_user_can_be_read_but_not_entered() -> None:
    seen = make_observation(make_container(owner=BEN))
    assert pipeline.mine(seen, project(), "dev", reading=True).name == "ana-eval-dev"
    with pytest.raises(Refused, match="belongs to ben"):
        pipeline.mine(seen, project(), "dev")


@pytest.mark.parametrize("reading", [False, True])
def test_a_profile_without_a_container_names_the_command_that_makes_one(reading: bool) -> None:
    with pytest.raises(UsageError) as caught:
        pipeline.mine(make_observation(PASSING), project(), "dev", reading=reading)
    assert "sglaunch up dev" in caught.value.hint


# The driver, and what images require of it


class Asking(Machine):
    """A machine with a driver, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def driver(self) -> Driver:
        self.asked += 1
        return Driver((12, 8), "570.1")


GPUS = make_wanted(gpus=Gpus(ids=("0",)))


def test_the_driver_is_asked_for_new_containers_with_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness, "required_of", lambda *_: pytest.fail("the image is here, or nothing is to be made"))
    # What is there, what is wanted -> whether the driver is asked.
    for there, wanted, asked in (
        ([], GPUS, 1),
        ([], make_wanted(), 0),
        ([make_container(GPUS)], GPUS, 0),
        ([make_container(GPUS, status="exited")], GPUS, 0),
        ([make_container(GPUS)], replace(GPUS, spec=replace(GPUS.spec, environment={"A": "1"})), 1),
    ):
        engine = FakeEngine(there)
        engine.machine = Asking()
        run(engine, wanted).plan(Choices())
        assert engine.machine.asked == asked
    engine = FakeEngine([make_container(GPUS)], images={})
    engine.machine = Asking()
    run(engine, GPUS).plan(Choices())
    assert engine.machine.asked == 0, "a container whose image is gone is up to date all the same"


def test_a_registry_is_asked_once_a_run_and_its_silence_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def silent(wanted: Sequence[Wanted], platform: str) -> dict[str, dict[str, str]]:
        asked.extend(f"{one.spec.image} {platform}" for one in wanted)
        return {}

    monkeypatch.setattr(freshness, "required_of", silent)
    engine = FakeEngine(images={})
    engine.machine = Asking()
    one = run(engine, GPUS)
    assert not one.plan(Choices())[0].containers[0].problems
    one.plan(Choices())
    assert asked == [f"{IMAGE} linux/amd64"]


def test_a_slow_registry_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(freshness, "REQUIRED_SECONDS", 0.05)
    monkeypatch.setattr(registry, "environment", lambda *_: release.wait(60) and [])
    assert freshness.required_of([GPUS], "linux/amd64") == {}
    release.set()
