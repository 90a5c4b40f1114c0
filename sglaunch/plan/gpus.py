"""Which GPUs a container gets: idle ones that nobody has reserved, kept while they serve; pure.

A count chooses devices by UUID and remembers them in the container's label, where everybody on the machine sees them.
`all` reserves nothing, and neither does a container that has exited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sglaunch.errors import Problem
from sglaunch.plain import Struct
from sglaunch.plan.observation import SERVING, Gpu, Observation, ObservedContainer
from sglaunch.spec.container import Wanted, origin_of
from sglaunch.spec.values import Gpus, readable_size

UNSEEN = "a process that cannot be seen from here"
_RESERVING = ("running", "created", "paused", "restarting")


class Shortage(Struct, frozen=True):
    """Why a count cannot be met, and who has what."""

    message: str
    table: tuple[str, ...] = ()


def reserved(seen: Observation, own: ObservedContainer | None) -> dict[str, str]:
    """UUID -> the container that has it, of every user; `own` is left out."""
    found = {str(uuid): f"container {name} of this plan" for uuid, name in seen.claimed.items()}
    for container in seen.containers:
        applied = container.applied
        if applied is None or container.status not in _RESERVING or (own is not None and container.id == own.id):
            continue
        for uuid in applied.assigned.get("gpus", ()):
            since = f", since {container.created[:16]}" if container.created else ""
            found[str(uuid)] = f"container {container.name} of {applied.owner.name}{since}"
    return found


def uncounted(wanted: Wanted, seen: Observation) -> tuple[Problem, ...]:
    """A count where nobody can tell which devices there are: waiting for some would be of no use."""
    gpus = wanted.spec.gpus
    if gpus is None or gpus.count <= 0 or seen.gpus is not None:
        return ()
    origin = origin_of("gpus", wanted.origins)
    message = f"GPUs cannot be counted out: {seen.gpu_problem}"
    hint = (
        "`gpus: all` and ids work without NVML, gpus: null goes without; `sglaunch doctor` tells what the driver lacks"
    )
    return (Problem(message, origin.place if origin else None, "gpus", hint),)


def choose(request: Gpus, seen: Observation, own: ObservedContainer | None) -> tuple[str, ...] | Shortage:
    """The UUIDs for a counted request: those it has, while they still serve; else idle ones, most free memory first."""
    taken, gpus = reserved(seen, own), seen.gpus or ()
    kept = _kept(request, gpus, own, taken)
    if kept:
        return kept
    free = [gpu for gpu in gpus if gpu.uuid not in taken and _serves(gpu, request)]
    if len(free) < request.count:
        message = f"{request.count} GPU{'s'[: request.count > 1]} wanted, {len(free)} of {len(gpus)} free"
        return Shortage(message, tuple(holder_lines(gpus, taken)))
    return tuple(gpu.uuid for gpu in sorted(free, key=lambda gpu: (-gpu.memory_free, gpu.index))[: request.count])


def _kept(
    request: Gpus, gpus: Sequence[Gpu], own: ObservedContainer | None, taken: Mapping[str, str]
) -> tuple[str, ...]:
    applied = own.applied if own is not None else None
    had = tuple(str(uuid) for uuid in (applied.assigned.get("gpus", ()) if applied is not None else ()))
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


def holder_lines(gpus: Sequence[Gpu], taken: Mapping[str, str]) -> list[str]:
    """One line a device: what it is, how much is used, and by whom."""
    lines = []
    for gpu in gpus:
        who = [taken[gpu.uuid]] if gpu.uuid in taken else []
        who += [str(process) for process in gpu.processes]
        used = f"{readable_size(gpu.memory_total - gpu.memory_free)} of {readable_size(gpu.memory_total)}"
        lines.append(f"{gpu.index}  {gpu.model}  {used}  {'; '.join(who) or ('idle' if gpu.idle else UNSEEN)}")
    return lines


def busy(container: ObservedContainer, seen: Observation) -> list[str]:
    """For a stopped container that has devices: who has them now."""
    applied = container.applied
    had = {str(uuid) for uuid in (applied.assigned.get("gpus", ()) if applied is not None else ())}
    taken = reserved(seen, container)
    lines = [f"{uuid}: {taken[uuid]}" for uuid in sorted(had & set(taken))]
    others = [gpu for gpu in seen.gpus or () if gpu.uuid in had and gpu.uuid not in taken and gpu.processes]
    return lines + [f"{gpu.uuid}: {'; '.join(map(str, gpu.processes))}" for gpu in others]
