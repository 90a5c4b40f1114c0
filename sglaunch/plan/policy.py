"""What the site refuses: every violation with the place of the value and of the rule; pure.

The rules look at the finished spec, so that no route of a value (file, extends, template, --set) goes around them. They
compare what values mean (spec/meaning.py), so that no spelling does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.spec.container import ContainerSpec, Wanted, expand, origin_of
from sglaunch.spec.meaning import (
    ALL,
    clean,
    given,
    gpus,
    host_paths,
    image_names,
    image_pattern,
    is_meant,
    places,
    shared_memory,
    spelled,
    touches,
    within,
)
from sglaunch.spec.policy import Policy
from sglaunch.spec.values import format_size


def host_paths_of(wanted: Wanted, policy: Policy) -> set[str]:
    """The host paths that the rules compare, which the machine of the engine must resolve first."""
    rules = [*policy.allow_mounts, *policy.deny_mounts]
    rules += [value for option, _, value in (rule.partition("=") for rule in policy.deny) if option == "devices"]
    found = [*(path for _, path in host_paths(expand(wanted.spec))), *rules]
    return {clean(path) for path in found if path.startswith("/")}


def violations(wanted: Wanted, policy: Policy, real_paths: Mapping[str, str]) -> list[Problem]:
    """Every rule that a profile breaks. `real_paths`: each of `host_paths_of` without symbolic links."""
    spec, accelerator = expand(wanted.spec), wanted.settings.accelerator
    found = [
        *_name(spec, policy),
        *_labels(spec, policy),
        *_mounts(spec, policy, real_paths),
        *_denied(replace(spec, server=wanted.spec.server), policy, real_paths, accelerator),
        *_image(spec, policy),
        *_gpus(spec, policy, real_paths, accelerator),
        *_shared_memory(spec, policy, real_paths),
    ]
    problems = []
    for path, rule, message, hint in found:
        origin, rule_origin = origin_of(path, wanted.origins), policy.origins.get(rule)
        by = f"policy.{rule}{f' at {rule_origin}' if rule_origin else ''}"
        problems.append(Problem(f"{message} ({by})", origin.place if origin else None, path, hint))
    return problems


_Found = Iterator[tuple[str, str, str, str]]
"""Path of the value, name of the rule, message, next step."""


def _name(spec: ContainerSpec, policy: Policy) -> _Found:
    if policy.name_pattern and not re.search(policy.name_pattern, spec.container_name):
        example = f", such as {policy.name_example}" if policy.name_example else ""
        message = f"{spec.container_name!r} is not a name the site allows"
        yield "container_name", "container_name", message, f"write one that matches {policy.name_pattern}{example}"


def _labels(spec: ContainerSpec, policy: Policy) -> _Found:
    for name in policy.labels:
        if not spec.labels.get(name, "").strip():
            yield "labels", "labels", f"the site demands the label {name}", f"write labels: {{{name}: ...}}"


def _mounts(spec: ContainerSpec, policy: Policy, real_paths: Mapping[str, str]) -> _Found:
    denied = {place for folder in policy.deny_mounts for place in places(folder, real_paths)}
    allowed = {place for folder in policy.allow_mounts for place in places(folder, real_paths)}
    for path, source in host_paths(spec):
        real = clean(real_paths.get(clean(source), source))
        shown = source if real == clean(source) else f"{source} (a link to {real})"
        if any(touches(place, folder) for place in places(source, real_paths) for folder in denied):
            yield path, "mounts.deny", f"the site forbids to mount {shown}", "mount another folder"
        elif allowed and path.startswith("volumes.") and not any(within(real, folder) for folder in allowed):
            hint = f"allowed is what lies under {', '.join(policy.allow_mounts)}"
            yield path, "mounts.allow", f"the site does not allow to mount {shown}", hint


def _denied(spec: ContainerSpec, policy: Policy, real_paths: Mapping[str, str], accelerator: str) -> _Found:
    for rule in policy.deny:
        option, has_value, value = rule.partition("=")
        meant = spelled(option, value) if has_value else ""
        hit = [
            one
            for one in given(option, spec, real_paths, accelerator)
            if (is_meant(option, one.text, meant, spec, real_paths) if has_value else one.written)
        ]
        for one in hit[:1]:
            key = one.path.partition(".")[0]
            remedy = "user: me" if one.path == "user" and one.why else f"{key}: null"
            hint = f"write {remedy}, or ask who keeps the site file"
            yield one.path, "deny", f"the site forbids {rule}{f', and {one.why}' if one.why else ''}", hint


def _image(spec: ContainerSpec, policy: Policy) -> _Found:
    patterns, names = map(image_pattern, policy.images), image_names(spec.image)
    if policy.images and not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in names):
        yield (
            "image",
            "images",
            f"the site does not allow the image {spec.image}",
            f"allowed: {', '.join(policy.images)}",
        )


def _gpus(spec: ContainerSpec, policy: Policy, real_paths: Mapping[str, str], accelerator: str) -> _Found:
    if policy.max_gpus is None:
        return
    found = list(gpus(spec, real_paths, accelerator))
    everything = [one for one in found if one.text == ALL]
    if everything or len({one.text for one in found}) > policy.max_gpus:
        one = everything[0] if everything else found[-1]
        asked = one.why or f"{ALL if everything else len({each.text for each in found})} are asked"
        message = f"the site gives {policy.max_gpus} GPUs to a container, {asked}"
        beside = "" if one.path == "gpus" else f"remove {one.path}, and "
        yield one.path, "max_gpus", message, f"{beside}write gpus: {policy.max_gpus}"


def _shared_memory(spec: ContainerSpec, policy: Policy, real_paths: Mapping[str, str]) -> _Found:
    for path, size in shared_memory(spec, real_paths) if policy.max_shm is not None else ():
        if size is None or size > (policy.max_shm or 0):
            limit = format_size(policy.max_shm or 0)
            asked = f"{path} has no limit" if size is None else f"{format_size(size)} are asked"
            beside = "" if path == "shm_size" else f"remove {path}, and "
            yield (
                path,
                "max_shm",
                f"the site gives {limit} of shared memory, {asked}",
                f"{beside}write shm_size: {limit}",
            )
