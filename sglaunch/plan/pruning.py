"""What `prune` removes: images that this project built and nobody uses any more, and snapshots that are named. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sglaunch.errors import Refused
from sglaunch.plan.observation import LocalImage
from sglaunch.plan.steps import PRUNE, ContainerPlan, Plan, Step
from sglaunch.spec.values import readable_size


def plan_prune(
    images: Sequence[LocalImage], project: str, used: Collection[str], wanted: Collection[str], named: Collection[str]
) -> Plan:
    """`used`: ids and names of images that containers were made of. `wanted`: ids of images that profiles name.

    `named`: snapshots and builds that the caller asked for; each must be of this project.
    """
    for name in named:
        if not any(name in one.names and project in (one.project, one.snapshot) for one in images):
            raise Refused(f"{name} is no image that this project made", "see `sglaunch images`")
    plans = []
    for one in images:
        name = next((known for known in one.names if known in named), "")
        if not name and (named or one.snapshot or one.project != project or one.id in wanted):
            continue
        if one.id in used or set(one.names) & set(used):
            if name:
                raise Refused(f"{name} is in use by a container", "remove that first: see `sglaunch ps -a`")
            continue
        kind = "snapshot" if one.snapshot and not one.built else "built here, and no longer used"
        # By name, so that other names of the same image stay; one without any goes by its id.
        steps = tuple(Step("discard", target, kind) for target in ([name] if name else one.names or (one.id,)))
        plans.append(
            ContainerPlan("", name or next(iter(one.names), one.id), PRUNE, steps=steps, consent=(_loss(one, name),))
        )
    return Plan(tuple(plans))


def _loss(one: LocalImage, name: str) -> str:
    shown = name or next(iter(one.names), one.id.removeprefix("sha256:")[:12])
    return f"{shown} would be removed ({readable_size(one.size)}, of {one.created[:10]})"
