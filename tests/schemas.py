"""What the schemas say of a file, for tests: text of YAML in, complaints out."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema

from sglaunch.config.document import parse
from sglaunch.config.files import Text
from sglaunch.config.node import Node, Problems
from sglaunch.config.schema import PROFILE, schema


@cache
def validator(kind: str) -> Any:
    """Of one kind of file."""
    return jsonschema.Draft202012Validator(schema(kind))


def complaints(text: str, kind: str) -> list[str]:
    """Where and what, for each; none for an empty file."""
    problems = Problems()
    node = parse(text, kind, kind, problems)
    assert not problems.errors, problems.errors
    return of_data(_plain(node), kind) if node is not None else []


def _plain(node: Node) -> Any:
    """JSON has no tags; what stands after `!reset` is as good as null."""
    if node.tag == "reset":
        return None
    if node.is_map:
        return {key: _plain(inner) for key, inner in node.items()}
    return [_plain(inner) for inner in node.value] if node.is_list else node.value


def of_data(data: Any, kind: str) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(kind).iter_errors(data)]


def kind_of(text: Text) -> str:
    """The kind of a file that was read for a layer."""
    return PROFILE if text.profile else text.layer
