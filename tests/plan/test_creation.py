"""What a plan's steps carry beside their text: the spec and the labels of a new container, the values it takes over
from the old one, and the way back of each step."""

from __future__ import annotations

from typing import Any

import pytest
from builders import ANA, CONFIG, IMAGE, IMAGE_ID, MOVED_ID, make_container, make_observation, make_wanted, project
from reconcile_cases import CASES

from sglaunch.convert.to_create import create_call
from sglaunch.plan.choices import Choices
from sglaunch.plan.fetching import plan_pull
from sglaunch.plan.observation import Observation, ObservedContainer
from sglaunch.plan.order import in_order
from sglaunch.plan.reconcile import ours, plan_up
from sglaunch.plan.steps import Step
from sglaunch.spec.container import Wanted
from sglaunch.spec.labels import decode, fingerprints
from sglaunch.spec.server import Server
from sglaunch.spec.values import Secret


def steps(wanted: Wanted, *there: ObservedContainer, seen: Observation | None = None) -> list[Step]:
    plan = plan_up([wanted], seen or make_observation(*there), project(), Choices())
    return [step for one in plan.containers for step in one.steps]


def create_step(wanted: Wanted, *there: ObservedContainer, seen: Observation | None = None) -> Step:
    (step,) = (step for step in steps(wanted, *there, seen=seen) if step.op == "create")
    return step


# Labels


def test_a_new_container_says_whose_it_is_and_what_it_was_made_from() -> None:
    wanted = make_wanted(environment={"A": "1", "T": Secret("hf_0123")}, cpus=2.0)
    applied = decode(create_step(wanted).labels)
    assert applied is not None
    assert (applied.project, applied.profile, applied.owner, applied.config) == ("eval", "dev", ANA, CONFIG)
    assert applied.image == IMAGE_ID
    assert applied.spec is not None
    assert applied.spec["environment"] == {"A": "1", "T": {"secret": True}}
    assert "cpus" not in applied.spec
    assert applied.secrets == fingerprints({"T": Secret("hf_0123")}, applied.salt)


def test_the_labels_of_the_profile_are_there_too_and_cannot_replace_ours() -> None:
    labels = create_step(make_wanted(labels={"team": "eval", "sglaunch.project": "other"})).labels
    assert labels["team"] == "eval"
    assert labels["sglaunch.project"] == "eval"


def test_the_label_names_the_image_that_is_here_now() -> None:
    seen = make_observation(images={IMAGE: MOVED_ID})
    applied = decode(create_step(make_wanted(), seen=seen).labels)
    assert applied is not None
    assert applied.image == MOVED_ID


def test_a_server_stays_a_server_in_the_label_and_is_a_command_for_the_engine() -> None:
    step = create_step(make_wanted(command=None, server=Server("m", args={"tp": 8})))
    applied = decode(step.labels)
    assert applied is not None
    assert applied.spec is not None
    assert applied.spec["server"] == {"model": "m", "args": {"tp": 8}}
    assert "command" not in applied.spec
    assert step.spec is not None
    assert step.spec.command is not None
    assert "--tp-size" in step.spec.command


def test_a_replacement_is_created_under_a_passing_name() -> None:
    step = create_step(make_wanted(environment={"A": "1"}), make_container())
    assert step.spec is not None
    assert (step.target, step.spec.container_name) == ("ana-eval-dev.new", "ana-eval-dev.new")


# Values passed through and unset in the calling shell


UNSET = {"A": None, "B": "new"}
CARRIED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the old container's value": ({"A": "old"}, {"A": "old", "B": "new"}),
    "an empty one": ({"A": ""}, {"A": "", "B": "new"}),
    "none where it has none": ({}, {"A": None, "B": "new"}),
    "a secret stays a secret": ({"A": Secret("hf_0123")}, {"A": Secret("hf_0123"), "B": "new"}),
}


@pytest.mark.parametrize("case", CARRIED)
def test_a_recreate_carries_over(case: str) -> None:
    old, new = CARRIED[case]
    step = create_step(make_wanted(environment=UNSET), make_container(make_wanted(environment=old)))
    assert step.spec is not None
    assert step.spec.environment == new


