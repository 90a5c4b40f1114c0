"""Images in plans: builds, what is stale, pulls that are due, pins, what prune may remove."""

from __future__ import annotations

import pytest
from builders import ANA, IMAGE, IMAGE_ID, MOVED_ID, at, make_container, make_observation, make_wanted, project

from sglaunch.errors import Refused
from sglaunch.plain import replace
from sglaunch.plan.building import inputs_digest, plan_build
from sglaunch.plan.choices import Choices
from sglaunch.plan.fetching import is_due, plan_push
from sglaunch.plan.freshness import Remote, freshness
from sglaunch.plan.mirrors import mirrored
from sglaunch.plan.observation import BuildInputs, LocalImage, Observation
from sglaunch.plan.pins import disagreement, pinned
from sglaunch.plan.pruning import plan_prune
from sglaunch.plan.reconcile import plan_up
from sglaunch.spec.build import Build
from sglaunch.spec.labels import BUILT
from sglaunch.spec.server import Server

BUILD = Build("/proj", "/proj/Dockerfile", args={"A": "1", "B": None}, passed=frozenset({"B"}))
OLD, NEW = "0" * 64, "1" * 64
DIGEST = f"sha256:{'d' * 64}"


def seen(
    built: str = OLD, *, inputs: str = NEW, changed: tuple[str, ...] = ("app.py",), there: bool = True
) -> Observation:
    container = make_container(image_id=IMAGE_ID)
    return replace(
        make_observation(container) if there else make_observation(),
        local={IMAGE: LocalImage(IMAGE_ID, (IMAGE,), built=built)},
        inputs={"dev": BuildInputs(inputs, {"app.py": "x"}, changed)},
    )


def lines(observation: Observation, **options: object) -> list[str]:
    wanted = make_wanted(build=BUILD, **options)
    return list(plan_up([wanted], observation, project(), Choices()).lines())


def test_a_changed_file_is_a_build_and_a_new_container() -> None:
    found = lines(seen(), origins={"build": at(4)}, recreate="always", protect=False)
    assert found[0] == "ana-eval-dev  recreate"
    assert found[1] == "  build  000000000000 -> 111111111111 (app.py)   sglaunch.yaml:4:5 (project)"
    assert found[2].split() == ["1", "build", IMAGE, "app.py", "changed"]
    assert found[3].split()[:3] == ["2", "create", "ana-eval-dev.new"]


@pytest.mark.parametrize(("built", "inputs"), [(NEW, NEW), ("", NEW)])
def test_the_same_files_and_an_image_made_by_hand_are_nothing_to_do(built: str, inputs: str) -> None:
    assert lines(seen(built, inputs=inputs)) == ["ana-eval-dev  none"]


@pytest.mark.parametrize(
    ("found", "refusal"),
    [
        (
            LocalImage(IMAGE_ID),
            "image more:1 is here and was not built by sglaunch; write another name, or remove the image",
        ),
        (LocalImage(IMAGE_ID, built=OLD, project="other"), "image more:1 is here and was built by the project other; "),
        (LocalImage(IMAGE_ID, built=OLD, project="eval"), ""),
    ],
)
def test_no_build_takes_the_name_of_an_image_of_others(found: LocalImage, refusal: str) -> None:
    wanted = make_wanted(build=replace(BUILD, tags=("more:1",)), recreate="always", protect=False)
    there = seen()
    there = replace(there, local={**there.local, "more:1": found})
    for plan in (plan_up([wanted], there, project(), Choices()), plan_build([wanted], there, "asked")):
        (one,) = plan.containers
        assert one.reason.startswith(refusal)
        assert any(plan.steps("build")) is (not refusal)
    assert not plan_up([wanted], seen(inputs=OLD), project(), Choices()).containers[0].reason, "nothing is built"


def test_many_files_are_named_in_part() -> None:
    found = lines(seen(changed=tuple("abcde")), recreate="always", protect=False)
    assert "(a, b, c, 2 more)" in found[1]
    assert "5 files changed" in found[2]
    assert "what it is built from changed" in lines(seen(changed=()), recreate="always", protect=False)[2]


