"""Compose's `${NAME:-word}` to expressions of ours; pure.

The grammar is that of github.com/compose-spec/compose-go, template/template.go: `$NAME`, `${NAME}`, the operators
`:-` `-` `:?` `?` `:+` `+` whose words are interpolated again, and `$$` for one dollar.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", "-", "?", "+")
_OPENING = "{{"
# What a shell knows whatever its environment says: facts of ours, where nobody exports them.
_FACTS = {"UID": "uid", "GID": "gid"}
_SAME = {"HOME": "home", "PWD": "project_dir"}


@dataclass(frozen=True)
class Literal:
    """Text that means itself."""

    text: str


@dataclass(frozen=True)
class Expression:
    """A Jinja2 expression that stands for text. `name`: the variable, where it is one and nothing else."""

    text: str
    name: str = ""


Part = Literal | Expression


@dataclass(frozen=True)
class Interpolated:
    """A text of Compose's in our words. `names`: variables it reads; `remarks`: what is not quite the same."""

    parts: tuple[Part, ...]
    names: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text with its expressions in `{{ }}`."""
        last = len(self.parts) - 1
        return "".join(
            f"{{{{ {part.text} }}}}" if isinstance(part, Expression) else _escaped(part.text, before=number < last)
            for number, part in enumerate(self.parts)
        )

    @property
    def expression(self) -> str:
        """All of it as one expression."""
        words = [_quoted(part.text) if isinstance(part, Literal) else part.text for part in self.parts]
        return " ~ ".join(words) or "''"

    @property
    def is_literal(self) -> bool:
        return not self.names

    @property
    def sole_name(self) -> str:
        """The variable, where the text is `$NAME` or `${NAME}` and nothing else."""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only.name if isinstance(only, Expression) else ""


def interpolated(text: str, *, literal: Callable[[str], str] = str) -> Interpolated:
    """Raises ValueError where Compose would refuse it. `literal` is given each default word that is plain text."""
    return _Reader(literal).read(text)


def variable(name: str) -> str:
    """The expression of a variable that must be set."""
    return _SAME.get(name) or (f"env[{_quoted(name)}]" if name.startswith("__") else f"env.{name}")


def escaped(text: str) -> str:
    """Text that means itself, as a value of ours: nothing in it is a template."""
    return _escaped(text)


@dataclass
class _Reader:
    literal: Callable[[str], str]
    names: set[str] = field(default_factory=set)
    remarks: list[str] = field(default_factory=list)

    def read(self, text: str) -> Interpolated:
        parts = tuple(self.parts(text))
        return Interpolated(parts, frozenset(self.names), tuple(self.remarks))

    def parts(self, text: str) -> list[Part]:
        found: list[Part] = []
        plain, at = "", 0
        while (dollar := text.find("$", at)) >= 0:
            plain += text[at:dollar]
            part, at = self.one(text, dollar)
            if isinstance(part, Literal):
                plain += part.text
                continue
            found += [Literal(plain)] if plain else []
            found.append(part)
            plain = ""
        plain += text[at:]
        return [*found, Literal(plain)] if plain else found

    def one(self, text: str, dollar: int) -> tuple[Part, int]:
        """What a dollar starts, and where it ends."""
        after = text[dollar + 1 : dollar + 2]
        if after == "$":
            return Literal("$"), dollar + 2
        if after == "{":
            end = _closing(text, dollar + 2)
            return self.braced(text[dollar + 2 : end]), end + 1
        match = _NAME.match(text, dollar + 1)
        if match is None:
            raise ValueError(f"{text[dollar : dollar + 2]!r} is not a variable; a dollar sign itself is written $$")
        return self.plain(match[0]), match.end()

    def plain(self, name: str) -> Expression:
        """Unset, it is empty."""
        self.names.add(name)
        if name in _SAME:
            return Expression(variable(name), name)
        return Expression(f"{variable(name)} | default({_FACTS.get(name, _quoted(''))})", name)

    def braced(self, text: str) -> Expression:
        match = _NAME.match(text)
        rest = text[match.end() :] if match is not None else text
        operator = next((one for one in _OPERATORS if rest.startswith(one)), "")
        if match is None or (rest and not operator):
            raise ValueError(f"'${{{text}}}' is not a variable; write ${{NAME}} or ${{NAME:-default}}")
        if not operator:
            return self.plain(match[0])
        self.names.add(match[0])
        return Expression(self.operation(match[0], operator, rest[len(operator) :]))

    def operation(self, name: str, operator: str, word: str) -> str:
        value = f"env.{name}" if name in _SAME else variable(name)
        if operator.endswith("?"):
            said = f": {word}" if word else ""
            empty = ", and may be empty here" if operator == ":?" else ""
            self.remarks.append(f"{name} must be set{empty}{said}")
            return value
        inner = Interpolated(tuple(self.parts(word)))
        if all(isinstance(part, Literal) for part in inner.parts):
            inner = Interpolated(tuple(Literal(self.literal(p.text)) for p in inner.parts))
        if operator.endswith("-"):
            return f"{value} | default({inner.expression}{', true' if operator == ':-' else ''})"
        is_there = f"{value} | default('')" if operator == ":+" else f"{value} | default(none) != none"
        return f"({inner.expression} if {is_there} else '')"


def _closing(text: str, at: int) -> int:
    """The brace that closes one, past those that are opened within."""
    depth = 1
    while at < len(text):
        if text.startswith("${", at):
            depth, at = depth + 1, at + 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise ValueError("a ${ is not closed")


def _quoted(text: str) -> str:
    """A string of Jinja2, whose escapes are Python's."""
    body = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f"'{body}'"


def _escaped(text: str, *, before: bool = False) -> str:
    """`before`: an expression follows, whose braces a brace at the end would join."""
    text = text.replace(_OPENING, "{{ '" + _OPENING + "' }}")
    return f"{text[:-1]}{{{{ '{{' }}}}" if before and text.endswith("{") else text
