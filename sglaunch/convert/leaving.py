"""What no other format says of a profile: the launcher's own doing, told with its origin; pure."""

from __future__ import annotations

from collections.abc import Iterator

from sglaunch.errors import BUILTIN, Problem
from sglaunch.plain import replace
from sglaunch.plan.cards import numbered_nodes, with_nodes
from sglaunch.spec.accelerator import CARDS, expansion
from sglaunch.spec.container import ContainerSpec, Wanted, origin_of
from sglaunch.spec.server import DEFAULT_PORT, NO_PROXIES, PROXIES, direct_hosts, loopback_proxies
from sglaunch.spec.values import Device, Secret

_ALONE = {
    "recreate": "whether a change may replace the container is asked by sglaunch alone",
    "protect": "work in the container's own layer is protected by sglaunch alone",
    "attach": "nobody is led into a shell",
}


def problem(wanted: Wanted, path: str, message: str, hint: str = "") -> Problem:
    """A sentence about the value at a path, at the place it was written."""
    origin = origin_of(path, wanted.origins)
    return Problem(message, origin.place if origin else None, path, hint)


def is_written(wanted: Wanted, path: str) -> bool:
    """Whether somebody asked for it; what the built-in layer asks is nobody's own wish."""
    origin = origin_of(path, wanted.origins)
    return origin is not None and origin.layer != BUILTIN


def settled(wanted: Wanted) -> tuple[Wanted, list[Problem]]:
    """The profile without what is this machine's alone: its proxies, and the choice of a port for `auto`."""
    wanted, losses = _without_proxies(wanted)
    wanted, more = _with_port(wanted)
    return wanted, losses + more


def _without_proxies(wanted: Wanted) -> tuple[Wanted, list[Problem]]:
    """A proxy that is passed through is named and has no value; one that listens on the loopback is left out."""
    values = wanted.spec.environment
    passed = [name for name in (*PROXIES, *NO_PROXIES) if name in wanted.passed and values.get(name) is not None]
    local = [name for name in loopback_proxies(values) if name not in passed]
    if not passed and not local:
        return wanted, []
    environment = {**values, **dict.fromkeys(passed)}
    environment = {name: value for name, value in environment.items() if name not in local}
    losses = []
    if passed:
        hosts = ",".join(direct_hosts(wanted.spec.server))
        hint = f"set them where it is used, with {hosts} in no_proxy"
        losses.append(problem(wanted, f"environment.{passed[0]}", f"{', '.join(passed)}: this shell's stay here", hint))
    if local:
        message = f"{', '.join(local)}: a proxy on this machine's loopback is left out"
        losses.append(problem(wanted, f"environment.{local[0]}", message, "write an address that others reach"))
    names = wanted.secret_names.difference(passed, local)
    return replace(wanted, spec=replace(wanted.spec, environment=environment), secret_names=names), losses


def _with_port(wanted: Wanted) -> tuple[Wanted, list[Problem]]:
    server = wanted.spec.server
    if server is None or server.port:
        return wanted, []
    lost = problem(wanted, "server.port", f"auto is chosen by up; the export says {DEFAULT_PORT}")
    spec = replace(wanted.spec, server=replace(server, port=DEFAULT_PORT))
    return replace(wanted, spec=spec), [lost]


def every_card(wanted: Wanted) -> tuple[Wanted, list[Problem]]:
    """The profile with all cards of an accelerator in the place of some that are known on their machine alone."""
    accelerator, gpus = wanted.settings.accelerator, wanted.spec.gpus
    if gpus is None or accelerator not in CARDS:
        return wanted, []
    if nodes := numbered_nodes(wanted):
        return replace(wanted, spec=with_nodes(wanted.spec, nodes)), []
    devices = {path: Device(path) for path in expansion(accelerator, pinned=False)["devices"]}
    message = f"up gives the container single cards ({gpus.show()}); the export gives it all of them"
    lost = problem(wanted, "gpus", message, "write the device nodes of its cards; `sglaunch gpus` lists the cards")
    return replace(wanted, spec=replace(wanted.spec, gpus=None, devices={**devices, **wanted.spec.devices})), [lost]


def consent(wanted: Wanted) -> Iterator[Problem]:
    """Settings that guard a container or lead into it, where somebody wrote them."""
    for path, message in _ALONE.items():
        if is_written(wanted, path):
            yield problem(wanted, path, message)


def chosen_gpus(wanted: Wanted) -> Iterator[Problem]:
    """A number of GPUs that up chooses among the idle ones."""
    gpus = wanted.spec.gpus
    if gpus is not None and gpus.count > 0:
        message = f"up takes {gpus.count} idle devices and reserves them; an engine takes the first, whoever uses them"
        yield problem(wanted, "gpus", message, "write ids, or look at `sglaunch gpus`")
    if gpus is not None and gpus.min_free:
        yield problem(wanted, "gpus.min_free", "free memory is looked at by up alone")


def readiness(wanted: Wanted, instead: str) -> Iterator[Problem]:
    """`up` waits for an answer and explains failures."""
    if wanted.settings.readiness is not None and wanted.spec.server is not None:
        yield problem(wanted, "server.ready", "up waits until the server answers", instead)


def secrets(spec: ContainerSpec, names: frozenset[str]) -> list[str]:
    """The variables that are secret, those included that are not set in this shell."""
    known = {name for name, value in spec.environment.items() if isinstance(value, Secret)}
    return [name for name in spec.environment if name in known or name in names]


def of_files(wanted: Wanted) -> list[str]:
    """The variables that files of NAME=value lines bring."""
    files = wanted.origins.get("env_file")
    names = wanted.spec.environment
    return [name for name in names if files is not None and wanted.origins.get(f"environment.{name}") == files]
