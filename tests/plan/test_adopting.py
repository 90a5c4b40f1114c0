"""Whose a container is, what keeps it, and what stands in for its labels."""

from __future__ import annotations

import pytest
from builders import ANA, IMAGE_ID, live_options, make_observation, make_wanted, project

from sglaunch.plain import replace
from sglaunch.plan.adopting import KEEPERS, Evidence, adopted_labels, doubts, refusal
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import Gpu, ObservedContainer, Project
from sglaunch.plan.reconcile import plan_up
from sglaunch.spec.labels import Applied, Owner, decode
from sglaunch.spec.values import Gpus, Secret

PROJECT = Project("proj", "/home/ana/proj/sglaunch.yaml", ANA)
BOX = ObservedContainer("1" * 64, "box", "running", created="2026-11-20T10:00:00Z")


def applied(**changes: object) -> Applied:
    base = Applied("proj", "dev", ANA, PROJECT.config_file, {})
    return replace(base, **changes)


@pytest.mark.parametrize("label", KEEPERS)
def test_what_another_tool_keeps_is_refused(label: str) -> None:
    reason, hint = refusal(BOX, Evidence(labels={f"{label}x": "1", label: "1"}), PROJECT, "dev", ())
    assert reason == f"container box is kept by {KEEPERS[label][0]}"
    assert hint


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (Evidence(homes={"/home/ben/x": "ben"}), "belongs to ben: it mounts /home/ben/x"),
        (Evidence(runs_as="ben"), "belongs to ben: it was told to run as that user"),
        (Evidence(pod=True), "belongs to a pod"),
    ],
)
def test_what_is_another_users_is_refused(evidence: Evidence, reason: str) -> None:
    assert reason in refusal(BOX, evidence, PROJECT, "dev", ())[0]


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (applied(owner=Owner(1001, "ben")), "container box belongs to ben"),
        (applied(project="other"), "container box belongs to the project other"),
        (applied(), "container box is that of profile dev already"),
    ],
)
def test_what_sglaunch_made_is_refused(there: Applied, reason: str) -> None:
    assert refusal(replace(BOX, applied=there), Evidence(mine=True), PROJECT, "new", ())[0] == reason


def test_a_profile_has_one_container() -> None:
    other = replace(BOX, id="2" * 64, name="dev-box", applied=applied())
    assert refusal(BOX, Evidence(), PROJECT, "dev", (other,))[0] == "profile dev has the container dev-box"
    assert refusal(BOX, Evidence(), PROJECT, "web", (other,)) == ("", "")


@pytest.mark.parametrize("status", ["dead", "removing"])
def test_nothing_is_left_of_some(status: str) -> None:
    assert refusal(replace(BOX, status=status), Evidence(), PROJECT, "dev", ())[0] == f"container box is {status}"


def test_a_passing_name_is_refused() -> None:
    assert "a recreate passes through" in refusal(replace(BOX, name="box.old"), Evidence(), PROJECT, "dev", ())[0]


def test_what_somebody_should_know_first() -> None:
    assert doubts(BOX, Evidence(mine=True)) == doubts(BOX, Evidence(private=True)) == ()
    assert "nothing on it tells who started it" in doubts(BOX, Evidence())[0]
    assert doubts(BOX, Evidence(owners={"/data": "ben"})) == ("it mounts /data, which belongs to ben",)
    assert "--rm" in doubts(replace(BOX, auto_remove=True), Evidence(mine=True))[0]


WANTED = make_wanted(environment={"A": "1", "T": Secret("s3cret")})


def test_the_plan_of_an_adopted_container_is_empty_and_an_edit_shows_itself_alone() -> None:
    labels = adopted_labels(WANTED, IMAGE_ID, Capabilities(), "salt", owner=ANA)
    assert "s3cret" not in str(labels)
    there = replace(BOX, name=WANTED.spec.container_name, image_id=IMAGE_ID, live=live_options(WANTED.spec))
    seen = make_observation(replace(there, applied=decode(labels)))
    assert plan_up([WANTED], seen, project(), Choices()).is_empty
    edited = make_wanted(environment={"A": "2", "T": Secret("s3cret")})
    (plan,) = plan_up([edited], seen, project(), Choices()).containers
    assert [(change.field, change.old, change.new) for change in plan.changes] == [("environment.A", "1", "2")]
    assert plan.action == "recreate"
    assert plan.consent


def test_of_a_number_of_devices_the_engine_gave_the_first_ones() -> None:
    devices = [Gpu(2, "GPU-c"), Gpu(0, "GPU-a"), Gpu(1, "GPU-b")]
    labels = adopted_labels(make_wanted(gpus=Gpus(count=2)), "", Capabilities(), "salt", devices, owner=ANA)
    found = decode(labels)
    assert found is not None
    assert found.assigned == {"gpus": ["GPU-a", "GPU-b"]}
