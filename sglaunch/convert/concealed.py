"""Secrets that somebody pasted: found by the name they stand under or by their shape, and written nowhere; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sglaunch.convert.shell_text import Expression, Literal, Part, Word, variable
from sglaunch.plain import Struct
from sglaunch.spec.values import MASK, looks_secret

# Tokens by their makers' own prefixes, and the variable that usually holds one.
_SHAPES: tuple[tuple[str, str], ...] = (
    ("HF_TOKEN", r"hf_(?:[A-Za-z0-9]{16,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{6,})"),
    ("API_KEY", r"sk-(?:[\w-]{16,}|(?=[A-Za-z-]*\d)[\w-]{6,})"),
    ("GITHUB_TOKEN", r"(?:gh[pousr]_[A-Za-z0-9]{8,}|github_pat_\w{8,})"),
    ("GITLAB_TOKEN", r"glpat-[\w-]{8,}"),
    ("NGC_API_KEY", r"nvapi-[\w-]{8,}"),
    ("AWS_ACCESS_KEY_ID", r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    ("GOOGLE_API_KEY", r"AIza[\w-]{30,}"),
    ("SLACK_TOKEN", r"xox[abprs]-[\w-]{8,}"),
    ("DOCKER_TOKEN", r"dckr_pat_[\w-]{8,}"),
    ("REPLICATE_API_TOKEN", r"r8_[A-Za-z0-9]{20,}"),
    ("TOKEN", r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+"),
)
_SHAPE = re.compile("|".join(rf"(?<![\w-])(?P<{name}>{shape})(?![\w])" for name, shape in _SHAPES))
_CREDENTIALS = re.compile(r"://[^/@\s:]*:(?P<PASSWORD>[^/@\s]+)@")
# `NAME=value` and `--name value` within a text; the value is one word.
_NAMED = re.compile(
    r"(?<![\w.-])(?P<name>--?[A-Za-z][\w-]*|[A-Za-z_][\w.]*)(?P<between>\s*[=:]\s*|\s+)(?P<quote>[\"']?)(?P<value>[^\s\"';|&<>$`{]+)"
)
_FLAG = re.compile(
    r"(?:^|_)(?:token|api_?key|secret|password|passwd|access_key|private_key|auth_key|credentials)$", re.IGNORECASE
)
# Values that nobody keeps secret; a number may be a password, and is never a token.
_HARMLESS = re.compile(r"|true|false|yes|no|on|off|none|null|auto", re.IGNORECASE)
_COUNTS = re.compile(r"-?[\d.]+|<[^>]*>|\{[^}]*\}")
_TOKEN_FLAG = re.compile(r"token$", re.IGNORECASE)


class Hidden(Struct, frozen=True):
    """A secret's place in a text, and the variable that is to hold it."""

    start: int
    end: int
    name: str


def is_secret_flag(name: str) -> bool:
    """Whether a program's flag of this name takes a secret: `--api-key`, `--hf-token`; not `--stop-token-ids`."""
    return _FLAG.search(name.lstrip("-").replace("-", "_")) is not None


def is_harmless(value: str, name: str = "") -> bool:
    """Whether a value under a secret's name is none: empty or a switch; under a flag for tokens a number, too."""
    is_count = _TOKEN_FLAG.search(name) is not None and _COUNTS.fullmatch(value) is not None
    return is_count or _HARMLESS.fullmatch(value) is not None


def holds_secret(text: str) -> bool:
    """Whether a text holds a token by its shape, or a URL's password."""
    return next(_by_shape(text), None) is not None


def hidden(text: str) -> str:
    """A text as messages may quote it."""
    for found in sorted(_found(text), key=lambda one: -one.start):
        text = text[: found.start] + MASK + text[found.end :]
    return text


def without_secrets(word: Word) -> tuple[Word, list[str]]:
    """The word with each secret in it replaced by its variable, and the names of those."""
    parts: list[Part] = []
    names: list[str] = []
    for part in word.parts:
        if not isinstance(part, Literal):
            parts.append(part)
            continue
        last = 0
        for found in sorted(_found(part.text), key=lambda one: one.start):
            if found.start < last:
                continue
            parts.append(Literal(part.text[last : found.start], part.quoted))
            parts.append(Expression(variable(found.name), MASK, found.name, quoted=True))
            names.append(found.name)
            last = found.end
        parts.append(Literal(part.text[last:], part.quoted))
    kept = tuple(part for part in parts if not isinstance(part, Literal) or part.text)
    return Word(kept or word.parts, word.at), names


def variable_of(flag: str) -> str:
    """The variable for what stands under a flag: `--admin-api-key` is ADMIN_API_KEY."""
    return re.sub(r"\W+", "_", flag.strip("-").upper()) or "TOKEN"


def _found(text: str) -> Iterator[Hidden]:
    yield from _by_shape(text)
    for match in _NAMED.finditer(text):
        name = match["name"]
        is_flag = name.startswith("-")
        if match["between"].isspace() and not is_flag:
            continue
        is_secret = is_secret_flag(name) if is_flag else looks_secret(name)
        if is_secret and not is_harmless(match["value"], name if is_flag else ""):
            yield Hidden(match.start("value"), match.end("value"), variable_of(name))


def _by_shape(text: str) -> Iterator[Hidden]:
    for match in _SHAPE.finditer(text):
        yield Hidden(match.start(), match.end(), match.lastgroup or "TOKEN")
    for match in _CREDENTIALS.finditer(text):
        if not match["PASSWORD"].startswith("$"):
            yield Hidden(match.start("PASSWORD"), match.end("PASSWORD"), "PASSWORD")
