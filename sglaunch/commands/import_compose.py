"""The services of a compose file as profiles."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sglaunch.config.compose import read_compose
from sglaunch.config.node import Problems
from sglaunch.config.profile import NOT_CARRIED
from sglaunch.config.suggest import nearest
from sglaunch.convert.from_compose import from_compose
from sglaunch.convert.imported import Imported
from sglaunch.errors import ConfigError, Problem, UsageError
from sglaunch.plain import Struct, replace

PROJECT_VARIABLE = "COMPOSE_PROJECT_NAME"


class ComposeText(Struct, frozen=True):
    """A compose file: where it lies, or would, how messages name it, and its text."""

    path: Path
    shown: str
    text: str


def profiles(source: ComposeText, folder: Path, name: str, services: Sequence[str]) -> list[Imported]:
    """The named services, else all. `folder` is the project's; `name` the profile's, where it is one.

    Raises ConfigError where the file, or one that it names, cannot be read, and where no service has an image.
    """
    problems = Problems()
    project = os.environ.get(PROJECT_VARIABLE, "")
    found = read_compose(source.path, source.shown, folder, project, problems, text=source.text)
    if found is None or problems.errors:
        raise ConfigError(problems.errors, {source.shown: source.text.splitlines(), **(found.lines if found else {})})
    for one in services:
        if one not in found.services:
            raise UsageError(f"{source.shown} has no service {one!r}", nearest(one, found.services))
    wanted = list(dict.fromkeys(services)) or list(found.services)
    if name and len(wanted) != 1:
        hint = f"choose one with --service: {', '.join(wanted)}"
        raise UsageError(f"{len(wanted)} services, for one name", hint)
    made = [from_compose(found, one, wanted, NOT_CARRIED) for one in wanted]
    if not any({"image", "build"} & one.keys.keys() for one in made):
        losses: list[Problem] = [loss for one in made for loss in one.losses]
        raise ConfigError(losses or [Problem(f"{source.shown} declares no service")], found.lines)
    return [replace(one, name=name) for one in made] if name else made