def test_what_only_the_image_sets_is_not_carried_over() -> None:
    """It would be pinned to what the old image said."""
    old = make_container(env={"A": Secret("of the image")})
    step = create_step(make_wanted(environment=UNSET), old)
    assert step.spec is not None
    assert step.spec.environment["A"] is None


def test_a_value_that_is_secret_now_is_carried_over_as_one() -> None:
    wanted = make_wanted(environment=UNSET, secret_names=frozenset({"A"}))
    step = create_step(wanted, make_container(make_wanted(environment={"A": "plain"})))
    assert step.spec is not None
    assert step.spec.environment["A"] == Secret("plain")


def test_a_secret_carried_over_is_in_no_label_and_no_argument() -> None:
    step = create_step(
        make_wanted(environment=UNSET), make_container(make_wanted(environment={"A": Secret("hf_0123")}))
    )
    assert step.spec is not None
    call = create_call(step.spec, step.labels)
    assert call.secrets["A"].reveal() == "hf_0123"
    assert "hf_0123" not in f"{call.arguments} {call.command} {step} {step.labels}"
    applied = decode(step.labels)
    assert applied is not None
    assert set(applied.secrets) == {"A"}


# The way back


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("changed") and "removed" not in name])
def test_every_step_of_a_recreate_that_changes_something_has_a_way_back(name: str) -> None:
    case = CASES[name]
    plan = plan_up(case.profiles, case.seen, project(), case.choices)
    needing = [step for one in plan.containers if one.action == "recreate" for step in one.steps]
    without = {step.op for step in needing if not step.undo}
    # Settling changes nothing, unpausing is what stopping needs, and the removal of the old one comes last.
    assert without <= {"settle", "unpause", "remove"}
    assert [step.op for step in needing].index("remove") == len(needing) - 1 if needing else True


def test_the_way_back_gives_the_old_container_its_own_restart_policy() -> None:
    wanted = make_wanted(environment={"A": "1"}, restart="always")
    found = steps(wanted, make_container(make_wanted(restart="on-failure:3")))
    (quiet,) = (step for step in found if step.op == "update")
    assert quiet.values == {"restart": "no"}
    assert [undo.values for undo in quiet.undo] == [{"restart": "on-failure:3"}]


# Order, pulls, ownership


def ordered(*pairs: tuple[str, tuple[str, ...]]) -> list[str]:
    return [one.profile for one in in_order([make_wanted(name, depends_on=needs) for name, needs in pairs])]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a", ()), ("b", ())], "ab"),
        ([("b", ()), ("a", ())], "ba"),
        ([("a", ("b",)), ("b", ())], "ba"),
        ([("a", ("b",)), ("b", ("c",)), ("c", ())], "cba"),
        ([("a", ("c", "b")), ("b", ()), ("c", ())], "cba"),
        ([("a", ("b",)), ("c", ("b",)), ("b", ())], "bac"),
        ([("a", ("not asked for",))], "a"),
    ],
)
def test_what_is_depended_on_comes_first_and_else_the_order_is_kept(
    pairs: list[tuple[str, tuple[str, ...]]], expected: str
) -> None:
    assert ordered(*pairs) == list(expected)


def test_each_image_is_pulled_once_for_its_platform() -> None:
    wanted = [make_wanted("a"), make_wanted("b"), make_wanted("c", image="img:2", platform="linux/arm64")]
    plan = plan_pull(wanted, "asked")
    assert [(step.target, step.values["platform"], step.cause) for step in plan.steps()] == [
        (IMAGE, "", "asked"),
        ("img:2", "linux/arm64", "asked"),
    ]


def test_containers_that_only_pass_are_not_counted_as_a_profiles_own() -> None:
    passing = [make_container(name=f"ana-eval-dev{suffix}") for suffix in (".new", ".old")]
    seen = make_observation(make_container(), *passing)
    assert [one.name for one in ours(seen, project())] == ["ana-eval-dev"]


def test_plans_are_a_function_of_what_they_are_given() -> None:
    for name, case in CASES.items():
        one, two = (plan_up(case.profiles, case.seen, project(), case.choices) for _ in range(2))
        assert one == two, name


def test_no_plan_shows_a_secret() -> None:
    for name, case in CASES.items():
        plan = plan_up(case.profiles, case.seen, project(), case.choices)
        assert "hf_" not in f"{plan} {plan!r}", name
