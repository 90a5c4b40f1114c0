"""What `nvidia-smi` lists, as devices; pure. For a machine whose NVML is out of reach."""

from __future__ import annotations

import re

from sglaunch.plan.observation import Driver, Gpu, GpuProcess

GPU_FIELDS = "index,uuid,name,memory.total,memory.free,utilization.gpu"
PROCESS_FIELDS = "gpu_uuid,pid,process_name,used_memory"
_MIB = 1 << 20


def devices(gpus: str, processes: str) -> tuple[Gpu, ...]:
    """Lines of `--query-gpu` and `--query-compute-apps` with `--format=csv,noheader,nounits`; memory is in MiB."""
    running: dict[str, list[GpuProcess]] = {}
    for uuid, pid, name, memory in _rows(processes, 4):
        running.setdefault(uuid, []).append(GpuProcess(_number(pid), name.rpartition("/")[2], "", "", _mib(memory)))
    return tuple(
        Gpu(
            _number(index),
            uuid,
            name,
            _mib(total),
            _mib(free),
            _number(use) if use.isdecimal() else None,
            tuple(running.get(uuid, ())),
            (f"/dev/nvidia{index}",),
        )
        for index, uuid, name, total, free, use in _rows(gpus, 6)
    )


def driver(text: str) -> Driver:
    """The driver that `nvidia-smi -q` shows."""
    found = dict(re.findall(r"^(Driver|CUDA) Version\s*:\s*(\d[\d.]*)", text, re.MULTILINE))
    return Driver(tuple(int(part) for part in found.get("CUDA", "").split(".") if part), found.get("Driver", ""))


def _rows(text: str, columns: int) -> list[list[str]]:
    rows = ([cell.strip() for cell in line.split(",")] for line in text.splitlines())
    return [row for row in rows if len(row) == columns]


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _mib(text: str) -> int:
    return _number(text) * _MIB
