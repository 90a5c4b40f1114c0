"""The one look at the engine: two or three processes, whatever the number of profiles (docs/decisions/0003)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sglaunch.convert.from_inspect import container, is_container, local_image
from sglaunch.engine import host
from sglaunch.engine.adopted import adoptions, labels_for
from sglaunch.engine.lock import stop_note
from sglaunch.engine.machine import Machine
from sglaunch.engine.ports import taken
from sglaunch.engine.protocol import Engine
from sglaunch.engine.settle import grace_of
from sglaunch.plain import replace
from sglaunch.plan.assign import AUTO_PORTS
from sglaunch.plan.cards import accelerator_of, every_node, needs_devices
from sglaunch.plan.mirrors import mirrored
from sglaunch.plan.observation import NVIDIA, SERVING, BuildInputs, Gpu, LocalImage, Observation, ObservedContainer
from sglaunch.plan.ports import held_ports, host_ports
from sglaunch.plan.replacing import passing_names
from sglaunch.plan.sharing import shares
from sglaunch.recall import witness
from sglaunch.spec.accelerator import CARDS
from sglaunch.spec.container import Wanted, expand


def observe(
    engine: Engine, project: str | None, wanted: Sequence[Wanted] = (), *, devices: bool = False
) -> Observation:
    """The containers of a project (of every project with None) and of the wanted names, the images, the host.

    `devices`: the GPUs too, with every container of the engine, as where a profile asks for a number of them.
    """
    counted = {accelerator_of(one) for one in wanted if needs_devices(one)} | ({NVIDIA, *CARDS} if devices else set())
    counts = bool(counted)
    known = adoptions()
    # Any container may hold devices, whoever made it.
    ids = engine.every_id() if counts else engine.list_ids(project)
    ids += [one.id for one in known.values() if project in (None, one.project)]
    names = [name for one in wanted for name in (one.spec.container_name, *passing_names(one.spec.container_name))]
    names += [name for one in wanted for name in shares(one.spec)]
    tags = {tag for one in wanted if one.build is not None for tag in one.build.tags}
    images = {**{tag: (_tagged(tag),) for tag in tags}, **{one.spec.image: _references(one) for one in wanted}}
    asked = [*ids, *names, *(name for references in images.values() for name in references)]
    data = engine.inspect(list(dict.fromkeys(asked)), size=False)
    containers = {
        str(found["Id"]): container(found, labels_for(found, known)) for found in data.values() if is_container(found)
    }
    ports = {port for one in wanted for port in host_ports(one.spec)}
    ports -= {port for one in containers.values() if one.applied is not None for port in held_ports(one)}
    local = {image: _local(references, data, engine) for image, references in images.items()}
    here = {image: found for image, found in local.items() if found is not None}
    gpus, uncounted = _devices(engine.machine, counted)
    return Observation(
        owner=engine.machine.owner(),
        server=engine.machine.name,
        taken_ports=taken(ports, engine),
        listening=_listening(engine) if any(_asks_port(one) for one in wanted) else frozenset(),
        gpus=gpus,
        gpu_problem="; ".join(uncounted.values()) if counts else "nobody asked",
        uncounted=uncounted,
        containers=tuple(
            _stopping(_with_host(one), data, engine) if one.name in names else _with_host(one)
            for one in sorted(containers.values(), key=lambda one: one.name)
        ),
        engine=engine.capabilities,
        images={image: found.id if found is not None else None for image, found in local.items()},
        local=here,
        inputs=_inputs(wanted, here, engine.capabilities.platform),
        paths=engine.machine.exist(_sources(wanted) | {node for one in wanted for node in every_node(one)}),
        gpu=engine.machine.has_gpu(cdi=engine.capabilities.gpus == "cdi"),
        salt=host.salt(),
        now=host.now(),
        private=engine.machine.private_folder(),
    )


def _devices(machine: Machine, accelerators: Iterable[str]) -> tuple[tuple[Gpu, ...] | None, dict[str, str]]:
    """The devices of several accelerators, None where none could be counted; by accelerator, why it could not."""
    answers = {one: machine.devices(one) for one in sorted(accelerators, key=[NVIDIA, *CARDS].index)}
    counted = [gpus for gpus, _ in answers.values() if gpus is not None]
    problems = {one: problem for one, (_, problem) in answers.items() if problem}
    return (tuple(gpu for gpus in counted for gpu in gpus) if counted else None), problems


def _inputs(wanted: Sequence[Wanted], local: Mapping[str, LocalImage], platform: str) -> dict[str, BuildInputs]:
    if all(one.build is None for one in wanted):
        return {}
    from sglaunch.engine.inputs import inputs

    return inputs(wanted, local, platform)


def moved_images(engine: Engine, containers: Sequence[ObservedContainer]) -> set[str]:
    """Ids of containers whose image's name means another image here by now; one more call, for all of them."""
    names = {one.id: _tagged(one.image_ref) for one in containers if one.image_ref and one.image_id}
    data = engine.inspect(sorted(set(names.values())), size=False)
    here = {name: local_image(found, engine.capabilities).id for name, found in data.items()}
    return {one.id for one in containers if here.get(names.get(one.id, ""), one.image_id) != one.image_id}


def _listening(engine: Engine) -> frozenset[int]:
    return frozenset(port for port, _ in engine.machine.listening() if port in AUTO_PORTS)


def _asks_port(wanted: Wanted) -> bool:
    return wanted.spec.server is not None and wanted.spec.server.port == 0


def _tagged(image: str) -> str:
    """A reference that no container can be named: container names hold neither `:` nor `@`."""
    return image if "@" in image or ":" in image.rpartition("/")[2] else f"{image}:latest"


def _references(wanted: Wanted) -> tuple[str, ...]:
    """What an image may be known by: its name, and where it is named by digest, which is no tag to give, a mirror's."""
    image = _tagged(wanted.spec.image)
    return (image, *mirrored(image, wanted.settings.mirrors)) if "@" in image else (image,)


def _local(references: Sequence[str], data: Mapping[str, Any], engine: Engine) -> LocalImage | None:
    for reference in references:
        found = data.get(reference)
        if found is not None and not is_container(found):
            local = local_image(found, engine.capabilities)
            return local if reference == references[0] else replace(local, reference=reference)
    return None


def _with_host(one: ObservedContainer) -> ObservedContainer:
    exists = one.applied is not None and bool(one.applied.config) and witness.exists(one.applied.config)
    return replace(one, config_exists=exists)


def _stopping(one: ObservedContainer, data: Mapping[str, Any], engine: Engine) -> ObservedContainer:
    """With whether the engine may still be stopping it for a command that was killed: noted, and not over yet."""
    note = stop_note(one.name, engine.identity)
    if one.status not in SERVING or not witness.exists(note):
        return one
    witness.spoil("a stop is under way")
    try:
        began = note.stat().st_mtime
    except OSError:
        return one
    config = next((found.get("Config") or {} for found in data.values() if found.get("Id") == one.id), {})
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began)) + f"{began % 1:.6f}"[1:]
    restarted = one.started.endswith("Z") and one.started.rstrip("Z") > since
    return replace(one, stopping=not restarted and time.time() < began + grace_of(config))


def _sources(wanted: Sequence[Wanted]) -> set[str]:
    return {m.source for one in wanted for m in expand(one.spec).volumes.values() if m.type == "bind"}
