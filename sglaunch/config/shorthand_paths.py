"""Host paths: `~` against the home, relative ones against the folder of the file that wrote them; pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path

from sglaunch.config.node import Node
from sglaunch.plain import Struct, field, replace


class Paths(Struct, frozen=True):
    """The home, the folder of each file that wrote values, and the project folder for values no file wrote.

    `server`: the machine that containers run on, "" for this one; `home` is there, `own_home` here.
    """

    home: str
    project: str
    folders: Mapping[str, Path] = field(default_factory=dict)
    server: str = ""
    own_home: str = ""

    def here(self, node: Node) -> Node:
        """The node with an absolute path of this machine: for files that are read here."""
        return node.with_value(replace(self, home=self.own_home or self.home, server="").absolute(*_written(node)))

    def resolved(self, node: Node) -> Node:
        """The node with an absolute, normalised path of the machine that containers run on."""
        return node.with_value(self.absolute(*_written(node)))

    def absolute(self, file: str, written: str) -> str:
        """A path as the writer of `file` meant it."""
        if written == "~" or written.startswith("~/"):
            written = self.home + written[1:]
        elif written.startswith("~"):
            raise ValueError(f"{written!r}: only ~ and ~/ are known; write the path out")
        if "\x00" in written:
            raise ValueError("a path cannot hold a NUL character")
        if self.server and not written.startswith("/"):
            message = f"{written!r} is a path of this machine, and the container runs on {self.server}"
            raise ValueError(f"{message}; write an absolute one of {self.server}, or use a named volume")
        base = self.project if file.startswith("<") else str(self.folders.get(file, self.project))
        return posixpath.normpath(posixpath.join(base, written))


def _written(node: Node) -> tuple[str, str]:
    return node.origin.place.file, node.written()
