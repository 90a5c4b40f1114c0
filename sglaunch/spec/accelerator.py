"""nvidia, rocm, npu, xpu, cpu: what each accelerator needs of a container, in profile words.

The rows are the options that the SGLang installation guides give for each platform.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Profile keys in their long form, as merge leaves them. A key the profile writes itself is not expanded; entries of
# keyed options (devices, volumes, environment) and of lists join what is written.
EXPANSIONS: Mapping[str, Mapping[str, Any]] = {
    "nvidia": {},
    "rocm": {
        "devices": ["/dev/kfd", "/dev/dri"],
        "group_add": ["video", "render"],
        "cap_add": ["SYS_PTRACE"],
        "security_opt": ["seccomp=unconfined"],
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
    },
    "xpu": {
        "devices": ["/dev/dri"],
        "volumes": ["/dev/dri/by-path"],
        "privileged": True,
    },
    "cpu": {"environment": {"SGLANG_USE_CPU_ENGINE": "1"}},
}

ACCELERATORS = tuple(EXPANSIONS)
