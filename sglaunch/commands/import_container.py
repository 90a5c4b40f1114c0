"""A container of the engine as a profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.convert.from_inspect import is_container
from sglaunch.convert.imported import Imported
from sglaunch.convert.inspected import Inspected
from sglaunch.convert.to_profile import to_profile
from sglaunch.engine.protocol import Engine
from sglaunch.errors import UsageError

_CGROUP2 = "/sys/fs/cgroup/cgroup.controllers"


def inspect(engine: Engine, name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Inspect data of a container and of its image. An image that is gone brings nothing."""
    found = [one for one in engine.inspect([name], size=False).values() if is_container(one)]
    if not found:
        raise UsageError(
            f"{engine.capabilities.name} has no container {name}", f"see `{engine.capabilities.name} ps -a`"
        )
    data = found[0]
    names = [str(data.get("Image") or ""), str((data.get("Config") or {}).get("Image") or "")]
    for reference in names:
        images = engine.inspect([reference], size=False).values() if reference else ()
        image = next((one for one in images if not is_container(one)), None)
        if image is not None:
            return data, image
    return data, {}


def imported(engine: Engine, data: Mapping[str, Any], image: Mapping[str, Any]) -> Imported:
    """The profile of an inspected container."""
    cgroup2 = engine.machine.exist([_CGROUP2])[_CGROUP2]
    return to_profile(Inspected(data, image, engine.capabilities, engine.machine.hostname(), cgroup2))
