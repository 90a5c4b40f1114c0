"""Host paths: `~` against the home, relative ones against the folder of the file that wrote them; pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sglaunch.config.node import Node


@dataclass(frozen=True)
class Paths:
    """The home, the folder of each file that wrote values, and the project folder for values no file wrote."""

    home: str
    project: str
    folders: Mapping[str, Path] = field(default_factory=dict)

    def resolved(self, node: Node) -> Node:
        """The node with an absolute, normalised path."""
        return node.with_value(self.absolute(node.origin.place.file, node.written()))

    def absolute(self, file: str, written: str) -> str:
        """A path as the writer of `file` meant it."""
        if written == "~" or written.startswith("~/"):
            written = self.home + written[1:]
        elif written.startswith("~"):
            raise ValueError(f"{written!r}: only ~ and ~/ are known; write the path out")
        if "\x00" in written:
            raise ValueError("a path cannot hold a NUL character")
        base = self.project if file.startswith("<") else str(self.folders.get(file, self.project))
        return posixpath.normpath(posixpath.join(base, written))
