"""Which GPUs a container gets: idle ones that nobody has reserved, kept while they serve; pure.

A count chooses devices by UUID and remembers them in the container's label. Devices are reserved by every container of
the machine that has some of its own, whoever made it: by count, by id or by device node. A container that was given all
of them reserves none, and neither does one that has exited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sglaunch.errors import Problem
from sglaunch.plain import Struct
from sglaunch.plan.cards import named_cards, needs_devices, numbered_nodes
from sglaunch.plan.observation import NVIDIA, SERVING, Gpu, Observation, ObservedContainer
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.container import ContainerSpec, Wanted, origin_of
from sglaunch.spec.values import Gpus, Secret, readable_size

UNSEEN = "a process that cannot be seen from here"
VISIBLE = "NVIDIA_VISIBLE_DEVICES"
"""The variable by which NVIDIA's runtime is told the devices of a container."""
_ALL = "all"
_NONE = ("", "none", "void")
_RESERVING = ("running", "created", "paused", "restarting")
# `gpu0` and `mig0:1` are the names of CDI devices under `nvidia-ctk cdi generate --device-name-strategy=type-index`.
_INDEX = re.compile(r"(?:gpu|mig)?(\d+)(?::(\d+))?")


# What an id of each vendor's devices begins with, up to `=`: plain ids are NVIDIA's.
_KINDS: Mapping[str, tuple[str, ...]] = {
    NVIDIA: ("", "nvidia.com/gpu"),
    "amd": ("amd.com/gpu",),
    "intel": ("intel.com/gpu",),
}


class Shortage(Struct, frozen=True):
    """Why a count cannot be met, and who has what."""

    message: str
    table: tuple[str, ...] = ()


def requested(requests: Iterable[Gpus], cdi: Iterable[str], runtime: str, visible: str) -> tuple[str, ...]:
    """Ids of the GPUs that a container is given, as written, `all` for all of them.

    A count that the engine is left with means the first devices (`countToDevices` in daemon/nvidia_linux.go of moby;
    nerdctl does the same). NVIDIA's runtime reads `visible`, the value of NVIDIA_VISIBLE_DEVICES, which the engine
    overrides where something is requested.
    """
    ids = list(cdi)
    for one in requests:
        ids += one.ids or ([_ALL] if one.count == -1 else map(str, range(one.count)))
    if not ids and "nvidia" in runtime:
        ids = [visible]
    parts = (part.strip() for one in ids for part in one.split(","))
    return tuple(dict.fromkeys(part for part in parts if part not in _NONE))


def devices_of(ids: Iterable[str], nodes: Iterable[str], gpus: Sequence[Gpu]) -> tuple[set[str], set[str]]:
    """UUIDs of the devices that ids or nodes single out, and of those that are only among all of them."""
    ids, nodes = list(ids), set(nodes)
    own: set[str] = set()
    shared_by_all: set[str] = set()
    for vendor, group in _by_vendor(gpus).items():
        mine = [name for one in ids for kind, _, name in [one.rpartition("=")] if kind in _KINDS.get(vendor, ())]
        named = {gpu.uuid for one in mine for gpu in _matching(one, group)}
        by_node = {gpu.uuid for gpu in group if nodes & set(gpu.nodes)}
        # A whole folder (/dev/dri). Engines that resolve CDI names show the nodes alone: every one of several devices
        # is what `all` comes to.
        in_folder = any(node.rpartition("/")[0] in nodes for gpu in group for node in gpu.nodes)
        is_all = _ALL in mine or in_folder or len(by_node) == len(group) > 1
        own |= named if is_all else named | by_node
        shared_by_all |= {gpu.uuid for gpu in group} - named if is_all else set()
    return own, shared_by_all


def _by_vendor(gpus: Sequence[Gpu]) -> Mapping[str, Sequence[Gpu]]:
    found: dict[str, list[Gpu]] = {}
    for gpu in gpus:
        found.setdefault(gpu.vendor, []).append(gpu)
    return found


def _matching(name: str, gpus: Sequence[Gpu]) -> Sequence[Gpu]:
    """The devices of an id: an index, `0:1` of MIG, a UUID or its beginning."""
    if index := _INDEX.fullmatch(name):
        found = [gpu for gpu in gpus if gpu.index == int(index[1])]
        return found[int(index[2]) :][:1] if index[2] else found
    exact = [gpu for gpu in gpus if gpu.uuid == name]
    return exact or [gpu for gpu in gpus if len(name) > len("GPU-") and gpu.uuid.lower().startswith(name.lower())]


