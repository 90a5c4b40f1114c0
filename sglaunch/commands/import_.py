"""`sglaunch import`: what people have, as a profile: printed, or put into the project file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from sglaunch import adoption
from sglaunch.commands import import_compose
from sglaunch.commands.asking import show, show_json
from sglaunch.commands.import_compose import ComposeText
from sglaunch.commands.pasted import ARGUMENT, STDIN, read_pasted
from sglaunch.commands.saving import read_text, save
from sglaunch.config.document import parse
from sglaunch.config.files import PROJECT_FILE, builtin_names
from sglaunch.config.layers import check_profile_name
from sglaunch.config.load import identify
from sglaunch.config.node import Problems
from sglaunch.config.writing import profile_document, with_profiles
from sglaunch.convert.from_run import from_run
from sglaunch.convert.imported import Imported
from sglaunch.errors import Place, Problem, Refused, UsageError
from sglaunch.plain import replace
from sglaunch.project import Common, connect, project_file, request
from sglaunch.report.problems import SCHEMA_VERSION, loss_lines, problem_data
from sglaunch.report.progress import say

_COMPOSE = re.compile(r"^[\"']?services[\"']?\s*:", re.MULTILINE)


def run(
    common: Common, sources: Sequence[str], *, name: str = "", write: bool = False, services: Sequence[str] = ()
) -> int:
    """Needs neither a project nor an engine, unless it writes. `services`: those of a compose file that are meant."""
    if name:
        check_profile_name(name)
    text, source = read_pasted(common, sources)
    if _COMPOSE.search(text) and _is_compose(text):
        path = common.directory / (PROJECT_FILE if source in (STDIN, ARGUMENT) else source)
        folder = _folder(common)
        found = import_compose.profiles(ComposeText(path, source, text), folder, name, services)
        return answer(common, found, write=write, moved=True)
    if services:
        raise UsageError(f"{source} is no compose file, which alone has services", "leave --service out")
    return answer(common, from_run(text, source, name), write=write)


def container(common: Common, container: str, *, name: str = "", write: bool = False) -> int:
    """A container of the engine as a profile. The engine is the project's, where there is one."""
    if name:
        check_profile_name(name)
    try:
        configured = identify(request(common)).engine
    except UsageError:
        configured = {}
    engine = connect(common, configured)
    found = adoption.imported(engine, *adoption.inspect(engine, container))
    return answer(common, [replace(found, name=name or found.name)], write=write, moved=True)


def answer(common: Common, imported: Sequence[Imported], *, write: bool, moved: bool = False) -> int:
    """Prints the profiles, or puts them into the project file; what is lost goes to stderr.

    `moved`: relative paths are those of the project file's folder already.
    """
    own = [_alone(one) for one in imported]
    path, losses = None, [loss for one in own for loss in one.losses]
    if write:
        path = project_file(common, new=True)
        losses += [] if moved else _elsewhere(common, path, own)
    if not common.json:
        for line in loss_lines(losses):
            say(line)
    if path is not None:
        _write(common, path, own)
    if common.json:
        profiles = {one.name: one.keys for one in own}
        show_json({"schema_version": SCHEMA_VERSION, "profiles": profiles, "losses": [problem_data(p) for p in losses]})
    elif path is None:
        show([profile_document(own).rstrip("\n")])
    else:
        names = " ".join(one.name for one in own)
        show([f"wrote {path}", f"next: `sglaunch plan {names}`"])
    return 0


def _is_compose(text: str) -> bool:
    root = parse(text, "", "", Problems())
    return root is not None and root.get("services") is not None


def _alone(one: Imported) -> Imported:
    """The container of the line and nothing more: a built-in of the same name must not lie beneath it."""
    if one.name not in builtin_names() or "extends" in one.keys:
        return one
    comments = {**one.comments, "extends": f"without it, sglaunch's own {one.name} would lie beneath"}
    return replace(one, keys={"extends": None, **one.keys}, comments=comments)


def _folder(common: Common) -> Path:
    """That of the project file, as it is or as it would be written."""
    try:
        return project_file(common, new=True).parent
    except Refused:
        return common.directory


def _elsewhere(common: Common, path: Path, imported: Sequence[Imported]) -> list[Problem]:
    """Relative paths mean the folder of the file that holds them."""
    if path.parent.resolve() == common.directory.resolve():
        return []
    named = [one.name for one in imported if re.search(r'project_dir|"\.{1,2}/', json.dumps(one.keys, default=str))]
    hint = "see -C and -f, or write the paths out"
    message = f"relative paths were meant in {common.directory}, and in this file mean {path.parent}"
    return [Problem(message, Place(str(path)), f"profiles.{name}", hint) for name in named]


def _write(common: Common, path: Path, imported: Sequence[Imported]) -> None:
    for one in imported:
        for beside in (path.parent / "profiles" / f"{one.name}{end}" for end in (".yaml", ".yml")):
            if beside.exists():
                message = f"profile {one.name} is there already, in {beside}"
                raise UsageError(message, "choose another name with --as, or remove that one first")
    before = read_text(path)
    mark = "\ufeff" if (before or "").startswith("\ufeff") else ""
    after = mark + with_profiles((before or "").removeprefix(mark), imported, path.name)
    save(common, path, before, after)
