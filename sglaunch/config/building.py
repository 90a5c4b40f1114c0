"""`build` of a profile: its long form, the name of its image, and the value it becomes; pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from sglaunch.config.expansions import CREDENTIALS, Surroundings
from sglaunch.config.node import Node, Problems, join
from sglaunch.config.profile import Profile
from sglaunch.plain import replace
from sglaunch.spec.build import Build, BuildSecret, is_remote
from sglaunch.spec.values import Secret, looks_secret

_BEHIND = "build.secrets gives it to one RUN, and leaves it in no layer: RUN --mount=type=secret,id={0}"


def hide_base(text: Node) -> Node:
    """A text that builds and names no image hides the image beneath: that one is built on, never written over."""
    build = text.get("build")
    if build is None or build.value is None or text.get("image") is not None:
        return text
    return text.with_value({**text.value, "image": replace(build, value=None)})


def with_image(merged: Node, name: str) -> Node:
    """A profile that builds and names no image has one named after its container."""
    build = merged.get("build")
    if build is None or build.value is None or merged.get("image") is not None:
        return merged
    return merged.with_value({**merged.value, "image": build.with_value(name)})


def build_of(profile: Profile, merged: Node, around: Surroundings, problems: Problems) -> Build | None:
    """The value. Arguments are stored in the image, so what looks secret is refused there."""
    entry, node = profile.build, merged.get("build")
    if entry is None or node is None:
        return None
    context = entry.context or str(around.facts["project_dir"])
    if entry.dockerfile and entry.dockerfile_inline:
        problems.error(node, "build.dockerfile_inline", "and dockerfile exclude each other", "write one of the two")
    if CREDENTIALS.search(context) or node.at(("context",)).secret:
        hint = "write a URL without it; git and docker log in with what they know of the host, or clone it first"
        problems.error(node.at(("context",)), "build.context", "holds a password, and every user can read it", hint)
    for name, value in entry.args.items():
        told = around.env.get(name) if value is None else value
        if looks_secret(name) or node.at(("args", name)).secret or CREDENTIALS.search(told or ""):
            problems.error(
                node.at(("args", name)),
                join("build.args", name),
                "looks like a secret, and arguments of a build are stored in the image",
                _BEHIND.format(name),
            )
        elif value is None and name not in around.env:
            problems.warn(node.at(("args", name)), join("build.args", name), "is not set here; the Dockerfile decides")
    return Build(
        context=context,
        dockerfile="" if entry.dockerfile_inline else _dockerfile(context, entry.dockerfile or "Dockerfile"),
        inline=entry.dockerfile_inline,
        args={name: around.env.get(name) if value is None else value for name, value in entry.args.items()},
        passed=frozenset(name for name, value in entry.args.items() if value is None),
        target=entry.target,
        tags=tuple(entry.tags),
        cache_from=tuple(entry.cache_from),
        cache_to=tuple(entry.cache_to),
        platforms=tuple(entry.platforms),
        secrets=_secrets(entry.secrets, around.env),
        ssh=tuple(entry.ssh),
        labels=dict(entry.labels),
        extra_hosts={name: tuple(addresses) for name, addresses in entry.extra_hosts.items()},
        network=entry.network,
        shm_size=entry.shm_size,
        no_cache=entry.no_cache,
        pulls=entry.pull,
    )


def _dockerfile(context: str, written: str) -> str:
    """Relative to the context, as in Compose."""
    return written if is_remote(context) else posixpath.normpath(posixpath.join(context, written))


def _secrets(entries: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, BuildSecret]:
    found = {}
    for name, entry in entries.items():
        value = env.get(entry.environment or name)
        found[name] = BuildSecret(file=entry.file) if entry.file else BuildSecret(Secret(value) if value else None)
    return found
