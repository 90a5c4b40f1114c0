"""`sglaunch gpus`: who holds which GPU of this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sglaunch.commands.asking import columns, show, show_json
from sglaunch.engine.client import EngineClient
from sglaunch.engine.observe import observe
from sglaunch.errors import EngineError, Failure, SglaunchError
from sglaunch.plan.gpus import reserved
from sglaunch.plan.observation import Gpu
from sglaunch.project import Common, connect, identity_of
from sglaunch.report.gpus import gpus_data, gpus_table
from sglaunch.report.problems import SCHEMA_VERSION

WATCH_SECONDS = 2.0


def run(common: Common, *, watch: bool = False) -> int:
    """Lists every device; with `watch` again and again until Ctrl-C."""
    engine = connect(common, _configured(common))
    while True:
        found, problem = engine.machine.devices()
        if found is None:
            hint = "install the NVIDIA driver, or run this on the machine that has the GPUs"
            raise EngineError(Failure("no-nvml", problem, hint))
        rows = _rows(found, engine)
        if common.json:
            show_json({"schema_version": SCHEMA_VERSION, "gpus": rows})
        else:
            show(gpus_table(rows, columns()))
        if not watch:
            return 0
        time.sleep(WATCH_SECONDS)
        show([""])


def _configured(common: Common) -> Mapping[str, str]:
    """The engine that a project's files name, where there is a project."""
    try:
        return identity_of(common).engine
    except SglaunchError:
        return {}


def _rows(gpus: tuple[Gpu, ...], engine: EngineClient) -> list[dict[str, Any]]:
    seen = observe(engine, None)
    holders = reserved(seen, None)
    names = {container.id: container.name for container in seen.containers}
    foreign = {process.container for gpu in gpus for process in gpu.processes if process.container} - set(names)
    data = engine.inspect(sorted(foreign), size=False) if foreign else {}
    names |= {identity: str(found.get("Name", "")).removeprefix("/") for identity, found in data.items()}
    return gpus_data(gpus, holders, names)
