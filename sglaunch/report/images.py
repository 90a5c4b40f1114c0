"""The images of a project, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sglaunch.plain import Struct
from sglaunch.plan.observation import LocalImage
from sglaunch.report.clean import clean
from sglaunch.report.text import parse_time
from sglaunch.spec.columns import table
from sglaunch.spec.values import readable_size

_SHORT = 12


class Row(Struct, frozen=True):
    """An image by one name. `kind`: `used` by profiles, `built` here and no longer used, `snapshot`; `image`: None
    where it is not on this machine."""

    name: str
    kind: str
    profiles: tuple[str, ...]
    image: LocalImage | None


def rows(users: Mapping[str, Sequence[str]], local: Mapping[str, LocalImage], made: Sequence[LocalImage]) -> list[Row]:
    """What profiles name first, then what sglaunch made, newest first."""
    found = [Row(name, "used", tuple(profiles), local.get(name)) for name, profiles in users.items()]
    known = {image.id for name in users if (image := local.get(name)) is not None}
    for one in made:
        kind = "snapshot" if one.snapshot and not one.built else "built"
        found += [Row(name, kind, (), one) for name in one.names or ("<none>",) if one.id not in known]
    return found


def images_table(found: Sequence[Row], now: datetime, columns: int | None = None) -> list[str]:
    """`columns`: of the terminal that it must fit."""
    heads = ["IMAGE", "KIND", "PROFILES", "ID", "CREATED", "SIZE"]
    return table([heads, *([clean(cell) for cell in _cells(row, now)] for row in found)], columns)


def _cells(row: Row, now: datetime) -> list[str]:
    profiles = ", ".join(row.profiles) or "-"
    if row.image is None:
        return [row.name, row.kind, profiles, "-", "not here", "-"]
    identity = row.image.id.removeprefix("sha256:")[:_SHORT]
    return [row.name, row.kind, profiles, identity, _age(row.image.created, now), readable_size(row.image.size)]


def _age(created: str, now: datetime) -> str:
    """In its largest unit; an image without a time, or of 1970, says none."""
    try:
        seconds = (now - parse_time(created)).total_seconds()
    except ValueError:
        return "-"
    if created[:4] < "1971":
        return "-"
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def images_data(found: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows of `images --json`; sizes in bytes."""
    return [
        {
            "image": row.name,
            "kind": row.kind,
            "profiles": list(row.profiles),
            "id": row.image.id if row.image else None,
            "created": (row.image.created or None) if row.image else None,
            "size": row.image.size if row.image else None,
        }
        for row in found
    ]
