"""Single cards of AMD, Ascend and Intel: a container is given their device nodes; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sglaunch.plain import replace
from sglaunch.plan.observation import NVIDIA, Gpu, Observation
from sglaunch.spec.accelerator import CARDS, MOST_NUMBERED
from sglaunch.spec.container import ContainerSpec, Wanted
from sglaunch.spec.values import Device


def accelerator_of(wanted: Wanted) -> str:
    """The accelerator whose devices `gpus` asks for."""
    return wanted.settings.accelerator or NVIDIA


def needs_devices(wanted: Wanted) -> bool:
    """Whether the devices must be known: a number of them is chosen, and a card is given by its device node."""
    gpus = wanted.spec.gpus
    return gpus is not None and (gpus.count > 0 or wanted.settings.accelerator in CARDS)


def with_devices_of(seen: Observation, accelerator: str) -> Observation:
    """The observation with the devices of one accelerator, None where these could not be counted."""
    cards = CARDS.get(accelerator)
    vendor = cards.vendor if cards is not None else NVIDIA
    found = tuple(gpu for gpu in seen.gpus or () if gpu.vendor == vendor)
    counted = found or (cards is None and seen.gpus == ())
    problem = seen.uncounted.get(accelerator, seen.gpu_problem)
    return replace(seen, gpus=found if counted else None, gpu_problem=problem)


def named_cards(ids: Iterable[str], gpus: Sequence[Gpu]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """UUIDs of the cards of a list of ids (number, UUID, or device node), and the ids that are of none."""
    found = {one: next((gpu.uuid for gpu in gpus if one in _names(gpu)), "") for one in ids}
    return tuple(dict.fromkeys(filter(None, found.values()))), tuple(one for one, uuid in found.items() if not uuid)


def _names(gpu: Gpu) -> set[str]:
    return {str(gpu.index), gpu.uuid, *gpu.nodes, *(node.rpartition("/")[2] for node in gpu.nodes)}


def numbered_nodes(wanted: Wanted) -> tuple[str, ...]:
    """The device nodes of ids that are numbers, where the number tells the node, counted or not."""
    cards, gpus = CARDS.get(wanted.settings.accelerator), wanted.spec.gpus
    if cards is None or gpus is None or not cards.numbered or not all(one.isdecimal() for one in gpus.ids):
        return ()
    return tuple(cards.numbered.format(one) for one in gpus.ids)


def with_nodes(spec: ContainerSpec, nodes: Iterable[str]) -> ContainerSpec:
    """The spec with device nodes in the place of its request, beneath written ones."""
    return replace(spec, gpus=None, devices={**{node: Device(node) for node in nodes}, **spec.devices})


def every_node(wanted: Wanted) -> tuple[str, ...]:
    """The nodes that all numbered cards of an accelerator may have: it brings those of a usual machine."""
    cards = CARDS.get(wanted.settings.accelerator)
    if cards is None or not cards.numbered or wanted.spec.gpus is not None:
        return ()
    return tuple(cards.numbered.format(number) for number in range(MOST_NUMBERED))


def fit_nodes(wanted: Wanted, seen: Observation) -> ContainerSpec:
    """The spec with the cards that the machine has in the place of those of a usual one, which nobody wrote."""
    here = [node for node in every_node(wanted) if seen.paths.get(node)]
    if not here:
        return wanted.spec
    brought = wanted.origins.get("accelerator")
    usual = {node for node in every_node(wanted) if wanted.origins.get(f"devices.{node}") == brought}
    kept = {path: device for path, device in wanted.spec.devices.items() if path not in usual}
    return replace(wanted.spec, devices={**{node: Device(node) for node in here}, **kept})
