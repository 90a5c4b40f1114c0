"""The profile names of a project at a glance: for completion, which has no time for the YAML reader.

Only what stands under a top-level `profiles:` is seen, in block or flow style; whatever else a file holds is passed
over. A name that is missed is not offered, and nothing else depends on it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

# As config/files and config/layers have them; to import those would take longer than all that is done here. A test
# holds them equal.
PROJECT_FILE, LOCAL_FILE = "sglaunch.yaml", "sglaunch.local.yaml"
SITE_FILE = Path("/etc/sglaunch/config.yaml")
FILE_VARIABLE, SITE_VARIABLE = "SGLAUNCH_FILE", "SGLAUNCH_SITE_CONFIG"
PROFILE_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_MAX_BYTES = 1 << 20
_SUFFIXES = (".yaml", ".yml")
_NAME = re.compile(PROFILE_NAME)
_HEAD = re.compile(r"^profiles[ \t]*:(?=\s|$)[ \t]*", re.MULTILINE)
_KEY = re.compile(rf"""(?P<quote>["']?)(?P<name>{PROFILE_NAME})(?P=quote)\s*:(?:\s|$)""")
_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|[{}\[\],:]|(?:^|(?<=\s))#.*|[^\s{}\[\],:"']+""", re.MULTILINE)


def profiles(folder: Path, file: str | None = None) -> list[str]:
    """The names that commands take in a folder: of every layer, sorted. `file`: the project file that was named."""
    found = {path.stem for path in _yaml_files(_builtin_folder())}
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    site = SITE_FILE if SITE_FILE.exists() or SITE_VARIABLE not in os.environ else Path(os.environ[SITE_VARIABLE])
    for path in (site, config / "sglaunch" / "config.yaml"):
        found.update(names_in(_text(path)))
    project = _project(folder, file or os.environ.get(FILE_VARIABLE))
    if project is not None:
        found.update(names_in(_text(project)), names_in(_text(project.parent / LOCAL_FILE)))
        found.update(path.stem for path in _yaml_files(project.parent / "profiles"))
    return sorted(name for name in found if _NAME.fullmatch(name) and not name.startswith("x-"))


def names_in(text: str) -> Iterator[str]:
    """The keys right under `profiles:`."""
    head = _HEAD.search(text)
    if head is None:
        return
    rest = text[head.end() :]
    if rest.startswith("{"):
        yield from _flow(rest)
        return
    level = 0
    for line in rest.splitlines()[1:]:
        written = line.lstrip(" ")
        indent = len(line) - len(written)
        if not written or written.startswith("#"):
            continue
        level = level or indent
        if indent == 0 or indent < level:
            return
        if indent == level and (key := _KEY.match(written)):
            yield key["name"]


def _flow(text: str) -> Iterator[str]:
    """`{a: {...}, b: }`"""
    depth, last, begins = 0, "", False
    for mark in _TOKEN.findall(text):
        if mark in "{[":
            depth, begins = depth + 1, mark == "{" and depth == 0
        elif mark in "}]":
            depth -= 1
            if depth == 0:
                return
        elif depth == 1 and mark == ",":
            begins = True
        elif depth == 1 and mark == ":" and last and _NAME.fullmatch(last):
            yield last
            last = ""
        elif depth == 1 and not mark.startswith("#"):
            last, begins = mark.strip("\"'") if begins else "", False


def _project(folder: Path, named: str | None) -> Path | None:
    if named:
        path = folder / Path(named).expanduser()
        return path / PROJECT_FILE if path.is_dir() else path
    here = Path(os.path.abspath(folder))  # noqa: PTH100 - the folder people see, not where a link leads
    return next((one / PROJECT_FILE for one in (here, *here.parents) if (one / PROJECT_FILE).exists()), None)


def _text(path: Path) -> str:
    """What can be read of a file; nothing of what is none."""
    try:
        if not path.is_file():
            return ""
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return ""


def _yaml_files(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.suffix in _SUFFIXES]
    except OSError:
        return []


def _builtin_folder() -> Path:
    """In the wheel, or at the root of a checkout."""
    package = Path(str(resources.files("sglaunch")))
    return package / "profiles" if (package / "profiles").is_dir() else package.parent / "profiles"
