"""Variables of a compose service, as `environment`, `secret_env` and `env_file`; no secret's value is written. Pure."""

from __future__ import annotations

import re
from typing import Any

from sglaunch.convert.compose_service import Service
from sglaunch.convert.concealed import holds_secret, is_harmless
from sglaunch.convert.found import Found
from sglaunch.spec.values import looks_secret, parse_flag

_VARIABLE = re.compile(r"[^=\s$]+")


def environment(service: Service, found: Found) -> None:
    values: dict[str, Any] = {}
    secret: list[str] = []
    for name, item, text in _variables(found):
        if not _VARIABLE.fullmatch(name):
            service.notes.lose(item, "is not the name of a variable", "write NAME=value")
            continue
        values.pop(name, None)
        if text is None:
            secret.append(name) if looks_secret(name) else values.update({name: None})
            continue
        if text and "$" not in text and ((looks_secret(name) and not is_harmless(text)) or holds_secret(text)):
            secret.append(name)
            service.notes.remark("secret_env", f"the value of {name} is left behind")
            continue
        inner = service.texts.interpolated(text, item)
        if looks_secret(name) and inner.sole_name == name:
            secret.append(name)
        else:
            values[name] = inner.text
    if values:
        service.keys["environment"] = values
    if secret:
        service.keys["secret_env"] = list(dict.fromkeys(secret))


def _variables(found: Found) -> list[tuple[str, Found, str | None]]:
    if found.is_list:
        parts = [(item.text().partition("="), item) for item in found.items()]
        return [(name, item, value if sign else None) for (name, sign, value), item in parts]
    return [(name, item, None if item.value is None else item.text()) for name, item in found.entries()]


def env_file(service: Service, found: Found) -> None:
    files: list[Any] = []
    for item in found.items():
        path = item.get("path") if item.is_map else item
        if path is None:
            service.notes.lose(item, "has no path")
            continue
        shown = service.texts.plain_path(path)
        required = item.get("required") if item.is_map else None
        needed = service.texts.scalar(required) if required is not None else True
        if item.is_map and item.get("format") is not None:
            service.notes.lose(item.at("format"), "is not carried", "quotes in the file are taken off")
        files.append(shown if parse_flag(needed) is True else {"path": shown, "required": needed})
    service.keys["env_file"] = files
