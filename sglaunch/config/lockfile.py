"""`sglaunch.lock`: profile -> image as written -> digest per platform. Read with places, written whole; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sglaunch.config.node import Node, Problems
from sglaunch.errors import Origin
from sglaunch.plain import Struct, field, replace
from sglaunch.spec.container import Wanted

LOCK_FILE = "sglaunch.lock"
VERSION = 1
_HEAD = "# Written by `sglaunch lock`, and to be checked in: the images that `sglaunch up` takes, by digest.\n"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Pins = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Profile -> image -> platform -> digest."""


class Lock(Struct, frozen=True):
    """What a lock file says, and where."""

    pins: Pins = field(default_factory=dict)
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)


def read_lock(text: str, name: str, layer: str, problems: Problems) -> Lock:
    """A lock file's text. What is no lock is a problem at its place: a pin that is not read would not hold."""
    from sglaunch.config.document import parse

    root = parse(text, name, layer, problems)
    if root is None or root.value is None:
        return Lock()
    version = root.get("version") if root.is_map else None
    if version is None or version.value != VERSION:
        problems.error(version or root, "version", f"must be {VERSION}", "`sglaunch lock` writes the file anew")
        return Lock()
    pins: dict[str, dict[str, dict[str, str]]] = {}
    origins = {}
    for profile, image, platforms in _entries(root, problems):
        digests = {}
        for platform, digest in platforms.items():
            if isinstance(digest.value, str) and _DIGEST.fullmatch(digest.value):
                digests[platform] = digest.value
            else:
                problems.error(digest, f"{profile}.{platform}", "is no digest", "`sglaunch lock` writes the file anew")
        pins.setdefault(profile, {})[image] = digests
        origins[profile, image] = Origin(platforms.key or platforms.origin.place, layer)
    return Lock(pins, origins)


def _entries(root: Node, problems: Problems) -> Iterator[tuple[str, str, Node]]:
    profiles = root.get("profiles")
    for profile, images in profiles.items() if profiles is not None and profiles.is_map else ():
        for image, platforms in images.items() if images.is_map else ():
            if platforms.is_map:
                yield profile, image, platforms
            else:
                problems.error(
                    platforms, f"{profile}.{image}", "must map platforms to digests", "`sglaunch lock` writes it anew"
                )


def write_lock(pins: Pins) -> str:
    """The text of a lock file, the same for the same pins."""
    from sglaunch.config.document import dump

    profiles = {
        profile: {image: dict(sorted(digests.items())) for image, digests in sorted(images.items())}
        for profile, images in sorted(pins.items())
    }
    return f"{_HEAD}version: {VERSION}\n{dump({'profiles': profiles})}"


def with_pins(wanted: Wanted, lock: Lock) -> Wanted:
    """The profile with what the lock says of its image, or with why it says nothing of it."""
    if wanted.build is not None or "@" in wanted.spec.image:
        return wanted
    images = lock.pins.get(wanted.profile, {})
    image = wanted.spec.image
    if image in images:
        origin = lock.origins[wanted.profile, image]
        return replace(wanted, pins=images[image], origins={**wanted.origins, "image.pin": origin})
    if images:
        return replace(wanted, unpinned=f"{LOCK_FILE} pins {', '.join(images)} for it, and image is {image}")
    return replace(wanted, unpinned=f"{LOCK_FILE} says nothing of profile {wanted.profile}")