def test_a_missing_image_is_built_whatever_pull_policy_says() -> None:
    observation = replace(seen(there=False), images={IMAGE: None}, local={})
    found = lines(observation, pull_policy="never")
    assert found[1].split()[:3] == ["1", "build", IMAGE]


def test_an_image_that_was_built_anew_is_taken_under_ask_too() -> None:
    observation = replace(seen(NEW, inputs=NEW), images={IMAGE: MOVED_ID})
    (plan,) = plan_up([make_wanted(build=BUILD)], observation, project(), Choices()).containers
    assert plan.action == "recreate"
    assert plan.consent


def test_a_build_says_whose_it_is_and_for_which_platform() -> None:
    (step,) = plan_build([make_wanted(build=BUILD, platform="linux/arm64")], seen(), "asked").steps()
    assert step.labels == {BUILT: NEW, f"{BUILT}.project": "eval", f"{BUILT}.owner": "1000:ana"}
    assert step.values["build"].platforms == ("linux/arm64",)


def test_what_the_caller_passes_is_no_other_build() -> None:
    first = inputs_digest(BUILD, "f", "linux/amd64")
    assert inputs_digest(replace(BUILD, args={"A": "1", "B": "set"}), "f", "linux/amd64") == first
    others = [replace(BUILD, args={"A": "2", "B": None}), replace(BUILD, target="t"), replace(BUILD, inline="FROM x")]
    digests = {inputs_digest(one, "f", "linux/amd64") for one in others}
    assert (
        len({first, *digests, inputs_digest(BUILD, "g", "linux/amd64"), inputs_digest(BUILD, "f", "linux/arm64")}) == 6
    )


@pytest.mark.parametrize(
    ("policy", "age", "due"),
    [
        ("always", 0.0, True),
        ("missing", 1e9, False),
        ("never", None, False),
        ("daily", None, True),
        ("daily", 80_000.0, False),
        ("daily", 90_000.0, True),
        ("weekly", 90_000.0, False),
        ("every_1h30m", 5_399.0, False),
        ("every_1h30m", 5_400.0, True),
    ],
)
def test_when_a_pull_is_due(policy: str, age: float | None, due: bool) -> None:
    ages = {} if age is None else {IMAGE: age}
    assert is_due(make_wanted(pull_policy=policy), ages) is due
    assert not is_due(make_wanted(pull_policy=policy, build=BUILD), ages)


def test_a_push_has_every_tag_once() -> None:
    one = make_wanted(build=replace(BUILD, tags=("r/x:2", IMAGE)))
    assert [step.target for step in plan_push([one, one]).steps()] == [IMAGE, "r/x:2"]


def test_mirrors_are_of_one_registry() -> None:
    mirrors = {"docker.io": ("m1", "m2/hub")}
    assert mirrored("a/b:1", mirrors) == ("m1/a/b:1", "m2/hub/a/b:1")
    assert mirrored("quay.io/a/b:1", mirrors) == ()


# Pins


def test_a_pin_is_the_image_by_digest_at_the_place_of_the_lock() -> None:
    wanted = make_wanted(image="a/b:1", pins={"linux/amd64": DIGEST}, origins={"image.pin": at(5, "project")})
    found, problem = pinned(wanted, "linux/amd64")
    assert problem is None
    assert found.spec.image == f"a/b@{DIGEST}"
    assert found.origins["image"].place.line == 5
    assert pinned(make_wanted(image="a/b:1"), "linux/amd64")[0].spec.image == "a/b:1"


@pytest.mark.parametrize(
    ("name", "platform", "fits"), [("linux/arm64/v8", "linux/arm64", True), ("linux/amd64", "linux/arm64", False)]
)
def test_a_pin_is_for_a_platform(name: str, platform: str, fits: bool) -> None:
    found, problem = pinned(make_wanted(image="a/b:1", pins={name: DIGEST}), platform)
    assert (problem is None) is fits
    assert ("@" in found.spec.image) is fits


def test_a_lock_that_does_not_hold_is_told_at_the_image() -> None:
    problem = disagreement(make_wanted(unpinned="sglaunch.lock pins x", origins={"image": at(7)}))
    assert problem is not None
    assert str(problem).startswith("sglaunch.yaml:7:5: image: sglaunch.lock pins x")
    assert disagreement(make_wanted()) is None


