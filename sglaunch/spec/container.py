"""ContainerSpec, the normalised wish, and Wanted, the spec with what the launcher needs around it.

A spec holds only what the engine is told at create, engine-neutral: absolute paths, bytes, seconds, maps keyed by what
identifies an entry. What concerns the launcher alone (attach, consent, order) is in Settings and is never a change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sglaunch.errors import Origin, Problem
from sglaunch.plain import Struct, field, replace
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.build import Build
from sglaunch.spec.kubernetes import Kubernetes
from sglaunch.spec.server import Server, command, key_mount, model_mount, proxies_around, published
from sglaunch.spec.values import (
    Device,
    Gpus,
    Healthcheck,
    Mount,
    NetworkAttachment,
    PortBinding,
    Secret,
    Ulimit,
)

# The names engines accept, narrowed to what every one of them does (nerdctl: separators never doubled nor trailing).
CONTAINER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - what is written or shown, not bound


class ContainerSpec(Struct, frozen=True):
    """One container as it should be. Names are the profile's words; an unset option is None or empty.

    `environment` maps a name to its text, to a Secret, or to None: passed through, and unset in the calling shell,
    which is no opinion. Keys of `volumes`, `tmpfs` and `devices` are container paths, of `ports` `30000/tcp`.
    """

    container_name: str
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    server: Server | None = None
    environment: Mapping[str, str | Secret | None] = field(default_factory=dict)
    volumes: Mapping[str, Mount] = field(default_factory=dict)
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    volumes_from: tuple[str, ...] = ()
    ports: Mapping[str, tuple[PortBinding, ...]] = field(default_factory=dict)
    network_mode: str = ""
    networks: Mapping[str, NetworkAttachment] = field(default_factory=dict)
    extra_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_opt: tuple[str, ...] = ()
    ipc: str = ""
    pid: str = ""
    uts: str = ""
    userns_mode: str = ""
    cgroup: str = ""
    shm_size: int | None = None
    gpus: Gpus | None = None
    devices: Mapping[str, Device] = field(default_factory=dict)
    device_cgroup_rules: tuple[str, ...] = ()
    privileged: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    group_add: tuple[str, ...] = ()
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    tty: bool = False
    stdin_open: bool = False
    init: bool = False
    auto_remove: bool = False
    stop_signal: str = ""
    stop_grace_period: float | None = None
    healthcheck: Healthcheck | None = None
    read_only: bool = False
    runtime: str = ""
    platform: str = ""
    logging_driver: str = ""
    logging_options: Mapping[str, str] = field(default_factory=dict)
    restart: str = "no"
    mem_limit: int | None = None
    mem_reservation: int | None = None
    memswap_limit: int | None = None
    cpus: float | None = None
    cpu_shares: int | None = None
    cpu_quota: int | None = None
    cpu_period: int | None = None
    cpuset: str = ""
    pids_limit: int | None = None


ASSIGNED_PORT = -1


class Readiness(Struct, frozen=True):
    """When a container counts as ready. `port` of the server in the container, ASSIGNED_PORT for the one in its label;
    0: the engine's own healthcheck decides.

    `path` is what is asked, "" for `/ready`, else `/health`. Times in seconds: `timeout` for all of it (None: however
    long), `stall` without any sign of progress.
    """

    port: int = 0
    path: str = ""
    timeout: float | None = None
    stall: float = 1200.0


class Settings(Struct, frozen=True):
    """What the launcher does with the container; never a change of it.

    `mirrors`: by registry, what is asked before it. `needs_ready`: those of `depends_on` that must be ready first.
    `readiness`: None where nothing tells of it. `fallback_shell`: the shell is a wish, and the next best will do.
    `soft`: fields that only the built-in layer asks for, dropped with a warning where the host lacks them.
    `gpu_update`: how options of a running container with NVIDIA GPUs change: in place with a check, or recreate.
    `accelerator`: what the spec's devices, rights and flags were expanded from. `nodes`, `replicas` and `kubernetes`
    concern an export to Kubernetes. `as_caller`: the user is the caller, whose uid some engines map. Times in seconds.
    """

    attach: bool = False
    shell: tuple[str, ...] = ("bash",)
    fallback_shell: bool = True
    recreate: str = "ask"
    gpu_update: str = "check"
    protect: bool = True
    pull_policy: str = "missing"
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    needs_ready: frozenset[str] = frozenset()
    readiness: Readiness | None = None
    soft: frozenset[str] = frozenset()
    accelerator: str = ""
    as_caller: bool = False
    nodes: int = 1
    replicas: int = 1
    kubernetes: Kubernetes = field(default_factory=Kubernetes)


class Wanted(Struct, frozen=True):
    """A profile resolved: the spec, the settings, and where every value of them was written.

    `build`: how its image is made here. `pins`: by platform, the digest that the lock file says its image has;
    `unpinned`: why there is none, where there is a lock file. `passed`: variables with the value of the calling shell.
    `secret_files`: by variable, the file its value was read from; `env_files`: those of NAME=value lines, nearest last,
    and whether each must be there. Where the spec left a
    choice, `assigned` is what was chosen and `request` the spec as it was asked.
    """

    project: str
    profile: str
    config_file: str
    spec: ContainerSpec
    settings: Settings = field(default_factory=Settings)
    build: Build | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    unpinned: str = ""
    request: ContainerSpec | None = None
    assigned: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()
    secret_names: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    secret_files: Mapping[str, str] = field(default_factory=dict)
    env_files: Mapping[str, bool] = field(default_factory=dict)


def expand(spec: ContainerSpec) -> ContainerSpec:
    """The spec with `server` turned into the command, port, mount and variables it stands for, beneath written ones."""
    if spec.server is None:
        return spec
    ports = spec.ports
    # A network that is the host's or another container's publishes nothing; engines refuse ports beside the latter.
    publishes = spec.network_mode != "host" and not spec.network_mode.startswith("container:")
    if publishes and f"{spec.server.port}/tcp" not in ports:
        ports = {**published(spec.server), **ports}
    return replace(
        spec,
        server=None,
        command=command(spec.server),
        environment=proxies_around(spec.environment, spec.server),
        ports=ports,
        volumes={**model_mount(spec.server, spec.volumes), **key_mount(spec.server), **spec.volumes},
    )


def has_nvidia(spec: ContainerSpec) -> bool:
    """Whether a container gets NVIDIA devices: by `gpus`, NVIDIA's runtime, CDI or their paths."""
    devices = (path for device in spec.devices.items() for path in (device[0], device[1].path))
    return (
        spec.gpus is not None
        or spec.runtime == "nvidia"
        or any(path.startswith(("nvidia.com/", "/dev/nvidia")) for path in devices)
    )


def wants_nvidia(wanted: Wanted) -> bool:
    """Whether a profile's container gets NVIDIA devices: `gpus` may ask for those of another accelerator."""
    return wanted.settings.accelerator not in CARDS and has_nvidia(wanted.spec)


def open_to_others(spec: ContainerSpec) -> bool:
    """Whether a server can be reached from other machines, as far as the spec tells."""
    server = spec.server
    if server is None:
        return False
    if spec.network_mode == "host":
        return server.host in ANY_ADDRESS
    return any(binding.ip in ANY_ADDRESS for binding in expand(spec).ports.get(f"{server.port}/tcp", ()))


def origin_of(path: str, origins: Mapping[str, Origin]) -> Origin | None:
    """Where the value at `path` was written: itself, else the nearest thing above or an expansion that made it."""
    while path:
        if path in origins:
            return origins[path]
        path = path.rpartition(".")[0]
    return None
