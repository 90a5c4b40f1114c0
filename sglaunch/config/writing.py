"""Profiles as text: a whole project file of imported ones, or a person's file with them put in; pure.

A person's file is never written anew: the new lines go in at a position, so that every other byte of it stays. With
`document` the only user of ruamel.yaml.
"""

from __future__ import annotations

import io
import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event, ScalarEvent
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from sglaunch.config.document import parse
from sglaunch.config.node import Node, Problems
from sglaunch.errors import ConfigError, Place, Problem

_WIDTH = 100
# Lists of few short words read better in one line.
_IN_ONE_LINE = re.compile(
    r"(command|entrypoint|shell|secret_env|cap_add|cap_drop|group_add|security_opt|networks|dns\w*|gpus)"
    r"|.*\.(launcher|test|ids|capabilities|aliases|args\..*)"
)
# Text that YAML 1.1, which editors and other tools may read, takes for something else.
_AMBIGUOUS = re.compile(r"y|n|yes|no|on|off|true|false|null|~|[\d_]+(:[\d_]+)+", re.IGNORECASE)
_CONTROL = re.compile(r"[^\n\t\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Writable(Protocol):
    """What is written of a profile: see convert.imported.Imported, which is one."""

    @property
    def name(self) -> str: ...

    @property
    def keys(self) -> Mapping[str, Any]: ...

    @property
    def comments(self) -> Mapping[str, str]: ...


class _Representer(RoundTripRepresenter):
    """Says null in words."""

    def represent_none(self, data: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_none)


def profile_document(imported: Sequence[Writable]) -> str:
    """The text of a whole file that declares the profiles, remarks beside what they are about."""
    return f"profiles:\n{_block(imported, 2)}"


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
    found = _profiles(text)
    lines = text.splitlines(keepends=True)
    if found is None:
        return _after(text, profile_document(imported), newline)
    if found.column is None:
        text = f"{text[: found.start].rstrip(' ')}{text[found.end :]}"
        lines = text.splitlines(keepends=True)
        head, tail = "".join(lines[: found.line + 1]), "".join(lines[found.line + 1 :])
        return f"{_ended(head, newline)}{_lines(_block(imported, found.parent + 2), newline)}{tail}"
    if found.flow:
        entries = ", ".join(f"{json.dumps(one.name)}: {json.dumps(_plain(one.keys))}" for one in imported)
        before = text[: found.end].rstrip()
        comma = " " if before.endswith(",") else ", "
        return f"{before}{comma}{entries}{text[found.end :]}"
    last = next(number for number in range(found.line, 0, -1) if lines[number].strip())
    last = _past_comments(lines, last + 1, found.column)
    gap = newline if any(not line.strip() for line in lines[found.first : last]) else ""
    head, tail = _ended("".join(lines[:last]), newline), "".join(lines[last:])
    return f"{head}{gap}{_lines(_block(imported, found.column, found.step), newline)}{tail}"


@dataclass(frozen=True)
class _Profiles:
    """Where `profiles` stands: lines, columns and positions from 0.

    It begins in line `first` at column `parent` and ends in `line`. `column`: of its keys; None where it is empty, and
    what says so (`{}`, `null`) lies from `start` to `end`. `step`: how much further in the keys of a profile are.
    `flow`: in braces, the closing one at `end`.
    """

    first: int
    line: int
    parent: int
    column: int | None = None
    step: int = 2
    flow: bool = False
    start: int = 0
    end: int = 0


def _profiles(text: str) -> _Profiles | None:
    """The value of `profiles` at the top, by the parser's own marks; None where there is no such key."""
    events = list(YAML(typ="rt", pure=True).parse(text))
    for number in _keys(events):
        event = events[number]
        if isinstance(event, ScalarEvent) and event.value == "profiles":
            return _value(events, number)
    return None


def _keys(events: Sequence[Event]) -> Iterator[int]:
    """The number of each event that is a key of the top mapping."""
    depth, is_key = 0, True
    for number, event in enumerate(events):
        depth -= isinstance(event, CollectionEndEvent)
        if depth == 1 and isinstance(event, ScalarEvent | AliasEvent | CollectionEndEvent):
            if is_key:
                yield number
            is_key = not is_key
        depth += isinstance(event, CollectionStartEvent)


def _value(events: Sequence[Event], key: int) -> _Profiles:
    first, parent, value = events[key].start_mark.line, events[key].start_mark.column, events[key + 1]
    empty = isinstance(events[key + 2], CollectionEndEvent)
    if not isinstance(value, CollectionStartEvent) or empty:
        end = events[key + 2].end_mark if isinstance(value, CollectionStartEvent) else value.end_mark
        return _Profiles(first, events[key].end_mark.line, parent, start=value.start_mark.index, end=end.index)
    inside = _inside(events, key + 1)
    end = events[key + 1 + len(inside)].end_mark
    if value.flow_style:
        return _Profiles(first, end.line, parent, value.start_mark.column, flow=True, end=end.index - 1)
    column = events[key + 2].start_mark.column
    columns = (event.start_mark.column for event in _in_block(inside) if isinstance(event, ScalarEvent))
    step = min((found - column for found in columns if found > column), default=2)
    # A block collection ends where the next thing begins, so what is written in it tells where it ends.
    last = max(_last_line(event) for event in inside if event.end_mark.index > event.start_mark.index)
    return _Profiles(first, last, parent, column, step)


def _inside(events: Sequence[Event], opening: int) -> Sequence[Event]:
    """The events of a collection that say something, from the one that opens it to before the one that closes it."""
    depth = 0
    for number, event in enumerate(events[opening:], opening):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth == 0:
            return events[opening:number]
    return events[opening:]


def _in_block(events: Sequence[Event]) -> Iterator[Event]:
    """Those that do not stand in braces or brackets."""
    depth = 0
    for event in events:
        if depth or (isinstance(event, CollectionStartEvent) and event.flow_style):
            depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        else:
            yield event


def _last_line(event: Event) -> int:
    """The line something ends in; a block collection says nothing of that, and a block of text ends after its line."""
    if isinstance(event, CollectionStartEvent):
        return int(event.start_mark.line)
    line, column = int(event.end_mark.line), int(event.end_mark.column)
    is_block = isinstance(event, ScalarEvent) and event.style in ("|", ">")
    return line - 1 if is_block and column == 0 else line


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
    wanted["profiles"] = {**(wanted.get("profiles") or {}), **{one.name: _plain(one.keys) for one in imported}}
    found: dict[str, Any] = new.plain()
    return found == wanted


def _block(imported: Sequence[Writable], column: int, step: int = 2) -> str:
    """The profiles as lines that begin at a column; as nice as reads back the same."""
    wanted = {one.name: _plain(one.keys) for one in imported}
    for nice in (True, False):
        text = _dumped(imported, column, step, nice=nice)
        problems = Problems()
        read = parse(text, "", "", problems)
        if not problems.errors and read is not None and read.plain() == wanted:
            return text
    places = [Problem(f"profile {one.name} cannot be written as YAML", Place("")) for one in imported]
    raise ConfigError(places)


def _dumped(imported: Sequence[Writable], column: int, step: int, *, nice: bool) -> str:
    document = CommentedMap()
    for one in imported:
        comments = {_steps(path, one.keys): text for path, text in one.comments.items() if path}
        document[one.name] = _styled(one.keys, (), comments, step, nice=nice)
        _remark(document, one.name, one.comments.get("", ""), 0)
    return _emitted(document, column, step)


def _emitted(document: Any, column: int, step: int) -> str:
    yaml = YAML(typ="rt", pure=True)
    yaml.Representer = _Representer
    yaml.width = 4096
    yaml.allow_unicode = True
    yaml.indent(mapping=step, sequence=step + 2, offset=step)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return textwrap.indent(stream.getvalue(), " " * column, lambda line: line != "\n")


_Steps = tuple[str | int, ...]


def _styled(value: Any, steps: _Steps, comments: Mapping[_Steps, str], step: int, *, nice: bool) -> Any:
    """Plain data with its comments, and each text in the style that suits it."""
    indent = step * (len(steps) + 1)
    if isinstance(value, Mapping):
        mapping = CommentedMap()
        for key, inner in value.items():
            mapping[_text(key, step, nice=nice)] = _styled(inner, (*steps, key), comments, step, nice=nice)
            _remark(mapping, key, comments.get((*steps, key), ""), indent)
        return mapping
    if isinstance(value, list | tuple):
        sequence = CommentedSeq(_styled(inner, (*steps, n), comments, step, nice=nice) for n, inner in enumerate(value))
        if not value or _fits_in_line(value, steps, comments):
            sequence.fa.set_flow_style()
        for number in range(len(value)):
            _remark(sequence, number, comments.get((*steps, number), ""), indent)
        return sequence
    return _text(value, step, nice=nice) if isinstance(value, str) else value


def _fits_in_line(value: Sequence[Any], steps: _Steps, comments: Mapping[_Steps, str]) -> bool:
    if not _IN_ONE_LINE.fullmatch(".".join(map(str, steps))) or any(
        path[: len(steps)] == steps for path in comments if len(path) > len(steps)
    ):
        return False
    words = [str(item) for item in value]
    return sum(map(len, words)) < _WIDTH - 20 and not any(
        "\n" in word or isinstance(v, Mapping) for word, v in zip(words, value, strict=True)
    )


def _text(text: str, step: int, *, nice: bool) -> Any:
    """A text in the style that suits it."""
    if nice and "\n" in text.strip() and _reads_back(text, step):
        return LiteralScalarString(text)
    if not nice or "{{" in text or _AMBIGUOUS.fullmatch(text):
        return DoubleQuotedScalarString(text)
    return text


def _reads_back(text: str, step: int) -> bool:
    """Whether a text of several lines is the same after it is written as one; blanks at its edges are often not."""
    problems = Problems()
    read = parse(_emitted({"a": {"b": [LiteralScalarString(text)]}}, 2, step), "", "", problems)
    return not problems.errors and read is not None and read.plain() == {"a": {"b": [text]}}


def _remark(owner: CommentedMap | CommentedSeq, key: Any, text: str, indent: int) -> None:
    """A remark in the lines above a value."""
    if not text:
        return
    lines = [part for line in _CONTROL.sub("?", text).expandtabs().splitlines() for part in textwrap.wrap(line, _WIDTH)]
    owner.yaml_set_comment_before_after_key(key, before="\n".join(lines), indent=indent)


def _steps(path: str, keys: Mapping[str, Any]) -> _Steps:
    """`environment.A` and `volumes[0]` as steps; a key may hold dots itself, so the longest that is there counts."""
    steps: list[str | int] = []
    value: Any = keys
    while path:
        if isinstance(value, Mapping):
            names = (name for name in value if path == name or path.startswith((f"{name}.", f"{name}[")))
            step: str | int = max(names, key=len, default=path)
            path = path[len(str(step)) :].removeprefix(".")
        else:
            number, _, path = path.removeprefix("[").partition("]")
            step = int(number) if number.isdecimal() else number
            path = path.removeprefix(".")
        value = value[step] if _holds(value, step) else None
        steps.append(step)
    return tuple(steps)


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(value, list | tuple) and step < len(value)
    return isinstance(value, Mapping) and step in value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
