"""Secrets among the words of a process: a shell of the container puts them in, so that no engine is told them; pure.

The words of a process are arguments of the engine's program, and labels, which every user of the machine may read. Its
environment is not.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from sglaunch.spec.values import looks_secret

_VARIABLE = re.compile(r"\{\{\s*env\.(\w+)[^{}]*\}\}")
_SHELL = re.compile(r"(.*/)?(ba|z|da|a)?sh")
_GAP = "\x00"


def through_shell(keys: dict[str, Any]) -> list[str]:
    """Rewrites `command` and `entrypoint` of a profile where their words hold secrets; the variables' names.

    A script reads the variables itself. Other words are handed to a shell one by one, so that whatever they hold stays
    as it is. Where the program is not known, since the image has it, `$NAME` stands there, and nobody expands it.
    """
    entrypoint, command = _words(keys.get("entrypoint")), _words(keys.get("command"))
    words = [*entrypoint, *command]
    names = list(dict.fromkeys(name for word in words for name in _secrets(word)))
    if not names:
        return []
    is_script = len(words) > 2 and _SHELL.fullmatch(words[0]) and re.fullmatch(r"-\w*c", words[1])
    if is_script and not any(map(_secrets, [*words[:2], *words[3:]])):
        written = [word if number != 2 else _expanded(word) for number, word in enumerate(words)]
        keys.update({"entrypoint": written[: len(entrypoint)]} if entrypoint else {})
        keys["command"] = written[len(entrypoint) :]
    elif not entrypoint and words[0].startswith("-"):
        keys["command"] = [_expanded(word) for word in words]
    else:
        script, given = _handed_on(words)
        shell = ["sh", "-c", f"exec {script}", "sh", *given]
        keys.update({"entrypoint": shell[:1], "command": shell[1:]} if entrypoint else {"command": shell})
    return names


def _words(value: Any) -> list[str]:
    """A line is split as the profile's reader does, expressions being one word each."""
    if isinstance(value, str):
        kept = _VARIABLE.findall(value)
        found = iter(re.finditer(_VARIABLE, value))
        split = shlex.split(_VARIABLE.sub(_GAP, value))
        return [re.sub(_GAP, lambda _: next(found)[0], word) for word in split] if kept else split
    return [str(word) for word in value or ()]


def _secrets(text: str) -> list[str]:
    return [name for name in _VARIABLE.findall(text) if looks_secret(name)]


def _expanded(text: str) -> str:
    return _VARIABLE.sub(lambda found: f"${{{found[1]}}}" if looks_secret(found[1]) else found[0], text)


def _handed_on(words: list[str]) -> tuple[str, list[str]]:
    """The words in a shell's script: `"$1" "$2" "--key=$KEY"`, and what its numbers stand for."""
    given: list[str] = []
    shown = []
    for word in words:
        pieces, at = [], 0
        for found in _VARIABLE.finditer(word):
            if looks_secret(found[1]):
                pieces += [word[at : found.start()], f"${{{found[1]}}}"]
                at = found.end()
        pieces.append(word[at:])
        text = ""
        for number, piece in enumerate(pieces):
            if number % 2 or (not piece and len(pieces) > 1):
                text += piece
                continue
            given.append(piece)
            text += f"${{{len(given)}}}"
        shown.append(f'"{text}"')
    return " ".join(shown), given
