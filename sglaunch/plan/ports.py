"""The host's ports that a container needs, and what is wrong where somebody else has them; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan.observation import SERVING, Observation, ObservedContainer, Project, foreign
from sglaunch.spec.container import ContainerSpec, Wanted, expand, origin_of
from sglaunch.spec.server import Server, listens

HOST = "host"


def host_ports(spec: ContainerSpec) -> dict[int, str]:
    """TCP ports of the host that a spec takes, with the path of the value that asks for each.

    On the host's network those are the server's own, bound only after the model is loaded: the later one is found
    taken, the dearer.
    """
    if spec.network_mode == HOST:
        return listens(spec.server) if spec.server is not None else {}
    found = {}
    for key, bindings in expand(spec).ports.items():
        path = f"ports.{key}" if key in spec.ports else "server.port"
        for binding in bindings:
            if binding.port not in ("", "0") and key.endswith("/tcp"):
                found[int(binding.port)] = path
    return found


def held_ports(container: ObservedContainer) -> set[int]:
    """Ports of the host that a container has by now."""
    if container.status not in SERVING:
        return set()
    published = {int(shown.partition("->")[0].rpartition(":")[2]) for shown in container.ports if _is_bound(shown)}
    if container.network_mode != HOST or not container.server_port:
        return published
    written = ((container.applied.spec if container.applied is not None else None) or {}).get("server", {})
    args = written.get("args")
    return published | set(listens(Server("", port=container.server_port, args=args if isinstance(args, dict) else {})))


def occupied(
    seen: Observation, project: Project, wanted: Sequence[Wanted], leaving: Collection[str] = ()
) -> Observation:
    """With the ports of containers that this plan leaves as they are. `leaving`: names of those it removes."""
    profiles = {one.profile for one in wanted}
    kept = {
        port: f"container {one.name} of {one.applied.owner.name}"
        for one in seen.containers
        if one.applied is not None and one.name not in leaving
        if one.applied.profile not in profiles or foreign(one, project)
        for port in held_ports(one)
    }
    return replace(seen, taken_ports={**seen.taken_ports, **kept})


def given(seen: Observation, wanted: Wanted) -> Observation:
    """The observation for the next container of a plan: this one has its ports."""
    name = wanted.spec.container_name
    ports = dict.fromkeys(host_ports(wanted.spec), f"profile {wanted.profile} ({name}), which is brought up too")
    return replace(seen, taken_ports={**ports, **seen.taken_ports})


def taken_ports(wanted: Wanted, seen: Observation, container: ObservedContainer | None) -> tuple[Problem, ...]:
    """Ports that somebody else has. Its own container's are free once that one stops."""
    own = held_ports(container) if container is not None else set()
    taken = {port: who for port, who in seen.claimed.items() if isinstance(port, int)} | dict(seen.taken_ports)
    problems = []
    for port, path in host_ports(wanted.spec).items():
        if port in taken and port not in own:
            origin = origin_of(path, wanted.origins)
            message = f"port {port} of the host is taken by {taken[port]}"
            auto = "; `port: auto` takes a free one" if path == "server.port" else ""
            hint = f"choose another, or stop that one{auto}"
            problems.append(Problem(message, origin.place if origin else None, path, hint))
    return tuple(problems)


def _is_bound(shown: str) -> bool:
    return shown.partition("->")[0].rpartition(":")[2].isdecimal() and shown.endswith("/tcp")