def claimed_by(spec: ContainerSpec, gpus: Sequence[Gpu]) -> set[str]:
    """UUIDs of the devices that a container of this spec has as its own."""
    paths = [device.path for device in spec.devices.values()]
    visible = spec.environment.get(VISIBLE) or ""
    ids = requested(
        [spec.gpus] if spec.gpus is not None else [],
        [path for path in paths if "=" in path],
        spec.runtime,
        visible.reveal() if isinstance(visible, Secret) else visible,
    )
    return devices_of(ids, paths, gpus)[0]


def reserved(seen: Observation, own: ObservedContainer | None) -> dict[str, str]:
    """UUID -> the containers that have it as their own, of every user; `own` is left out."""
    found: dict[str, list[str]] = {}
    for container, devices, _ in _holders(seen, own):
        for uuid in devices:
            found.setdefault(uuid, []).append(_described(container))
    for given, name in seen.claimed.items():
        names = found.setdefault(str(given), [])
        if not any(one.startswith(f"container {name} ") for one in names):
            names.append(f"container {name} of this plan")
    return {uuid: "; ".join(names) for uuid, names in found.items()}


def shared(seen: Observation, own: ObservedContainer | None) -> dict[str, list[str]]:
    """UUID -> the containers that were given it together with all others; `own` is left out."""
    found: dict[str, list[str]] = {}
    for container, _, devices in _holders(seen, own):
        for uuid in devices:
            found.setdefault(uuid, []).append(_described(container))
    return found


def having_all(common: Mapping[str, Sequence[str]]) -> list[str]:
    """The containers of `shared`, each once."""
    return list(dict.fromkeys(name for names in common.values() for name in names))


def _holders(
    seen: Observation, own: ObservedContainer | None
) -> Iterator[tuple[ObservedContainer, set[str], set[str]]]:
    """Each container that has devices, with those that are its own and those that it shares with everybody."""
    for container in seen.containers:
        if container.status in _RESERVING and not (own is not None and _succeeds(container, own)):
            yield container, *held_by(container, seen.gpus or ())


def _succeeds(container: ObservedContainer, own: ObservedContainer) -> bool:
    """Whether it is the same container, or one that passes while a recreate replaces it."""
    names = (f"{own.name}.new", f"{own.name}.old")
    return container.id == own.id or (container.applied is not None and container.name in names)


def held_by(container: ObservedContainer, gpus: Sequence[Gpu]) -> tuple[set[str], set[str]]:
    """UUIDs of the devices that a container has as its own, and of those that it shares with everybody."""
    spec = _spec(container)
    asked = spec.get("gpus") or {}
    # No inspect of nerdctl shows GPUs, nor that of Podman before a start: the label does.
    named = () if chosen_for(container) else map(str, asked.get("ids", ()))
    ids = [*container.gpu_ids, *named, *([_ALL] if asked.get("count") == -1 else [])]
    own, among_all = devices_of(ids, container.device_nodes, gpus)
    if spec.get("privileged"):
        # No inspect shows its nodes. What its accelerator brought is every card.
        brought = {
            gpu.vendor for gpu in gpus if gpu.uuid in set().union(*devices_of((), spec.get("devices", ()), gpus))
        }
        among_all |= {gpu.uuid for gpu in gpus if gpu.vendor in brought}
    own |= set(chosen_for(container))
    return own, among_all - own


def _spec(container: ObservedContainer) -> Mapping[str, Any]:
    """What its label says."""
    return (container.applied.spec if container.applied is not None else None) or {}


def chosen_for(container: ObservedContainer) -> tuple[str, ...]:
    """UUIDs of the devices that sglaunch chose for a container."""
    chosen = container.applied.assigned.get("gpus", ()) if container.applied is not None else ()
    return tuple(map(str, chosen)) if isinstance(chosen, list | tuple) else ()


def _described(container: ObservedContainer) -> str:
    owner = f" of {container.applied.owner.name}" if container.applied is not None else ""
    return f"container {container.name}{owner}" + (f", since {container.created[:16]}" if container.created else "")


