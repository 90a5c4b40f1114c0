"""Requests that leave a choice (`gpus: 2`, `port: auto`) turned into what this container gets; pure.

The choice lives in the label `sglaunch.assigned` and is kept while it serves: it is never a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sglaunch.plain import replace
from sglaunch.plan.cards import fit_nodes, named_cards, needs_devices, numbered_nodes, with_devices_of, with_nodes
from sglaunch.plan.gpus import Shortage, choose, claimed_by
from sglaunch.plan.observation import SERVING, Observation, ObservedContainer
from sglaunch.plan.steps import Step
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.container import Wanted
from sglaunch.spec.labels import decode
from sglaunch.spec.values import Gpus

AUTO_PORTS = range(30000, 30100)


def assign(wanted: Wanted, seen: Observation, own: ObservedContainer | None) -> tuple[Wanted, Shortage | None]:
    """The profile with its choices made, and what is missing for them."""
    assigned: dict[str, Any] = {}
    spec, shortage, request = wanted.spec, None, wanted.spec.gpus
    if request is None:
        spec = fit_nodes(wanted, seen)
    elif seen.gpus is None:
        nodes = numbered_nodes(wanted)
        spec = with_nodes(spec, nodes) if nodes else spec
    elif needs_devices(wanted):
        chosen = choose(request, seen, own) if request.count > 0 else named_cards(request.ids, seen.gpus)[0]
        if isinstance(chosen, Shortage):
            shortage = chosen
        else:
            assigned["gpus"] = list(chosen)
            nodes = tuple(node for gpu in seen.gpus if gpu.uuid in chosen for node in gpu.nodes)
            is_card = wanted.settings.accelerator in CARDS
            spec = replace(spec, gpus=Gpus(ids=chosen, capabilities=request.capabilities))
            spec = with_nodes(spec, nodes) if is_card else spec
    if spec.server is not None and spec.server.port == 0:
        port = _port(seen, own)
        if port is None:
            shortage = shortage or Shortage(f"no port from {AUTO_PORTS[0]} to {AUTO_PORTS[-1]} is free")
        else:
            assigned["port"] = port
            spec = replace(spec, server=replace(spec.server, port=port))
    return replace(wanted, spec=spec, request=wanted.spec, assigned=assigned), shortage


def claim(seen: Observation, steps: Iterable[Step]) -> Observation:
    """The observation for the next container of a plan: what was chosen for this one is given away."""
    claimed: dict[str | int, str] = dict(seen.claimed)
    for step in steps:
        applied = decode(step.labels) if step.op == "create" else None
        if step.spec is not None:
            claimed.update(dict.fromkeys(claimed_by(step.spec, seen.gpus or ()), step.target))
        if applied is not None:
            claimed.update(dict.fromkeys(applied.assigned.get("gpus", ()), step.target))
        if applied is not None and "port" in applied.assigned:
            claimed[applied.assigned["port"]] = step.target
    return replace(seen, claimed=claimed)


def claim_named(seen: Observation, wanted: Iterable[Wanted]) -> Observation:
    """The observation where devices that profiles name are given away: before any is chosen for a count."""
    named = {uuid: one.spec.container_name for one in wanted for uuid in _named(one, seen)}
    return replace(seen, claimed={**seen.claimed, **named})


def _named(wanted: Wanted, seen: Observation) -> Iterable[str]:
    gpus = wanted.spec.gpus
    if gpus is not None and gpus.count > 0:
        return ()
    if gpus is not None and wanted.settings.accelerator in CARDS:
        return named_cards(gpus.ids, with_devices_of(seen, wanted.settings.accelerator).gpus or ())[0]
    return claimed_by(wanted.spec, seen.gpus or ())


def _port(seen: Observation, own: ObservedContainer | None) -> int | None:
    """The one it has; else the first that nobody listens on and no other container of ours has been given."""
    others = {_given(one) for one in seen.containers if own is None or one.id != own.id} | set(seen.claimed)
    had = _given(own) if own is not None else None
    if had is not None and had not in others and not lost_port(seen, own):
        return had
    busy = {*others, *seen.listening, *seen.taken_ports}
    return next((port for port in AUTO_PORTS if port not in busy), None)


def lost_port(seen: Observation, own: ObservedContainer | None) -> int | None:
    """The port that a stopped container was given, if somebody listens there now."""
    had = _given(own) if own is not None and own.status not in SERVING else None
    return had if had in seen.listening else None


def _given(container: ObservedContainer) -> int | None:
    assigned: Mapping[str, Any] = container.applied.assigned if container.applied is not None else {}
    port = assigned.get("port")
    return int(port) if isinstance(port, int) else None
