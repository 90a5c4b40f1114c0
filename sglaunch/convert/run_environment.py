"""Variables of a run line, as `environment` and `secret_env`; a secret's value is written nowhere. Pure."""

from __future__ import annotations

import re

from sglaunch.convert.concealed import hidden, holds_secret, is_harmless
from sglaunch.convert.draft import MAKE_NEW, PLACEHOLDER, Draft, is_sole_variable
from sglaunch.convert.run_line import Given
from sglaunch.convert.shell_expansion import FACTS
from sglaunch.convert.shell_text import Literal, Word
from sglaunch.spec.server import NO_PROXIES
from sglaunch.spec.values import looks_secret


def variable(draft: Draft, given: Given, word: Word) -> None:
    """`NAME=value`, or `NAME` for the caller's value. A secret's value is written nowhere."""
    head, has_value, value = word.partition("=")
    name = head.plain
    if not name or re.search(r"\s|\{\{", name):
        draft.lose(given, "the name of the variable cannot be known, and it is left out", "write it under environment")
        return
    if not has_value and name in draft.names:
        has_value, value = True, draft.names[name]
    environment, secrets = draft.keys.setdefault("environment", {}), draft.keys.setdefault("secret_env", [])
    environment.pop(name, None)
    if name in secrets:
        secrets.remove(name)
    is_secret = looks_secret(name)
    if not has_value or is_sole_variable(value, name):
        if is_secret:
            secrets.append(name)
        else:
            environment[name] = _passed(name) if has_value else None
    elif value.unknown is not None:
        draft.lose(
            given, "its value cannot be known here; the caller's is taken", f"export {name}=... before `sglaunch up`"
        )
        draft.remark(f"environment.{name}", f"was {hidden(value.written)}")
        environment[name] = None
    elif _is_secret_value(value, is_secret):
        secrets.append(name)
        lost = Given(given.flag, given.written, given.at)
        is_real = PLACEHOLDER.search(value.plain or "") is None
        hint = f"export {name} before `sglaunch up`, or write secret_env: {{{name}: {{file: path}}}}"
        draft.lose(
            lost,
            f"the value of {name} is a secret and is written nowhere" if is_real else f"the value of {name} is yours",
            f"{hint}; {MAKE_NEW}" if is_real else hint,
        )
        draft.remark(
            "secret_env", f"{name}: the line held its value, which is not kept" if is_real else f"{name}: fill it in"
        )
    else:
        environment[name] = draft.text(given, value, f"environment.{name}") or ""


def _passed(name: str) -> str | None:
    """`NAME=$NAME`: the caller's value; what is a fact of ours is there without being exported.

    A no_proxy that is passed through would have this machine's own addresses added.
    """
    if name in FACTS:
        return f"{{{{ {FACTS[name]} }}}}"
    return f"{{{{ env.{name} | default('') }}}}" if name in NO_PROXIES else None


def _is_secret_value(value: Word, is_secret: bool) -> bool:
    """A literal under a secret's name, or one that looks like a token wherever it stands."""
    text = "".join(part.text for part in value.parts if isinstance(part, Literal))
    return not is_harmless(text.strip()) if is_secret else holds_secret(text)
