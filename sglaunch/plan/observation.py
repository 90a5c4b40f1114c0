"""What the engine and the host show, as frozen plain values: taken once, before any decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct, field
from sglaunch.plan.capabilities import Capabilities
from sglaunch.spec.canonical import SECRET_VALUE
from sglaunch.spec.labels import Applied, Owner
from sglaunch.spec.values import Secret, looks_secret

RUNNING = "running"
NVIDIA = "nvidia"
# A shorter value is a word that logs hold for other reasons.
SHORTEST_SECRET = 6
_IDLE_SHARE = {"ascend": 0.85}
"""What a device keeps free of its memory that nobody uses, 0.9 for others: Ascend's driver takes up to 3.4 of 32 GB."""
STOPPED = ("created", "exited")
SERVING = ("running", "paused", "restarting")


class Volume(Struct, frozen=True):
    """An anonymous volume at a container path. `source` is its folder on the engine's host. `size` in bytes and the
    largest `paths` of what was written in it beyond the image's files; None where that was not measured."""

    target: str
    name: str
    source: str = ""
    size: int | None = None
    paths: tuple[str, ...] = ()

    @property
    def holds_work(self) -> bool:
        """Whether something was written in it, or may have been."""
        return self.size is None or bool(self.paths)


class ObservedContainer(Struct, frozen=True):
    """One container. `status` is the engine's word (created, running, paused, restarting, removing, exited, dead).

    `live` holds the options that can change on a live container, under profile words. `env` is the container's whole
    environment, image included; its values are secrets, since any of them may be. `config_exists`: the project file
    of the label is still there. `server_port`: of its server in the container, 0 for none; `answers_at` the server's
    addresses on this host, `key_file` the host's file of its API key. `gpu_ids`: the GPUs that inspect shows for it,
    as written (an index, a UUID, a CDI name), `all` for all of them; `device_nodes`: the host's devices it was given by
    path. `layer_size` in bytes, None where nobody asked; `layer_paths` the largest trees in the layer, noise left out.
    `volumes`: the anonymous ones. `networks`: names and ids of those it is connected to. `partners`: by
    field, the id of the container whose namespace it shares. `stopping`: the engine may still be stopping it for a
    command that was killed. Times are RFC 3339 text, "" if never.
    """

    id: str
    name: str
    status: str
    image_id: str = ""
    image_ref: str = ""
    created: str = ""
    started: str = ""
    finished: str = ""
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    health: str = ""
    restart_count: int = 0
    applied: Applied | None = None
    auto_remove: bool = False
    network_mode: str = ""
    live: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, Secret] = field(default_factory=dict)
    ports: tuple[str, ...] = ()
    config_exists: bool = False
    stopping: bool = False
    server_port: int = 0
    answers_at: tuple[str, ...] = ()
    key_file: str = ""
    gpu_ids: tuple[str, ...] = ()
    device_nodes: tuple[str, ...] = ()
    layer_size: int | None = None
    layer_paths: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()
    networks: frozenset[str] = frozenset()
    partners: Mapping[str, str] = field(default_factory=dict)


class GpuProcess(Struct, frozen=True):
    """A process on a device: name and user where they may be seen, the id of its container, bytes it uses."""

    pid: int
    name: str = ""
    user: str = ""
    container: str = ""
    memory: int = 0

    def __str__(self) -> str:
        return f"pid {self.pid}{f' ({self.name})' if self.name else ''}{f' of {self.user}' if self.user else ''}"


class Gpu(Struct, frozen=True):
    """An NVIDIA device or MIG instance, or a card of another vendor; memory in bytes, a total of 0 where it is unknown,
    utilisation in percent (None: it does not tell).

    `nodes`: the device nodes by which a container is given this device. `vendor`: nvidia, amd, ascend or intel.
    """

    index: int
    uuid: str
    model: str = ""
    memory_total: int = 0
    memory_free: int = 0
    utilisation: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    nodes: tuple[str, ...] = ()
    vendor: str = NVIDIA

    @property
    def idle(self) -> bool:
        """No process is seen on it, nor the memory of one that is not (in another namespace)."""
        return not self.processes and self.memory_free >= _IDLE_SHARE.get(self.vendor, 0.9) * self.memory_total


class Driver(Struct, frozen=True):
    """NVIDIA's driver: the newest CUDA it has, as (13, 0), and its version, as 580.95.05; empty where unknown."""

    cuda: tuple[int, ...] = ()
    version: str = ""


