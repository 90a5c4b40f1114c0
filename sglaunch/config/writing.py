"""A whole project file of profiles that were imported, or a person's file with them put in; pure.

A person's file is never written anew: the new lines go in at a position, so that every other byte of it stays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sglaunch.config.document import parse
from sglaunch.config.node import Node, Problems
from sglaunch.config.span import find
from sglaunch.config.yaml_lines import Writable, block, plain
from sglaunch.errors import ConfigError


def profile_document(imported: Sequence[Writable]) -> str:
    """The text of a whole file that declares the profiles, remarks beside what they are about."""
    return f"profiles:\n{block(imported, 2)}"


def with_profiles(text: str, imported: Sequence[Writable], file: str = "sglaunch.yaml") -> str:
    """The text of a project file with the profiles put in after those it has; the rest of it byte by byte as it was.

    Raises ConfigError where the text is not a project file, or has a profile of such a name: that one stays.
    """
    problems = Problems()
    root = parse(text, file, "project", problems)
    if root is not None:
        _check(root, imported, problems)
    if problems.errors:
        raise ConfigError(problems.errors, {file: text.splitlines()})
    newline = "\r\n" if "\r\n" in text else "\n"
    result = _put_in(text, imported, newline) if root is not None else _after(text, profile_document(imported), newline)
    if not _is_addition(text, result, imported):
        place = root.get("profiles") if root is not None else None
        message = "profiles cannot be put in at this place without touching what is there"
        problems.error(place, "profiles", message, "print them without --write, and paste them")
        raise ConfigError(problems.errors, {file: text.splitlines()})
    return result


def _check(root: Node, imported: Sequence[Writable], problems: Problems) -> None:
    if not root.is_map:
        problems.error(root, "", f"the file must be a mapping, found {root.kind}")
        return
    profiles = root.get("profiles")
    if profiles is None and (services := root.get("services")) is not None:
        hint = "import it, or write to another file with -f"
        problems.error(services.key, "services", "this is a compose file", hint)
    if profiles is None or profiles.value is None:
        return
    if not profiles.is_map:
        problems.error(profiles, "profiles", f"must be a mapping, found {profiles.kind}")
    for one in imported:
        there = profiles.get(one.name)
        if there is not None:
            hint = "choose another name with --as, or remove this one first"
            problems.error(there.key, f"profiles.{one.name}", "there is a profile of this name", hint)


def _put_in(text: str, imported: Sequence[Writable], newline: str) -> str:
    """After the last profile, in the file's own indentation; in flow style where the file is in flow style."""
    found = find(text)
    lines = text.splitlines(keepends=True)
    if found is None:
        return _after(text, profile_document(imported), newline)
    if found.column is None:
        text = f"{text[: found.start].rstrip(' ')}{text[found.end :]}"
        lines = text.splitlines(keepends=True)
        head, tail = "".join(lines[: found.line + 1]), "".join(lines[found.line + 1 :])
        return f"{_ended(head, newline)}{_lines(block(imported, found.parent + 2), newline)}{tail}"
    if found.flow:
        entries = ", ".join(f"{json.dumps(one.name)}: {json.dumps(plain(one.keys))}" for one in imported)
        before = text[: found.end].rstrip()
        comma = " " if before.endswith(",") else ", "
        return f"{before}{comma}{entries}{text[found.end :]}"
    last = next(number for number in range(found.line, 0, -1) if lines[number].strip())
    last = _past_comments(lines, last + 1, found.column)
    gap = newline if any(not line.strip() for line in lines[found.first : last]) else ""
    head, tail = _ended("".join(lines[:last]), newline), "".join(lines[last:])
    return f"{head}{gap}{_lines(block(imported, found.column, found.step), newline)}{tail}"


def _past_comments(lines: Sequence[str], start: int, column: int) -> int:
    """The line after the comments that belong to the last profile: those further in than its key."""
    last = start
    for number, line in enumerate(lines[start:], start):
        bare = line.strip()
        if bare and not (bare.startswith("#") and len(line) - len(line.lstrip()) > column):
            break
        last = number + 1 if bare else last
    return last


def _after(text: str, more: str, newline: str) -> str:
    gap = newline if text.strip() else ""
    return f"{_ended(text, newline)}{gap}{_lines(more, newline)}"


def _ended(text: str, newline: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}{newline}"


def _lines(text: str, newline: str) -> str:
    return text.replace("\n", newline)


def _is_addition(before: str, after: str, imported: Sequence[Writable]) -> bool:
    """Whether the new text says what the old one did, and the profiles, and nothing else."""
    problems = Problems()
    old, new = (parse(text, "", "", problems) for text in (before, after))
    if problems.errors or new is None:
        return False
    wanted = dict(old.plain()) if old is not None else {}
    wanted["profiles"] = {**(wanted.get("profiles") or {}), **{one.name: plain(one.keys) for one in imported}}
    found: dict[str, Any] = new.plain()
    return found == wanted
