"""What the caller asked of `up`, as plain values."""

from __future__ import annotations

from sglaunch.plain import Struct


class Choices(Struct, frozen=True):
    """`known_profiles`: every profile of the project, to tell orphans. `wait`: until a replacement answers.
    `build`: anew, whatever is there. `followers`: profiles that nobody named, which replace what shares something of
    another one's container; a stopped one is not started."""

    force_recreate: bool = False
    no_recreate: bool = False
    start: bool = True
    remove_orphans: bool = False
    snapshot: bool = False
    wait: bool = True
    build: bool = False
    known_profiles: frozenset[str] = frozenset()
    followers: frozenset[str] = frozenset()
