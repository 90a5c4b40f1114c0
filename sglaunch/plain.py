"""Plain values with named fields: the door to msgspec.

Its classes are made without generating code. A dataclass takes half a millisecond as its module is imported, and every
command that acts imports sixty.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

__all__ = ["Struct", "asdict", "defaults_of", "field", "names_of", "replace"]


def names_of(kind: type[Struct] | Struct) -> tuple[str, ...]:
    """The fields of a class, or of the class of a value, in their order."""
    return kind.__struct_fields__


def defaults_of(kind: type[Struct] | Struct) -> dict[str, Any]:
    """What the fields are that nothing is given for; those that have to be given are not in it."""
    names, defaults = kind.__struct_fields__, kind.__struct_defaults__
    found = zip(names[len(names) - len(defaults) :], defaults, strict=True)
    return {name: default.factory() if hasattr(default, "factory") else default for name, default in found}
