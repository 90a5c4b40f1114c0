"""Registry mirrors: the same image at another address. A mirror is never part of the spec; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sglaunch.spec.reference import parse


def mirrored(image: str, mirrors: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The image at each mirror of its registry, in the order they are written."""
    if not mirrors:
        return ()
    reference = parse(image)
    return tuple(reference.at(host).familiar for host in mirrors.get(reference.registry, ()))
