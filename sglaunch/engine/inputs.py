"""What the images of profiles would be built from now, and what differs from what they were built from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sglaunch.engine.context import changed, fingerprint, recall
from sglaunch.plan.building import inputs_digest
from sglaunch.plan.observation import BuildInputs, LocalImage
from sglaunch.spec.container import Wanted


def inputs(wanted: Sequence[Wanted], local: Mapping[str, LocalImage], platform: str) -> dict[str, BuildInputs]:
    """By profile. Raises EngineError for a context or Dockerfile that is not there."""
    found = {}
    for one in wanted:
        if one.build is None:
            continue
        files = None if one.build.is_remote else fingerprint(one.build.context, one.build.dockerfile)
        digest = inputs_digest(one.build, files.digest if files else "", one.spec.platform or platform)
        image = local.get(one.spec.image)
        was = recall(image.built) if image is not None and image.built not in ("", digest) else None
        differing = tuple(changed(was, files.files)) if was is not None and files is not None else ()
        found[one.profile] = BuildInputs(digest, files.files if files else {}, differing)
    return found
