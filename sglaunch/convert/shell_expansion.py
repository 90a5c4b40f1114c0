"""What `$` starts in a shell line, as an expression of ours where there is one; pure.

The forms are those of POSIX (Shell Command Language, 2.6) and what Bash adds: `${NAME:-word}`, `$(command)`, `$NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sglaunch.convert.shell_text import HOME, Expression, Part, Unknown, Word, expression, variable

# Variables that are facts of ours, whether or not anybody exports them.
FACTS = {
    "HOME": HOME,
    "PWD": "project_dir",
    "USER": "user",
    "LOGNAME": "user",
    "UID": "uid",
    "EUID": "uid",
    "GID": "gid",
    "HOSTNAME": "hostname",
    "USERPROFILE": HOME,
}
_COMMANDS = {
    "pwd": "project_dir",
    "whoami": "user",
    "id -u": "uid",
    "id -g": "gid",
    "id -un": "user",
    "id -u -n": "user",
    "id --user": "uid",
    "id --group": "gid",
    "logname": "user",
    "hostname": "hostname",
    "uname -n": "hostname",
    "cd && pwd": HOME,
}
# Commands that have a filter of the same meaning, and those that give back what they are given.
_FILTERS = ("dirname", "basename")
_SAME = re.compile(r"realpath|readlink -f|readlink -m|echo|echo -n|cygpath -w")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (":-", ":?", ":+", ":=", "-", "?", "+", "=", "^^", ",,")
Read = Callable[[str], Word]
"""Reads text as the inside of double quotes."""


def name_of(name: str, written: str, *, is_quoted: bool) -> Part:
    """`$NAME`; a number or a sign is what only the script was told."""
    if name in FACTS:
        return Expression(FACTS[name], written, name, quoted=is_quoted)
    if NAME.fullmatch(name):
        return Expression(variable(name), written, name, quoted=is_quoted)
    return Unknown(written, many=name in ("@", "*"))


def parameter(inside: str, read: Read, *, is_quoted: bool) -> Part:
    """`${inside}`."""
    written = f"${{{inside}}}"
    inside = inside.removeprefix("env:")  # PowerShell's
    match = NAME.match(inside)
    rest = inside[match.end() :] if match else inside
    if match and not rest:
        return name_of(match[0], written, is_quoted=is_quoted)
    operator = next((one for one in _OPERATORS if rest.startswith(one)), "")
    if not match or not operator:
        return Unknown(written, many=re.search(r"\[[@*]\]|^[@*]$", inside) is not None)
    text, name, maybe = _operation(match[0], operator, read(rest[len(operator) :]))
    return Expression(text, written, name, maybe, is_quoted) if text else Unknown(written)


def _operation(name: str, operator: str, word: Word) -> tuple[str, str, bool]:
    """The expression, the variable where it is nothing but one, and whether it may give nothing; "" for none."""
    value = FACTS.get(name) or variable(name)
    if operator in ("^^", ",,"):
        return ("" if word.template else f"{value} | {'upper' if operator == '^^' else 'lower'}"), "", False
    if operator.endswith("?"):
        return value, "", False
    if name in FACTS and not operator.endswith("+"):
        return value, name, False
    if word.unknown is not None:
        return "", "", False
    # With `:` what is empty counts as unset.
    if operator.endswith("+"):
        there = f"{value} | default('')" if operator == ":+" else f"({value} | default(none)) != none"
        return f"({word.expression} if {there} else '')", "", True
    return f"{value} | default({word.expression}{', true' if operator.startswith(':') else ''})", "", False


def substitution(inside: str, written: str, read: Read, *, is_quoted: bool) -> Part:
    """`$(inside)`: a few commands are facts of ours, or filters; what others print nobody can know."""
    command = " ".join(inside.split())
    if command in _COMMANDS:
        return Expression(_COMMANDS[command], written, quoted=is_quoted)
    verb, _, argument = command.rpartition(" ")
    argument = argument.strip("\"'")
    if re.fullmatch(r"id -u", verb) and argument in ("$USER", "${USER}"):
        return Expression("uid", written, quoted=is_quoted)
    if (verb in _FILTERS or _SAME.fullmatch(verb)) and not re.search(r"[|;&<>()`*?]", argument):
        inner = read(argument)
        if inner.unknown is None and inner.parts:
            text = expression(inner.parts)
            text = f"({text})" if " ~ " in text and verb in _FILTERS else text
            text = f"{text} | {verb}" if verb in _FILTERS else text
            return Expression(text, written, quoted=is_quoted)
    return Unknown(written, many=not is_quoted)
