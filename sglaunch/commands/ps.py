"""`sglaunch ps`: the containers of this project, or of every project on this engine."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

from sglaunch.commands.asking import show, show_json
from sglaunch.engine.observe import moved_images, observe
from sglaunch.engine.protocol import Engine
from sglaunch.engine.ready import state
from sglaunch.plan.observation import SERVING, ObservedContainer, Project, foreign
from sglaunch.project import Common, connect, identity_of
from sglaunch.report.data import containers_data, devices
from sglaunch.report.text import containers_table


def run(common: Common, *, everything: bool = False, all_projects: bool = False) -> int:
    """Lists what runs; with `everything` what does not run too. Other people's are listed, never acted on."""
    identity = None if all_projects and common.file is None else identity_of(common)
    engine = connect(common, identity.engine if identity else {})
    seen = observe(engine, None if all_projects else identity.project if identity else None)
    containers = [one for one in seen.containers if everything or one.status in SERVING]
    if identity is not None and not all_projects:
        project = Project(identity.project, str(identity.file), seen.owner)
        containers = [one for one in containers if not foreign(one, project)]
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda one: (one.id, state(one, engine)), [one for one in containers if one.server_port])
        states = {identity: told for identity, told in found if told}
    moved = moved_images(engine, containers)
    if common.json:
        show_json(containers_data(containers, states, moved))
    else:
        now = datetime.now(timezone.utc)
        table = containers_table(
            containers,
            now,
            states=states,
            indices=_indices(containers, engine),
            moved=moved,
            projects=all_projects,
        )
        show(table)
    return 0


def _indices(containers: Sequence[ObservedContainer], engine: Engine) -> dict[str, int]:
    """The devices' numbers, looked up only where a container was given some."""
    found = engine.machine.devices()[0] if any(devices(one) for one in containers) else None
    return {gpu.uuid: gpu.index for gpu in found or ()}
