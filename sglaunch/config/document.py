"""YAML text to nodes, each with its place. The only user of ruamel.yaml.

YAML 1.2: `22:22`, `yes` and `2024-01-01` are text. Bounded: aliases may not add more than MAX_ALIASED values.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.representer import SafeRepresenter

from sglaunch.config.node import Node, Problems, join
from sglaunch.errors import Origin, Place
from sglaunch.plain import replace
from sglaunch.recall.witness import MAX_FILE as MAX_BYTES

MAX_ALIASED = 20_000
MAX_DEPTH = 40
TAGS = {"!override": "override", "!reset": "reset"}
_YAML_TAG = "tag:yaml.org,2002:"
_QUOTE_IT = 'quote it: "{{ ... }}" (an unquoted {{ starts a YAML mapping)'
_DEEP = "write less nesting; is this the right file?"
_DEEP_OPENING = re.compile(rf"[\[{{][\s\[{{]{{{MAX_DEPTH * 2},}}")


_WORD = re.compile(r"[A-Za-z/_](?:(?:[A-Za-z0-9 /._@+-]|:(?! ))*[A-Za-z0-9/._@+-])?")
_YAML_1_1 = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


class _Stop(Exception):
    pass


def parse(text: str, file: str, layer: str, problems: Problems) -> Node | None:
    """The document as one node; None when it is empty or not YAML (the problems say why)."""
    origin = Origin(Place(file, 1, 1), layer)
    if len(text.encode(errors="replace")) > MAX_BYTES:
        problems.error(origin.place, "", f"the file is larger than {MAX_BYTES >> 20} MiB", "is this the right file?")
        return None
    if _DEEP_OPENING.search(text):
        problems.error(origin.place, "", f"nested deeper than {MAX_DEPTH} levels", _DEEP)
        return None
    try:
        with warnings.catch_warnings():
            # An anchor may be written twice (YAML 1.2, 3.2.2.2); the nearer one before an alias counts.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as error:
        _syntax(error, text, file, problems)
        return None
    except RecursionError:
        problems.error(origin.place, "", f"nested deeper than {MAX_DEPTH} levels", _DEEP)
        return None
    except (YAMLError, ValueError) as error:
        place = _reader_place(error, text, file)
        problems.error(place, "", f"not YAML: {_first_line(error)}", "save the file as UTF-8 text")
        return None
    if root is None:
        return None
    walk = _Walk(file, layer, problems)
    try:
        return walk.node(root, "", 0)
    except _Stop:
        return None


def parse_value(text: str, file: str, layer: str, problems: Problems) -> Node:
    """A value written in one line, as `--set path=value` has it; empty text is the empty text."""
    origin = Origin(Place(file), layer)
    node = parse(text, file, layer, problems) if text.strip() else Node("", origin, text="")
    return _relocate(node or Node(None, origin), origin)


def dump(data: object) -> str:
    """Plain data as YAML, for people."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 4096
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def dump_for_others(documents: Sequence[object]) -> str:
    """Plain data as YAML for other people's readers: entries in the given order, no aliases, several documents apart.

    kubectl and older readers take YAML 1.1, where `no`, `on` and `0x1f` are no text: whatever is not plainly a word is
    quoted.
    """
    stream = io.StringIO()
    for number, document in enumerate(documents):
        yaml = YAML(typ="safe", pure=True)
        yaml.Representer = _ForOthers
        yaml.default_flow_style = False
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # declared as None there
        yaml.allow_unicode = True
        yaml.width = 4096
        stream.write("---\n" if number else "")
        yaml.dump(document, stream)
    return stream.getvalue()


class _ForOthers(SafeRepresenter):
    def ignore_aliases(self, data: object) -> bool:
        return True

    def text(self, data: str) -> YamlNode:
        plain = _WORD.fullmatch(data) and data.lower() not in _YAML_1_1
        return self.represent_scalar(f"{_YAML_TAG}str", data, style=None if plain else '"')


_ForOthers.add_representer(str, _ForOthers.text)


def _relocate(node: Node, origin: Origin) -> Node:
    if node.is_map:
        return replace(node, origin=origin, value={key: _relocate(inner, origin) for key, inner in node.items()})
    if node.is_list:
        return replace(node, origin=origin, value=tuple(_relocate(inner, origin) for inner in node.value))
    return replace(node, origin=origin)