def count_problems(wanted: Wanted, seen: Observation) -> tuple[Problem, ...]:
    """A count that no waiting helps: nobody can tell which devices there are, or there are not that many."""
    gpus = wanted.spec.gpus
    if gpus is None or not needs_devices(wanted) or (seen.gpus is None and numbered_nodes(wanted)):
        return ()
    if seen.gpus is None:
        message = f"GPUs cannot be counted out: {seen.gpu_problem}"
        hint = "`gpus: all` and ids work without NVML, gpus: null goes without; see `sglaunch doctor`"
        if wanted.settings.accelerator in CARDS:
            ids = ", numbers such as [0, 1] these," if CARDS[wanted.settings.accelerator].numbered else ""
            hint = f"`gpus: all` gives every card{ids} without counting"
    elif gpus.ids:
        unknown = named_cards(gpus.ids, seen.gpus)[1]
        if not unknown:
            return ()
        message = f"{seen.server or 'this machine'} has no card {', '.join(unknown)}"
        hint = f"it has {', '.join(f'{gpu.index} ({gpu.uuid})' for gpu in seen.gpus)}"
    elif gpus.min_free and not all(gpu.memory_total for gpu in seen.gpus):
        message = "the driver does not tell how much memory these cards have"
        hint = f"write gpus: {gpus.count}, without min_free"
    else:
        large = [gpu for gpu in seen.gpus if gpu.memory_total >= gpus.min_free]
        given = [gpu for gpu in large if gpu.uuid in seen.claimed]
        if gpus.count <= len(large) - len(given):
            return ()
        message = f"{gpus.count} wanted; {seen.server or 'this machine'} has {len(large)} GPU{'s'[: len(large) != 1]}"
        message += f" with {readable_size(gpus.min_free)}" if gpus.min_free else ""
        message += f", and {len(given)} of them go to other profiles of this command" if given else ""
        hint = "ask for fewer"
    origin = origin_of("gpus", wanted.origins)
    return (Problem(message, origin.place if origin else None, "gpus", hint),)


def choose(request: Gpus, seen: Observation, own: ObservedContainer | None) -> tuple[str, ...] | Shortage:
    """The UUIDs for a counted request: those it has, while they still serve; else idle ones, most free memory first."""
    taken, gpus = reserved(seen, own), seen.gpus or ()
    kept = _kept(request, gpus, own, taken)
    if kept:
        return kept
    common = shared(seen, own)
    free = [gpu for gpu in gpus if gpu.uuid not in taken and _serves(gpu, request)]
    if len(free) < request.count:
        message = f"{request.count} GPU{'s'[: request.count > 1]} wanted, {len(free)} of {len(gpus)} free"
        return Shortage(message, tuple(holder_lines(gpus, taken, having_all(common))))
    free.sort(key=lambda gpu: (gpu.uuid in common, -gpu.memory_free, gpu.index))
    return tuple(gpu.uuid for gpu in free[: request.count])


def _kept(
    request: Gpus, gpus: Sequence[Gpu], own: ObservedContainer | None, taken: Mapping[str, str]
) -> tuple[str, ...]:
    had = chosen_for(own) if own is not None else ()
    known = {gpu.uuid: gpu for gpu in gpus}
    if len(had) != request.count or any(uuid not in known or uuid in taken for uuid in had):
        return ()
    # Its own processes keep them busy; those of others do only while it does not run.
    runs = own is not None and own.status in SERVING
    return had if runs or all(_serves(known[uuid], request) for uuid in had) else ()


def _serves(gpu: Gpu, request: Gpus) -> bool:
    """Idle, or with enough free memory where the request says how much that is."""
    if request.min_free:
        return gpu.memory_free >= request.min_free and (gpu.idle or not request.idle)
    return gpu.idle


def holder_lines(gpus: Sequence[Gpu], taken: Mapping[str, str], common: Sequence[str] = ()) -> list[str]:
    """One line a device: what it is, how much is used, and by whom; then `common`, the containers that have all."""
    lines = []
    for gpu in gpus:
        who = [taken[gpu.uuid]] if gpu.uuid in taken else []
        who += [str(process) for process in gpu.processes]
        used = f"{readable_size(gpu.memory_total - gpu.memory_free)} of {readable_size(gpu.memory_total)}"
        used = used if gpu.memory_total else "memory unknown"
        lines.append(f"{gpu.index}  {gpu.model}  {used}  {'; '.join(who) or ('idle' if gpu.idle else UNSEEN)}")
    return lines + [f"all  {one}" for one in common]


def busy(container: ObservedContainer, seen: Observation) -> list[str]:
    """For a stopped container that was given devices by count: who has them now."""
    had = set() if (_spec(container).get("gpus") or {}).get("ids") else set(chosen_for(container))
    taken = reserved(seen, container)
    lines = [f"{uuid}: {taken[uuid]}" for uuid in sorted(had & set(taken))]
    others = [gpu for gpu in seen.gpus or () if gpu.uuid in had and gpu.uuid not in taken and gpu.processes]
    return lines + [f"{gpu.uuid}: {'; '.join(map(str, gpu.processes))}" for gpu in others]
