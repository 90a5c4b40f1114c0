"""The images that SGLang publishes, each fact with its source; pure. Advice takes image tags from here alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sglaunch.plain import Struct, replace
from sglaunch.spec.reference import parse

LOOKED_UP = "2026-11-28"


class Fact(Struct, frozen=True):
    """A version, tag or image, and where it was read on the day of LOOKED_UP."""

    value: str
    source: str


_INSTALL = "docs.sglang.io/docs/get-started/install"
_WORKFLOWS = "github.com/sgl-project/sglang/.github/workflows"
FACTS: Mapping[str, Fact] = {
    "first release for CUDA 13": Fact("v0.5.11", f"{_INSTALL}; before it a plain tag is for CUDA 12"),
    "suffix for CUDA 12": Fact("-cu129", f"{_WORKFLOWS}/release-docker.yml: v0.5.18-cu129 beside v0.5.18"),
    "last tag for CUDA 12": Fact("v0.5.19-cu129", _INSTALL),
    "rocm": Fact(
        "lmsysorg/sglang-rocm:v0.5.15.post1-rocm720-mi30x-20260718",
        f"{_WORKFLOWS}/release-docker-amd.yml: rocm720-mi30x (MI300, MI325) and rocm720-mi35x (MI350), always dated",
    ),
    "npu": Fact("quay.io/ascend/sglang:main-cann9.0.0-a3", "docs.sglang.io/docs/hardware-platforms/ascend-npus"),
    "cpu": Fact("lmsysorg/sglang:v0.5.23-xeon", f"{_WORKFLOWS}/release-docker-xeon.yml: one for each release"),
    "xpu": Fact("lmsysorg/sglang:v0.5.23-xpu", "github.com/sgl-project/sglang/pull/37340: one for each release"),
    "first Docker with --gpus by CDI": Fact("28.3", "github.com/moby/moby/pull/50228: nvidia-cdi-hook is enough"),
}

CUDA_12_IMAGE = f"lmsysorg/sglang:{FACTS['last tag for CUDA 12'].value}"
OLD_DRIVER_HINT = f"update the driver; or take an image for its CUDA: {CUDA_12_IMAGE} is SGLang's last for CUDA 12"


def cuda_12_image(image: str) -> str:
    """The image for CUDA 12 to take in place of one for CUDA 13; "" where it is none of SGLang's or not for CUDA 13."""
    try:
        reference = parse(image)
    except ValueError:
        return ""
    tag, last = reference.tag, FACTS["last tag for CUDA 12"].value
    if not f"/{reference.repository}".endswith("/lmsysorg/sglang") or "-cu12" in tag:
        return ""
    release = re.match(r"v\d+(\.\d+)+(\.post\d+)?(?![\w.])", tag)
    suffix = FACTS["suffix for CUDA 12"].value
    if release and _number(release[0]) < _number(FACTS["first release for CUDA 13"].value):
        return replace(reference, tag=release[0], digest="").familiar if "-cu13" in tag else ""
    own = f"{release[0]}{suffix}" if release and _number(release[0]) <= _number(last.removesuffix(suffix)) else last
    return replace(reference, tag=own, digest="").familiar


def _number(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release))