class _Walk:
    def __init__(self, file: str, layer: str, problems: Problems) -> None:
        self.file, self.layer, self.problems, self.count = file, layer, problems, 0
        self.within: set[int] = set()
        self.read: set[int] = set()

    def place(self, mark: Any) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1)

    @contextmanager
    def opened(self, raw: YamlNode, path: str) -> Iterator[None]:
        """Within a value; an alias of a value that is not closed yet has no end."""
        if id(raw) in self.within:
            self.problems.error(
                self.place(raw.start_mark), path, "the anchor holds an alias of itself", "remove the alias"
            )
            raise _Stop
        self.within.add(id(raw))
        yield
        self.within.remove(id(raw))

    def node(self, raw: YamlNode, path: str, depth: int, key: Place | None = None) -> Node:
        with self.opened(raw, path):
            return self._node(raw, path, depth, key)

    def _node(self, raw: YamlNode, path: str, depth: int, key: Place | None) -> Node:
        self.count += id(raw) in self.read
        self.read.add(id(raw))
        origin = Origin(self.place(raw.start_mark), self.layer)
        if self.count > MAX_ALIASED or depth > MAX_DEPTH:
            much = f"aliases repeat more than {MAX_ALIASED} values"
            message = much if self.count > MAX_ALIASED else f"nested deeper than {MAX_DEPTH} levels"
            self.problems.error(origin.place, path, message, _DEEP)
            raise _Stop
        tag = self.custom_tag(raw, origin.place, path)
        if isinstance(raw, MappingNode):
            return Node(self.mapping(raw, path, depth), origin, key, tag=tag)
        if isinstance(raw, SequenceNode):
            children = (self.node(item, f"{path}[{n}]", depth + 1) for n, item in enumerate(raw.value))
            return Node(tuple(children), origin, key, tag=tag)
        assert isinstance(raw, ScalarNode)
        if raw.style == ">":
            # Where a folded line was broken stands a BEL, for those who write the text again.
            raw.value = raw.value.replace("\a", "")
        return Node(self.scalar(raw, tag), origin, key, text=raw.value, tag=tag)

    def custom_tag(self, raw: YamlNode, place: Place, path: str) -> str:
        tag = str(raw.tag) if raw.tag is not None else ""
        if not tag or tag.startswith(_YAML_TAG):
            return ""
        if tag not in TAGS:
            self.problems.error(place, path, f"unknown tag {tag}", "allowed are !override and !reset")
        return TAGS.get(tag, "")

    def mapping(self, raw: MappingNode, path: str, depth: int) -> dict[str, Node]:
        result: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for raw_key, raw_value in raw.value:
            place = self.place(raw_key.start_mark)
            if not isinstance(raw_key, ScalarNode):
                is_template = isinstance(raw_key, MappingNode)
                message = "an unquoted {{ is a YAML mapping" if is_template else "a key must be text"
                self.problems.error(self.place(raw.start_mark), path, message, _QUOTE_IT if is_template else "")
                continue
            if str(raw_key.tag) == _YAML_TAG + "merge" or raw_key.value == "<<":
                merged.update(self.merge_key(raw_value, path, depth))
                continue
            name = raw_key.value
            if name in result:
                first = result[name].key or result[name].origin.place
                message = f"duplicate key; first written in line {first.line}"
                self.problems.error(place, join(path, name), message, "remove one of the two")
                continue
            result[name] = self.node(raw_value, join(path, name), depth + 1, place)
        return {**{key: node for key, node in merged.items() if key not in result}, **result}

    def merge_key(self, raw: YamlNode, path: str, depth: int) -> dict[str, Node]:
        sources = raw.value if isinstance(raw, SequenceNode) else [raw]
        result: dict[str, Node] = {}
        for source in reversed(sources):
            if isinstance(source, MappingNode):
                with self.opened(source, path):
                    result.update(self.mapping(source, path, depth + 1))
            else:
                place = self.place(source.start_mark)
                self.problems.error(place, path, "<< takes a mapping or an alias of one", "write <<: *name")
        return result

    def scalar(self, raw: ScalarNode, tag: str) -> str | int | float | bool | None:
        kind = str(raw.tag or "").removeprefix(_YAML_TAG)
        text: str = raw.value
        if tag and raw.style in ("'", '"'):
            return text
        if kind == "null" or (tag and text in ("", "null", "~")):
            return None
        if kind == "bool" and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if kind in ("int", "float"):
            return _number(text)
        return text


def _number(text: str) -> str | int | float:
    """A YAML 1.2 number; text that only YAML 1.1 calls one stays text."""
    try:
        if re.fullmatch(r"[-+]?[0-9]+", text):
            return int(text)
        if re.fullmatch(r"0[ox][0-9a-fA-F]+", text):
            return int(text, 0)
        if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
            return float(text) if math.isfinite(float(text)) else text
    except ValueError:
        return text
    return text


def _syntax(error: MarkedYAMLError, text: str, file: str, problems: Problems) -> None:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if isinstance(mark, StringMark) else Place(file, 1, 1)
    what = (error.problem or error.context or "not YAML").strip()
    lines = text.splitlines()
    near = lines[max(0, place.line - 2) : place.line]
    for offset, line in enumerate(reversed(near)):
        if found := re.search(r"(?:[:-]|^)\s+(\{\{)", line):
            where = Place(file, place.line - offset, found.start(1) + 1)
            problems.error(where, "", "an unquoted {{ is a YAML mapping", _QUOTE_IT)
            return
    tabs = "\\t" in what or "\t" in "".join(near)
    hint = "indent with spaces, not tabs" if tabs else "look at this line and the one before it"
    problems.error(place, "", f"not YAML: {what}", hint)


def _reader_place(error: Exception, text: str, file: str) -> Place:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return Place(file, 1, 1)
    before = text[:position]
    return Place(file, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _first_line(error: Exception) -> str:
    return (str(getattr(error, "reason", "")) or str(error) or type(error).__name__).splitlines()[0]
