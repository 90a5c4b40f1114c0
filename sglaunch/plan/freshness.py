"""Whether what runs is what there is: container against image here, image here against its tag, tag against releases.

Pure; what a registry says is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping

from sglaunch.plain import Struct
from sglaunch.plan.observation import LocalImage, Observation
from sglaunch.spec.container import Wanted

_SHORT = 12


class Remote(Struct, frozen=True):
    """What a registry says of an image: the digest that its tag names, those of its platforms, a newer release's tag.

    `image`: the id of what it names for this machine, asked only where no digest tells. `problem`: why it could not be
    asked.
    """

    digest: str = ""
    platforms: Mapping[str, str] | None = None
    newer: str = ""
    image: str = ""
    problem: str = ""


class Freshness(Struct, frozen=True):
    """One profile's image. `old` says in words what is behind, nearest first; `next` what to do about each."""

    profile: str
    image: str
    old: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    newer: str = ""
    problem: str = ""

    @property
    def is_old(self) -> bool:
        return bool(self.old or self.newer)


def freshness(wanted: Wanted, seen: Observation, remote: Remote | None, tag: str = "") -> Freshness:
    """`remote`: None where no registry has the image, since it is built here. `tag`: the image as it is written, where
    the lock pins it."""
    image = wanted.spec.image
    old: list[tuple[str, str]] = []
    local = seen.local.get(image)
    container = next(
        (one for one in seen.containers if one.applied is not None and one.applied.profile == wanted.profile), None
    )
    if container is not None and local is not None and container.image_id and container.image_id != local.id:
        text = f"{container.name} runs an older image ({_short(container.image_id)}) than the one here"
        taken = wanted.settings.recreate == "always" or wanted.build is not None
        old.append((text, f"sglaunch up {wanted.profile}{'' if taken else ' --force-recreate'}"))
    if wanted.build is not None and _outdated_build(wanted, seen):
        old.append(("the image here was built from older files", f"sglaunch up {wanted.profile}"))
    if remote is not None and not remote.problem and local is not None and not _has(local, remote):
        when = f" of {local.created[:10]}" if local.created[:4] > "0001" else ""
        what, todo = (f"the image here{when}", "pull") if tag in ("", image) else ("the image of the lock", "lock")
        old.append((f"{what} is older than the tag", f"sglaunch {todo} {wanted.profile}"))
    newer = remote.newer if remote is not None else ""
    problem = remote.problem if remote is not None else ""
    return Freshness(
        wanted.profile, tag or image, tuple(text for text, _ in old), tuple(todo for _, todo in old), newer, problem
    )


def names_same(local: LocalImage, digest: str, platforms: Mapping[str, str]) -> bool:
    """An image pulled by tag is known by the digest of the tag, one pulled by a platform's digest by that."""
    return bool({digest, *platforms.values()} & set(local.digests))


def _has(local: LocalImage, remote: Remote) -> bool:
    """What a mirror gave has no digest under the name it was given: its id tells."""
    return names_same(local, remote.digest, remote.platforms or {}) or remote.image == local.id


def _outdated_build(wanted: Wanted, seen: Observation) -> bool:
    inputs, local = seen.inputs.get(wanted.profile), seen.local.get(wanted.spec.image)
    return inputs is not None and local is not None and local.built not in ("", inputs.digest)


def _short(identity: str) -> str:
    return identity.removeprefix("sha256:")[:_SHORT]
