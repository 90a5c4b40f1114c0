"""What a site allows on its machines, as plain data. A guard against mistakes: members of the docker group are root."""

from __future__ import annotations

from collections.abc import Mapping

from sglaunch.errors import Origin
from sglaunch.plain import Struct, field, names_of
from sglaunch.spec.container import ContainerSpec

# Options a site may forbid: every one but those that each container has.
DENIABLE = tuple(name for name in names_of(ContainerSpec) if name not in ("container_name", "image"))


class Policy(Struct, frozen=True):
    """The rules of the site file; an empty one allows everything.

    `deny` are options (`privileged`) or options with a value (`network_mode=host`). `images` are shell patterns,
    `allow` and `deny_mounts` host folders. `max_shm` in bytes. `origins` tells where each rule is written.
    """

    name_pattern: str = ""
    name_example: str = ""
    labels: tuple[str, ...] = ()
    allow_mounts: tuple[str, ...] = ()
    deny_mounts: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    max_gpus: int | None = None
    max_shm: int | None = None
    origins: Mapping[str, Origin] = field(default_factory=dict)
