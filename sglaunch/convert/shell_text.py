"""Text of a shell line: what means itself, what a variable gives, and what nobody can know; pure.

A word becomes a value of a profile: variables turn into `{{ expressions }}`, and a literal `{{` into one that gives it
back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sglaunch.plain import Struct, replace

HOME = "home"
_OPENING = "{{"


class Literal(Struct, frozen=True):
    """Text that means itself. `quoted`: it stood in quotes, so the shell takes it as it is."""

    text: str
    quoted: bool = False

    @property
    def written(self) -> str:
        return self.text


class Expression(Struct, frozen=True):
    """A Jinja2 expression, and how the line had it. `name`: the variable, where it is nothing but one.

    `maybe`: it gives something or nothing, as `${A:+x}` does. `quoted`: the shell does not split it into words.
    """

    text: str
    written: str
    name: str = ""
    maybe: bool = False
    quoted: bool = False


class Unknown(Struct, frozen=True):
    """What only the shell that ran the line could know. `many`: it may be several words, or none."""

    written: str
    many: bool = False


Part = Literal | Expression | Unknown


class Word(Struct, frozen=True):
    """A word of a shell line, from the position `at`."""

    parts: tuple[Part, ...]
    at: int = 0

    @property
    def plain(self) -> str | None:
        """The text, where all of it means itself."""
        if all(isinstance(part, Literal) for part in self.parts):
            return "".join(part.written for part in self.parts)
        return None

    @property
    def head(self) -> str:
        """The text that means itself, up to the first part that does not."""
        text = ""
        for part in self.parts:
            if not isinstance(part, Literal):
                break
            text += part.text
        return text

    @property
    def written(self) -> str:
        """The word as the line had it, but for its quotes."""
        return "".join(part.written for part in self.parts)

    @property
    def sole(self) -> Part | None:
        """The only part that is not empty text, where there is just one."""
        parts = [part for part in self.parts if part != Literal("", quoted=True) and part != Literal("")]
        return parts[0] if len(parts) == 1 else None

    @property
    def unknown(self) -> Unknown | None:
        """The first part that nobody can know."""
        return next((part for part in self.parts if isinstance(part, Unknown)), None)

    @property
    def names(self) -> list[str]:
        """The variables it reads, where they are nothing but that."""
        return [part.name for part in self.parts if isinstance(part, Expression) and part.name]

    @property
    def template(self) -> str:
        """The word as a value of a profile."""
        return template(self.parts)

    @property
    def path(self) -> str:
        """The same for a host path, where `~` is the home."""
        parts = self.parts
        if parts and isinstance(parts[0], Expression) and parts[0].text == HOME:
            rest = template(parts[1:])
            if rest == "" or rest.startswith("/"):
                return f"~{rest}"
        return self.template

    @property
    def expression(self) -> str:
        """The word as one expression."""
        return expression(self.parts)

    def startswith(self, prefix: str) -> bool:
        return self.head.startswith(prefix)

    def after(self, count: int) -> Word:
        """The word without its first characters, which mean themselves."""
        left, parts = count, list(self.parts)
        while left and parts:
            first = parts.pop(0)
            assert isinstance(first, Literal)
            if len(first.text) > left:
                parts.insert(0, replace(first, text=first.text[left:]))
            left = max(0, left - len(first.text))
        return Word(tuple(parts), self.at + count)

    def split(self, separator: str, most: int = -1) -> list[Word]:
        """At each separator that means itself."""
        words: list[list[Part]] = [[]]
        for part in self.parts:
            if not isinstance(part, Literal):
                words[-1].append(part)
                continue
            pieces = part.text.split(separator, -1 if most < 0 else most - len(words) + 1)
            words[-1].append(replace(part, text=pieces[0]))
            words += [[replace(part, text=piece)] for piece in pieces[1:]]
        return [Word(_joined(parts), self.at) for parts in words]

    def partition(self, separator: str) -> tuple[Word, bool, Word]:
        """What stands before the first separator and after it, and whether there is one."""
        first, *rest = self.split(separator, 1)
        return first, bool(rest), rest[0] if rest else Word((), self.at)


def literal(text: str, at: int = 0) -> Word:
    """A word that means itself."""
    return Word((Literal(text),), at)


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(part for part in parts if not isinstance(part, Literal) or part.text)


def template(parts: Sequence[Part]) -> str:
    """The parts as a text of a profile: what is unknown stays as it was written."""
    result = plain = ""
    for part in parts:
        if isinstance(part, Expression):
            result += _escaped(plain, before=True) + f"{{{{ {part.text} }}}}"
            plain = ""
        else:
            plain += part.written
    result += _escaped(plain, before=False)
    # A text with an expression in it is read by Jinja2, which makes a line feed of every end of line.
    return result.replace("\r", "{{ '\\r' }}") if _OPENING in result else result


def expression(parts: Sequence[Part]) -> str:
    """The parts as one expression; what is unknown is text."""
    words: list[str] = []
    for part in parts:
        if isinstance(part, Expression):
            words.append(part.text)
        elif part.written:
            words.append(quoted(part.written))
    return " ~ ".join(words) or "''"


def quoted(text: str) -> str:
    """A string of Jinja2, whose escapes are Python's."""
    body = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return f"'{body}'"


def variable(name: str) -> str:
    """The expression of a variable of the environment; one that begins with __ cannot be an attribute."""
    return f"env[{quoted(name)}]" if name.startswith("__") else f"env.{name}"


def _escaped(text: str, *, before: bool) -> str:
    """Text that means itself. `before`: an expression follows, whose braces a brace at the end would join."""
    text = text.replace(_OPENING, "{{ '{{' }}")
    return f"{text[:-1]}{{{{ '{{' }}}}" if before and text.endswith("{") else text
