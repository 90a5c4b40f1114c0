"""Intel GPUs from the files of the drivers xe and i915; pure.

Files and their meaning, by path below /sys/class/drm:
- renderD*/device/uevent and card*/device/uevent: `DRIVER`, `PCI_ID` and `PCI_SLOT_NAME`;
- renderD*/device/tile*/physical_vram_size_bytes of xe (igt-gpu-tools tests/intel/xe_sysfs_tile.c), and
  card*/lmem_total_bytes of Intel's packaged i915 (intel-device-plugins-for-kubernetes). The i915 of the kernel itself
  tells no size: the memory is then unknown, and 0 here.
- /proc/PID/fdinfo/N: `drm-pdev`, and memory as `drm-resident-vram0` (xe) or `drm-resident-local0` (i915)
  (docs.kernel.org/gpu/drm-usage-stats.html). Those of other users are for root alone.

The graphics of a processor, at 0000:00:02.0, do not count: they have no memory of their own. A container gets one card
by its render node and its card node (intel/llm-scaler vllm/README.md, "Mapping a Single GPU").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sglaunch.convert.listing import Listing, number, read
from sglaunch.plain import replace
from sglaunch.plan.observation import Gpu, GpuProcess

_DRM = "class/drm"
_DRIVERS = ("xe", "i915")
_INTEGRATED = "0000:00:02.0"
_MEMORY = re.compile(r"^drm-resident-(?:vram|local)\d+:\s*(\d+) KiB$", re.MULTILINE)


def devices(listing: Listing, clients: str) -> tuple[Gpu, ...]:
    """The cards whose render node is in /dev. `clients`: the lines `drm-*` of /proc/PID/fdinfo/N, with their path."""
    open_files = read(clients).files
    found = [_gpu(listing, name, open_files) for name in sorted(listing.nodes, key=_order) if _is_intel(listing, name)]
    discrete = [gpu for gpu in found if gpu.uuid != _INTEGRATED]
    return tuple(replace(gpu, index=index) for index, gpu in enumerate(discrete))


def _order(node: str) -> tuple[int, str]:
    return (int("".join(re.findall(r"\d", node)) or 0), node)


def _is_intel(listing: Listing, node: str) -> bool:
    lines = listing.files.get(f"{_DRM}/{node}/device/uevent", "").splitlines()
    is_driven = any(f"DRIVER={driver}" in lines for driver in _DRIVERS)
    return node.startswith("renderD") and is_driven and any(line.startswith("PCI_ID=8086:") for line in lines)


def _gpu(listing: Listing, node: str, open_files: Mapping[str, str]) -> Gpu:
    device = f"{_DRM}/{node}/device"
    address = listing.pci_address(f"{device}/uevent")
    cards = [
        name
        for name in listing.nodes
        if name.startswith("card") and listing.pci_address(f"{_DRM}/{name}/device/uevent") == address
    ]
    sizes = [path for path in listing.files if re.fullmatch(rf"{device}/tile\d+/physical_vram_size_bytes", path)]
    total = sum(listing.number(path) or 0 for path in sizes or [f"{_DRM}/{card}/lmem_total_bytes" for card in cards])
    processes = tuple(_processes(open_files, address))
    found = re.search(r"^PCI_ID=8086:(\w+)$", listing.files[f"{device}/uevent"], re.MULTILINE)
    return Gpu(
        index=0,
        uuid=address,
        model=f"Intel GPU {found[1].lower() if found else ''}".strip(),
        memory_total=total,
        memory_free=max(total - sum(one.memory for one in processes), 0),
        processes=processes,
        nodes=tuple(listing.nodes[name] for name in (*cards, node)),
        vendor="intel",
    )


def _processes(open_files: Mapping[str, str], address: str) -> Iterator[GpuProcess]:
    """Those that have memory there. A file that was opened twice is one client."""
    clients: dict[tuple[int, str], int] = {}
    for path, text in open_files.items():
        pid = number(path.partition("/")[0])
        fields = {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
        if pid and fields.get("drm-pdev", "").lower() == address:
            clients[pid, fields.get("drm-client-id", path)] = 1024 * sum(map(int, _MEMORY.findall(text)))
    for pid in sorted({pid for pid, _ in clients}):
        memory = sum(size for (one, _), size in clients.items() if one == pid)
        if memory:
            yield GpuProcess(pid, memory=memory)
