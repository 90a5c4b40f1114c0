"""A profile as it was found in other people's words: what every importer answers with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.errors import Problem
from sglaunch.plain import Struct, field


class Imported(Struct, frozen=True):
    """`keys` are what to write in the profile, in Compose's short forms where there are any, in writing order.

    `comments` are remarks by path (`environment.HF_TOKEN`, "" for the profile as a whole), written beside the value.
    `losses` are what the profile cannot say: each with its place in the source, what was found, why it is not carried,
    and what to do instead. Secret values are in none of them.
    """

    name: str
    keys: Mapping[str, Any]
    comments: Mapping[str, str] = field(default_factory=dict)
    losses: tuple[Problem, ...] = ()
