"""`sglaunch gpus`: who holds which GPU of this machine."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sglaunch.commands.asking import columns, show, show_json
from sglaunch.engine.client import EngineClient
from sglaunch.engine.observe import observe
from sglaunch.errors import EngineError, Failure, SglaunchError
from sglaunch.plan.gpus import UNSEEN, reserved
from sglaunch.plan.observation import Gpu, GpuProcess
from sglaunch.project import Common, connect, identity_of
from sglaunch.report.clean import clean
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.spec.columns import table
from sglaunch.spec.values import readable_size

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
            show(_lines(rows))
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
    return [
        {
            "index": gpu.index,
            "uuid": gpu.uuid,
            "model": clean(gpu.model),
            "memory_used": gpu.memory_total - gpu.memory_free,
            "memory_total": gpu.memory_total,
            "utilisation": gpu.utilisation,
            "reserved": clean(holders[gpu.uuid]) if gpu.uuid in holders else None,
            "processes": [_process(process, names) for process in gpu.processes],
            "idle": gpu.idle and gpu.uuid not in holders,
        }
        for gpu in gpus
    ]


def _process(process: GpuProcess, names: dict[str, str]) -> dict[str, Any]:
    return {
        "pid": process.pid,
        "name": clean(process.name) or None,
        "user": clean(process.user) or None,
        "container": clean(names.get(process.container, "")) or None,
        "memory": process.memory,
    }


def _lines(rows: list[dict[str, Any]]) -> list[str]:
    cells = [["GPU", "MODEL", "MEMORY", "USE", "HOLDER"]]
    for row in rows:
        used = f"{readable_size(row['memory_used'])} / {readable_size(row['memory_total'])}"
        use = "-" if row["utilisation"] is None else f"{row['utilisation']}%"
        cells.append(
            [
                str(row["index"]),
                row["model"],
                used,
                use,
                "; ".join(_holders(row)) or ("idle" if row["idle"] else UNSEEN),
            ]
        )
    return table(cells, columns())


def _holders(row: dict[str, Any]) -> list[str]:
    found = [row["reserved"]] if row["reserved"] else []
    for process in row["processes"]:
        if process["container"] and process["container"] in (row["reserved"] or ""):
            continue
        where = f"container {process['container']}, " if process["container"] else ""
        name, user = process["name"] or "?", process["user"] or "another user"
        found.append(f"{where}pid {process['pid']} ({name}) of {user}")
    return found
