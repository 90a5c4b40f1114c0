"""Requests that leave a choice (`gpus: 2`, `port: auto`) turned into what this container gets; pure.

The choice lives in the label `sglaunch.assigned` and is kept while it serves: it is never a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sglaunch.plain import replace
from sglaunch.plan.gpus import Shortage, choose, claimed_by
from sglaunch.plan.observation import SERVING, Observation, ObservedContainer
from sglaunch.plan.steps import Step
from sglaunch.spec.container import Wanted
from sglaunch.spec.labels import decode
from sglaunch.spec.values import Gpus

AUTO_PORTS = range(30000, 30100)


def assign(wanted: Wanted, seen: Observation, own: ObservedContainer | None) -> tuple[Wanted, Shortage | None]:
    """The profile with its choices made, and what is missing for them."""
    assigned: dict[str, Any] = {}
    spec, shortage = wanted.spec, None
    if spec.gpus is not None and spec.gpus.count > 0 and seen.gpus is not None:
        chosen = choose(spec.gpus, seen, own)
        if isinstance(chosen, Shortage):
            shortage = chosen
        else:
            assigned["gpus"] = list(chosen)
            spec = replace(spec, gpus=Gpus(ids=chosen, capabilities=spec.gpus.capabilities))
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
        if applied is not None and "port" in applied.assigned:
            claimed[applied.assigned["port"]] = step.target
    return replace(seen, claimed=claimed)


def claim_named(seen: Observation, wanted: Iterable[Wanted]) -> Observation:
    """The observation where devices that profiles name are given away: before any is chosen for a count."""
    named = {
        uuid: one.spec.container_name
        for one in wanted
        for uuid in claimed_by(one.spec, seen.gpus or ())
        if one.spec.gpus is None or one.spec.gpus.count <= 0
    }
    return replace(seen, claimed={**seen.claimed, **named})


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
