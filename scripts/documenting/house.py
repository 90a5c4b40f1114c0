"""The picture of the house in docs/architecture.md, from the code: its rooms, and who imports whom."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from documenting.machine import ROOT

PACKAGE = ROOT / "sglaunch"
# The order in which data flows, and what a room is; the code says what it imports.
ROOMS = {
    "cli": "the entrance: from memory, or through the boundary",
    "replay": "a whole command from memory",
    "boundary": "error boundary, exit status",
    "recorded": "keeps a run that only asked",
    "dispatch": "parsed words as keywords of a command",
    "parser": "commands and options",
    "commands": "a thin function a verb",
    "pipeline": "the arrow, once",
    "acting": "consent, lock, look again, apply",
    "adoption": "a container that sglaunch did not make",
    "project": "the project, its engine, the site's rules",
    "config": "files to spec",
    "engine": "calls to engine and host; apply",
    "convert": "inspect to observation, spec to arguments, other people's formats",
    "report": "text, JSON, progress, prompt",
    "doctor": "findings over a machine; pure",
    "starter": "what init writes; pure",
    "completion": "what a shell offers at TAB",
    "glance": "the same, without any heavy library",
    "plan": "observation, diff, steps, reconcile; pure",
    "spec": "ContainerSpec and its values; pure",
    "recall": "what is asked of the world, and the answers kept",
    "errors": "place, problem, the tree of errors",
    "plain": "frozen values with named fields",
}


def picture() -> str:
    """A mermaid flowchart of who imports whom; an arrow that two others make is left out."""
    arrows = _reduced(_imports())
    lines = ["```mermaid", "flowchart TD"]
    for room in _rooms():
        lines.append(f'    {room}["<b>{room}</b><br/>{ROOMS.get(room, "")}"]')
    lines += [f"    {one} --> {other}" for one, other in arrows]
    return "\n".join([*lines, "```"]) + "\n"


def _rooms() -> list[str]:
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    found -= {"__init__", "__main__"}
    return [*(room for room in ROOMS if room in found), *sorted(found - set(ROOMS))]


def _modules(room: str) -> list[Path]:
    if (PACKAGE / f"{room}.py").is_file():
        return [PACKAGE / f"{room}.py"]
    return [path for path in sorted((PACKAGE / room).rglob("*.py")) if path.name != "__init__.py"]


def _imports() -> set[tuple[str, str]]:
    found = set()
    for room in _rooms():
        for path in _modules(room):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sglaunch"):
                    named = [*str(node.module).split("."), *(alias.name for alias in node.names)]
                    found.add((room, named[1]))
    return {(one, other) for one, other in found if one != other and other in _rooms()}


def _reduced(arrows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without the arrows that a longer way makes too."""
    arrows = set(arrows)

    def reaches(start: str, end: str, without: tuple[str, str]) -> bool:
        seen: set[str] = set()
        todo = [start]
        while todo:
            room = todo.pop()
            nexts = {other for one, other in arrows if one == room and (one, other) != without} - seen
            if end in nexts:
                return True
            seen |= nexts
            todo += nexts
        return False

    order = _rooms()
    kept = [arrow for arrow in arrows if not reaches(arrow[0], arrow[1], arrow)]
    return sorted(kept, key=lambda arrow: (order.index(arrow[0]), order.index(arrow[1])))
