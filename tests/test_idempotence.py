"""What `up` promises, for every case of reconcile_cases.py on the fake engine: done once it is done; a step that fails
or is interrupted leaves the old container as it was; a run that is killed is repaired by the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from builders import CONFIG, project
from fake_engine import FakeEngine, Killed
from reconcile_cases import CASES, Case

from sglaunch import acting, pipeline
from sglaunch.config.load import Config
from sglaunch.engine import apply as applying
from sglaunch.engine import host
from sglaunch.errors import ConfigError, EngineError, Interrupted, Refused, SglaunchError
from sglaunch.plain import replace
from sglaunch.plan.observation import Observation, ObservedContainer
from sglaunch.plan.steps import CREATE, RECREATE, REMOVE, Plan
from sglaunch.spec.container import Wanted

pytestmark = pytest.mark.usefixtures("no_waiting")


class World(pipeline.Run):
    """A case on the fake engine. What the host alone shows (folders, GPUs, other project files) is as the case says."""

    def __init__(self, case: Case) -> None:
        engine = FakeEngine(case.containers, images=case.images, registry=case.registry, missing=case.missing)
        engine.networks |= {name for one in case.profiles for name in one.spec.networks}
        config = Config("eval", Path(CONFIG).parent, Path(CONFIG), sorted(case.choices.known_profiles), [], {})
        super().__init__(config, engine, project(), list(case.profiles))
        self.case = case
        self.fake = engine

    def observe(self) -> Observation:
        seen = super().observe()
        living = {one.applied.config for one in self.case.containers if one.applied and one.config_exists}
        shown = (replace(one, config_exists=_config(one) in living) for one in seen.containers)
        paths = dict.fromkeys(self.fake.missing, False)
        return replace(seen, owner=self.project.owner, gpu=self.case.gpu, containers=tuple(shown), paths=paths)

    def up(self) -> Plan:
        """`up --yes`."""
        return pipeline.up(self, self.case.choices, conduct(lambda _: acting.Answer.AGREE))

    def planned(self) -> Plan:
        """What `plan` shows."""
        return self.plan(self.case.choices)[0]

    def pulled(self) -> Plan:
        """The plan once its images are here, as `up` makes it before it changes a container."""
        applying.apply(applying.images_only(self.planned()), self.fake, lambda _: None)
        return self.planned()

    def apply(self, plan: Plan) -> None:
        applying.apply(plan, self.fake, lambda _: None)


def conduct(ask: Callable[[Plan], acting.Answer]) -> acting.Conduct:
    return acting.Conduct(ask, lambda _: None, lambda _: None, "up")


def _config(one: ObservedContainer) -> str:
    return one.applied.config if one.applied is not None else ""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], World]:
    def make(name: str) -> World:
        made = World(CASES[name])
        monkeypatch.setattr(host, "make_folder", made.fake.missing.discard)
        return made

    return make


def blocked(case: Case) -> bool:
    """A refusal, or a problem that only the host could show."""
    plan = World(case).pulled() if case.registry else World(case).planned()
    return any(one.action == "refuse" or one.problems for one in plan.containers)


BLOCKED = [name for name, case in CASES.items() if blocked(case)]
LOOPING = ["restarting"]
DOABLE = [name for name in CASES if name not in (*BLOCKED, *LOOPING)]


def test_the_fake_engine_shows_the_cases_as_they_are_written(world: Callable[[str], World]) -> None:
    """Else what follows would be about other cases than those whose plans were read."""
    for name, case in CASES.items():
        seen = world(name).observe()
        # The engine tells the size of a layer only when it is asked.
        assert seen.containers == tuple(replace(one, layer_size=None) for one in case.seen.containers), name


# Done once it is done.


@pytest.mark.parametrize("name", DOABLE)
def test_after_up_there_is_nothing_to_do(world: Callable[[str], World], name: str) -> None:
    one = world(name)
    one.up()
    one.case = replace(one.case, choices=replace(one.case.choices, force_recreate=False))
    again = one.planned()
    assert [step.line() for step in again.steps()] == []
    assert {plan.action for plan in again.containers} == {"none"}


@pytest.mark.parametrize("name", DOABLE)
def test_up_leaves_every_profile_as_it_is_written_and_running(world: Callable[[str], World], name: str) -> None:
    one = world(name)
    one.up()
    for wanted in one.case.profiles:
        seen = one.fake.look(wanted.spec.container_name)
        assert seen.status == "running" or not one.case.choices.start
        assert seen.applied is not None
        assert (seen.applied.profile, seen.applied.project) == (wanted.profile, "eval")
        assert seen.live["restart"] == wanted.spec.restart


@pytest.mark.parametrize("name", DOABLE)
def test_up_touches_nothing_that_is_not_in_its_plan(world: Callable[[str], World], name: str) -> None:
    one = world(name)
    planned = {plan.container for plan in one.pulled().containers} | {
        f"{wanted.spec.container_name}{suffix}" for wanted in one.case.profiles for suffix in ("", ".new", ".old")
    }
    planned |= {one.fake.containers[key]["Name"][1:] for key in _mine(one)}
    others = {key: data for key, data in one.fake.containers.items() if data["Name"][1:] not in planned}
    before = {key: repr(data) for key, data in others.items()}
    one.up()
    assert {key: repr(one.fake.containers.get(key)) for key in before} == before


def _mine(one: World) -> list[str]:
    names = {wanted.profile for wanted in one.case.profiles}
    return [seen.id for seen in one.observe().containers if seen.applied and seen.applied.profile in names]


@pytest.mark.parametrize("name", BLOCKED)
def test_a_refusal_or_a_problem_stops_up_before_anything_is_touched(world: Callable[[str], World], name: str) -> None:
    one = world(name)
    with pytest.raises((Refused, ConfigError)) as caught:
        one.up()
    assert caught.value.status in (2, 4)
    assert [call for call in one.fake.changing_calls() if call[0] != "pull"] == []


@pytest.mark.parametrize("name", LOOPING)
def test_a_container_that_keeps_exiting_fails_up_and_is_left_alone(world: Callable[[str], World], name: str) -> None:
    one = world(name)
    with pytest.raises(EngineError, match="keeps exiting"):
        one.up()
    assert one.fake.changing_calls() == []


@pytest.mark.parametrize("name", [name for name in DOABLE if CASES[name].containers and "restarting" not in name])
def test_consent_that_is_not_given_keeps_every_container(world: Callable[[str], World], name: str) -> None:
    one = world(name)
    before = set(one.fake.containers)
    needed: list[Plan] = []

    def ask(plan: Plan) -> acting.Answer:
        needed.append(plan)
        return acting.Answer.KEEP

    pipeline.up(one, one.case.choices, conduct(ask))
    if needed:
        dead_or_left = {c.id for c in one.case.containers if c.status == "dead" or c.name.endswith(".new")}
        assert before - dead_or_left <= set(one.fake.containers)


# A step that fails, an interruption, a kill.


@dataclass(frozen=True)
class Blow:
    """What strikes the `number`-th call of an op while a plan is applied."""

    container: str
    action: str
    op: str
    number: int
    kind: str

    def arm(self, engine: FakeEngine) -> None:
        engine.disarm()
        if self.kind == "fails":
            engine.fail_on(self.op, self.number)
        elif self.kind.startswith("interrupted"):
            engine.interrupt_on(self.op, self.number, after=self.kind == "interrupted after")
        else:
            engine.kill_on(self.op, self.number, after=self.kind == "killed after")

    def __str__(self) -> str:
        return f"{self.container} {self.action}: {self.op} {self.number} {self.kind}"


KINDS = ("fails", "interrupted before", "interrupted after", "killed before", "killed after")


def blows(one: World) -> list[Blow]:
    """One for each call of applying the case's plan, and each kind."""
    found = []
    for plan in one.pulled().containers:
        one.fake.disarm()
        one.apply(Plan((plan,)))
        counts: dict[str, int] = {}
        for op, _ in one.fake.calls:
            counts[op] = counts.get(op, 0) + 1
            found += [Blow(plan.container, plan.action, op, counts[op], kind) for kind in KINDS]
    return found


