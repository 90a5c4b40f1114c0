"""The GPUs of a machine and who holds them, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sglaunch.plan.gpus import UNSEEN, having_all
from sglaunch.plan.observation import Gpu, GpuProcess
from sglaunch.report.clean import clean
from sglaunch.spec.columns import table
from sglaunch.spec.values import readable_size


def gpus_data(
    gpus: Sequence[Gpu], holders: Mapping[str, str], shared: Mapping[str, Sequence[str]], names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """One row a device. `holders`: by device, the containers it is reserved for; `shared`: those that were given all
    devices; `names`: those of containers by id."""
    return [
        {
            "index": gpu.index,
            "vendor": gpu.vendor,
            "uuid": gpu.uuid,
            "model": clean(gpu.model),
            "memory_used": gpu.memory_total - gpu.memory_free,
            "memory_total": gpu.memory_total,
            "utilisation": gpu.utilisation,
            "reserved": clean(holders[gpu.uuid]) if gpu.uuid in holders else None,
            "shared": [clean(name) for name in shared.get(gpu.uuid, ())],
            "processes": [_process(process, names) for process in gpu.processes],
            "idle": gpu.idle and gpu.uuid not in holders,
        }
        for gpu in gpus
    ]


def _process(process: GpuProcess, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "pid": process.pid,
        "name": clean(process.name) or None,
        "user": clean(process.user) or None,
        "container": clean(names.get(process.container, "")) or None,
        "memory": process.memory,
    }


def gpus_table(rows: Sequence[Mapping[str, Any]], columns: int | None = None) -> list[str]:
    """A line a device, and who holds it: the container it is reserved for, and the processes on it; then a line for
    each container that has all devices."""
    cells = [["GPU", "MODEL", "MEMORY", "USE", "HOLDER"]]
    for row in rows:
        used = f"{readable_size(row['memory_used'])} / {readable_size(row['memory_total'])}"
        used = used if row["memory_total"] else "unknown"
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
    cells += [["all", "-", "-", "-", name] for name in having_all({row["uuid"]: row["shared"] for row in rows})]
    return table(cells, columns)


def _holders(row: Mapping[str, Any]) -> list[str]:
    found = [row["reserved"]] if row["reserved"] else []
    for process in row["processes"]:
        if process["container"] and process["container"] in (row["reserved"] or ""):
            continue
        where = f"container {process['container']}, " if process["container"] else ""
        name, user = process["name"] or "?", process["user"] or "another user"
        found.append(f"{where}pid {process['pid']} ({name}) of {user}")
    return found
