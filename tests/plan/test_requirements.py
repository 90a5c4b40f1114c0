"""An image against NVIDIA's driver: what cannot start is refused before anything is touched, what is unknown is not."""

from __future__ import annotations

from typing import Any

import pytest
from builders import IMAGE, IMAGE_ID, at, make_container, make_observation, make_wanted, project

from sglaunch.plan.capabilities import known
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import Driver, LocalImage
from sglaunch.plan.reconcile import plan_up
from sglaunch.plan.requirements import is_met, unmet
from sglaunch.spec.values import Device, Gpus

DRIVER = Driver((12, 8), "570.133.20")
OLD = "brand=unknown,driver>=535,driver<536 brand=tesla,driver>=535,driver<536"
NEEDS = {"NVIDIA_REQUIRE_CUDA": f"cuda>=13.0 {OLD}", "CUDA_VERSION": "13.0.1"}

# Rule, driver's CUDA and version -> whether it is met, None where that is not known.
RULES = [
    ("cuda>=12.8", (12, 8), "570.1", True),
    ("cuda>=12.9", (12, 8), "570.1", False),
    ("cuda>=9.0", (12, 8), "", True),
    ("cuda<13", (12, 8), "", True),
    (f"cuda>=13.0 {OLD}", (12, 8), "570.133.20", False),
    (f"cuda>=13.0 {OLD}", (12, 2), "535.104.05", None),
    (f"cuda>=13.0 {OLD}", (12, 2), "", None),
    ("cuda>=12.0,driver>=600", (12, 8), "570.1", False),
    ("brand=tesla,cuda>=13", (12, 8), "570.1", False),
    ("arch>=9.0", (12, 8), "570.1", None),
    ("no rule", (12, 8), "570.1", None),
    ("", (12, 8), "570.1", True),
]


@pytest.mark.parametrize(("rule", "cuda", "version", "met"), RULES)
def test_a_rule_is_read_as_the_toolkit_reads_it(
    rule: str, cuda: tuple[int, ...], version: str, met: bool | None
) -> None:
    assert is_met(rule, Driver(cuda, version)) is met


def found(image: dict[str, str], *, here: bool = True, **options: Any) -> tuple[int, int]:
    """How many problems and warnings there are."""
    seen = {"driver": DRIVER, "engine": known("docker", "28.5.2"), **options.pop("seen", {})}
    local = {IMAGE: LocalImage(IMAGE_ID, required=image)} if here else {}
    observation = make_observation(local=local, required={} if here else {IMAGE: image}, **seen)
    problems, warnings = unmet(make_wanted(**{"gpus": Gpus(-1), **options}), observation)
    return len(problems), len(warnings)


CASES: dict[str, tuple[dict[str, str], dict[str, Any], tuple[int, int]]] = {
    "unmet": (NEEDS, {}, (1, 0)),
    "unmet, not here": (NEEDS, {"here": False}, (1, 0)),
    "NVIDIA's runtime": (NEEDS, {"gpus": None, "runtime": "nvidia"}, (1, 0)),
    "a CDI device": (NEEDS, {"gpus": None, "devices": {"nvidia.com/gpu=0": Device("nvidia.com/gpu=0")}}, (1, 0)),
    "Podman gives GPUs by CDI, where nothing checks": (NEEDS, {"seen": {"engine": known("podman", "5.2.0")}}, (0, 1)),
    "no GPU": (NEEDS, {"gpus": None}, (0, 0)),
    "driver unknown": (NEEDS, {"seen": {"driver": Driver()}}, (0, 0)),
    "image unknown": ({}, {}, (0, 0)),
    "met": ({"NVIDIA_REQUIRE_CUDA": "cuda>=12.4"}, {}, (0, 0)),
    "a version alone": ({"CUDA_VERSION": "12.9.1"}, {}, (0, 1)),
    "a version alone, met": ({"CUDA_VERSION": "12.8.1"}, {}, (0, 0)),
    "a version above the rule": ({"CUDA_VERSION": "13.0", "NVIDIA_REQUIRE_CUDA": "cuda>=12.0"}, {}, (0, 0)),
    "another rule": ({"NVIDIA_REQUIRE_DRIVER": "driver>=580"}, {}, (1, 0)),
    "disabled by the profile": (NEEDS, {"environment": {"NVIDIA_DISABLE_REQUIRE": "1"}}, (0, 0)),
    "disabled by the image": ({**NEEDS, "NVIDIA_DISABLE_REQUIRE": "true"}, {}, (0, 0)),
    "not disabled": (NEEDS, {"environment": {"NVIDIA_DISABLE_REQUIRE": "0"}}, (1, 0)),
    "replaced by the profile": (NEEDS, {"environment": {"NVIDIA_REQUIRE_CUDA": "cuda>=12.0"}}, (0, 0)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_the_driver_cannot_run(name: str) -> None:
    image, options, counts = CASES[name]
    assert found(image, **options) == counts


@pytest.mark.parametrize("there", [False, True])
def test_it_is_refused_at_the_image_with_what_is_needed_found_and_fits(there: bool) -> None:
    image = "lmsysorg/sglang:latest"
    wanted = make_wanted(image=image, gpus=Gpus(-1), origins={"image": at(3)}, recreate="always", protect=False)
    observation = make_observation(
        *([make_container(make_wanted(gpus=Gpus(-1)))] if there else []),
        images={image: None},
        required={image: NEEDS},
        driver=DRIVER,
    )
    (plan,) = plan_up([wanted], observation, project(), Choices()).containers
    (problem,) = plan.problems
    assert (str(problem.place), problem.path) == ("sglaunch.yaml:3:5", "image")
    assert problem.message == f"{image} needs cuda>=13.0; the NVIDIA driver 570.133.20 has CUDA 12.8"
    assert "take lmsysorg/sglang:v0.5.19-cu129" in problem.hint