def strike(one: World, blow: Blow) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Applies the plan up to the blow: what there was before the struck container's turn, what is after, its plan."""
    for plan in one.pulled().containers:
        if (plan.container, plan.action) != (blow.container, blow.action):
            one.fake.disarm()
            one.apply(Plan((plan,)))
            continue
        before = snapshot(one.fake)
        blow.arm(one.fake)
        expected = {"fails": EngineError, "interrupted": Interrupted, "killed": Killed}[blow.kind.split()[0]]
        try:
            one.apply(Plan((plan,)))
        except (SglaunchError, Killed) as error:
            assert isinstance(error, expected)
        else:
            # A removal that was carried out is one, even if the engine does not show what there is.
            assert blow.kind == "fails"
            assert blow.op in ("inspect", "remove_volume"), blow
            assert any(step.op == "remove" for step in plan.steps), blow
            before = snapshot(one.fake)
        one.fake.disarm()
        return before, snapshot(one.fake), plan
    raise AssertionError(f"no plan for {blow.container}")


def snapshot(engine: FakeEngine) -> dict[str, Any]:
    """Id -> name, whether it runs, restart policy."""
    return {
        key: (
            data["Name"],
            data["State"]["Status"] in ("running", "paused", "restarting"),
            data["HostConfig"]["RestartPolicy"]["Name"],
        )
        for key, data in engine.containers.items()
    }


