"""Reads a compose file for the importer: `include` and `extends` followed, every value with its place.

Anchors, aliases and `<<` are resolved by `document`. What comes out is plain data, for `convert` knows no nodes.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from sglaunch.config.compose_merge import merged
from sglaunch.config.document import parse
from sglaunch.config.files import read
from sglaunch.config.node import Node, Problems, join
from sglaunch.config.suggest import nearest
from sglaunch.errors import Place
from sglaunch.plain import Struct, field

RESOURCES = ("networks", "volumes", "secrets", "configs")
_TOP = ("version", "name", "services", "include", "models", *RESOURCES)
_LAYER = "compose"
_OCTAL = re.compile(r"[-+]?0[0-7]+")

Where = tuple[str | int, ...]


class Composed(Struct):
    """A compose file as Compose would see it, but for interpolation.

    `services` and `resources` (by kind: networks, volumes, secrets, configs) are plain data; `places` tells where each
    of their values was written, under the path `("services", NAME, KEY, ...)`. `folders`: by file, its folder as a path
    from the project's, "" for the same. `remarks`: numbers that Compose reads as others.
    """

    file: str
    project: str
    services: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[Where, Place] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    remarks: dict[Where, str] = field(default_factory=dict)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def keep(self, where: Where, node: Node) -> Any:
        """Plain data of a node, its places kept."""
        self.places[where] = node.key or node.origin.place
        if node.is_map:
            return {key: self.keep((*where, key), inner) for key, inner in node.items()}
        if node.is_list:
            return [self.keep((*where, number), inner) for number, inner in enumerate(node.value)]
        value = _meant(node)
        if node.text is not None and not isinstance(value, str) and value is not None:
            said = node.written() if isinstance(value, bool) else str(value)
            if said != node.text and not isinstance(value, bool):
                self.remarks[where] = f"compose reads {node.text} as {said}"
        return value


def read_compose(
    path: Path, shown: str, project_folder: Path, name: str, problems: Problems, *, text: str | None = None
) -> Composed | None:
    """The compose file at a path, None where it cannot be read. `name`: of Compose's project, "" for what the file
    says, else for its folder's. `text`: what stands in the file, where that is known."""
    reader = _Reader(project_folder, problems)
    root = reader.root(path, shown, text)
    if root is None:
        return None
    own = root.get("name")
    folder = re.sub(r"[^a-z0-9_-]", "", path.absolute().parent.name.lower()).lstrip("_-")
    written = own.value if own is not None and isinstance(own.value, str) and "$" not in own.value else ""
    composed = Composed(shown, name or written or folder or "default", folders=reader.folders, lines=reader.lines)
    services, resources = reader.everything(path, root)
    for service, node in services.items():
        composed.services[service] = composed.keep(("services", service), node)
    for kind, found in resources.items():
        composed.resources[kind] = {key: composed.keep((kind, key), node) for key, node in found.items()}
    return composed


