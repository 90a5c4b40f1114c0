"""Cards of AMD, Ascend and Intel are read from a tree of files and from stand-ins of the vendors' programs."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from sglaunch.engine import vendors
from sglaunch.engine.machine import Server
from sglaunch.plan.observation import Gpu, GpuProcess

GIB, MIB = 1 << 30, 1 << 20
KFD = "sys/class/kfd/kfd"


class World:
    """A machine in a folder: /sys, /proc and /dev, and the only programs that there are."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.bin = root, root / "bin"
        for name in ("sys", "proc", "dev/dri", "bin"):
            (root / name).mkdir(parents=True)
        for tool in ("sh", "grep", "cat", "printf", "xargs"):
            (self.bin / tool).symlink_to(next(p for p in (Path("/bin", tool), Path("/usr/bin", tool)) if p.exists()))
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setattr(vendors, "ROOTS", tuple(str(root / name) for name in ("sys", "proc", "dev")))

    def write(self, files: Mapping[str, object]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n", encoding="utf-8")

    def nodes(self, *names: str) -> list[str]:
        self.write({f"dev/{name}": "" for name in names})
        return [str(self.root / "dev" / name) for name in names]

    def program(self, name: str, answer: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def cards(self, accelerator: str) -> tuple[Gpu, ...]:
        found, problem = vendors.devices(accelerator)
        assert found is not None, problem
        assert problem == ""
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path / "world", monkeypatch)


# AMD


def amd(world: World, node: int, minor: int, **changes: object) -> None:
    """A card as KFD and amdgpu show it."""
    rows = {"simd_count": 304, "unique_id": 0xABC0 + node, "gfx_target_version": 90402, "drm_render_minor": minor}
    rows |= {key: value for key, value in changes.items() if key in rows}
    device, topology = f"sys/class/drm/renderD{minor}/device", f"{KFD}/topology/nodes/{node}"
    world.write(
        {
            f"{topology}/gpu_id": 1000 + node,
            f"{topology}/properties": "\n".join(f"{key} {value}" for key, value in rows.items()),
            f"{device}/uevent": f"DRIVER=amdgpu\nPCI_ID=1002:74A1\nPCI_SLOT_NAME=0000:{minor - 100}:00.0",
            f"{device}/mem_info_vram_total": 192 * GIB,
            f"{device}/mem_info_vram_used": changes.get("used", 0),
            f"{device}/gpu_busy_percent": 7,
        }
    )


def test_amd_cards_are_those_of_kfd_with_a_render_node(world: World) -> None:
    world.write({f"{KFD}/topology/nodes/0/gpu_id": 0, f"{KFD}/topology/nodes/0/properties": "cpu_cores_count 96"})
    amd(world, 1, 129, used=10 * GIB)
    amd(world, 2, 128)
    amd(world, 10, 130)
    world.write({"sys/class/drm/renderD129/device/product_name": "AMD Instinct MI300X"})
    world.write({f"{KFD}/proc/{os.getpid()}/vram_1001": 9 * GIB, f"{KFD}/proc/{os.getpid()}/vram_1002": 0})
    nodes = world.nodes("dri/renderD128", "dri/renderD129", "dri/card0")
    first, second = world.cards("rocm")
    assert (first.index, first.uuid, first.nodes, first.vendor) == (0, "GPU-000000000000abc1", (nodes[1],), "amd")
    assert (first.model, first.utilisation) == ("AMD Instinct MI300X", 7)
    assert (first.memory_total, first.memory_free, first.idle) == (192 * GIB, 182 * GIB, False)
    (process,) = first.processes
    assert (process.pid, process.memory) == (os.getpid(), 9 * GIB)
    assert process.name, "told as a process of this machine"
    assert (second.index, second.nodes, second.processes, second.idle) == (1, (nodes[0],), (), True)
    assert second.model == "AMD gfx942"


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_name_of_an_amd_card_that_sysfs_lacks_is_asked_of_amd_smi(world: World, wrapped: bool) -> None:
    amd(world, 1, 128)
    world.nodes("dri/renderD128")
    row = '[{"gpu": 0, "asic": {"market_name": "AMD Radeon PRO W7900"}, "bus": {"bdf": "0000:28:00.0"}}]'
    world.program("amd-smi", f'{{"gpu_data": {row}}}' if wrapped else row)
    assert [gpu.model for gpu in world.cards("rocm")] == ["AMD Radeon PRO W7900"]


def test_parts_of_one_amd_card_have_ids_and_memory_of_their_own(world: World) -> None:
    for node, minor in ((1, 128), (2, 129)):
        amd(world, node, minor, unique_id=77)
    for name in ("mem_info_vram_total", "mem_info_vram_used", "uevent"):
        (world.root / "sys/class/drm/renderD129/device" / name).unlink()
    bank = f"{KFD}/topology/nodes/2/mem_banks"
    world.write({f"{bank}/0/properties": f"heap_type 1\nsize_in_bytes {24 * GIB}"})
    world.write({f"{bank}/1/properties": "heap_type 4\nsize_in_bytes 4096", f"{KFD}/proc/5/vram_1002": 4 * GIB})
    world.nodes("dri/renderD128", "dri/renderD129")
    first, second = world.cards("rocm")
    assert [first.uuid, second.uuid] == ["0000:28:00.0", "renderD129"]
    assert (second.memory_total, second.memory_free) == (24 * GIB, 20 * GIB)


# Ascend

LINE = "+---------------------------+---------------+----------------------------------------------------+"
HEAD = f"""{LINE}
| npu-smi 24.1.0                   Version: 24.1.0                                               |
{LINE}
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
{LINE}
"""
A2 = f"""{HEAD}| 0     910B3               | OK            | 101.8       43                0    / 0             |
| 0                         | 0000:C1:00.0  | 3           0    / 0          59356/ 65536         |
{LINE}
| 1     910B3               | Warning       | 92.0        39                0    / 0             |
| 0                         | 0000:C2:00.0  | 0           0    / 0          3314 / 65536         |
{LINE}
| NPU     Chip              | Process id    | Process name       | Process memory(MB)    |
{LINE}
| 0       0                 | 4117          | python3            | 56000                 |
| No running processes found in NPU 1                                                            |
{LINE}"""
A3 = f"""{HEAD}| 1     Ascend910           | OK            | 160.7       45                0    / 0             |
| 0     2                   | 0000:9D:00.0  | 0           0    / 0          3103 / 65536         |
{LINE}
| 1     Ascend910           | OK            | -           45                0    / 0             |
| 1     3                   | 0000:9F:00.0  | 0           0    / 0          2886 / 65536         |
{LINE}
| NPU     Chip              | Process id    | Process name       | Process memory(MB)    | Process id in container |
| 1       1                 | 77            | VLLMWorker_TP      | 100                   | 12                      |"""
A5 = """| NPU ID | Name             | Health        | Power(W)    Temp(C)           Hugepages-Usage(page) |
|        |                  | Bus-Id        | NPU Util(%) Memory-Usage(MB)  HBM-Usage(MB)         |
| 0      | Ascend950DT      | OK            | 100.0       40                0    / 0              |
|        |                  | NA            | 20          0    / 0          1024 / 98304          |
| NPU ID | Process id | Process name | Process memory(MB) | Process id in container |
| 0      | 1001       | python       | 256                | NA                      |"""


@pytest.mark.parametrize(
    ("table", "found"),
    [
        (A2, [(0, "davinci0", "Ascend 910B3", 6180, 4117), (1, "davinci1", "Ascend 910B3", 62222, None)]),
        (A3, [(2, "davinci2", "Ascend910", 62433, None), (3, "davinci3", "Ascend910", 62650, 77)]),
        (A5, [(0, "davinci0", "Ascend950DT", 97280, 1001)]),
    ],
)
def test_ascend_devices_are_those_of_npu_smi_in_each_of_its_tables(
    world: World, table: str, found: list[tuple[object, ...]]
) -> None:
    world.program("npu-smi", table)
    world.nodes(*(f"davinci{number}" for number in range(16)), "davinci_manager", "hisi_hdc")
    cards = world.cards("npu")
    told = [
        (one.index, one.uuid, one.model, one.memory_free // MIB, one.processes[0].pid if one.processes else None)
        for one in cards
    ]
    assert told == found
    assert [one.nodes for one in cards] == [(f"{world.root}/dev/{one.uuid}",) for one in cards]
    assert {one.vendor for one in cards} == {"ascend"}


def test_ascend_devices_whose_numbers_are_not_those_in_dev_are_not_counted(world: World) -> None:
    world.program("npu-smi", A2.replace("| 1     910B3", "| 4     910B3"))
    world.nodes("davinci0", "davinci1")
    assert vendors.devices("npu")[0] is None


# Intel


def intel(world: World, minor: int, card: int, slot: str, driver: str = "xe", vendor: str = "8086") -> None:
    text = f"DRIVER={driver}\nPCI_ID={vendor}:E20B\nPCI_SLOT_NAME={slot}"
    for name in (f"renderD{minor}", f"card{card}"):
        world.write({f"sys/class/drm/{name}/device/uevent": text})
        world.nodes(f"dri/{name}")


def test_intel_cards_are_the_discrete_ones_with_both_nodes(world: World) -> None:
    intel(world, 128, 0, "0000:00:02.0", "i915")
    intel(world, 129, 2, "0000:03:00.0")
    intel(world, 130, 1, "0000:04:00.0", "i915")
    intel(world, 131, 3, "0000:05:00.0", "amdgpu", "1002")
    world.write({f"sys/class/drm/renderD129/device/tile{tile}/physical_vram_size_bytes": 8 * GIB for tile in (0, 1)})
    world.write({"sys/class/drm/card1/lmem_total_bytes": 4 * GIB})
    client = "drm-driver:\txe\ndrm-client-id:\t{}\ndrm-pdev:\t0000:03:00.0\ndrm-resident-vram0:\t{} KiB"
    world.write({"proc/41/fdinfo/3": client.format(1, 1 << 20), "proc/41/fdinfo/4": client.format(1, 1 << 20)})
    world.write({"proc/41/fdinfo/5": client.format(2, 1 << 20), "proc/42/fdinfo/3": client.format(3, 0)})
    first, second = world.cards("xpu")
    dri = world.root / "dev/dri"
    assert (first.index, first.uuid, first.nodes) == (0, "0000:03:00.0", (f"{dri}/card2", f"{dri}/renderD129"))
    assert (first.memory_total, first.memory_free, first.vendor) == (16 * GIB, 14 * GIB, "intel")
    assert [(one.pid, one.memory) for one in first.processes] == [(41, 2 * GIB)]
    assert (second.index, second.uuid, second.memory_total, second.idle) == (1, "0000:04:00.0", 4 * GIB, True)


def test_an_intel_card_of_the_kernels_own_i915_tells_no_memory(world: World) -> None:
    intel(world, 128, 0, "0000:00:02.0")
    assert vendors.devices("xpu")[0] is None, "the graphics of a processor"
    intel(world, 129, 1, "0000:03:00.0", "i915")
    (one,) = world.cards("xpu")
    assert (one.memory_total, one.idle) == (0, True)


# All


@pytest.mark.parametrize(("accelerator", "reason"), [("rocm", "amdgpu"), ("npu", "npu-smi"), ("xpu", "xe or i915")])
def test_where_nothing_is_found_the_reason_is_told(world: World, accelerator: str, reason: str) -> None:
    found, problem = vendors.devices(accelerator)
    assert found is None
    assert reason in problem


def test_another_machine_is_asked_by_the_same_script(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    amd(world, 1, 128)
    world.nodes("dri/renderD128")
    world.write({f"{KFD}/proc/{os.getpid()}/vram_1001": GIB})
    (world.bin / "ssh").write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n', encoding="utf-8")
    (world.bin / "ssh").chmod(0o755)
    found, _ = Server("ssh://gpu1").devices("rocm")
    assert found is not None
    assert found[0].processes == (GpuProcess(os.getpid(), memory=GIB),), "its names are not those of processes here"
    assert "gpu1: no Intel" in Server("ssh://gpu1").devices("xpu")[1]
