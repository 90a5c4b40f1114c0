"""The tags that advice names: only those of the table, and none for a release that has no further image."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sglaunch.spec.reference import is_reference
from sglaunch.spec.sglang_images import FACTS, LOOKED_UP, OLD_DRIVER_HINT, cuda_12_image

ROOT = Path(__file__).resolve().parents[2]
LAST = "lmsysorg/sglang:v0.5.19-cu129"
INSTEAD = {
    "lmsysorg/sglang": LAST,
    "lmsysorg/sglang:latest": LAST,
    "lmsysorg/sglang:dev": LAST,
    "lmsysorg/sglang:v0.5.23": LAST,
    "lmsysorg/sglang:v0.5.20-runtime": LAST,
    "lmsysorg/sglang:v0.5.12rc0": LAST,
    "lmsysorg/sglang:v0.5.19": LAST,
    "lmsysorg/sglang:v0.5.11-cu130": "lmsysorg/sglang:v0.5.11-cu129",
    "lmsysorg/sglang:v0.5.13.post1": "lmsysorg/sglang:v0.5.13.post1-cu129",
    f"lmsysorg/sglang:v0.5.18@sha256:{'a' * 64}": "lmsysorg/sglang:v0.5.18-cu129",
    "docker.m.daocloud.io/lmsysorg/sglang:latest": "docker.m.daocloud.io/lmsysorg/sglang:v0.5.19-cu129",
    "lmsysorg/sglang:v0.5.8-cu130-runtime": "lmsysorg/sglang:v0.5.8",
    "lmsysorg/sglang:v0.5.8": "",
    "lmsysorg/sglang:v0.5.10.post1": "",
    "lmsysorg/sglang:latest-cu129": "",
    "lmsysorg/sglang:dev-cu12": "",
    "team/made:1": "",
    "nvcr.io/nvidia/sglang:25.12-py3": "",
}


@pytest.mark.parametrize("image", INSTEAD)
def test_the_image_for_cuda_12(image: str) -> None:
    assert cuda_12_image(image) == INSTEAD[image]


def test_every_fact_has_its_source_and_images_are_images() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", LOOKED_UP)
    assert all(fact.source and fact.value for fact in FACTS.values())
    assert all(is_reference(FACTS[name].value) for name in ("rocm", "npu", "cpu", "xpu"))
    assert LAST in OLD_DRIVER_HINT


def test_no_advice_outside_the_table_names_a_tag_by_its_suffix() -> None:
    texts = [*ROOT.glob("sglaunch/**/*.py"), *ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "README.zh-CN.md"]
    for path in texts:
        found = re.findall(r"[\w.-]*-(?:cu1\d\d?|rocm\d+|xeon|xpu)\b[\w.-]*", path.read_text(encoding="utf-8"))
        named = {tag for tag in found if path.name not in ("sglang_images.py", "reference.py")}
        assert named <= {fact.value.rpartition(":")[2] for fact in FACTS.values()}, path
