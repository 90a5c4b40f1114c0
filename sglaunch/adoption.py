"""A container that sglaunch did not make: its profile, whether a project may take it, what stands for its labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sglaunch.config.load import Identity, Request, load
from sglaunch.config.stated import stated
from sglaunch.convert.from_inspect import container as observed
from sglaunch.convert.from_inspect import is_container
from sglaunch.convert.imported import Imported
from sglaunch.convert.inspected import Inspected
from sglaunch.convert.to_profile import to_profile
from sglaunch.engine import adopted, host
from sglaunch.engine.client import EngineClient
from sglaunch.engine.observe import observe
from sglaunch.engine.protocol import Engine
from sglaunch.engine.whose import evidence
from sglaunch.errors import ConfigError, Refused, UsageError
from sglaunch.plain import Struct, replace
from sglaunch.plan.adopting import adopted_labels, doubts, refusal
from sglaunch.plan.observation import ObservedContainer, Project
from sglaunch.project import Common, request
from sglaunch.spec.values import MASK

_CGROUP2 = "/sys/fs/cgroup/cgroup.controllers"


class Adoptable(Struct, frozen=True):
    """A container that may be taken: the profile after it, what somebody should know first, and the record of it."""

    profile: Imported
    doubts: tuple[str, ...]
    record: adopted.Adoption


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


def adoptable(common: Common, identity: Identity, engine: EngineClient, name: str, profile: str) -> Adoptable:
    """A container as that of a profile. Raises Refused where the project may not take it."""
    project = Project(identity.project, str(identity.file), engine.machine.owner())
    data, image = inspect(engine, name)
    one = observed(data, adopted.labels_for(data, adopted.adoptions()))
    whose = evidence(data, image, engine)
    reason, hint = refusal(one, whose, project, profile, observe(engine, project.name).containers)
    other = _named(request(common, identity.file), name, profile)
    if reason or other:
        raise Refused(reason or f"{name} is the name that profile {other} gives its container", hint or f"--as {other}")
    found = replace(imported(engine, data, image), name=profile)
    labels = _labels(identity, engine, one, found, project)
    record = adopted.Adoption(one.id, str(data.get("Created") or ""), engine.identity, labels)
    return Adoptable(found, doubts(one, whose), record)


def take(one: Adoptable) -> None:
    """Records that the container is the project's."""
    try:
        adopted.adopt(one.record)
    except OSError as error:
        raise UsageError(f"the adoption cannot be recorded: {error}", "see XDG_STATE_HOME") from None


def _named(files: Request, name: str, profile: str) -> str:
    """Another profile whose container has this name, as far as the files load."""
    try:
        wanted = load(files, [], everything=True).wanted
    except ConfigError:
        return ""
    return next((one for one, it in wanted.items() if it.spec.container_name == name and one != profile), "")


def _labels(
    identity: Identity, engine: EngineClient, one: ObservedContainer, found: Imported, project: Project
) -> Mapping[str, str]:
    """What the labels of the container would be, had it been made from the keys that were read off it."""
    facts = {**host.facts(), **engine.machine.facts()}
    facts |= {"project": project.name, "project_dir": str(identity.file.parent), "profile": found.name}
    # What the command holds of secrets is known to nobody, and no part of the record.
    hidden = dict.fromkeys(re.findall(r"\benv\.(\w+)", repr(found.keys)), MASK)
    secret = {key: one.env[key].reveal() for key in found.keys.get("secret_env", ()) if key in one.env}
    try:
        wanted = stated(found.keys, f"<container {one.name}>", facts, {**hidden, **secret}, str(identity.file))
    except ConfigError as error:
        message = f"container {one.name} cannot be said in a profile: {error}"
        raise UsageError(message, f"see `sglaunch import --container {one.name}`") from None
    devices = engine.machine.devices()[0] if wanted.spec.gpus is not None and wanted.spec.gpus.count > 0 else None
    return adopted_labels(wanted, one.image_id, engine.capabilities, host.salt(), devices or (), owner=project.owner)
