"""`sglaunch ps`: the containers of this project, or of every project on this engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from sglaunch.commands.asking import columns, show, show_json, warn_of_engine
from sglaunch.engine.observe import moved_images, observe
from sglaunch.engine.protocol import Engine
from sglaunch.plan.observation import SERVING, ObservedContainer, Project, foreign
from sglaunch.project import Common, connect, identity_of, require_answer
from sglaunch.recall import witness
from sglaunch.report.data import containers_data, devices
from sglaunch.report.text import containers_table, running_since


def run(common: Common, *, everything: bool = False, all_projects: bool = False) -> int:
    """Lists what runs; with `everything` what does not run too. Other people's are listed, never acted on."""
    identity = None if all_projects and common.file is None else identity_of(common)
    file = None if identity is None or all_projects else identity.file
    engine = connect(common, identity.engine if identity else {}, file)
    seen = observe(engine, None if all_projects else identity.project if identity else None)
    containers = [one for one in seen.containers if everything or one.status in SERVING]
    if identity is not None and not all_projects:
        project = Project(identity.project, str(identity.file), seen.owner)
        containers = [one for one in containers if not foreign(one, project)]
    if not containers:
        require_answer(common, engine)
    warn_of_engine(common, engine)
    states = _states([one for one in containers if one.server_port], engine)
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
            columns=columns(),
        )
        show(table)
        rows = table[1:]
        if len(rows) != len(containers):
            witness.spoil("on a narrow terminal a row takes several lines, and its time is not the end of one")
            return 0
        for line, one in zip(rows, containers, strict=True):
            if (since := running_since(one)) is not None:
                witness.clock(line, since)
    return 0


def _states(servers: Sequence[ObservedContainer], engine: Engine) -> dict[str, str]:
    """What each server says, asked all at once."""
    if not servers:
        return {}
    from concurrent.futures import ThreadPoolExecutor

    from sglaunch.engine.ready import state

    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda one: (one.id, state(one, engine)), servers)
        return {identity: told for identity, told in found if told}


def _indices(containers: Sequence[ObservedContainer], engine: Engine) -> dict[str, int]:
    """The devices' numbers, looked up only where a container was given some."""
    found = engine.machine.devices()[0] if any(devices(one) for one in containers) else None
    return {gpu.uuid: gpu.index for gpu in found or ()}