class LocalImage(Struct, frozen=True):
    """An image of the engine: its id, names, digests of manifests, size in bytes, and when it was made (RFC 3339).

    `built`: what a build of ours was made from, `project` for which one, "" for others. `snapshot`: of which project;
    `owner`: of the project, as labels have it.
    `required`: its variables that tell what it requires of NVIDIA's driver.
    `reference`: what the engine knows it by, where that is not what is written: one by digest that a mirror gave.
    """

    id: str
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    created: str = ""
    size: int = 0
    built: str = ""
    project: str = ""
    snapshot: str = ""
    owner: str = ""
    reference: str = ""
    required: Mapping[str, str] = field(default_factory=dict)


class BuildInputs(Struct, frozen=True):
    """What a profile's image would be built from now: a digest of it all, one of each file, and the paths that
    differ from those the image here was built from, as far as they are known."""

    digest: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    changed: tuple[str, ...] = ()


class Observation(Struct, frozen=True):
    """Every container of the project and of the wanted names, the images, the engine and its host, as plans need them.

    `server`: the name of the engine's machine, "" for this one. `images` maps a reference to the id it names here, None
    where it names none; `local` tells more of each. `inputs`: by profile, what its image is built from. `paths`
    tells of each bind source whether it exists. `gpu`: whether the host can give NVIDIA devices. `taken_ports`:
    wanted TCP ports of the host that none of the project's containers has, with who has them. `listening`: ports of
    the range for `port: auto` that somebody listens on. `gpus`: the devices, None with the reason in `gpu_problem`,
    and in `uncounted` by accelerator.
    `driver`: NVIDIA's, and `required`: by image that is not here, its variables that tell what it requires of it; both
    are looked up where a container with GPUs is to be created.
    `claimed`: devices and ports that this plan has given away already, with the container. `salt` is fresh
    randomness for fingerprints, `now` a compact time (20261124-101500) for names. `private`: the user's folder for
    files that hold secrets.
    """

    owner: Owner
    engine: Capabilities = field(default_factory=Capabilities)
    server: str = ""
    containers: tuple[ObservedContainer, ...] = ()
    images: Mapping[str, str | None] = field(default_factory=dict)
    local: Mapping[str, LocalImage] = field(default_factory=dict)
    inputs: Mapping[str, BuildInputs] = field(default_factory=dict)
    paths: Mapping[str, bool] = field(default_factory=dict)
    gpu: bool = True
    taken_ports: Mapping[int, str] = field(default_factory=dict)
    listening: frozenset[int] = frozenset()
    gpus: tuple[Gpu, ...] | None = None
    gpu_problem: str = "nobody asked"
    uncounted: Mapping[str, str] = field(default_factory=dict)
    claimed: Mapping[str | int, str] = field(default_factory=dict)
    driver: Driver = field(default_factory=Driver)
    required: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    salt: str = ""
    now: str = ""
    private: str = ""

    def named(self, name: str) -> ObservedContainer | None:
        """The container of a name."""
        return next((container for container in self.containers if container.name == name), None)


class Project(Struct, frozen=True):
    """Whose plan it is: the project's name, its file, and the user."""

    name: str
    config_file: str
    owner: Owner


def secret_values(container: ObservedContainer) -> tuple[str, ...]:
    """The values in a container's environment that no output may show, longest first."""
    spec = container.applied.spec if container.applied is not None else None
    known = {name for name, value in (spec or {}).get("environment", {}).items() if value == SECRET_VALUE}
    values = {v.reveal() for name, v in container.env.items() if name in known or looks_secret(name)}
    return tuple(sorted((value for value in values if len(value) >= SHORTEST_SECRET), key=len, reverse=True))


def foreign(container: ObservedContainer, project: Project) -> str:
    """Why a container is not ours, or "". A project whose folder moved is ours; one that lives elsewhere is not."""
    applied = container.applied
    if applied is None:
        return "was not made by sglaunch"
    if applied.owner.uid != project.owner.uid:
        return f"belongs to {applied.owner.name or applied.owner.uid}"
    if applied.project != project.name:
        return f"belongs to the project {applied.project}"
    if applied.config != project.config_file and container.config_exists:
        return f"belongs to the project at {applied.config}"
    return ""


def way_out(container: ObservedContainer, project: Project, profile: str) -> str:
    """What somebody can do for whose profile a foreign container has the name."""
    applied = container.applied
    if applied is None:
        adopt = f"`sglaunch adopt {container.name} --as {profile}`"
        return f"{adopt} takes yours as it is; else choose another container_name"
    elsewhere = applied.project == project.name and applied.config != project.config_file
    own = elsewhere and applied.owner.uid == project.owner.uid
    return f"choose another {'project or ' if own else ''}container_name"
