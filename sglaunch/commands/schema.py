"""`sglaunch schema`: what editors read to complete and check a file; `init` puts one beside a project file."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from sglaunch.commands.asking import show
from sglaunch.config.files import PROJECT
from sglaunch.config.schema import MODELINE, SCHEMA_FILE, schema


def run(kind: str) -> int:
    """The JSON Schema of one kind of file."""
    show([_text(kind)])
    return 0


def line_beside(folder: Path) -> str:
    """The first line of a project file in a folder, and the schema it names: written there unless there is one.

    A schema that is there may be of a newer sglaunch. Where none can be written there is no line either.
    """
    with contextlib.suppress(OSError):
        path = folder / SCHEMA_FILE
        if not path.exists():
            path.write_text(_text(PROJECT) + "\n", encoding="utf-8")
        return MODELINE
    return ""


def _text(kind: str) -> str:
    return json.dumps(schema(kind), indent=2, ensure_ascii=False)
