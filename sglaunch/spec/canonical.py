"""The canonical form of a spec: plain data with sorted keys, defaults left out, secrets never in it.

Leaving defaults out is what lets a newer sglaunch, with more options, read an older label and find no change.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct, defaults_of, names_of
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
    result, defaults = {}, defaults_of(value)
    for name in names_of(value):
        inner = getattr(value, name)
        if (name not in defaults or inner != defaults[name]) and (value_plain := _plain(inner)) != {}:
            result[name] = value_plain
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return dict(SECRET_VALUE)
    if isinstance(value, Struct):
        return _fields(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
