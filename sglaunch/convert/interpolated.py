"""Compose's `${NAME:-word}` to expressions of ours; pure.

The grammar is that of github.com/compose-spec/compose-go, template/template.go: `$NAME`, `${NAME}`, the operators
`:-` `-` `:?` `?` `:+` `+` whose words are interpolated again, and `$$` for one dollar.
"""

from __future__ import annotations

from collections.abc import Callable

from sglaunch.convert.shell_expansion import NAME
from sglaunch.convert.shell_text import Expression, Literal, Part, expression, quoted, template, variable
from sglaunch.plain import Struct, field

_OPERATORS = (":-", ":?", ":+", "-", "?", "+")
# What a shell knows whatever its environment says: facts of ours, where nobody exports them.
_FACTS = {"UID": "uid", "GID": "gid"}
_SAME = {"HOME": "home", "PWD": "project_dir"}


class Interpolated(Struct, frozen=True):
    """A text of Compose's in our words. `names`: variables it reads; `remarks`: what is not quite the same."""

    parts: tuple[Part, ...]
    names: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The text with its expressions in `{{ }}`."""
        return template(self.parts)

    @property
    def expression(self) -> str:
        """All of it as one expression."""
        return expression(self.parts)

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


class _Reader(Struct):
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
        match = NAME.match(text, dollar + 1)
        if match is None:
            raise ValueError(f"{text[dollar : dollar + 2]!r} is not a variable; write $$ for a dollar sign itself")
        return self.plain(match[0]), match.end()

    def plain(self, name: str) -> Expression:
        """Unset, it is empty."""
        self.names.add(name)
        if name in _SAME:
            return Expression(_SAME[name], f"${{{name}}}", name)
        return Expression(f"{variable(name)} | default({_FACTS.get(name, quoted(''))})", f"${{{name}}}", name)

    def braced(self, text: str) -> Expression:
        match = NAME.match(text)
        rest = text[match.end() :] if match is not None else text
        operator = next((one for one in _OPERATORS if rest.startswith(one)), "")
        if match is None or (rest and not operator):
            raise ValueError(f"'${{{text}}}' is not a variable; write ${{NAME}} or ${{NAME:-default}}")
        if not operator:
            return self.plain(match[0])
        self.names.add(match[0])
        return Expression(self.operation(match[0], operator, rest[len(operator) :]), f"${{{text}}}")

    def operation(self, name: str, operator: str, word: str) -> str:
        value = variable(name)
        if operator.endswith("?"):
            said = f": {word}" if word else ""
            empty = ", and may be empty here" if operator == ":?" else ""
            self.remarks.append(f"{name} must be set{empty}{said}")
            return value
        inner = Interpolated(tuple(self.parts(word)))
        if all(isinstance(part, Literal) for part in inner.parts):
            inner = Interpolated(tuple(Literal(self.literal(part.written)) for part in inner.parts))
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
    raise ValueError("a ${ needs its }")
