"""Finds the project and reads every file of the layers: the only file reader of the configuration.

A file's name in messages is relative to the project folder where it lies in it, else absolute.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from sglaunch.config.lockfile import LOCK_FILE, Lock, read_lock
from sglaunch.config.node import Problems
from sglaunch.errors import BUILTIN, Place, UsageError
from sglaunch.plain import Struct, field
from sglaunch.recall import witness

PROJECT_FILE = "sglaunch.yaml"
LOCAL_FILE = "sglaunch.local.yaml"
DOTENV = ".env"
PERSONAL_FILE = "~/.config/sglaunch/config.yaml"
"""Where XDG_CONFIG_HOME says nothing else."""
SITE_FILE = Path("/etc/sglaunch/config.yaml")
SITE_VARIABLE = "SGLAUNCH_SITE_CONFIG"
FILE_VARIABLE = "SGLAUNCH_FILE"

SITE, PERSONAL, PROJECT, LOCAL, COMMAND_LINE = (
    "site",
    "personal",
    "project",
    "local",
    "command line",
)
LAYERS = (BUILTIN, SITE, PERSONAL, PROJECT, LOCAL, COMMAND_LINE)
"""The six layers, lowest first; nearer wins."""

_PACKAGE = Path(__file__).parent.parent


class Text(Struct, frozen=True):
    """A file's text: its layer, its name in messages, its folder, and the profile it is, if it is one."""

    layer: str
    name: str
    folder: Path
    text: str
    profile: str = ""


class Files(Struct):
    """Everything read for a project. `lines` serves the quoting of sources, `folders` the resolving of paths.

    `quoted`: the file of each name in `lines`.
    """

    project_file: Path
    texts: list[Text] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)
    quoted: dict[str, Path] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.project_file.parent

    def shown(self, path: Path) -> str:
        """The name of a file in messages."""
        try:
            return str(path.relative_to(self.folder))
        except ValueError:
            return str(path)

    def path(self, shown: str) -> Path:
        """The file of a name in messages."""
        return self.folders[shown] / Path(shown).name

    def lock(self, problems: Problems) -> Lock:
        """The lock file beside the project file; an empty one where there is none."""
        name = self.shown(self.folder / LOCK_FILE)
        text = read(self.folder / LOCK_FILE, name, problems)
        if text is None:
            return Lock()
        self._keep(name, self.folder / LOCK_FILE, text)
        return read_lock(text, name, PROJECT, problems)

    def add(self, layer: str, path: Path, problems: Problems, profile: str = "") -> None:
        """Reads a file into a layer; one that is not there is no problem, one that cannot be read is."""
        name = f"<{path.name}>" if layer == BUILTIN else self.shown(path)
        text = read(path, name, problems)
        if text is None:
            return
        self.texts.append(Text(layer, name, path.parent, text, profile))
        self._keep(name, path, text)
        self.folders[name] = path.parent

    def _keep(self, name: str, path: Path, text: str) -> None:
        self.lines[name], self.quoted[name] = text.splitlines(), path

    def read_beside(self, path: Path, problems: Problems) -> str | None:
        """A file that a value names (env_file); kept for quoting too."""
        text = read(path, self.shown(path), problems)
        if text is not None:
            self.folders[self.shown(path)] = path.parent
        return text


def project_files(project_file: Path) -> list[Path]:
    """Every file of a project's folder that is there and is read without being named."""
    beside = [project_file.parent / name for name in (LOCAL_FILE, DOTENV, LOCK_FILE)]
    beside += _yaml_files(project_file.parent / "profiles")
    return [path for path in (project_file, *beside) if witness.exists(path)]


def tracked(path: Path) -> bool:
    """Whether git tracks a file."""
    return bool(witness.ask("tracked", str(path)))


def is_foreign(path: Path) -> bool:
    """Whether a file counts as written by somebody else; see questions.foreign."""
    return bool(witness.ask("foreign", str(path)))


