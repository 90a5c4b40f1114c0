"""The canonical form of a spec: plain data with sorted keys, defaults left out, secrets never in it.

Leaving defaults out is what lets a newer sglaunch, with more options, read an older label and find no change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.values import Secret

SECRET_VALUE = {"secret": True}


def plain(spec: ContainerSpec) -> dict[str, Any]:
    """The spec as JSON-ready data. A secret is `{"secret": true}`; a pass-through without an opinion is left out."""
    return {name: value for name, value in _fields(spec).items() if name != "container_name"}


def dump(data: Mapping[str, Any]) -> str:
    """One line of ASCII JSON, the same for equal data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(data: Mapping[str, Any]) -> str:
    """sha256 over the canonical text."""
    return hashlib.sha256(dump(data).encode()).hexdigest()


def _fields(value: Any) -> dict[str, Any]:
    result = {}
    for item in fields(value):
        inner = getattr(value, item.name)
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        if inner != default and (value_plain := _plain(inner)) != {}:
            result[item.name] = value_plain
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return dict(SECRET_VALUE)
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
