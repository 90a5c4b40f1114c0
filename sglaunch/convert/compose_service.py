"""One service of a compose file on its way to a profile; pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

from sglaunch.convert.compose_texts import Texts
from sglaunch.convert.found import Found, Notes, Where
from sglaunch.errors import Place
from sglaunch.plain import Struct, field


class Composed(Protocol):
    """A compose file that was read: plain data, with the place of each value."""

    file: str
    project: str
    services: dict[str, Any]
    resources: dict[str, dict[str, Any]]
    places: dict[Where, Place]
    folders: dict[str, str]
    remarks: dict[Where, str]


class Service(Struct):
    """One service on its way: what was read, the texts in our words, the keys so far, what is to be told.

    `imported`: the services that become profiles too. `keys` are in the order of the compose file.
    """

    name: str
    composed: Composed
    texts: Texts
    notes: Notes
    imported: Collection[str]
    keys: dict[str, Any] = field(default_factory=dict)

    def resource(self, kind: str, key: str) -> Found:
        """The top-level entry of a network, volume, secret or config; an empty one where there is none."""
        entry = self.composed.resources.get(kind, {}).get(key)
        return Found(entry, (kind, key), self.composed.places)

    def container_of(self, service: str) -> str:
        """The name of another service's container, as its profile will have it."""
        written = (self.composed.services.get(service) or {}).get("container_name")
        return self.texts.of(written) if written else default_container(service)


def default_container(service: str) -> str:
    """What a profile says whose container another one names."""
    return f"{{{{ user }}}}-{{{{ project }}}}-{service}"


def engine_name(service: Service, entry: Found, key: str) -> tuple[str, bool]:
    """What an engine calls a volume, network, secret or config, and whether Compose only uses it."""
    external = entry.get("external")
    named = entry.get("name") or (external.get("name") if external is not None else None)
    is_external = external is not None and external.value is not False
    if named is not None:
        return service.texts.of(named.text(), named), is_external
    return (key if is_external else f"{service.composed.project}_{key}"), is_external
