"""`sglaunch init`: a commented project file for this folder and machine; an existing one is never touched."""

from __future__ import annotations

from pathlib import Path

from sglaunch.commands.asking import show, show_json
from sglaunch.commands.schema import line_beside
from sglaunch.config.files import LOCAL_FILE, PROJECT_FILE
from sglaunch.config.schema import SCHEMA_FILE
from sglaunch.engine import host, surroundings
from sglaunch.errors import UsageError
from sglaunch.project import Common, choice_of
from sglaunch.report.clean import clean
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.starter import Facts, Starter, starter


def run(common: Common) -> int:
    """Looks around, writes the file, and beside it the schema that editors read; says what was found and what is next.

    No other file is edited.
    """
    target = Path(common.file) if common.file else common.directory / PROJECT_FILE
    line = line_beside(target.parent) if not target.exists() else ""
    made = starter(_facts(common, target.resolve().parent))
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(f"{line}\n{made.text}" if line else made.text)
    except FileExistsError:
        raise UsageError(f"{target} exists", "edit it; `sglaunch validate` checks it") from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}", "see -C") from None
    beside = [("schema", f"{SCHEMA_FILE} beside it is what editors read; check in both")] if line else []
    show_json(_data(target, made, line)) if common.json else show(_lines(target, made, beside))
    return 0


def _facts(common: Common, folder: Path) -> Facts:
    home = Path(str(host.facts()["home"]))
    engine = surroundings.engine(choice_of(common, {}))
    accelerator, devices = surroundings.accelerator(engine)
    ignored = surroundings.ignores(folder, LOCAL_FILE)
    return Facts(
        folder.name,
        engine=str(engine or ""),
        accelerator=accelerator,
        devices=devices,
        checkout=surroundings.checkout(folder, home),
        caches=surroundings.caches(home),
        hf_home=surroundings.hf_home(home),
        git=ignored is not None,
        ignored=bool(ignored),
        importable=surroundings.importable(folder),
    )


def _lines(target: Path, made: Starter, beside: list[tuple[str, str]]) -> list[str]:
    told = [("wrote", str(target)), *beside, *(("found", one) for one in made.found), *made.advice]
    return [f"{what:<8}{clean(text)}" for what, text in told]


def _data(target: Path, made: Starter, line: str) -> dict[str, object]:
    advice = [{"about": what, "text": clean(text)} for what, text in made.advice]
    return {
        "schema_version": SCHEMA_VERSION,
        "file": str(target),
        "schema": str(target.parent / SCHEMA_FILE) if line else None,
        "found": [clean(one) for one in made.found],
        "advice": advice,
    }
