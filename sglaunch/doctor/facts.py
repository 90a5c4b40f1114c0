"""What is known of a machine, of the engines on it, and of what a profile needs; read by engine/health.py. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sglaunch.errors import Failure, Problem
from sglaunch.plain import Struct, field
from sglaunch.plan.capabilities import Capabilities


class Engine(Struct, frozen=True):
    """A program that may be an engine; `problem` where it does not answer. `path`: where it is, "" if nowhere."""

    name: str
    path: str = ""
    capabilities: Capabilities = field(default_factory=Capabilities)
    problem: Failure | None = None


class Profile(Struct, frozen=True):
    """What a profile needs, as far as a look tells: what is refused, what is warned of, whether its image is here.

    `pulls`: `up` has to get its image from that registry. `checked`: it was looked up what the image requires of
    NVIDIA's driver. `ulimits`: the hard limits it asks for, -1 for unlimited.
    """

    name: str
    image: str
    here: bool
    problems: Sequence[Problem] = ()
    warnings: Sequence[Problem] = ()
    gpus: bool = False
    pulls: bool = False
    checked: bool = False
    ulimits: Mapping[str, int] = field(default_factory=dict)


class Facts(Struct, frozen=True):
    """A machine. Sizes in bytes; None or "" is unknown. `family` is that of the distribution.

    `data_root`: where the engine keeps images, with `disk_free` of it. `cni`: the folder whose plugins count, and
    whether `bridge` is in it. `caches`: folders of the user's that are somebody else's. `raises_limits`: whether the
    engine may raise ulimits; `hard_limits` are its own, -1 for unlimited. `toolkit`: NVIDIA's hook or runtime is here,
    `cdi_hook`: the one that CDI needs. `registry`: why it cannot be reached. `char_links`: NVIDIA's devices are in
    /dev/char.
    `gpu_nodes`: the machine has an NVIDIA GPU, for which `devices` may still be 0 where the driver does not answer.
    """

    user: str
    engines: Sequence[Engine]
    chosen: Engine | None = None
    family: str = ""
    systemd: bool = False
    root: bool = False
    data_root: str = ""
    disk_free: int | None = None
    shm: int | None = None
    devices: int = 0
    driver_cuda: tuple[int, ...] = ()
    gpu_problem: str = ""
    gpu_nodes: bool = False
    toolkit: bool = False
    cdi_hook: bool = False
    cdi: Sequence[str] = ()
    cgroup_driver: str = ""
    char_links: bool = False
    cni: tuple[str, bool] = ("", True)
    cni_elsewhere: str = ""
    raises_limits: bool | None = None
    hard_limits: Mapping[str, int] = field(default_factory=dict)
    caches: Sequence[str] = ()
    proxy: str = ""
    no_proxy: str = ""
    daemon_proxy: str | None = None
    token: bool = False
    registry: str | None = None
    server: str = ""
    profile: Profile | None = None