class _Reader:
    """One run: the files it has read, and those it is within."""

    def __init__(self, project_folder: Path, problems: Problems) -> None:
        self.project_folder, self.problems = project_folder, problems
        self.folders: dict[str, str] = {}
        self.lines: dict[str, list[str]] = {}
        self.roots: dict[Path, Node] = {}
        self.within: list[tuple[Path, str]] = []

    def root(self, path: Path, shown: str, text: str | None = None) -> Node | None:
        """A file's top, which must be a mapping."""
        if path in self.roots:
            return self.roots[path]
        text = read(path, shown, self.problems) if text is None else text
        if text is None:
            return None
        self.lines[shown] = text.splitlines()
        here = posixpath.relpath(str(path.absolute().parent), str(self.project_folder.absolute()))
        self.folders[shown] = "" if here == "." else here
        root = parse(text, shown, _LAYER, self.problems)
        if root is None or not root.is_map:
            if root is not None:
                self.problems.error(root, "", f"must be a mapping with services, found {root.kind}")
            return None
        for key, node in root.items():
            if key not in _TOP and not key.startswith("x-"):
                self.problems.error(node.key, key, "is no key of a compose file", nearest(key, _TOP))
        self.roots[path] = root
        return root

    def everything(self, path: Path, root: Node) -> tuple[dict[str, Node], dict[str, dict[str, Node]]]:
        """Services and resources of a file and of what it includes; its own come last and beat those."""
        services: dict[str, Node] = {}
        resources: dict[str, dict[str, Node]] = {kind: {} for kind in RESOURCES}
        for other, shown, node in self.included(path, root):
            found = self.root(other, shown)
            if found is None:
                self.missing(node, "include", other)
            elif other not in (one for one, _ in self.within):
                self.within.append((other, ""))
                more, kinds = self.everything(other, found)
                self.within.pop()
                services.update(more)
                for kind, entries in kinds.items():
                    resources[kind].update(entries)
        for name, service in self.mapping(root, "services"):
            services[name] = self.service(path, name, service)
        for kind in RESOURCES:
            resources[kind].update(self.mapping(root, kind))
        return services, resources

    def mapping(self, root: Node, key: str) -> list[tuple[str, Node]]:
        node = root.get(key)
        if node is None or node.value is None:
            return []
        if not node.is_map:
            self.problems.error(node, key, f"must be a mapping, found {node.kind}")
        return [(name, inner) for name, inner in node.items() if not name.startswith("x-")]

    def included(self, path: Path, root: Node) -> list[tuple[Path, str, Node]]:
        node = root.get("include")
        found: list[tuple[Path, str, Node]] = []
        for item in node.value if node is not None and node.is_list else ():
            paths = item.get("path") if item.is_map else item
            for key, inner in item.items():
                if key != "path":
                    self.problems.error(inner.key, f"include.{key}", "is not followed", "import that file by itself")
            for one in (paths.value if paths.is_list else (paths,)) if paths is not None else ():
                if isinstance(one.value, str) and "$" not in one.value:
                    other = path.parent / one.value
                    found.append((other, self.shown(other), one))
                else:
                    self.problems.error(one, "include", "is not a path that can be followed", "import it by itself")
        return found

    def service(self, path: Path, name: str, node: Node) -> Node:
        """A service with what it extends beneath it."""
        asked = node.get("extends")
        if asked is None or asked.value is None:
            return node
        own = node.with_value({key: inner for key, inner in node.items() if key != "extends"})
        base = self.base(path, name, asked)
        return own if base is None else merged(base, own)

    def base(self, path: Path, name: str, asked: Node) -> Node | None:
        where = join(join("services", name), "extends")
        of = asked.get("service") if asked.is_map else asked
        file = asked.get("file") if asked.is_map else None
        wanted = "" if of is None or not isinstance(of.value, str) else of.value
        other = path if file is None else path.parent / file.written()
        if not wanted or "$" in f"{wanted}{file.written() if file is not None else ''}":
            self.problems.error(asked, where, "does not name a service that can be followed", "write it out")
            return None
        if (other, wanted) in self.within:
            self.problems.error(asked, where, f"a cycle: {wanted} extends itself in the end", "take one out")
            return None
        root = self.root(other, self.shown(other))
        if root is None:
            self.missing(file or asked, where, other)
            return None
        found = dict(self.mapping(root, "services")).get(wanted)
        if found is None:
            known = [key for key, _ in self.mapping(root, "services")]
            self.problems.error(asked, where, f"{self.shown(other)} has no service {wanted!r}", nearest(wanted, known))
            return None
        self.within.append((other, wanted))
        base = self.service(other, wanted, found)
        self.within.pop()
        return base

    def missing(self, node: Node, where: str, path: Path) -> None:
        self.problems.error(node, where, f"there is no {self.shown(path)} that can be read", "fetch it, then import")

    def shown(self, path: Path) -> str:
        """The name of a file in messages."""
        return posixpath.relpath(str(path.absolute()), str(self.project_folder.absolute()))


def _meant(node: Node) -> Any:
    """A scalar as Compose reads it: a leading zero makes an octal number (YAML 1.1), and 1e3 is 1000."""
    value, text = node.value, node.text or ""
    if isinstance(value, int) and not isinstance(value, bool) and _OCTAL.fullmatch(text) and text.strip("+-0"):
        return int(text, 8)
    return int(value) if isinstance(value, float) and value.is_integer() else value
