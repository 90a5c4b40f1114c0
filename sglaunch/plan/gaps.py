"""Options that an engine lacks: refused before anything is touched, or left out where only the built-in asks. Pure.

Each row names an option, when a spec asks for it, the first version that has it ("" for none yet), and what to write
instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sglaunch.errors import Problem
from sglaunch.plain import Struct, replace
from sglaunch.plan.capabilities import DOCKER, NERDCTL, PODMAN, Capabilities
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.container import ContainerSpec, Wanted, origin_of
from sglaunch.spec.values import Secret

_REFUSED = object()
"""Stands in for a value that is never left out, whoever asked for it."""
_Asked = Callable[[ContainerSpec], object]


class Gap(Struct, frozen=True):
    """A row."""

    path: str
    asked: _Asked
    since: str = ""
    instead: str = ""


def _cdi(spec: ContainerSpec) -> bool:
    return any("=" in device.path for device in spec.devices.values())


GAPS: Mapping[str, tuple[Gap, ...]] = {
    DOCKER: (Gap("devices", _cdi, "25.0", "write gpus, or the device's path"),),
    PODMAN: (
        Gap(
            "extra_hosts",
            lambda spec: any("host-gateway" in ips for ips in spec.extra_hosts.values()),
            "4.7",
            "write the host's address, such as 10.88.0.1",
        ),
    ),
    NERDCTL: (
        Gap("stdin_open", lambda spec: spec.stdin_open, "", "remove it; `sglaunch shell` gives a terminal"),
        Gap("device_cgroup_rules", lambda spec: spec.device_cgroup_rules, "", "write devices, or privileged"),
        Gap("networks", lambda spec: any(n.aliases for n in spec.networks.values()), "", "write no aliases"),
        Gap("healthcheck", lambda spec: spec.healthcheck, "2.1.3", "remove it; servers are asked by sglaunch itself"),
        Gap("devices", _cdi, "2.1.0", "write gpus, or the device's path"),
        Gap("logging.driver", lambda spec: spec.logging_driver == "local", "", "write json-file"),
        Gap("ipc", lambda spec: spec.ipc == "none", "", "write private"),
        Gap("volumes", lambda spec: any(m.selinux for m in spec.volumes.values()), "2.3.6", "write no z or Z"),
        Gap("volumes_from", lambda spec: spec.volumes_from, "", "write the same volumes in both profiles"),
    ),
}


def fitted(wanted: Wanted, engine: Capabilities) -> tuple[Wanted, list[Problem], list[Problem]]:
    """The profile as the engine can make it; what it refuses; what it leaves out of what only the built-in asks."""
    wanted = _with_caller(wanted, engine)
    problems = [_problem(gap, wanted, engine) for gap in GAPS[engine.name] if _lacks(gap, wanted, engine)]
    problems += [*_multiline(wanted, engine), *_unbuildable(wanted, engine), *_several_nodes(wanted)]
    warnings = list(_replicas(wanted))
    left_out: dict[str, Any] = {}
    for path, without, message, hint in _missing(wanted, engine):
        origin = origin_of(path, wanted.origins)
        place = origin.place if origin else None
        if path in wanted.settings.soft and without is not _REFUSED:
            left_out[path] = without
            done = f"the container gets {without}" if without else "left out"
            warnings.append(Problem(f"{message}; {done}", place, path))
        else:
            problems.append(Problem(message, place, path, hint))
    return replace(wanted, spec=replace(wanted.spec, **left_out)), problems, warnings


def _with_caller(wanted: Wanted, engine: Capabilities) -> Wanted:
    """`user: me` where the engine maps users: Podman keeps the uid if asked, elsewhere root of the container is it."""
    if not (wanted.settings.as_caller and engine.rootless) or wanted.spec.userns_mode:
        return wanted
    mapped = {"userns_mode": "keep-id"} if engine.name == PODMAN else {"user": "0:0"}
    return replace(wanted, spec=replace(wanted.spec, **mapped))


def _lacks(gap: Gap, wanted: Wanted, engine: Capabilities) -> bool:
    return bool(gap.asked(wanted.spec)) and (not gap.since or engine.older_than(gap.since))


def _problem(gap: Gap, wanted: Wanted, engine: Capabilities) -> Problem:
    origin = origin_of(gap.path, wanted.origins)
    since = f"; {engine.name} has it from {gap.since} on" if gap.since else ""
    return Problem(f"{engine} cannot do this{since}", origin.place if origin else None, gap.path, gap.instead)


def _missing(wanted: Wanted, engine: Capabilities) -> Iterator[tuple[str, Any, str, str]]:
    """Path, what stands in for the value, why, and what to do: for what depends on the engine's host."""
    spec = wanted.spec
    if spec.init and not engine.has_init:
        program = {PODMAN: "catatonit", NERDCTL: "tini"}.get(engine.name, "docker-init")
        yield "init", False, f"{engine.name} needs {program}, which is not here", f"install {program}"
    # Cards of other vendors are devices by path, which every engine has.
    if spec.gpus is not None and not engine.gpus and wanted.settings.accelerator not in CARDS:
        message = f"{engine} stands before {engine.server}, which would get no GPU and not say so"
        yield "gpus", _REFUSED, message, f"write --engine {engine.server}"
    if spec.auto_remove and not engine.auto_remove:
        message = f"{engine} cannot remove what runs in the background"
        yield "auto_remove", _REFUSED, message, "remove it; `sglaunch down` removes the container"
    policy = spec.restart.partition(":")[0]
    if policy not in engine.restarts:
        why = f"{policy} needs containerd 1.7, and this is {engine.server}, which starts again what was stopped"
        yield "restart", "no", why, 'write restart: "no", or update containerd to 1.7'


def _several_nodes(wanted: Wanted) -> Iterator[Problem]:
    """An engine is one machine; a rank that is started alone waits for the others for ever."""
    nodes = wanted.settings.nodes
    if nodes > 1:
        origin = origin_of("nodes", wanted.origins)
        hint = (
            f"`sglaunch export kubernetes {wanted.profile}`; or remove nodes, write nnodes, node-rank and "
            "dist-init-addr under server.args, and run `up` on each machine"
        )
        message = f"runs on {nodes} machines, and an engine is one"
        yield Problem(message, origin.place if origin else None, "nodes", hint)


def _replicas(wanted: Wanted) -> Iterator[Problem]:
    if wanted.settings.replicas > 1:
        origin = origin_of("replicas", wanted.origins)
        yield Problem("an engine gets one of them", origin.place if origin else None, "replicas")


def _unbuildable(wanted: Wanted, engine: Capabilities) -> Iterator[Problem]:
    for key in sorted(engine.builder.lacks) if wanted.build is not None else ():
        if getattr(wanted.build, key):
            path = f"build.{key}"
            origin = origin_of(path, wanted.origins)
            message = f"the builder of {engine} has no {key}"
            yield Problem(message, origin.place if origin else None, path, engine.builder.instead)


def _multiline(wanted: Wanted, engine: Capabilities) -> list[Problem]:
    found = []
    for name, value in wanted.spec.environment.items():
        if isinstance(value, Secret) and "\n" in value.reveal() and not engine.multiline:
            path = f"environment.{name}"
            origin = origin_of(path, wanted.origins)
            message = f"is a secret of several lines, which {engine.name} cannot be given unseen"
            found.append(Problem(message, origin.place if origin else None, path, "mount a file, or encode it"))
    return found
