"""What the site refuses: every violation with the place of the value and of the rule; pure.

The rules look at the finished spec, so that no route of a value (file, extends, template, --set) goes around them.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping

from sglaunch.errors import Problem
from sglaunch.spec.container import ContainerSpec, Wanted, expand, origin_of
from sglaunch.spec.policy import Policy
from sglaunch.spec.values import format_size

_UNSET: tuple[object, ...] = (None, "", False, (), {})


def violations(wanted: Wanted, policy: Policy, real_paths: Mapping[str, str]) -> list[Problem]:
    """Every rule that a profile breaks. `real_paths`: each bind source without symbolic links."""
    spec = expand(wanted.spec)
    found = [
        *_name(spec, policy),
        *_labels(spec, policy),
        *_mounts(spec, policy, real_paths),
        *_denied(spec, policy),
        *_image(spec, policy),
        *_limits(spec, policy),
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
        if not spec.labels.get(name):
            yield "labels", "labels", f"the site demands the label {name}", f"write labels: {{{name}: ...}}"


def _mounts(spec: ContainerSpec, policy: Policy, real_paths: Mapping[str, str]) -> _Found:
    for target, mount in spec.volumes.items():
        if mount.type != "bind":
            continue
        real = real_paths.get(mount.source, mount.source)
        shown = mount.source if real == mount.source else f"{mount.source} (a link to {real})"
        if any(_touches(path, folder) for path in (mount.source, real) for folder in policy.deny_mounts):
            yield f"volumes.{target}", "mounts.deny", f"the site forbids to mount {shown}", "mount another folder"
        elif policy.allow_mounts and not all(
            any(_within(path, folder) for folder in policy.allow_mounts) for path in (mount.source, real)
        ):
            allowed = f"allowed is what lies under {', '.join(policy.allow_mounts)}"
            yield f"volumes.{target}", "mounts.allow", f"the site does not allow to mount {shown}", allowed


def _denied(spec: ContainerSpec, policy: Policy) -> _Found:
    for rule in policy.deny:
        option, _, value = rule.partition("=")
        written = getattr(spec, option)
        if written in _UNSET or (value and str(written) != value and value not in _items(written)):
            continue
        yield option, "deny", f"the site forbids {rule}", f"write {option}: null, or ask who keeps the site file"


def _items(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, tuple | Mapping) else []


def _image(spec: ContainerSpec, policy: Policy) -> _Found:
    if policy.images and not any(fnmatch.fnmatchcase(spec.image, pattern) for pattern in policy.images):
        yield (
            "image",
            "images",
            f"the site does not allow the image {spec.image}",
            f"allowed: {', '.join(policy.images)}",
        )


def _limits(spec: ContainerSpec, policy: Policy) -> _Found:
    if policy.max_gpus is not None and spec.gpus is not None:
        asked = len(spec.gpus.ids) if spec.gpus.ids else spec.gpus.count
        if asked == -1 or asked > policy.max_gpus:
            message = f"the site gives {policy.max_gpus} GPUs to a container, {spec.gpus.show()} are asked"
            yield "gpus", "max_gpus", message, f"write gpus: {policy.max_gpus}"
    if policy.max_shm is not None and spec.shm_size is not None and spec.shm_size > policy.max_shm:
        limit = format_size(policy.max_shm)
        message = f"the site gives {limit} of shared memory, {format_size(spec.shm_size)} are asked"
        yield "shm_size", "max_shm", message, f"write shm_size: {limit}"


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _touches(path: str, folder: str) -> bool:
    """Whether a mount of `path` gives what is in `folder`: it lies in it, or contains it."""
    return _within(path, folder) or _within(folder, path)
