"""Networks and namespaces of a compose service; pure.

Compose joins the services of a file in a network of the project, where they find each other by name; sglaunch makes no
networks. So that one is carried only where a service is named as a host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sglaunch.convert.compose_service import Service, engine_name
from sglaunch.convert.found import Found

_ATTACHED = ("aliases", "ipv4_address", "ipv6_address")
_TALKING = ("environment", "command", "entrypoint", "healthcheck")
_DEFAULT = "default"


def network_mode(service: Service, found: Found) -> None:
    """`service:x` is the container of that service; `default` says nothing."""
    word, _, name = found.text().partition(":")
    if word == "service":
        _of_service(service, found, name)
    elif found.text() not in ("default", ""):
        service.keys["network_mode"] = service.texts.scalar(found)


def namespace(service: Service, found: Found) -> None:
    """The namespace of another service is that of its container."""
    word, _, name = found.text().partition(":")
    if word == "service":
        _of_service(service, found, name)
    else:
        service.keys[str(found.where[-1])] = service.texts.scalar(found)


def _of_service(service: Service, found: Found, name: str) -> None:
    key = str(found.where[-1])
    service.keys[key] = f"container:{service.container_of(name)}"
    if name not in service.imported:
        service.notes.lose(found, f"{name} is not imported beside it", f"import it too: --service {name}")
    elif name not in service.composed.services[service.name].get("depends_on", ()):
        service.keys.setdefault("depends_on", [name])


def networks(service: Service, found: Found) -> None:
    """By the engine's names, with the service's name as an alias, which Compose adds."""
    joined: dict[str, Any] = {}
    for key, item in found.entries() if found.is_map else [(one.text(), one) for one in found.items()]:
        if key == _DEFAULT and not _is_own(service):
            continue
        name = _name(service, key)
        entry = {word: service.texts.tree(one) for word, one in item.entries() if word in _ATTACHED}
        for word, one in item.entries():
            if word not in _ATTACHED and not word.startswith("x-"):
                service.notes.lose(one, "is not carried")
        joined[name] = {**entry, "aliases": list(dict.fromkeys([service.name, *entry.get("aliases", ())]))}
    if joined:
        service.keys["networks"] = joined


def default_network(service: Service) -> None:
    """The network of the project: joined where services call each other by name, else only told of."""
    keys, raw = service.keys, service.composed.services[service.name]
    listed = raw.get("networks") or {}
    if "networks" in keys or "network_mode" in keys or (listed and _DEFAULT not in listed):
        return
    if _is_own(service) or _is_called(service):
        keys["networks"] = {_name(service, _DEFAULT): {"aliases": [service.name]}}
    elif len(service.composed.services) > 1:
        name = f"{service.composed.project}_{_DEFAULT}"
        write = f"write networks: {{{name}: {{aliases: [{service.name}]}}}}"
        service.notes.remark("", f"compose joins it in a network of the project; to be found by name, {write}")


def _is_own(service: Service) -> bool:
    """Whether the file names the default network itself."""
    entry = service.resource("networks", _DEFAULT)
    return entry.get("name") is not None or (entry.get("external") is not None and entry.value["external"] is not False)


def _name(service: Service, key: str) -> str:
    """The engine's name of a network; what a profile cannot say of it is told."""
    entry = service.resource("networks", key)
    name, external = engine_name(service, entry, key)
    if not external:
        options = [(word, one) for word, one in entry.entries() if word not in ("name", "external", "labels")]
        driver = next((one.text() for word, one in options if word == "driver" and one.value), "")
        command = f"docker network create {f'--driver {driver} ' if driver not in ('', 'bridge') else ''}{name}"
        service.notes.remark("networks", f"compose makes it; here it must exist: {command}")
        for word, one in options:
            if one.value not in (None, "bridge", False, {}) and not word.startswith("x-") and word != "driver":
                service.notes.lose(one, "a profile cannot say how a network is made", f"see {command} --help")
    return name


def _is_called(service: Service) -> bool:
    """Whether this service calls one of the file by name, or is called so."""
    services = service.composed.services
    own = list(_texts(services[service.name]))
    if any(_calls(text, name) for name in services for text in own):
        return True
    return any(_calls(text, service.name) for other in services.values() for text in _texts(other))


def _calls(text: str, name: str) -> bool:
    word = re.escape(name)
    host = rf"(?:://|@){word}(?![\w.-])|(?<![\w./-]){word}:\d|^(?:[\w-]*HOST[\w-]*=)?{word}$"
    return re.search(host, text) is not None


def _texts(service: Any) -> Iterator[str]:
    """What a service says where hosts are named; a whole text only of variables."""
    for key in _TALKING if isinstance(service, Mapping) else ():
        value = service.get(key)
        if key == "environment" and isinstance(value, Mapping):
            yield from (str(one) for one in value.values())
        else:
            yield from (f" {text}" if key != "environment" else text for text in _flat(value))


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _flat(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner)
    elif isinstance(value, str):
        yield value
