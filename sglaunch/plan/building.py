"""Images of profiles that build them: when they are built, and what a change of their inputs means; pure.

An image says in a label what it was built from, so whoever has it, from a registry too, need not build it again. One
that says nothing was made by hand, and is taken as it is. No build takes a name that has an image of others here.
"""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.plain import replace
from sglaunch.plan.diff import Change
from sglaunch.plan.observation import BuildInputs, Observation
from sglaunch.plan.steps import BUILD, REFUSE, ContainerPlan, Plan, Step
from sglaunch.spec.build import Build
from sglaunch.spec.canonical import digest
from sglaunch.spec.container import Wanted, origin_of
from sglaunch.spec.labels import built_labels

_SHORT = 12
_NAMED = 3
"""How many changed paths are named."""


def inputs_digest(build: Build, files: str, platform: str) -> str:
    """What tells the inputs of two builds apart: their files (a digest) and what changes their result.

    Not the values of secrets, nor those of variables passed through: cron, tmux and a login shell agree.
    """
    return digest(
        {
            "files": files or build.context,
            "inline": build.inline,
            "args": {name: value for name, value in build.args.items() if name not in build.passed},
            "passed": sorted(build.passed),
            "target": build.target,
            "labels": dict(build.labels),
            "platforms": list(build.platforms) or [platform],
            "secrets": sorted(build.secrets),
        }
    ).removeprefix("sha256:")


def build_change(wanted: Wanted, seen: Observation) -> Change | None:
    """The image here was built from other inputs than the files there are now."""
    inputs, local = seen.inputs.get(wanted.profile), seen.local.get(wanted.spec.image)
    if wanted.build is None or inputs is None or local is None or local.built in ("", inputs.digest):
        return None
    return Change("build", local.built[:_SHORT], _shown(inputs), origin_of("build", wanted.origins))


def _shown(inputs: BuildInputs) -> str:
    more = len(inputs.changed) - _NAMED
    paths = ", ".join([*inputs.changed[:_NAMED], *([f"{more} more"] if more > 0 else [])])
    return f"{inputs.digest[:_SHORT]} ({paths})" if paths else inputs.digest[:_SHORT]


def build_steps(wanted: Wanted, seen: Observation) -> list[Step]:
    """The build that a new container needs first."""
    if seen.images.get(wanted.spec.image) is None:
        return [build_step(wanted, seen, "not on this machine")]
    inputs = seen.inputs.get(wanted.profile)
    if build_change(wanted, seen) is None or inputs is None:
        return []
    changed = inputs.changed[0] if len(inputs.changed) == 1 else f"{len(inputs.changed)} files"
    return [build_step(wanted, seen, f"{changed} changed" if inputs.changed else "what it is built from changed")]


def taken_image(wanted: Wanted, seen: Observation) -> str:
    """The first name that a build would take from an image that this project did not build, as a refusal; or ""."""
    for name in (wanted.spec.image, *(wanted.build.tags if wanted.build is not None else ())):
        local = seen.local.get(name)
        if local is not None and not (local.built and local.project in ("", wanted.project)):
            whose = f"was built by the project {local.project}" if local.built else "was not built by sglaunch"
            return f"image {name} is here and {whose}; write another name, or remove the image"
    return ""


def build_step(wanted: Wanted, seen: Observation, cause: str) -> Step:
    """One call of the engine's builder."""
    inputs = seen.inputs.get(wanted.profile, BuildInputs())
    assert wanted.build is not None, "a profile that builds"
    platforms = wanted.build.platforms or ((wanted.spec.platform,) if wanted.spec.platform else ())
    values = {"build": replace(wanted.build, platforms=platforms), "files": inputs.files}
    labels = built_labels(inputs.digest, wanted.project, seen.owner)
    return Step(BUILD, wanted.spec.image, cause, labels=labels, values=values)


def plan_build(wanted: Sequence[Wanted], seen: Observation, cause: str) -> Plan:
    """Builds the image of each profile that has `build`, each image once."""
    plans, images = [], set()
    for one in wanted:
        if one.build is not None and (reason := taken_image(one, seen)):
            plans.append(ContainerPlan(one.profile, one.spec.container_name, REFUSE, reason=reason))
        elif one.build is not None and one.spec.image not in images:
            step = build_step(one, seen, cause)
            plans.append(ContainerPlan(one.profile, one.spec.container_name, BUILD, steps=(step,), after=()))
            images.add(one.spec.image)
    return Plan(tuple(plans))
