"""Profiles as lines of YAML, each value in the style that suits it, remarks above what they are about; pure.

What is written reads back the same, or is not written.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from sglaunch.config.document import parse
from sglaunch.config.node import Problems
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


def block(imported: Sequence[Writable], column: int, step: int = 2) -> str:
    """The profiles as lines that begin at a column; as nice as reads back the same."""
    wanted = {one.name: plain(one.keys) for one in imported}
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


def plain(value: Any) -> Any:
    """A value of a profile as the reader gives it back: mappings and lists of Python's own."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value
