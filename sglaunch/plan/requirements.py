"""Whether NVIDIA's driver can run an image: what the image requires against what the driver has; pure.

An image sets NVIDIA_REQUIRE_* for the NVIDIA container toolkit, which refuses to start a container whose requirement is
not met (docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html#constraints).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from sglaunch.errors import Problem
from sglaunch.plan.observation import Driver, Observation
from sglaunch.spec.container import Wanted, origin_of, wants_nvidia
from sglaunch.spec.sglang_images import cuda_12_image

_REQUIRE, _CUDA, _DISABLE = "NVIDIA_REQUIRE_", "CUDA_VERSION", "NVIDIA_DISABLE_REQUIRE"
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def required(variables: Mapping[str, str]) -> dict[str, str]:
    """Of an image's variables those that tell what it requires of the driver."""
    return {name: text for name, text in variables.items() if name.startswith(_REQUIRE) or name in (_CUDA, _DISABLE)}


def unmet(wanted: Wanted, seen: Observation) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """Why the container could not start with this driver; and what is doubtful. Nothing where either is unknown."""
    image, driver = wanted.spec.image, seen.driver
    local = seen.local.get(image)
    own = {name: str(value) for name, value in wanted.spec.environment.items() if value is not None}
    variables = {**(local.required if local is not None else seen.required.get(image, {})), **required(own)}
    if not driver.cuda or not wants_nvidia(wanted) or variables.get(_DISABLE) in _TRUE:
        return (), ()
    rules = {name: text for name, text in variables.items() if name.startswith(_REQUIRE)}
    broken = [text.split()[0] for text in rules.values() if is_met(text, driver) is False]
    if broken:
        problem = _problem(wanted, seen, ", ".join(broken))
        # Where devices come by CDI nothing checks it: the container starts, and its CUDA may fail.
        return ((), (problem,)) if seen.engine.gpus == "cdi" else ((problem,), ())
    cuda = _version(variables.get(_CUDA, ""))[:2]
    if f"{_REQUIRE}CUDA" not in rules and cuda > driver.cuda:
        return (), (_problem(wanted, seen, f"CUDA {variables[_CUDA]}"),)
    return (), ()


def _problem(wanted: Wanted, seen: Observation, needed: str) -> Problem:
    image, driver = wanted.spec.image, seen.driver
    origin = origin_of("image", wanted.origins)
    on = f" of {seen.server}" if seen.server else ""
    named = f" {driver.version}" if driver.version else ""
    message = f"{image} needs {needed}; the NVIDIA driver{named}{on} has CUDA {'.'.join(map(str, driver.cuda))}"
    other = cuda_12_image(image) if driver.cuda >= (12, 0) else ""
    fits = f"take {other}, which is for CUDA 12, or " if other else ""
    hint = f"{fits}update the driver; environment: {{{_DISABLE}: 1}} starts it all the same"
    return Problem(message, origin.place if origin else None, "image", hint)


def is_met(rule: str, driver: Driver) -> bool | None:
    """Whether one of a rule's alternatives holds: words are alternatives, commas join conditions. None: unknown."""
    found = [_all(alternative.split(","), driver) for alternative in rule.split()]
    return True if not found or True in found else None if None in found else False


def _all(conditions: list[str], driver: Driver) -> bool | None:
    found = [_holds(condition, driver) for condition in conditions]
    return False if False in found else None if None in found else True


def _holds(condition: str, driver: Driver) -> bool | None:
    """One condition, such as `cuda>=12.9`; None for what is not known here, as `brand` and `arch`."""
    match = re.fullmatch(r"(\w+)(!=|<=|>=|=|<|>)([\d.]+)", condition)
    has = {"cuda": driver.cuda, "driver": _version(driver.version)}.get(match[1]) if match else None
    return _COMPARE[match[2]](has, _version(match[3])) if match and has else None


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
