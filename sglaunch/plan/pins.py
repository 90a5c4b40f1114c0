"""Pinned images: what the lock says of a profile, for the platform of the engine; pure."""

from __future__ import annotations

from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.spec.container import Wanted, origin_of
from sglaunch.spec.reference import parse

_RELOCK = "`sglaunch lock` writes it anew"


def pinned(wanted: Wanted, platform: str) -> tuple[Wanted, Problem | None]:
    """The profile with its image by digest, and the problem where the lock has none for the platform."""
    if not wanted.pins:
        return wanted, None
    platform = wanted.spec.platform or platform
    digest = next((found for name, found in wanted.pins.items() if _matches(name, platform)), None)
    pin = wanted.origins.get("image.pin")
    if digest is None:
        message = f"the lock has no digest for {platform}, only for {', '.join(wanted.pins)}"
        return wanted, Problem(message, pin.place if pin else None, "image", _RELOCK)
    image = parse(wanted.spec.image).with_digest(digest).familiar
    origins = {**wanted.origins, **({"image": pin} if pin else {})}
    return replace(wanted, spec=replace(wanted.spec, image=image), origins=origins), None


def _matches(name: str, platform: str) -> bool:
    """`linux/arm64` is `linux/arm64/v8` too."""
    return f"{name}/".startswith(f"{platform}/") or f"{platform}/".startswith(f"{name}/")


def disagreement(wanted: Wanted) -> Problem | None:
    """Why a lock does not hold for a profile, at the place of its image."""
    if not wanted.unpinned:
        return None
    origin = origin_of("image", wanted.origins)
    return Problem(wanted.unpinned, origin.place if origin else None, "image", _RELOCK)
