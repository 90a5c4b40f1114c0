"""The devices of another machine, by what its nvidia-smi lists."""

from __future__ import annotations

from sglaunch.convert.from_smi import devices, driver
from sglaunch.plan.observation import Driver, Gpu, GpuProcess

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


def test_the_driver_of_another_machine() -> None:
    text = """
==============NVSMI LOG==============

Timestamp                                 : Sat Nov 28 10:00:00 2026
Driver Version                            : 570.133.20
CUDA Version                              : 12.8

Attached GPUs                             : 8
"""
    assert driver(text) == Driver((12, 8), "570.133.20")
    assert driver("NVIDIA-SMI has failed\n") == Driver()
