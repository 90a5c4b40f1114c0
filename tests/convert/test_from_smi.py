"""The devices of another machine, by what its nvidia-smi lists."""

from __future__ import annotations

from sglaunch.convert.from_smi import devices
from sglaunch.plan.observation import Gpu, GpuProcess

MIB = 1 << 20
GPUS = "0, GPU-a, NVIDIA H200, 143771, 143167, 0\n1, GPU-b, NVIDIA H200, 143771, 70000, [N/A]\n"
PROCESSES = "GPU-b, 4117, /usr/bin/python3, 73000\nGPU-b, 4118, [Not Found], [N/A]\n"


def test_devices_and_who_works_on_them() -> None:
    first, second = devices(GPUS, PROCESSES)
    assert first == Gpu(0, "GPU-a", "NVIDIA H200", 143771 * MIB, 143167 * MIB, 0, nodes=("/dev/nvidia0",))
    assert (second.uuid, second.utilisation) == ("GPU-b", None)
    assert second.processes[0] == GpuProcess(4117, "python3", "", "", 73000 * MIB)
    assert second.processes[1].memory == 0
    assert (first.idle, second.idle) == (True, False)


def test_what_is_no_table_is_nothing() -> None:
    assert devices("No devices were found\n", "") == ()
