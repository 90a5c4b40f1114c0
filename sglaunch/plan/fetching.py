"""Pulls and pushes of the images of profiles; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sglaunch.plan.creation import pull_step
from sglaunch.plan.steps import PULL, PUSH, ContainerPlan, Plan, Step
from sglaunch.spec.container import Wanted

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_EVERY = {"daily": "every_1d", "weekly": "every_1w"}


def plan_pull(wanted: Sequence[Wanted], cause: str) -> Plan:
    """Pulls the image of each profile, each image once, all at the same time."""
    plans, seen = [], set()
    for one in wanted:
        if one.spec.image not in seen:
            step = pull_step(one, cause)
            plans.append(ContainerPlan(one.profile, one.spec.container_name, PULL, steps=(step,), after=()))
        seen.add(one.spec.image)
    return Plan(tuple(plans))


def plan_push(wanted: Sequence[Wanted]) -> Plan:
    """Pushes the image of each profile and its further tags, one after the other: they share layers."""
    plans: list[ContainerPlan] = []
    seen: set[str] = set()
    for one in wanted:
        names = [one.spec.image, *(one.build.tags if one.build is not None else ())]
        steps = tuple(Step(PUSH, name, "asked") for name in dict.fromkeys(names) if name not in seen)
        seen.update(names)
        if steps:
            plans.append(ContainerPlan(one.profile, one.spec.container_name, PUSH, steps=steps))
    return Plan(tuple(plans))


def asks_age(wanted: Wanted) -> bool:
    """Whether it matters when the image was pulled."""
    return wanted.build is None and bool(_age(wanted.settings.pull_policy))


def is_due(wanted: Wanted, pulled: Mapping[str, float]) -> bool:
    """Whether pull_policy asks for a pull now. `pulled`: seconds since an image was pulled, where that is known.

    Compose's `daily`, `weekly` and `every_12h` count from the last pull.
    """
    policy = wanted.settings.pull_policy
    if wanted.build is not None:
        return False
    parts = _age(policy)
    age = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    return policy == "always" or bool(parts and pulled.get(wanted.spec.image, age) >= age)


def _age(policy: str) -> list[tuple[str, str]]:
    """Numbers and units of `every_1d12h`."""
    return re.findall(r"(\d+)([smhdw])", _EVERY.get(policy, policy).partition("every_")[2])


def policy_text(policy: str) -> str:
    """The cause of a pull that a policy asks for."""
    return f"pull_policy is {policy}"
