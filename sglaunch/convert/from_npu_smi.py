"""Ascend NPUs from the table of `npu-smi info`; pure.

A device has two rows. The first begins with the number of the NPU and its name, the second with that of the chip in it
and, where an NPU has several, the chip's physical number; it ends with the HBM used and in all, in MB. A second table
has the processes by NPU and chip, with the pid of the host. Ascend 950 has a column less and no chips.
(Tables of npu-smi 21.0 to 26.0, and `print_total_info_header_v1` and `_950` of npu-smi's source.)

/dev/davinciN is the device of physical number N, which is that of the NPU where each has one chip: an Atlas 800 A2 has
davinci0 to 7, an A3 with two chips an NPU davinci0 to 15 (docs.sglang.io, Ascend quick start). Together with
/dev/davinci_manager, /dev/devmm_svm and /dev/hisi_hdc it gives a container that device alone
(docs.vllm.ai/projects/ascend, quick start).
"""

from __future__ import annotations

import re

from sglaunch.convert.listing import Listing
from sglaunch.plan.observation import Gpu, GpuProcess

_MIB = 1 << 20
_NPU = re.compile(r"\|\s*(\d+)\s+(?:\|\s*)?(\w*[A-Za-z][\w-]*)\s*\|\s*([A-Za-z]\w*)\s*\|")
_CHIP = re.compile(r"\|\s*(?:(\d+)(?:\s+(\d+))?)?\s*\|(?:\s*\|)?\s*\S+\s*\|\s*(\S+)\s.*?(\d+)\s*/\s*(\d+)\s*\|\s*$")
_PROCESS = re.compile(r"\|\s*(\d+)(?:\s+(\d+))?\s*\|\s*(\d+)\s*\|\s*([^|]*?)\s*\|\s*(\d+)\s*\|")


def devices(listing: Listing, table: str) -> tuple[Gpu, ...]:
    """The devices that the table lists and /dev has; none where the two do not agree."""
    processes: dict[tuple[str, str], list[GpuProcess]] = {}
    for npu, chip, pid, name, memory in (
        found.groups() for line in table.splitlines() if (found := _PROCESS.match(line))
    ):
        processes.setdefault((npu, chip or "0"), []).append(GpuProcess(int(pid), name, memory=int(memory) * _MIB))
    gpus: list[Gpu] = []
    npu = model = ""
    for line in table.splitlines():
        if first := _NPU.match(line):
            npu, model = first[1], first[2]
        elif npu and (second := _CHIP.match(line)):
            chip, physical, use, used, total = second.groups()
            node = f"davinci{physical or npu}"
            if node not in listing.nodes:
                return ()
            gpus.append(
                Gpu(
                    index=int(physical or npu),
                    uuid=node,
                    model=model if model.startswith("Ascend") else f"Ascend {model}",
                    memory_total=int(total) * _MIB,
                    memory_free=(int(total) - int(used)) * _MIB,
                    utilisation=int(use) if use.isdecimal() else None,
                    processes=tuple(processes.get((npu, chip or "0"), ())),
                    nodes=(listing.nodes[node],),
                    vendor="ascend",
                )
            )
    return tuple(gpus)
