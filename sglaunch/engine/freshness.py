"""What registries say of the image of a profile; its registry's mirrors are asked first, as for a pull."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sglaunch.convert.from_inspect import variables
from sglaunch.engine import registry
from sglaunch.errors import EngineError
from sglaunch.plan.freshness import Remote, names_same
from sglaunch.plan.observation import LocalImage
from sglaunch.plan.requirements import required
from sglaunch.recall.witness import spoil
from sglaunch.spec.container import Wanted
from sglaunch.spec.reference import Reference, is_release, newer_release, parse

_Told = TypeVar("_Told")
REQUIRED_SECONDS = 5.0


def ask(wanted: Wanted, local: LocalImage | None, platform: str) -> Remote:
    """What the tag names now, and whether there is a newer release. A registry that does not answer is told of.

    An image named by digest is what it is: nothing is asked.
    """
    if "@" in wanted.spec.image:
        return Remote(problem="it is named by digest, which never moves")
    try:
        manifest = _first(wanted, registry.manifest)
    except EngineError as error:
        return Remote(problem=error.message)
    tag = parse(wanted.spec.image).tag
    newer, image, problem = "", "", ""
    try:
        if local is not None and not names_same(local, manifest.digest, manifest.platforms):
            image = _first(wanted, lambda reference: registry.image_id(reference, wanted.spec.platform or platform))
        newer = (newer_release(tag, _first(wanted, registry.tags)) or "") if is_release(tag) else ""
    except EngineError as error:
        problem = error.message
    return Remote(manifest.digest, manifest.platforms, newer, image, problem)


def platforms(wanted: Wanted) -> dict[str, str]:
    """Platform -> digest of what the tag names now."""
    return dict(_first(wanted, registry.manifest).platforms)


def _first(wanted: Wanted, ask_one: Callable[[Reference], _Told]) -> _Told:
    """The answer of the first that has one; the registry's own complaint where none has."""
    reference = parse(wanted.spec.image)
    for host in wanted.settings.mirrors.get(reference.registry, ()):
        try:
            return ask_one(reference.at(host))
        except EngineError:
            continue
    return ask_one(reference)


def required_of(wanted: Sequence[Wanted], platform: str) -> dict[str, dict[str, str]]:
    """By image, its variables that tell what it requires of NVIDIA's driver, as its registry has them.

    All are asked at once, for REQUIRED_SECONDS at most; an image whose registry does not answer is left out.
    """
    spoil("a registry was asked")
    found: dict[str, dict[str, str]] = {}

    def look(one: Wanted) -> None:
        with contextlib.suppress(EngineError, OSError, ValueError):
            lines = _first(one, lambda reference: registry.environment(reference, one.spec.platform or platform))
            found[one.spec.image] = required(variables(lines))

    threads = [threading.Thread(target=look, args=(one,), daemon=True) for one in wanted]
    deadline = time.monotonic() + REQUIRED_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(found)
