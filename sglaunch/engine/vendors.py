"""The accelerators of a machine that are not NVIDIA's: one row a vendor, one shell script that reads what it shows.

The script runs here and, by ssh, on another machine; what it prints is read by a pure module of `convert`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sglaunch.convert import from_drm, from_kfd, from_npu_smi
from sglaunch.convert.listing import Listing, read
from sglaunch.engine.cli import Cli
from sglaunch.errors import EngineError
from sglaunch.plain import Struct, replace
from sglaunch.plan.observation import Gpu
from sglaunch.recall.witness import spoil

ROOTS = ("/sys", "/proc", "/dev")
"""Arguments of each script."""
_MARK = "-- more"
_TOLD_SECONDS = 20.0


class Provider(Struct, frozen=True):
    """How the devices of a vendor are read.

    `files` and `nodes`: patterns below /sys and /dev; `more`: a command whose output is handed over beside them; it
    prints nothing where it cannot be asked. `needs`: what is missing where nothing is found.
    """

    files: str
    nodes: str
    more: str
    read: Callable[[Listing, str], tuple[Gpu, ...]]
    needs: str

    @property
    def script(self) -> str:
        """For `sh -c`, with the three roots as arguments."""
        files = f'cd "$1" && grep -sH "" {self.files}' if self.files else ":"
        nodes = f'cd "$3" && for one in {self.nodes}; do [ -e "$one" ] && echo "$3/$one"; done'
        return f'({files})\n({nodes})\necho "{_MARK}"\n{self.more}\n:'

    def devices(self, printed: str) -> tuple[tuple[Gpu, ...] | None, str]:
        """The devices, or None and why there are none to count."""
        listing, _, more = printed.partition(f"{_MARK}\n")
        found = self.read(read(listing), more)
        return (found, "") if found else (None, self.needs)


_KFD, _DRM = "class/kfd/kfd", "class/drm/renderD*/device"
PROVIDERS: Mapping[str, Provider] = {
    "rocm": Provider(
        f"{_KFD}/topology/nodes/*/gpu_id {_KFD}/topology/nodes/*/properties "
        f"{_KFD}/topology/nodes/*/mem_banks/*/properties {_KFD}/proc/*/vram_* "
        + " ".join(f"{_DRM}/{name}" for name in ("mem_info_vram_*", "gpu_busy_percent", "product_name", "uevent")),
        "dri/renderD*",
        # It takes a second, and sysfs tells the name of a server's card itself.
        f'cat "$1"/{_DRM}/product_name 2>/dev/null | grep -q . || amd-smi static --asic --bus --json 2>/dev/null',
        from_kfd.devices,
        "no AMD GPU of the driver amdgpu in /sys/class/kfd and /dev/dri",
    ),
    "npu": Provider(
        "",
        "davinci[0-9]*",
        "npu-smi info 2>/dev/null",
        from_npu_smi.devices,
        "no Ascend NPU that `npu-smi info` lists and /dev has as davinciN",
    ),
    "xpu": Provider(
        f"class/drm/card*/device/uevent class/drm/card*/lmem_total_bytes {_DRM}/uevent "
        f"{_DRM}/tile*/physical_vram_size_bytes",
        "dri/renderD* dri/card*",
        # What is open where: hundreds of thousands of files on a large machine, so only where there is such a card.
        f'grep -qs \'^PCI_ID=8086:\' "$1"/{_DRM}/uevent && cd "$2" && '
        "printf '%s\\n' [0-9]*/fdinfo/* | xargs grep -sH '^drm-'",
        from_drm.devices,
        "no Intel GPU of the drivers xe or i915 in /sys/class/drm and /dev/dri",
    ),
}


def devices(accelerator: str) -> tuple[tuple[Gpu, ...] | None, str]:
    """The devices of this machine for an accelerator of PROVIDERS, their processes with name, user and container."""
    from sglaunch.engine.gpus import process

    spoil("devices are counted")
    provider = PROVIDERS[accelerator]
    try:
        done = Cli(("sh", "-c"), "sh").run(provider.script, "sh", *ROOTS, timeout=_TOLD_SECONDS)
    except EngineError as error:
        return None, str(error)
    found, problem = provider.devices(done.stdout)
    if found is None:
        return None, problem
    seen = (
        replace(gpu, processes=tuple(process(one.pid, one.memory, one.name) for one in gpu.processes)) for gpu in found
    )
    return tuple(seen), ""
