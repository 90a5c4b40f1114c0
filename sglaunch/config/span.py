"""Where `profiles` stands in the text of a project file, by the parser's own marks; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ruamel.yaml import YAML
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event, ScalarEvent

from sglaunch.plain import Struct


class Span(Struct, frozen=True):
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


def find(text: str) -> Span | None:
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


def _value(events: Sequence[Event], key: int) -> Span:
    first, parent, value = events[key].start_mark.line, events[key].start_mark.column, events[key + 1]
    empty = isinstance(events[key + 2], CollectionEndEvent)
    if not isinstance(value, CollectionStartEvent) or empty:
        end = events[key + 2].end_mark if isinstance(value, CollectionStartEvent) else value.end_mark
        return Span(first, events[key].end_mark.line, parent, start=value.start_mark.index, end=end.index)
    inside = _inside(events, key + 1)
    end = events[key + 1 + len(inside)].end_mark
    if value.flow_style:
        return Span(first, end.line, parent, value.start_mark.column, flow=True, end=end.index - 1)
    column = events[key + 2].start_mark.column
    columns = (event.start_mark.column for event in _in_block(inside) if isinstance(event, ScalarEvent))
    step = min((found - column for found in columns if found > column), default=2)
    # A block collection ends where the next thing begins, so what is written in it tells where it ends.
    last = max(_last_line(event) for event in inside if event.end_mark.index > event.start_mark.index)
    return Span(first, last, parent, column, step)


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
