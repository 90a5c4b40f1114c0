"""nvidia, rocm, npu, xpu, cpu: what each accelerator needs of a container, in profile words.

The rows are the options that the SGLang installation guides give for each platform, but for the host's network and IPC:
a published port and enough shared memory serve as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct

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


class Cards(Struct, frozen=True):
    """How single cards of an accelerator are given to a container.

    `shared`: device nodes that each container needs beside those of its cards. `numbered`: the node of a card by its
    number, where the number alone tells it.
    """

    vendor: str
    shared: tuple[str, ...] = ()
    numbered: str = ""


# A privileged container has every device of the machine, so single cards are given without: AMD and Huawei document
# that these nodes are enough, Intel that `--privileged` goes (the sources are named in convert/from_kfd.py,
# from_npu_smi.py and from_drm.py).
CARDS: Mapping[str, Cards] = {
    "rocm": Cards("amd", ("/dev/kfd",)),
    "npu": Cards("ascend", ("/dev/davinci_manager", "/dev/devmm_svm", "/dev/hisi_hdc"), "/dev/davinci{}"),
    "xpu": Cards("intel"),
}
MOST_NUMBERED = 64


def expansion(accelerator: str | None, *, pinned: bool) -> Mapping[str, Any]:
    """The row of an accelerator; `pinned`: for a container that is given single cards, without these."""
    row, cards = EXPANSIONS.get(accelerator or "", {}), CARDS.get(accelerator or "")
    if not pinned or cards is None:
        return row
    return {**{key: value for key, value in row.items() if key != "privileged"}, "devices": cards.shared}


def rights(accelerator: str, *, pinned: bool = False) -> str:
    """What an accelerator asks of the host beyond devices, in words; "" for nothing."""
    row = expansion(accelerator, pinned=pinned)
    lists = (f"{key} {', '.join(row[key])}" for key in ("cap_add", "security_opt") if key in row)
    return "; ".join((*(["privileged"] if row.get("privileged") else []), *lists))