@pytest.mark.parametrize("name", DOABLE)
def test_whatever_strikes_a_step_the_old_container_is_kept_and_the_next_up_makes_it_so(
    world: Callable[[str], World], name: str
) -> None:
    for blow in blows(world(name)):
        one = world(name)
        before, after, plan = strike(one, blow)
        if not blow.kind.startswith("killed"):
            check_kept(one, blow, plan, before, after)
        one.case = replace(one.case, choices=replace(one.case.choices, force_recreate=False))
        one.up()
        again = one.planned()
        assert [step.line() for step in again.steps()] == [], blow
        for wanted in one.case.profiles:
            check_made(one, wanted, blow)


def check_kept(one: World, blow: Blow, plan: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """As before: every id with its name, whether it runs, and its restart policy."""
    targets = {plan.container, *(step.target for step in plan.steps)}
    replaced = {key for key, (name, *_) in before.items() if name.lstrip("/") in targets}
    looked = blow.op == "inspect" and plan.action in (RECREATE, REMOVE) and bool(replaced) and not replaced & set(after)
    looked = looked and not _leaves_no_way_back(plan)
    if blow.op == "remove_volume" or (blow.op == "remove" and blow.kind != "fails") or looked:
        # There is no way back from a removal that may have been carried out: what is there now stays.
        if plan.action == RECREATE:
            names = {plan.container, f"{plan.container}.old"}
            assert names & set(one.fake.names()), blow
    elif plan.action not in (CREATE, RECREATE) or _repairs(plan) or _leaves_no_way_back(plan) or _shares(plan):
        assert set(before) - _unwanted(one.case, plan) <= set(after), f"{blow}: a container is lost"
    else:
        assert after == before, blow


def _repairs(plan: Any) -> bool:
    """It first clears up after another run; what that did is not taken back."""
    return any(step.cause.startswith(("an interrupted recreate", "left by an interrupted")) for step in plan.steps)


def _leaves_no_way_back(plan: Any) -> bool:
    return any(step.op == "gone" for step in plan.steps)


def _shares(plan: Any) -> bool:
    """The old one cannot start again: the container whose network it shares has been replaced."""
    return any(step.cause.startswith("shares ") for step in plan.steps)


def _unwanted(case: Case, plan: Any) -> set[str]:
    """Containers whose end is what the plan is for."""
    ending = {step.target for step in plan.steps if step.op in ("remove", "gone")}
    return {one.id for one in case.containers if one.name in ending}


def check_made(one: World, wanted: Wanted, blow: Blow) -> None:
    name = wanted.spec.container_name
    assert name in one.fake.names(), blow
    assert one.fake.look(name).live["restart"] == wanted.spec.restart, blow
    if one.case.choices.start:
        assert one.fake.names()[name] == "running", blow
