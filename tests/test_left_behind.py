"""Whatever an interrupted recreate left: every state of a container, its replacement and the old one set aside, and
every verb. The older of several is the one that worked before: its work is lost with consent alone.

On the fake engine.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import ANA, CONFIG, make_container, make_wanted, project
from fake_engine import FakeEngine

from sglaunch import acting, pipeline
from sglaunch.config.load import Config
from sglaunch.engine import host
from sglaunch.engine.observe import observe
from sglaunch.errors import ConfigError
from sglaunch.plain import replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.removing import plan_restart, plan_start, plan_stop
from sglaunch.plan.steps import Plan

pytestmark = pytest.mark.usefixtures("no_waiting")

NAME = "ana-eval-dev"
NAMES = (f"{NAME}.old", NAME, f"{NAME}.new")
"""In the order in which a recreate made what has them."""
STATES = ("absent", "created", "running", "exited", "paused")
LEFT = [dict(zip(NAMES, states, strict=True)) for states in itertools.product(STATES, repeat=3)]
OLD, NEW = make_wanted(environment={"A": "old"}), make_wanted(environment={"A": "new"})
VERBS = ("up", "up, kept", "down", "start", "stop", "restart")


@pytest.fixture(autouse=True)
def a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "owner", lambda: ANA)
    monkeypatch.setattr(acting, "hold", lambda *_: contextlib.nullcontext())


def engine_with(left: dict[str, str]) -> tuple[FakeEngine, list[ObservedContainer]]:
    """An engine with what is left; and that, the oldest first. Only the last one is as the files say."""
    there = [name for name in NAMES if left[name] != "absent"]
    made = [
        make_container(
            NEW if number and name == there[-1] else OLD,
            name=name,
            status=left[name],
            created=f"2026-03-01T09:0{number}:00Z",
            finished="2026-03-01T09:09:00Z" if left[name] == "exited" else "",
        )
        for number, name in enumerate(there)
    ]
    return FakeEngine(made), made


def act(engine: FakeEngine, verb: str) -> list[str]:
    """Does what a verb does; the containers that were asked about. `kept`: the answer is no."""
    asked: list[str] = []

    def answer(plan: Plan) -> acting.Answer:
        asked.extend(step.target for one in plan.containers if one.consent for step in one.steps)
        return acting.Answer.KEEP if "kept" in verb else acting.Answer.AGREE

    conduct = acting.Conduct(answer, lambda _: None, lambda _: None, verb)
    config = Config("eval", Path(CONFIG).parent, Path(CONFIG), ["dev"], [], {})
    if verb.startswith("up"):
        pipeline.up(pipeline.Run(config, engine, project(), [NEW]), Choices(), conduct)
        return asked
    if verb == "down":
        acting.carry_out(lambda _: pipeline.down_plan(engine, project(), (), (), {})[0], engine, conduct)
        return asked
    verbs: dict[str, Callable[..., Plan]] = {"start": plan_start, "stop": plan_stop, "restart": plan_restart}

    def look(_: acting.Answer) -> Plan:
        plan = verbs[verb](observe(engine, "eval"), project(), ["dev"], {})
        pipeline.check(plan)
        return plan

    acting.carry_out(look, engine, conduct)
    return asked


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_comes_to_an_end_and_loses_nothing_unasked(verb: str) -> None:
    for left in LEFT:
        engine, there = engine_with(left)
        before = {one.id: one for one in there}
        if not there and verb in ("start", "stop", "restart"):
            with pytest.raises(ConfigError, match="has no container"):
                act(engine, verb)
            continue
        never_ran = all(one.status == "created" for one in there)
        try:
            asked = act(engine, verb)
        except ConfigError:
            assert never_ran and NAME not in engine.names(), (verb, left)  # what never ran is no container to start
            continue
        lost = [before[key].name for key in before.keys() - engine.containers.keys()]
        unasked = [name for name in lost if name not in asked and left[name] != "created"]
        # A recreate was agreed to before the old one was set aside: it goes once the new one is up.
        replaced = left[NAME] in ("running", "exited", "paused") and left[f"{NAME}.new"] in ("absent", "created")
        agreed = [f"{NAME}.old"] if verb.startswith("up") and replaced and left[NAMES[0]] == "exited" else []
        assert set(unasked) <= set(agreed), (verb, left, lost)
        if verb == "down":
            assert engine.names() == {}, left
        elif verb == "up":
            assert engine.names() == {NAME: "running"}, left
            assert engine.look(NAME).env["A"].reveal() == "new", left
        elif verb == "up, kept":
            assert engine.names()[NAME] == "running", left
        else:
            assert (engine.names()[NAME] == "running") is (verb != "stop"), (verb, left)


@pytest.mark.parametrize("verb", ["up, kept", "start", "stop", "restart"])
def test_after_every_verb_up_makes_one_of_what_is_left(verb: str) -> None:
    for left in LEFT[1:]:
        engine, _ = engine_with(left)
        with contextlib.suppress(ConfigError):
            act(engine, verb)
        act(engine, "up")
        assert engine.names() == {NAME: "running"}, (verb, left)
        seen = replace(observe(engine, "eval", [NEW]), owner=ANA)
        assert [step.line() for step in pipeline.plan_up([NEW], seen, project(), Choices()).steps()] == [], (verb, left)
