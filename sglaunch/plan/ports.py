"""The host's ports that a container needs, and what is wrong where somebody else has them; pure."""

from __future__ import annotations

from sglaunch.errors import Problem
from sglaunch.plan.observation import SERVING, Observation, ObservedContainer
from sglaunch.spec.container import ContainerSpec, Wanted, expand, origin_of

HOST = "host"


def host_ports(spec: ContainerSpec) -> dict[int, str]:
    """TCP ports of the host that a spec takes, with the path of the value that asks for each.

    On the host's network that is the server's own port, bound only after the model is loaded: the later it is found
    taken, the dearer.
    """
    if spec.network_mode == HOST:
        return {spec.server.port: "server.port"} if spec.server is not None and spec.server.port else {}
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
    server = (container.applied.spec or {}).get("server") if container.applied is not None else None
    own = {int(server.get("port", 30000))} if server and container.network_mode == HOST else set()
    return published | own


def taken_ports(wanted: Wanted, seen: Observation, container: ObservedContainer | None) -> tuple[Problem, ...]:
    """Ports that somebody else has. Its own container's are free once that one stops."""
    own = held_ports(container) if container is not None else set()
    problems = []
    for port, path in host_ports(wanted.spec).items():
        if port in seen.taken_ports and port not in own:
            origin = origin_of(path, wanted.origins)
            message = f"port {port} of the host is taken by {seen.taken_ports[port]}"
            hint = "choose another, or stop that one"
            problems.append(Problem(message, origin.place if origin else None, path, hint))
    return tuple(problems)


def _is_bound(shown: str) -> bool:
    return shown.partition("->")[0].rpartition(":")[2].isdecimal() and shown.endswith("/tcp")