# Freshness


def fresh(local: LocalImage | None, remote: Remote | None, *, image_id: str = IMAGE_ID) -> tuple[str, ...]:
    observation = make_observation(make_container(image_id=image_id))
    observation = replace(observation, local={IMAGE: local} if local is not None else {})
    return freshness(make_wanted(), observation, remote).old


def test_what_is_behind_is_told_nearest_first() -> None:
    here = LocalImage(IMAGE_ID, (IMAGE,), (DIGEST,), "2026-03-01T10:00:00Z")
    assert fresh(here, Remote(DIGEST)) == ()
    assert fresh(here, Remote("sha256:other", {"linux/amd64": DIGEST})) == ()
    assert fresh(here, Remote("sha256:other", {}, image=IMAGE_ID)) == ()
    assert fresh(here, Remote("sha256:other", {})) == ("the image here of 2026-03-01 is older than the tag",)
    assert fresh(here, Remote(problem="no route")) == ()
    both = fresh(here, Remote("sha256:other", {}), image_id=MOVED_ID)
    assert [text.split()[0] for text in both] == ["ana-eval-dev", "the"]
    assert fresh(None, Remote("sha256:other")) == ()


# Prune

MADE = LocalImage(
    "sha256:1", (), created="2026-03-01T10:00:00Z", size=5 << 20, built=OLD, project="eval", owner=str(ANA)
)
SHOT = LocalImage("sha256:2", ("sglaunch-snapshot/x:1",), created="2026-03-01T10:00:00Z", snapshot="eval")


def removed(
    *images: LocalImage, used: tuple[str, ...] = (), wanted: tuple[str, ...] = (), named: tuple[str, ...] = ()
) -> list[str]:
    return [step.target for step in plan_prune(images, "eval", used, wanted, named).steps()]


def test_what_prune_removes() -> None:
    assert removed(MADE, SHOT) == ["sha256:1"]
    assert removed(MADE, used=("sha256:1",)) == []
    assert removed(MADE, wanted=("sha256:1",)) == []
    assert removed(replace(MADE, project="other")) == []
    assert removed(MADE, SHOT, named=("sglaunch-snapshot/x:1",)) == ["sglaunch-snapshot/x:1"]
    assert removed(replace(MADE, names=("a:1", "b:1"))) == ["a:1", "b:1"]


def test_prune_asks_and_tells_the_size() -> None:
    (plan,) = plan_prune([MADE], "eval", (), (), ()).containers
    assert plan.consent == ("1 would be removed (5.0m, of 2026-03-01)",)


def test_prune_refuses_what_is_not_ours_or_in_use() -> None:
    with pytest.raises(Refused, match="no image that this project made"):
        removed(MADE, named=("ubuntu:1",))
    with pytest.raises(Refused, match="no image that this project made"):
        removed(replace(SHOT, snapshot="other"), named=SHOT.names)
    with pytest.raises(Refused, match="in use by a container"):
        removed(SHOT, used=SHOT.names, named=SHOT.names)


@pytest.mark.parametrize(
    ("created", "written", "word"),
    [
        ("2025-10-01T00:00:00Z", False, "python3"),
        ("2025-11-20T00:00:00Z", False, "sglang"),
        ("1980-01-01T00:00:01Z", False, "sglang"),
        ("2025-10-01T00:00:00Z", True, "sglang"),
    ],
)
def test_an_image_here_that_is_older_than_its_tag_promises_is_launched_the_older_way(
    created: str, written: bool, word: str
) -> None:
    wanted = make_wanted(command=None, server=Server("m", launcher=("sglang", "serve")))
    wanted = replace(wanted, origins={"server.launcher": at(4)} if written else {})
    observation = make_observation(local={IMAGE: LocalImage(IMAGE_ID, created=created)})
    (created_step,) = plan_up([wanted], observation, project(), Choices()).steps("create")
    assert created_step.spec is not None
    assert created_step.spec.command is not None
    assert created_step.spec.command[0] == word
