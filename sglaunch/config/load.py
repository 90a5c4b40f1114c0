"""The configuration as the rest of the house knows it: what is asked of it, and what a loaded project is.

The stages are in loader.py, which is imported when files must be read anew; recalled.py gives what was loaded before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sglaunch.errors import Place, Problem
from sglaunch.plain import Struct, field
from sglaunch.spec.container import Wanted
from sglaunch.spec.policy import Policy

if TYPE_CHECKING:
    from sglaunch.config.lockfile import Pins
    from sglaunch.config.node import Node


class Request(Struct, frozen=True):
    """What is to be loaded: the project file, the caller's facts and environment, and the command line's layer.

    `facts` hold user, uid, gid, home, hostname. `overrides` are `path=value` texts of --set, in order. `there` is asked
    with the engine that the files name for the machine containers run on: its name and its facts, none for this one.
    """

    project_file: Path
    facts: Mapping[str, Any]
    env: Mapping[str, str]
    overrides: Sequence[str] = ()
    there: Callable[[Mapping[str, str]], tuple[str, Mapping[str, Any]]] = lambda _: ("", {})


class Resolved(Struct, frozen=True):
    """One profile: what it became; its text after the merge and those of the layers, lowest first, which are not
    remembered: they may hold secrets."""

    wanted: Wanted
    merged: Node | None = None
    texts: Sequence[Node] = ()

    @property
    def text(self) -> Node:
        """The text of a profile that was read in this run."""
        assert self.merged is not None, "a recalled configuration has no texts"
        return self.merged


class Demand(Struct, frozen=True):
    """One line: the path of the value, what it asks, and where it stands. `text` is what trust is given to.

    `mixed`: something of mine together with something of theirs. `own`: one that needs no answer, since I wrote both.
    """

    path: str
    text: str
    place: Place
    mixed: bool = False
    own: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.path}: {self.text}"

    @property
    def remembered(self) -> str:
        """Trust is given to what is asked, wherever in the file it stands."""
        return f"{self.path}: {self.text}"


class Config(Struct):
    """A loaded project. `sources` are the lines of its files, `quoted` where each lies; `demands` what needs trust."""

    project: str
    folder: Path
    file: Path
    names: Sequence[str]
    declared: Sequence[str]
    engine: Mapping[str, str]
    policy: Policy = field(default_factory=Policy)
    resolved: dict[str, Resolved] = field(default_factory=dict)
    warnings: list[Problem] = field(default_factory=list)
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)
    quoted: Mapping[str, Path] = field(default_factory=dict)
    pins: Pins = field(default_factory=dict)
    demands: tuple[Demand, ...] = ()

    @property
    def wanted(self) -> dict[str, Wanted]:
        return {name: resolved.wanted for name, resolved in self.resolved.items()}


def load(request: Request, profiles: Sequence[str], *, everything: bool = False) -> Config:
    """The project and the specs of the named profiles; without names of those a verb without names means.

    `everything` adds every declared profile, for checks across them. Raises ConfigError with all problems.
    """
    from sglaunch.config.loader import Loader

    return Loader(request).load(profiles, everything)


class Identity(Struct, frozen=True):
    """What can be known of a project without its profiles being right.

    `declared`: the profiles of the project and local layers. `unprotected`: profiles that say so. `needed`: by profile,
    what its `depends_on` names.
    """

    project: str
    file: Path
    names: Sequence[str]
    declared: Sequence[str]
    engine: Mapping[str, str]
    unprotected: frozenset[str]
    needed: Mapping[str, frozenset[str]]


def identify(request: Request) -> Identity:
    """The project's name and engine. Raises ConfigError only where these cannot be told."""
    from sglaunch.config.loader import Loader

    return Loader(request).identity()
