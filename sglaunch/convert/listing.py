"""Small files of a machine and its device nodes, as a shell lists them: `grep -sH ''` and `ls -d`; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sglaunch.plain import Struct


class Listing(Struct, frozen=True):
    """`files`: by path, the text without its last line break; `nodes`: by name, the path of each device node."""

    files: Mapping[str, str]
    nodes: Mapping[str, str]

    def number(self, path: str) -> int | None:
        """The number in a file; None where there is none."""
        text = self.files.get(path, "").strip()
        return int(text) if text.isdecimal() else None

    def pci_address(self, uevent: str) -> str:
        """`0000:03:00.0`, "" for a device that is on no such bus."""
        found = re.search(r"^PCI_SLOT_NAME=(\S+)$", self.files.get(uevent, ""), re.MULTILINE)
        return found[1].lower() if found else ""


def read(text: str) -> Listing:
    """Lines of `path:content`, and lines with the absolute path of a device node."""
    files: dict[str, str] = {}
    nodes: dict[str, str] = {}
    for line in text.splitlines():
        path, mark, content = line.partition(":")
        if mark:
            files[path] = f"{files[path]}\n{content}" if path in files else content
        elif path.startswith("/"):
            nodes[path.rpartition("/")[2]] = path
    return Listing(files, nodes)


def number(text: str) -> int:
    """A decimal number, 0 for anything else."""
    return int(text) if text.strip().isdecimal() else 0
