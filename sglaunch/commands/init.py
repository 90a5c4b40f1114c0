"""`sglaunch init`: a commented project file for this folder; an existing one is never touched."""

from __future__ import annotations

import re
from pathlib import Path

from sglaunch.commands.asking import show
from sglaunch.commands.schema import line_beside
from sglaunch.config.files import PROJECT_FILE, example_file
from sglaunch.config.schema import SCHEMA_FILE
from sglaunch.errors import UsageError
from sglaunch.project import Common


def run(common: Common) -> int:
    """Writes the example with the folder's name as the project, and beside it the schema that editors read."""
    target = Path(common.file) if common.file else common.directory / PROJECT_FILE
    folder = target.resolve().parent.name
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "project"
    text = example_file().read_text(encoding="utf-8").replace("project: my-project", f"project: {name}", 1)
    line = line_beside(target.parent) if not target.exists() else ""
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(f"{line}\n{text}" if line else text)
    except FileExistsError:
        raise UsageError(f"{target} exists", "edit it; `sglaunch validate` checks it") from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}", "see -C") from None
    beside = [f"{SCHEMA_FILE} beside it is what editors read; check in both"] if line else []
    show([f"wrote {target}", *beside, "next: edit it, then `sglaunch plan` and `sglaunch up dev`"])
    return 0
