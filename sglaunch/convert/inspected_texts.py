"""Texts of a container as values of a profile: templates in them escaped, secrets in none of them; pure."""

from __future__ import annotations

from sglaunch.convert.concealed import holds_secret, is_harmless, is_secret_flag, variable_of, without_secrets
from sglaunch.convert.found import Notes
from sglaunch.convert.inspected import Inspected
from sglaunch.convert.shell_text import literal
from sglaunch.errors import Place, Problem
from sglaunch.spec.values import looks_secret


def lost(seen: Inspected, path: str, message: str, hint: str = "") -> Problem:
    """What the profile cannot say of a container."""
    return Problem(message, Place(f"container {seen.name}"), path, hint)


def is_secret(name: str, value: str) -> bool:
    return bool(value) and ((looks_secret(name) and not is_harmless(value)) or holds_secret(value))


def escaped(text: str) -> str:
    """Text that means itself, as a value of ours."""
    return literal(text).template


def safe(text: str, path: str, seen: Inspected, notes: Notes) -> str:
    """The same, with a variable for each secret in it."""
    word, names = without_secrets(literal(text))
    for name in names:
        hint = f"set {name} in the environment or in .env beside sglaunch.yaml"
        message = f"a secret is written nowhere; {{{{ env.{name} }}}} stands for it"
        notes.losses.append(lost(seen, path, message, hint))
    return word.template


def safe_words(words: list[str], path: str, seen: Inspected, notes: Notes) -> list[str]:
    """Words that mean themselves; what follows a flag for secrets is one."""
    found: list[str] = []
    for number, word in enumerate(words):
        flag = words[number - 1] if number else ""
        if flag.startswith("--") and is_secret_flag(flag) and not is_harmless(word, flag):
            name = variable_of(flag)
            message = f"a secret is written nowhere; {{{{ env.{name} }}}} stands for it"
            notes.losses.append(lost(seen, path, message, f"set {name} in the environment"))
            found.append(f"{{{{ env.{name} }}}}")
        else:
            found.append(safe(word, path, seen, notes))
    return found
