"""What .dockerignore leaves out of a build's context, by the rules of github.com/moby/patternmatcher; pure.

Lines are cleaned as paths; `!` takes back; the last line that matches wins; what matches a folder matches all in it.
"""

from __future__ import annotations

import posixpath
import re

from sglaunch.plain import Struct


class Pattern(Struct, frozen=True):
    """One line: what it matches, whether it takes back, and its written parts."""

    matcher: re.Pattern[str]
    is_exception: bool
    parts: tuple[str, ...]


class Ignored(Struct, frozen=True):
    """The lines of a file, in order."""

    patterns: tuple[Pattern, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Ignored:
        """Raises ValueError for a pattern that is none."""
        found = []
        for number, written in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
            if written.startswith("#") or not (line := written.strip()):
                continue
            is_exception = line.startswith("!")
            line = line[1:].strip() if is_exception else line
            if not line:
                raise ValueError(f'line {number}: illegal exclusion pattern: "!"')
            cleaned = posixpath.normpath(line).lstrip("/") or "."
            if cleaned == ".":
                continue
            try:
                matcher = re.compile(_expression(cleaned), re.DOTALL)
            except re.error:
                raise ValueError(f"line {number}: {written!r} is no pattern") from None
            found.append(Pattern(matcher, is_exception, tuple(cleaned.split("/"))))
        return cls(tuple(found))

    def matches(self, path: str) -> bool:
        """Whether a path relative to the context is left out."""
        matched = False
        parents = path.split("/")
        for pattern in self.patterns:
            if pattern.is_exception != matched:
                continue
            if any(pattern.matcher.fullmatch("/".join(parents[:depth])) for depth in range(len(parents), 0, -1)):
                matched = not pattern.is_exception
        return matched

    def may_hold(self, folder: str) -> bool:
        """Whether something in a folder that is left out may be taken back, so that it must be looked at."""
        depth = len(folder.split("/"))
        return any(
            pattern.is_exception and ("**" in pattern.parts[:depth] or _begins(pattern.parts, folder.split("/")))
            for pattern in self.patterns
        )


def _begins(parts: tuple[str, ...], folder: list[str]) -> bool:
    """Whether a pattern's parts may lead into a folder, or to it, or name what it lies in."""
    pairs = zip(parts, folder, strict=False)
    return all(part == "**" or re.fullmatch(_expression(part), name) is not None for part, name in pairs)


def _expression(pattern: str) -> str:
    """A regular expression: `**` any number of folders, `*` and `?` within one name, `[...]` and `\\` as in Go."""
    out, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                at += 1
                out += "(?:.*/)?"
            else:
                out += ".*"
            continue
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "\\":
            at += 1
            out += re.escape(pattern[at]) if at < len(pattern) else re.escape("\\")
        elif char == "[":
            end = pattern.find("]", at + 1)
            if end < 0:
                raise re.error("no closing bracket")
            inner = pattern[at + 1 : end]
            out += f"[{inner}]"
            at = end
        else:
            out += re.escape(char)
        at += 1
    return out
