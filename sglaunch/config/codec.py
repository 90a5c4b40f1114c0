"""Frozen values to what JSON has, and back with their types; pure. Secrets go in as where they stand, never as values.

Scalars and mappings are themselves, a tuple is a list. What JSON has no word for is an object under `~`: a class with
the fields that differ from its defaults, a list, a set, a secret, a mapping that holds `~` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from sglaunch.config.load import Config, Demand, Identity, Resolved
from sglaunch.errors import Origin, Place, Problem
from sglaunch.plain import Struct, defaults_of, names_of
from sglaunch.spec.build import Build, BuildSecret
from sglaunch.spec.container import ContainerSpec, Readiness, Settings, Wanted
from sglaunch.spec.kubernetes import Kubernetes
from sglaunch.spec.policy import Policy
from sglaunch.spec.server import Server
from sglaunch.spec.values import (
    Device,
    Gpus,
    Healthcheck,
    Mount,
    NetworkAttachment,
    PortBinding,
    Secret,
    Ulimit,
)

MARK = "~"
_CLASSES: Mapping[str, type] = {
    one.__name__: one
    for one in (
        *(Build, BuildSecret, Config, ContainerSpec, Demand, Device, Gpus, Healthcheck, Identity, Kubernetes, Mount),
        *(NetworkAttachment, Origin, Place, Policy, PortBinding, Problem, Readiness, Resolved, Server, Settings),
        *(Ulimit, Wanted),
    )
}
_NEVER = ("sources", "merged", "texts")
"""Fields that may hold secrets as text; who reads an entry makes them anew."""

Find = Callable[[str], Any]
"""Where the value of a secret stands, as plain data."""


def encode(value: Any, find: Find) -> Any:
    """The value as plain data. Raises ValueError for what has no form, and for a secret that `find` does not find."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, tuple):
        return [encode(item, find) for item in value]
    if isinstance(value, Secret):
        return {MARK: "secret", "at": find(value.reveal())}
    if isinstance(value, Struct) and type(value).__name__ in _CLASSES:
        return {MARK: type(value).__name__, **_fields(value, find)}
    if isinstance(value, Mapping):
        plain = {key: encode(inner, find) for key, inner in value.items()}
        if not all(isinstance(key, str) for key in plain):
            raise ValueError("a key is no text")
        return {MARK: "map", "of": list(plain.items())} if MARK in plain else plain
    if isinstance(value, list | frozenset):
        kind, items = ("list", value) if isinstance(value, list) else ("set", sorted(value))
        return {MARK: kind, "of": [encode(item, find) for item in items]}
    if isinstance(value, PurePath):
        return {MARK: "path", "of": str(value)}
    raise ValueError(f"{type(value).__name__} has no form")


def _fields(value: Any, find: Find) -> dict[str, Any]:
    found, defaults = {}, defaults_of(value)
    for name in names_of(value):
        inner, default = getattr(value, name), defaults.get(name, ...)
        # 0, 0.0 and False are equal, and not the same.
        if name not in _NEVER and not (inner == default and type(inner) is type(default)):
            found[name] = encode(inner, find)
    return found


def decode(data: Any, open_: Callable[[Any], str], path: Callable[[str], Any]) -> Any:
    """The value again. `open_` gives the text of a secret from where it stands, `path` makes a path of its text."""
    if isinstance(data, list):
        return tuple([decode(item, open_, path) for item in data])
    if not isinstance(data, dict):
        return data
    kind = data.get(MARK)
    if kind is None:
        return {key: decode(inner, open_, path) for key, inner in data.items()}
    if kind == "secret":
        return Secret(open_(data["at"]))
    if kind == "path":
        return path(data["of"])
    if kind in ("list", "set"):
        items = [decode(item, open_, path) for item in data["of"]]
        return items if kind == "list" else frozenset(items)
    if kind == "map":
        return {key: decode(inner, open_, path) for key, inner in data["of"]}
    return _CLASSES[kind](**{key: decode(inner, open_, path) for key, inner in data.items() if key != MARK})