def find_project(start: Path, named: str | None, *, new: bool = False) -> Path:
    """The project file: the one named, else the nearest `sglaunch.yaml` here or above, as git finds its folder.

    `new`: where there is none, the path that one would have.
    """
    if named:
        path = _absolute(start / Path(named).expanduser())
        path = path / PROJECT_FILE if witness.ask("is-folder", str(path)) else path
        if not new and not witness.exists(path):
            raise UsageError(f"{path}: no such project file", "see --file and SGLAUNCH_FILE, or run `sglaunch init`")
        return path
    here = _absolute(start)
    for folder in (here, *here.parents):
        if witness.exists(folder / PROJECT_FILE):
            return folder / PROJECT_FILE
    if new:
        return here / PROJECT_FILE
    for name in ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"):
        if witness.exists(here / name):
            hint = f"{name} here is a compose file: `sglaunch import {name}`, or start with `sglaunch init`"
            raise UsageError(f"no {PROJECT_FILE} in {here} or above", hint)
    raise UsageError(f"no {PROJECT_FILE} in {here} or above", "run `sglaunch init` to write one")


def _absolute(path: Path) -> Path:
    """Without `..`, and with links as they are: the name of a project is that of the folder people see."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def builtin_folder() -> Path:
    """The folder of the built-in profiles: in the wheel, or at the root of a checkout."""
    inside = _PACKAGE / "profiles"
    return inside if witness.exists(inside) else _PACKAGE.parent / "profiles"


def builtin_names() -> list[str]:
    """The names of the built-in profiles."""
    return [path.stem for path in _yaml_files(builtin_folder())]


def read_layers(project_file: Path, env: Mapping[str, str], home: str, problems: Problems) -> Files:
    """Every file of every layer, lowest first."""
    files = Files(project_file)
    for path in _yaml_files(builtin_folder()):
        files.add(BUILTIN, path, problems, profile=path.stem)
    site = SITE_FILE if witness.exists(SITE_FILE) or SITE_VARIABLE not in env else Path(env[SITE_VARIABLE])
    if witness.exists(site):
        _check_site(site, problems)
        files.add(SITE, site, problems)
    files.add(PERSONAL, _config_home(env, home) / "sglaunch" / "config.yaml", problems)
    files.add(PROJECT, project_file, problems)
    for path in _yaml_files(files.folder / "profiles"):
        files.add(PROJECT, path, problems, profile=path.stem)
    files.add(LOCAL, files.folder / LOCAL_FILE, problems)
    return files


def read(path: Path, name: str, problems: Problems) -> str | None:
    """A text file, or None: absent silently, unreadable with a problem."""
    found = witness.file(path)
    if found.error in (errno.ENOENT, errno.ENOTDIR):
        return None
    if found.error:
        problems.error(Place(name), "", f"cannot be read: {os.strerror(found.error)}", f"check `ls -l {path}`")
        return None
    if not stat.S_ISREG(found.mode):
        problems.error(Place(name), "", "not a regular file", "a project file is a text file")
        return None
    if found.content is None or len(found.content) > witness.MAX_FILE:
        problems.error(Place(name), "", f"larger than {witness.MAX_FILE >> 20} MiB", "is this the right file?")
        return None
    data = found.content
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        problems.error(Place(name, line, column), "", "not UTF-8 text", "save the file as UTF-8")
        return None


def _config_home(env: Mapping[str, str], home: str) -> Path:
    return Path(env.get("XDG_CONFIG_HOME") or Path(home) / ".config")


def _yaml_files(folder: Path) -> list[Path]:
    names = witness.ask("folder", str(folder)) or []
    return [path for name in names if (path := folder / name).suffix in (".yaml", ".yml")]


def _check_site(path: Path, problems: Problems) -> None:
    found = witness.file(path)
    if found.owner != 0 or found.mode & (stat.S_IWGRP | stat.S_IWOTH):
        hint = f"`chown root {path}` and `chmod 644 {path}`"
        problems.error(Place(str(path)), "", "the site file must be root's and writable by root alone", hint)
