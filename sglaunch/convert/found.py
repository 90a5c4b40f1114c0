"""Plain data with the place of each value, and the remarks and losses of an import; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sglaunch.convert.imported import Imported
from sglaunch.errors import Place, Problem
from sglaunch.plain import Struct, field

Where = tuple[str | int, ...]


class Found(Struct, frozen=True):
    """A value of somebody else's file, and the way that led to it."""

    value: Any
    where: Where
    places: Mapping[Where, Place]

    @property
    def place(self) -> Place | None:
        """Where it was written, else what holds it."""
        steps = self.where
        while steps and steps not in self.places:
            steps = steps[:-1]
        return self.places.get(steps)

    @property
    def path(self) -> str:
        """`services.web.ports[0]`."""
        text = ""
        for step in self.where:
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
        return text

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, Mapping)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    @property
    def is_scalar(self) -> bool:
        return not (self.is_map or self.is_list)

    def at(self, step: str | int) -> Found:
        """What lies one step below."""
        return Found(self.value[step], (*self.where, step), self.places)

    def get(self, key: str) -> Found | None:
        """An entry of a mapping that is there and not null."""
        there = self.is_map and self.value.get(key) is not None
        return self.at(key) if there else None

    def entries(self) -> Iterator[tuple[str, Found]]:
        """The entries of a mapping; nothing for other kinds."""
        return ((key, self.at(key)) for key in (self.value if self.is_map else ()))

    def items(self) -> list[Found]:
        """The items of a list; a single value is a list of one, null one of none."""
        if self.is_list:
            return [self.at(number) for number in range(len(self.value))]
        return [] if self.value is None else [self]

    def text(self) -> str:
        """A scalar as the other side would print it."""
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "" if self.value is None else str(self.value)


class Notes(Struct):
    """What an import says beside the keys: remarks by path of the profile, and what is lost."""

    comments: dict[str, str] = field(default_factory=dict)
    losses: list[Problem] = field(default_factory=list)

    def remark(self, path: str, text: str) -> None:
        """A remark beside a value; several at one place follow each other, the same one is said once."""
        said = self.comments.get(path, "")
        if text not in said.split("; "):
            self.comments[path] = f"{said}; {text}" if said else text

    def lose(self, found: Found, message: str, hint: str = "") -> None:
        """What the profile cannot say."""
        problem = Problem(message, found.place, found.path, hint)
        if problem not in self.losses:
            self.losses.append(problem)

    def imported(self, name: str, keys: Mapping[str, Any]) -> Imported:
        return Imported(name, keys, dict(self.comments), tuple(self.losses))
