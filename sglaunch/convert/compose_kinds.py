"""Values of a compose service by kind, where a profile has the same key: texts, numbers, flags, mappings; pure."""

from __future__ import annotations

from sglaunch.convert.compose_service import Service
from sglaunch.convert.found import Found
from sglaunch.spec.values import parse_flag


def text(service: Service, found: Found) -> None:
    if not found.is_scalar:
        service.notes.lose(found, "is not text")
        return
    service.keys[_key(found)] = service.texts.scalar(found)


def tree(service: Service, found: Found) -> None:
    """Any data, its texts in our words."""
    service.keys[_key(found)] = service.texts.tree(found)


def words(service: Service, found: Found) -> None:
    """A line or a list of words."""
    written = service.texts.tree(found)
    service.keys[_key(found)] = written.strip() if isinstance(written, str) else written


def flag(service: Service, found: Found) -> None:
    """True or false. `yes` was that in YAML 1.1."""
    key, value = _key(found), parse_flag(found.value)
    if value != found.value:
        service.notes.remark(key, f"written as {found.value!r}, which is text in YAML 1.2")
    service.keys[key] = service.texts.scalar(found) if isinstance(value, str) else value


def number(service: Service, found: Found) -> None:
    """0 is Compose's "not limited"."""
    if str(found.value) in ("0", "0.0", ""):
        return
    text(service, found)


def assignments(service: Service, found: Found) -> None:
    """`[A=b]` or `{A: b}`; a label or parameter without a value has the empty one."""
    if found.is_list:
        pairs = [(item.text().partition("=")[0], item) for item in found.items()]
        values = {name: service.texts.of(item.text().partition("=")[2], item) for name, item in pairs}
    else:
        values = {name: "" if item.value is None else service.texts.scalar(item) for name, item in found.entries()}
    if any("$" in name for name in values):
        service.notes.lose(found, "a name cannot be interpolated", "write it out")
    service.keys[_key(found)] = {name: value for name, value in values.items() if name and "$" not in name}


def _key(found: Found) -> str:
    return str(found.where[-1])
