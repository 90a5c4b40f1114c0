"""Numbers that a program inside chooses devices by count those that the container sees, not those of the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.config.load import Request, load

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}


@pytest.mark.parametrize(
    ("lines", "variables", "found"),
    [
        ("gpus: all", "CUDA_VISIBLE_DEVICES: '0,1'", ""),
        ("gpus: all", "CUDA_VISIBLE_DEVICES: '6,7', NVIDIA_VISIBLE_DEVICES: all", ""),
        ("gpus: 2", "CUDA_VISIBLE_DEVICES: '0,1'", ""),
        ("gpus: 2", "CUDA_VISIBLE_DEVICES: '1, 2 ,3'", "2, 3 selects no device: the container sees 2, numbered 0 to 1"),
        ("gpus: [4]", "CUDA_VISIBLE_DEVICES: 4", "4 selects no device: the container sees 1, numbered 0"),
        ("gpus: [4, GPU-b]", "CUDA_VISIBLE_DEVICES: 1", ""),
        ("gpus: ['4,5']", "CUDA_VISIBLE_DEVICES: 1", ""),
        ("gpus: ['4,5']", "CUDA_VISIBLE_DEVICES: 2", "2 selects no device: the container sees 2"),
        ("gpus: {count: 2, min_free: 1g}", "CUDA_VISIBLE_DEVICES: 7", "7 selects no device"),
        ("gpus: 2", "CUDA_VISIBLE_DEVICES: GPU-8932f937-d72c", ""),
        ("gpus: 2", "CUDA_VISIBLE_DEVICES: '-1'", ""),
        ("gpus: 2", "CUDA_VISIBLE_DEVICES: ''", ""),
        ("gpus: 2", "CUDA_VISIBLE_DEVICES: null", ""),
        ("", "CUDA_VISIBLE_DEVICES: '6,7'", ""),
        ("runtime: nvidia", "CUDA_VISIBLE_DEVICES: 2, NVIDIA_VISIBLE_DEVICES: '2,3'", "2 selects no device"),
        ("runtime: nvidia", "CUDA_VISIBLE_DEVICES: '0,1', NVIDIA_VISIBLE_DEVICES: '2,3'", ""),
        ("runtime: nvidia", "CUDA_VISIBLE_DEVICES: 2, NVIDIA_VISIBLE_DEVICES: all", ""),
        ("runtime: nvidia", "CUDA_VISIBLE_DEVICES: 2, NVIDIA_VISIBLE_DEVICES: void", ""),
        ("gpus: 2", "NVIDIA_VISIBLE_DEVICES: '2,3'", "has no effect beside gpus"),
        ("gpus: 2", "HIP_VISIBLE_DEVICES: 2", "2 selects no device"),
        ("gpus: 2", "ASCEND_RT_VISIBLE_DEVICES: '0,8'", "8 selects no device"),
        ("gpus: 2", "ZE_AFFINITY_MASK: '1.1,2.0'", "2.0 selects no device"),
    ],
)
def test_only_a_number_that_the_container_lacks_is_warned_of(
    tmp_path: Path, lines: str, variables: str, found: str
) -> None:
    file = tmp_path / "sglaunch.yaml"
    text = f"profiles:\n  a:\n    image: x\n    environment: {{{variables}}}\n    {lines}\n"
    file.write_text(text, encoding="utf-8")
    warnings = load(Request(file, FACTS, {"SGLAUNCH_SITE_CONFIG": "/nonexistent"}), ["a"]).warnings
    assert [(one.place.line if one.place else 0, found in one.message) for one in warnings] == (
        [(4, True)] if found else []
    )
