"""What short words of a profile stand for, entry by entry, for who asks where a value comes from; pure.

`expansions` makes the spec of it; here each entry keeps the key that made it, also where a written value beats it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sglaunch.config.expansions import CACHES, HUBS, ME, container_home
from sglaunch.config.node import Node
from sglaunch.errors import Origin
from sglaunch.plain import Struct
from sglaunch.spec.accelerator import expansion
from sglaunch.spec.server import published
from sglaunch.spec.values import MASK


class Expanded(Struct, frozen=True):
    """A value at a path, the key it comes from, and where that is written. `beats`: it beats what is written."""

    steps: tuple[str, ...]
    value: Any
    by: str
    origin: Origin
    beats: bool = False


def expanded(merged: Node, spec: Any, origins: Mapping[str, Origin]) -> Iterator[Expanded]:
    """Of a merged profile, and of the spec it became."""
    if (node := merged.get("accelerator")) is not None:
        yield from _accelerator(expansion(str(node.value), pinned=spec.gpus is not None), node.origin)
    if (node := merged.get("hub")) is not None:
        for name, value in HUBS.get(str(node.value), {}).items():
            yield Expanded(("environment", name), value, "hub", node.origin)
    for item in _items(merged.get("caches")):
        folder = CACHES[str(item.value)]
        target = f"{container_home(spec.environment)}/{folder}"
        yield Expanded(("volumes", target), {"type": "bind", "source": f"~/{folder}"}, "caches", item.origin)
    if (node := merged.get("user")) is not None and node.value == ME:
        for key in ("environment", "volumes"):
            for name, value in getattr(spec, key).items():
                if origins.get(f"{key}.{name}") == node.origin:
                    yield Expanded((key, name), getattr(value, "source", value), "user", node.origin)
    if (node := merged.get("env_file")) is not None:
        for name in spec.environment:
            if origins.get(f"environment.{name}") == node.origin:
                yield Expanded(("environment", name), MASK, "env_file", node.origin)
    secrets = merged.get("secret_env")
    for name, inner in secrets.items() if secrets is not None else ():
        yield Expanded(("environment", name), MASK, "secret_env", inner.origin, beats=True)
    yield from _server(merged, spec)


def _accelerator(row: Mapping[str, Any], origin: Origin) -> Iterator[Expanded]:
    for key, value in row.items():
        entries: Mapping[tuple[str, ...], Any] = {(key,): value}
        if key in ("devices", "volumes"):
            entries = {(key, path): path for path in value}
        elif key == "environment":
            entries = {(key, name): text for name, text in value.items()}
        elif key == "args":
            entries = {("server", key, name): flag for name, flag in value.items()}
        yield from (Expanded(steps, one, "accelerator", origin) for steps, one in entries.items())


def _server(merged: Node, spec: Any) -> Iterator[Expanded]:
    node = merged.get("server")
    if node is None or spec.server is None:
        return
    if spec.network_mode != "host" and not spec.network_mode.startswith("container:"):
        for key, bindings in published(spec.server).items():
            port = node.get("port") or node
            yield Expanded(("ports", key), [{"port": one.port} for one in bindings], "server.port", port.origin)
    model = node.get("model")
    if model is not None and spec.server.model.startswith("/"):
        value = {"type": "bind", "source": spec.server.model, "read_only": True}
        yield Expanded(("volumes", spec.server.model), value, "server.model", model.origin)


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.value if node is not None and node.is_list else ()
