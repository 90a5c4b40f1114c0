"""AMD GPUs from the files of the kernel's compute driver (KFD) and of amdgpu; pure.

Files and their meaning, by path below /sys:
- class/kfd/kfd/topology/nodes/N: `gpu_id`, 0 for a CPU; `properties`, lines of `name value` with `drm_render_minor`,
  `unique_id`, `gfx_target_version`; `mem_banks/*/properties`, whose `heap_type` 1 or 2 is the GPU's own memory
  (linux drivers/gpu/drm/amd/amdkfd/kfd_topology.c; hsakmttypes.h of ROCR-Runtime);
- class/kfd/kfd/proc/PID/vram_GPUID: bytes that a process has there, 0 for a GPU that it does not use
  (amdkfd/kfd_process.c);
- class/drm/renderD*/device: `mem_info_vram_total`, `mem_info_vram_used`, `gpu_busy_percent`, `product_name` of server
  cards, and `uevent` with the PCI address (docs.kernel.org/gpu/amdgpu/driver-misc.html).

The order is that of the nodes, as HIP counts, and an id is `GPU-` with 16 hexadecimal digits, as rocminfo shows it.
`/dev/kfd` and a card's render node give a container that card alone ("Restricting GPU access",
rocm.docs.amd.com/projects/install-on-linux/en/latest/how-to/docker.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sglaunch.convert.listing import Listing, number
from sglaunch.plan.observation import Gpu, GpuProcess

_KFD = "class/kfd/kfd"
_OWN_MEMORY = ("1", "2")


def devices(listing: Listing, names: str) -> tuple[Gpu, ...]:
    """The GPUs whose render node is in /dev. `names`: the answer of `amd-smi static --asic --bus --json`, or ""."""
    rows = [row for row in _nodes(listing) if f"renderD{row['drm_render_minor']}" in listing.nodes]
    ids = [row.get("unique_id", "0") for row in rows]
    by_address = _market_names(names)
    return tuple(
        _gpu(
            listing,
            index,
            row,
            row.get("unique_id", "0") if ids.count(row.get("unique_id", "0")) == 1 else "0",
            by_address,
        )
        for index, row in enumerate(rows)
    )


def _nodes(listing: Listing) -> Iterator[Mapping[str, str]]:
    """The properties of each GPU, with its `node` and `gpu_id`, in order."""
    numbers = {int(found[1]) for path in listing.files if (found := re.search(r"topology/nodes/(\d+)/gpu_id$", path))}
    for node in sorted(numbers):
        path = f"{_KFD}/topology/nodes/{node}"
        row = _properties(listing, f"{path}/properties")
        gpu_id = listing.files[f"{path}/gpu_id"]
        if number(gpu_id) and number(row.get("drm_render_minor", "")):
            yield {**row, "node": path, "gpu_id": gpu_id}


def _properties(listing: Listing, path: str) -> dict[str, str]:
    pairs = (line.split(None, 1) for line in listing.files.get(path, "").splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def _gpu(listing: Listing, index: int, row: Mapping[str, str], unique_id: str, names: Mapping[str, str]) -> Gpu:
    node = f"renderD{row['drm_render_minor']}"
    device = f"class/drm/{node}/device"
    address = listing.pci_address(f"{device}/uevent")
    processes = tuple(_processes(listing, row["gpu_id"]))
    total = listing.number(f"{device}/mem_info_vram_total") or _bank_bytes(listing, row["node"])
    used = listing.number(f"{device}/mem_info_vram_used")
    used = sum(one.memory for one in processes) if used is None else used
    return Gpu(
        index=index,
        uuid=f"GPU-{int(unique_id):016x}" if number(unique_id) else address or node,
        model=listing.files.get(f"{device}/product_name", "") or names.get(address) or _architecture(row),
        memory_total=total,
        memory_free=max(total - used, 0),
        utilisation=listing.number(f"{device}/gpu_busy_percent"),
        processes=processes,
        nodes=(listing.nodes[node],),
        vendor="amd",
    )


def _bank_bytes(listing: Listing, node: str) -> int:
    """What a part of a partitioned card has: its render node shows no memory."""
    banks = [_properties(listing, path) for path in listing.files if path.startswith(f"{node}/mem_banks/")]
    return sum(number(bank.get("size_in_bytes", "")) for bank in banks if bank.get("heap_type") in _OWN_MEMORY)


def _processes(listing: Listing, gpu_id: str) -> Iterator[GpuProcess]:
    for path, text in listing.files.items():
        found = re.fullmatch(rf"{_KFD}/proc/(\d+)/vram_{gpu_id}", path)
        if found and number(text):
            yield GpuProcess(int(found[1]), memory=number(text))


def _architecture(row: Mapping[str, str]) -> str:
    """90402 is gfx942, 90010 gfx90a."""
    version = number(row.get("gfx_target_version", ""))
    return f"AMD gfx{version // 10000}{version // 100 % 100:x}{version % 100:x}" if version else "AMD GPU"


def _market_names(text: str) -> dict[str, str]:
    """By PCI address. The answer is a list, from ROCm 7 on under `gpu_data`."""
    try:
        data: Any = json.loads(text)
        rows = data["gpu_data"] if isinstance(data, dict) else data
        return {str(row["bus"]["bdf"]).lower(): str(row["asic"]["market_name"]) for row in rows}
    except (ValueError, TypeError, KeyError):
        return {}
