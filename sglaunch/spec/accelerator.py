"""nvidia, rocm, npu, xpu, cpu: what each accelerator needs of a container, in profile words.

The rows are the options that the SGLang installation guides give for each platform, but for the host's network and IPC:
a published port and enough shared memory serve as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Profile keys in their long form, as merge leaves them; `args` are flags of the server. What the profile writes itself
# beats these; entries of keyed options (devices, volumes, environment, args) and of lists join what is written.
EXPANSIONS: Mapping[str, Mapping[str, Any]] = {
    "nvidia": {},
    "rocm": {
        "devices": ["/dev/kfd", "/dev/dri"],
        "group_add": ["video", "render"],
        "cap_add": ["SYS_PTRACE"],
        "security_opt": ["seccomp=unconfined"],
        "shm_size": 16 << 30,
        "environment": {"SGLANG_USE_AITER": "1"},
    },
    "npu": {
        "devices": [*(f"/dev/davinci{number}" for number in range(8)), "/dev/davinci_manager", "/dev/hisi_hdc"],
        "volumes": [
            "/usr/local/sbin",
            "/usr/local/Ascend/driver",
            "/usr/local/Ascend/firmware",
            "/etc/ascend_install.info",
            "/var/queue_schedule",
        ],
        "privileged": True,
        "shm_size": 16 << 30,
        "args": {"device": "npu", "attention-backend": "ascend"},
    },
    "xpu": {
        "devices": ["/dev/dri"],
        "volumes": ["/dev/dri/by-path"],
        "group_add": ["video"],
        "privileged": True,
        "user": "root",
        "shm_size": 16 << 30,
        "args": {"device": "xpu"},
    },
    # The guide asks for privileged; binding memory to NUMA nodes needs this capability of it.
    "cpu": {
        "cap_add": ["SYS_NICE"],
        "shm_size": 16 << 30,
        "environment": {"SGLANG_USE_CPU_ENGINE": "1"},
        "args": {"device": "cpu", "disable-overlap-schedule": True},
    },
}

ACCELERATORS = tuple(EXPANSIONS)


def rights(accelerator: str) -> str:
    """What an accelerator asks of the host beyond devices, in words; "" for nothing."""
    row = EXPANSIONS.get(accelerator, {})
    lists = (f"{key} {', '.join(row[key])}" for key in ("cap_add", "security_opt") if key in row)
    return "; ".join((*(["privileged"] if row.get("privileged") else []), *lists))
