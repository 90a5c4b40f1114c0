"""The one look at the engine: two or three processes, whatever the number of profiles (docs/decisions/0003)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sglaunch.convert.from_inspect import container, image_identity, is_container
from sglaunch.engine import host
from sglaunch.engine.ports import taken
from sglaunch.engine.protocol import Engine
from sglaunch.plan.assign import AUTO_PORTS
from sglaunch.plan.observation import Observation, ObservedContainer
from sglaunch.plan.ports import held_ports, host_ports
from sglaunch.plan.replacing import passing_names
from sglaunch.spec.container import Wanted, expand


def observe(engine: Engine, project: str | None, wanted: Sequence[Wanted] = ()) -> Observation:
    """The containers of a project (of every project with None) and of the wanted names, the images, the host."""
    counts = any(one.spec.gpus is not None and one.spec.gpus.count > 0 for one in wanted)
    # Devices are reserved in the labels of every user's containers.
    ids = engine.list_ids(None if counts else project)
    names = [name for one in wanted for name in (one.spec.container_name, *passing_names(one.spec.container_name))]
    images = {one.spec.image: _tagged(one.spec.image) for one in wanted}
    data = engine.inspect(list(dict.fromkeys([*ids, *names, *images.values()])), size=False)
    containers = {str(found["Id"]): container(found) for found in data.values() if is_container(found)}
    ports = {port for one in wanted for port in host_ports(one.spec)}
    ports -= {port for one in containers.values() for port in held_ports(one)}
    gpus, gpu_problem = engine.machine.devices() if counts else (None, "nobody asked")
    return Observation(
        owner=engine.machine.owner(),
        server=engine.machine.name,
        taken_ports=taken(ports, engine),
        listening=_listening(engine) if any(_asks_port(one) for one in wanted) else frozenset(),
        gpus=gpus,
        gpu_problem=gpu_problem,
        containers=tuple(_with_host(one) for one in sorted(containers.values(), key=lambda one: one.name)),
        engine=engine.capabilities,
        images={image: _image_id(data.get(asked), engine) for image, asked in images.items()},
        paths=engine.machine.exist(_sources(wanted)),
        gpu=engine.machine.has_gpu(cdi=engine.capabilities.gpus == "cdi"),
        salt=host.salt(),
        now=host.now(),
        private=engine.machine.private_folder(),
    )


def _listening(engine: Engine) -> frozenset[int]:
    return frozenset(port for port, _ in engine.machine.listening() if port in AUTO_PORTS)


def _asks_port(wanted: Wanted) -> bool:
    return wanted.spec.server is not None and wanted.spec.server.port == 0


def _tagged(image: str) -> str:
    """A reference that no container can be named: container names hold neither `:` nor `@`."""
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def _image_id(data: Mapping[str, Any] | None, engine: Engine) -> str | None:
    if data is None or is_container(data):
        return None
    return image_identity(data, digest=engine.capabilities.digests)


def _with_host(one: ObservedContainer) -> ObservedContainer:
    exists = one.applied is not None and bool(one.applied.config) and Path(one.applied.config).exists()
    return replace(one, config_exists=exists)


def _sources(wanted: Sequence[Wanted]) -> set[str]:
    return {m.source for one in wanted for m in expand(one.spec).volumes.values() if m.type == "bind"}
