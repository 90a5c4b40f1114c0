"""How an image is built: Compose's `build`, normalised. No part of a ContainerSpec: no engine is told it at create."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sglaunch.plain import Struct, field
from sglaunch.spec.values import Secret

_REMOTE = re.compile(r"[a-z+]+://|git@|github\.com/|[^/]\S*\.git(#|$)")


class BuildSecret(Struct, frozen=True):
    """What a RUN may mount: the value of a variable of the caller (None: unset), or a file of this machine."""

    value: Secret | None = None
    file: str = ""


class Build(Struct, frozen=True):
    """`context` is an absolute folder of this machine or a URL, `dockerfile` an absolute file where it is a folder.

    `inline` is a Dockerfile's text, in place of a file. `args`: None where the caller's variable is unset, which is no
    opinion. `pulls`: newer images that it is built on are fetched. Sizes in bytes.
    """

    context: str
    dockerfile: str = ""
    inline: str = ""
    args: Mapping[str, str | None] = field(default_factory=dict)
    passed: frozenset[str] = frozenset()
    target: str = ""
    tags: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    secrets: Mapping[str, BuildSecret] = field(default_factory=dict)
    ssh: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    extra_hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    network: str = ""
    shm_size: int | None = None
    no_cache: bool = False
    pulls: bool = False

    @property
    def is_remote(self) -> bool:
        """Whether the context lies elsewhere, so that its files cannot be looked at."""
        return is_remote(self.context)


def is_remote(context: str) -> bool:
    """As docker tells a Git repository or an archive from a folder."""
    return bool(_REMOTE.match(context))
