"""A container's process as a `server:` block, where it is plainly an SGLang server; pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import Any

from sglaunch.convert.draft import Draft
from sglaunch.convert.found import Notes
from sglaunch.convert.interpolated import Interpolated
from sglaunch.convert.run_line import Loss
from sglaunch.convert.run_server import server_of
from sglaunch.convert.shell_text import Expression, Literal, Part, Word
from sglaunch.errors import Place, Problem

# A character that stands for the part of that number while a line is split.
_STANDS = 0xE000


def with_server(
    keys: dict[str, Any], words: Sequence[Word], targets: Collection[str], notes: Notes, place: Place | None
) -> dict[str, Any] | None:
    """The keys with `server` in place of the command; None where the words are not plainly a server's launch.

    An own entrypoint becomes none, for the server's command is the whole of it. `targets`: where something is mounted.
    """
    rest = {key: value for key, value in keys.items() if key not in ("command", "entrypoint")}
    listed = {key: list(value) if isinstance(value, list) else value for key, value in rest.items()}
    draft = Draft(keys=listed, targets=set(targets))
    server = server_of(words, draft) if words else None
    if server is None:
        return None
    for path, remark in draft.comments.items():
        notes.remark(path, remark)
    notes.losses += [_problem(loss, place) for loss in draft.losses]
    made: dict[str, Any] = {}
    for key in keys:
        if key in ("command", "entrypoint"):
            made.update({} if "server" in made else {"server": server})
            made.update({"entrypoint": []} if key == "entrypoint" else {})
        else:
            made[key] = draft.keys[key]
    return {**made, **{key: value for key, value in draft.keys.items() if key not in made}}


def split(text: Interpolated) -> list[Word] | None:
    """A line as words. None where a variable by itself may be several of them, or the line cannot be split."""
    parts = [part for part in text.parts if isinstance(part, Expression)]
    line = "".join(
        chr(_STANDS + parts.index(part)) if isinstance(part, Expression) else part.written for part in text.parts
    )
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    alone = [len(word) == 1 and 0 <= ord(word) - _STANDS < len(parts) for word in words]
    if any(one and not words[number - 1].startswith("--") for number, one in enumerate(alone)):
        return None
    return [_restored(word, parts) for word in words]


def _restored(word: str, expressions: Sequence[Expression]) -> Word:
    parts: list[Part] = []
    plain = ""
    for character in word:
        number = ord(character) - _STANDS
        if 0 <= number < len(expressions):
            parts += [Literal(plain)] if plain else []
            parts.append(expressions[number])
            plain = ""
        else:
            plain += character
    return Word((*parts, *([Literal(plain)] if plain else [])))


def _problem(loss: Loss, place: Place | None) -> Problem:
    return Problem(loss.message, place, loss.path, loss.hint)
