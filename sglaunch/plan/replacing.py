"""Changing a container that exists: in place where the engine can, else as a transaction; pure.

New before old, old until new: the replacement is created under a passing name, so a missing image or a bad mount costs
the running one nothing; the old one is set aside by rename and removed last. Each step carries what takes it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sglaunch.plain import replace
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.choices import Choices
from sglaunch.plan.consent import snapshot_step
from sglaunch.plan.creation import create_steps
from sglaunch.plan.diff import Change
from sglaunch.plan.observation import RUNNING, SERVING, Observation, ObservedContainer
from sglaunch.plan.options import BY_FIELD, UPDATE
from sglaunch.plan.steps import Step
from sglaunch.plan.volumes import erase_steps, inherited, own_volumes
from sglaunch.spec.container import Wanted, wants_nvidia

NEW_SUFFIX, OLD_SUFFIX = ".new", ".old"
UNWATCHED_SECONDS = 10.0
"""How long a server must have run to count as up, where `--no-wait` asks for no more."""


def passing_names(name: str) -> tuple[str, str]:
    """The names a replacement and a set-aside container pass under."""
    return name + NEW_SUFFIX, name + OLD_SUFFIX


def replace_steps(
    wanted: Wanted, old: ObservedContainer, seen: Observation, cause: str, choices: Choices
) -> list[Step]:
    """The transaction. A container that the engine removes as it stops cannot be set aside, nor brought back."""
    name = wanted.spec.container_name
    new, aside = passing_names(name)
    beside = seen.engine.creates_beside
    volumes = inherited(wanted, old, seen)
    creation = create_steps(wanted, seen, new if beside else name, cause, volumes)
    serving = old.status in SERVING
    vanishes = serving and old.auto_remove
    save = [snapshot_step(old, seen.now)] if choices.snapshot else []
    why = f"replaced by {new}" if beside else "makes room for the new one"
    unpause = [Step("unpause", old.name, "a paused container cannot stop")] if old.status == "paused" else []
    stop = Step("stop", old.name, why, undo=() if vanishes else (Step("start", old.name, "undo"),))
    if vanishes:
        leave = [*save, stop, Step("gone", old.name, "the engine removes it (auto_remove)")]
    else:
        back = (Step("rename", aside, "undo", to=old.name),)
        leave = [*unpause, stop, *_quieten(old, seen.engine)] if serving else []
        leave += [*save, Step("rename", old.name, "kept until the new one runs", to=aside, undo=back)]
    if beside:
        back = (Step("rename", name, "undo", to=new),)
        steps = [*creation, *leave, Step("rename", new, "takes the name", to=name, undo=back)]
    else:
        steps = [*leave, *creation]
    if choices.start:
        steps.append(Step("start", name, "wanted running", undo=(Step("stop", name, "undo"),)))
        steps += proof_steps(wanted, choices, seen.engine)
    if not vanishes:
        steps.append(Step("remove", aside, "the new one has taken its place"))
    steps += erase_steps((one for one in own_volumes(old, seen) if one not in volumes), name, saved=choices.snapshot)
    steps += forget_steps(old)
    return steps


def proof_steps(wanted: Wanted, choices: Choices, engine: Capabilities) -> list[Step]:
    """What the new one must do before the old one goes."""
    name = wanted.spec.container_name
    ready = ready_steps(wanted, "the old one goes when it answers", engine)
    if ready and not choices.wait:
        return [Step("settle", name, "nobody waits until it answers", values={"seconds": UNWATCHED_SECONDS})]
    ready = [replace(step, values={**step.values, "rolls_back": True}) for step in ready]
    return [Step("settle", name, "it must keep running"), *ready]


def ready_steps(wanted: Wanted, cause: str, engine: Capabilities) -> list[Step]:
    """Waits until it answers, where something tells of that: a server itself, else the engine's healthcheck."""
    readiness = wanted.settings.readiness
    if readiness is None or (readiness.port == 0 and not engine.runs_healthchecks):
        return []
    return [Step("ready", wanted.spec.container_name, cause, values={"readiness": readiness})]


def forget_steps(container: ObservedContainer) -> list[Step]:
    """A removed server's API key goes too."""
    values = {"path": container.key_file}
    return [Step("forget", container.name, "its API key", values=values)] if container.key_file else []


def _quieten(old: ObservedContainer, engine: Capabilities) -> list[Step]:
    """A set-aside container must not come back when the engine restarts: its restart policy is `no` meanwhile.

    It is changed while the container is stopped, and changed back before it starts: an update of a running one could
    take its GPUs away.
    """
    policy = old.live.get("restart", "no")
    if policy == "no" or "restart" not in engine.updates:
        return []
    back = (Step("update", old.name, "undo", values={"restart": policy}),)
    return [Step("update", old.name, "must not come back", values={"restart": "no"}, undo=back)]


def update_steps(wanted: Wanted, container: ObservedContainer, found: Iterable[Change]) -> tuple[Step, ...]:
    """One update call for all options, one rename, and the networks it lost. Memory travels with its swap, or the
    engine may refuse it."""
    fields = [change.field for change in found if change.effect == UPDATE]
    steps: list[Step] = []
    values = {field: _new_value(wanted, field) for field in fields if field in BY_FIELD and field != "container_name"}
    if values.get("memswap_limit") == -1 and "mem_limit" in values:
        # runc refuses "no swap limit" and a new memory limit in one call on cgroup v1.
        first = {"memswap_limit": values.pop("memswap_limit")}
        steps.append(Step("update", container.name, "differs from the files", values=first))
    elif "mem_limit" in values:
        values.setdefault("memswap_limit", wanted.spec.memswap_limit or 2 * values["mem_limit"])
    elif "memswap_limit" in values:
        values["mem_limit"] = wanted.spec.mem_limit
    if values:
        steps.append(Step("update", container.name, "differs from the files", values=values))
    for network, attachment in wanted.spec.networks.items():
        if f"networks.{network}" in fields:
            joined = {"network": network, "attachment": attachment}
            steps.append(Step("connect", container.name, "it was disconnected", to=network, values=joined))
    if "container_name" in fields:
        name = wanted.spec.container_name
        steps.append(Step("rename", container.name, "differs from the files", to=name))
    return tuple(steps)


def gpu_check(wanted: Wanted, container: ObservedContainer, steps: Iterable[Step]) -> tuple[Step, ...]:
    """After an update of a running container, check that it still has its GPUs.

    A GPU that NVIDIA's hook gave is unknown to the engine, whose update can withdraw it
    (NVIDIA/nvidia-container-toolkit#138, #1227).
    """
    ops = {step.op for step in steps}
    runs = container.status == RUNNING or "unpause" in ops
    if "update" not in ops or not runs or not wants_nvidia(wanted):
        return ()
    values = {"profile": wanted.profile}
    return (Step("check-gpus", wanted.spec.container_name, "an update can take GPUs away", values=values),)


def _new_value(wanted: Wanted, field: str) -> Any:
    option = BY_FIELD[field]
    value = getattr(wanted.spec, field)
    if not value and field == "memswap_limit" and wanted.spec.mem_limit:
        return 2 * wanted.spec.mem_limit
    return value if value or option.live is None else option.live.reset
