"""The files that a profile names: `.env`, env_file and secret files; and whether git keeps a secret that stands in one.

The only user of python-dotenv, which reads NAME=value lines as everybody else does.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from sglaunch.config.files import Files, tracked
from sglaunch.config.node import Node, Problems
from sglaunch.config.profile import Profile
from sglaunch.errors import Place
from sglaunch.plain import Struct, field
from sglaunch.spec.values import looks_secret


class NamedFiles(Struct):
    """Reads them for one run; what is wrong with them goes to its problems. `env` is the caller's environment.

    `passed`: by path, the names in a file that take the caller's value.
    """

    files: Files
    env: Mapping[str, str]
    problems: Problems
    passed: dict[str, list[str]] = field(default_factory=dict)

    def env_files(self, profile: Profile, merged: Node) -> dict[str, str]:
        """The variables of every env_file, the later file winning."""
        values: dict[str, str] = {}
        entries = merged.value["env_file"].value if profile.env_file else ()
        for entry, node in zip(profile.env_file, entries, strict=True):
            values.update(self.dotenv(Path(entry.path), required=entry.required, by=node.value["path"]))
        return values

    def secret_files(self, profile: Profile, merged: Node) -> dict[str, str]:
        """The contents of the files in secret_env, without the line end."""
        values = {}
        for name, entry in profile.secret_env.items():
            if not entry.file:
                continue
            node = merged.at(("secret_env", name))
            text = self.files.read_beside(Path(entry.file), self.problems)
            if text is None:
                self.problems.error(node, f"secret_env.{name}", f"{entry.file} cannot be read", "create the file")
            else:
                values[name] = text.rstrip("\r\n")
        return values

    def dotenv(self, path: Path, *, required: bool, by: Node | None = None) -> dict[str, str]:
        """NAME=value lines. A bare name takes the caller's value; a line that cannot be read is a problem."""
        text = self.files.read_beside(path, self.problems)
        if text is None:
            if required:
                self.problems.error(by, "env_file", f"{path} cannot be read", "create it, or write required: false")
            return {}
        values: dict[str, str] = {}
        for binding in parse_stream(io.StringIO(text)):
            place = Place(self.files.shown(path), binding.original.line, 1)
            if binding.error:
                self.problems.error(place, "", "is not a NAME=value line", "quote values with spaces or quotes")
            elif binding.key is not None and binding.value is not None:
                values[binding.key] = binding.value
            elif binding.key is not None:
                self.passed.setdefault(str(path), []).append(binding.key)
                if binding.key in self.env:
                    values[binding.key] = self.env[binding.key]
        return values

    def warn_tracked(self, merged: Node) -> None:
        """A secret that stands in a file under git is everybody's who has the repository."""
        variables = merged.get("environment")
        for name, node in variables.items() if variables is not None else ():
            place = node.origin.place
            line = self.files.lines.get(place.file, [])[place.line - 1 : place.line]
            # A value that a template made does not stand in the line.
            literal = bool(node.value) and looks_secret(name) and any(str(node.value) in text for text in line)
            if literal and place.file in self.files.folders and tracked(self.files.path(place.file)):
                hint = f"write secret_env: [{name}], and give out a new one: git keeps this one"
                self.problems.warn(node, f"environment.{name}", "a secret in a file that git tracks", hint)
