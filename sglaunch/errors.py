"""Where a value was written, what is wrong with it, and the error tree.

    SglaunchError              exit status
    +-- UsageError             2   the command line asks for something that cannot be
    +-- ConfigError            2   files are wrong; carries every Problem of the run
    +-- ConsentNeeded          3   something would be lost and nobody agreed
    +-- Refused                4   site policy, trust, or a container that is not ours
    +-- EngineError            1   the engine or the container failed
    +-- Interrupted          130   the user pressed Ctrl-C

The statuses are those of the user contract (README, "Exit status").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sglaunch.plain import Struct, field


class Place(Struct, frozen=True, order=True):
    """A position in a file; line and column start at 1. Line 0 means "not in a file" (a command line option)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


BUILTIN = "built-in"
"""The layer that comes with sglaunch: what it asks is nobody's own wish."""


class Origin(Struct, frozen=True):
    """Who set a value: the place it was written at and the layer that place belongs to."""

    place: Place
    layer: str

    def __str__(self) -> str:
        return str(self.place)


class Problem(Struct, frozen=True):
    """One mistake, or one warning: where, which value, what was found and is allowed, and the next step."""

    message: str
    place: Place | None = None
    path: str = ""
    hint: str = ""

    def __str__(self) -> str:
        head = ": ".join(part for part in (str(self.place or ""), self.path, self.message) if part)
        return f"{head}; {self.hint}" if self.hint else head


class SglaunchError(Exception):
    """Anything a user is told about; `hint` is the next step."""

    status = 1
    sources: Mapping[str, Sequence[str]] = MappingProxyType({})

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def problems(self) -> Sequence[Problem]:
        """The error as a list of problems, the one form reports know."""
        return (Problem(self.message, hint=self.hint),)


class UsageError(SglaunchError):
    """The command line asks for something that cannot be."""

    status = 2


class ConfigError(SglaunchError):
    """The files are wrong. `sources` holds the lines of each file, so that reports can quote them."""

    status = 2

    def __init__(self, problems: Sequence[Problem], sources: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self._problems = tuple(problems)
        self.sources = dict(sources or {})

    def problems(self) -> Sequence[Problem]:
        return self._problems


class ConsentNeeded(SglaunchError):
    """Something would be lost, and nobody agreed to it."""

    status = 3


class Refused(SglaunchError):
    """Site policy, trust, or a container that is not ours. `problems`, where single lines are to blame."""

    status = 4

    def __init__(
        self,
        message: str,
        hint: str = "",
        problems: Sequence[Problem] = (),
        sources: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        super().__init__(message, hint)
        self._problems = tuple(problems)
        self.sources = dict(sources or {})

    def problems(self) -> Sequence[Problem]:
        return [*self._problems, *super().problems()]


class Interrupted(SglaunchError):
    """The user pressed Ctrl-C; what was begun has been undone."""

    status = 130


class Failure(Struct, frozen=True):
    """What an engine said, classified: `kind` is a word of engine/explain.py's table."""

    kind: str
    message: str
    hint: str = ""
    detail: str = ""
    log: tuple[str, ...] = field(default=())


class EngineError(SglaunchError):
    """The engine or the container failed. `beside`: what failed in the same run, of other containers."""

    status = 1

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, failure.hint)
        self.failure = failure
        self.beside: tuple[EngineError, ...] = ()
