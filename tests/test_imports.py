"""The house's rules of import and purity: who may know whom, one door per library, and no effect in the pure rooms."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "sglaunch"
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.name != "__init__.py"
}

# Room -> the rooms it may know beside itself, `errors` and `plain`. A module at the root is a room of its own.
MAY_IMPORT: dict[str, set[str]] = {
    "plain": set(),
    "errors": set(),
    "recall": set(),
    "spec": set(),
    "config": {"spec", "recall"},
    "plan": {"spec"},
    "convert": {"spec", "plan"},
    "engine": {"spec", "plan", "convert", "recall"},
    "report": {"spec", "plan"},
    "project": {"config", "spec", "plan", "engine", "recall"},
    "acting": {"plan", "engine"},
    "pipeline": {"acting", "project", "config", "spec", "plan", "engine", "recall"},
    "adoption": {"project", "config", "spec", "plan", "convert", "engine"},
    "doctor": {"spec", "plan"},
    "starter": {"spec"},
    "commands": {
        *("doctor", "starter", "project", "pipeline", "config", "spec", "plan", "convert", "engine", "report"),
        *("acting", "adoption", "completion", "recall"),
    },
    "glance": set(),
    "completion": {"glance", "config", "engine"},
    "cli": {"replay", "boundary"},
    "replay": {"recall", "engine", "report"},
    "recorded": {"replay", "recall"},
    "boundary": {"parser", "dispatch", "recorded", "commands", "report", "completion"},
    "dispatch": {"parser", "commands", "project", "plan"},
    "parser": set(),
    "__main__": {"cli"},
}

# Library -> the only modules that may import it.
DOORS: dict[str, set[str]] = {
    # One reads; the others write profiles that were imported, comments beside values, a person's file kept as it was.
    "ruamel": {"sglaunch.config.document", "sglaunch.config.span", "sglaunch.config.yaml_lines"},
    "msgspec": {"sglaunch.plain"},
    "jinja2": {"sglaunch.config.render"},
    "pydantic": {"sglaunch.config.entries", "sglaunch.config.profile"},
    "dotenv": {"sglaunch.config.named_files"},
    "python_on_whales": {"sglaunch.engine.whales"},
    "argparse": {"sglaunch.dispatch", "sglaunch.parser", "sglaunch.completion"},
    "argcomplete": {"sglaunch.completion"},
    "subprocess": {"sglaunch.engine.cli"},
    "pynvml": {"sglaunch.engine.gpus"},
}

# Neither opens a file, reads the environment, asks the clock, writes to a terminal nor runs a process.
PURE_ROOMS = ("spec", "plan", "convert", "doctor", "starter")
PURE_MODULES = tuple(
    f"sglaunch.config.{name}"
    for name in (
        *(
            "node",
            "document",
            "layers",
            "render",
            "merge",
            "profile",
            "specify",
            "expansions",
            "lint",
            "suggest",
            "lint_server",
            "policy",
            "demands",
            "compose_merge",
            "writing",
            "span",
            "yaml_lines",
            "candidates",
            "key_path",
            "examples",
            "keys",
            "schema",
            "schema_forms",
            "codec",
        ),
        *("shorthand", "shorthand_mounts", "shorthand_paths", "shorthand_server", "shorthand_values"),
        *("shorthand_kubernetes", "nodes"),
    )
)
IMPURE_LIBRARIES = {"os", "sys", "subprocess", "time", "datetime", "socket", "shutil", "tempfile", "random", "secrets"}
IMPURE_CALLS = {"open", "print", "input", "exec", "eval"}
IMPURE_METHODS = {"exists", "is_file", "is_dir", "read_text", "read_bytes", "write_text", "stat", "resolve", "iterdir"}

HEAVY = ("pydantic", "python_on_whales", "pynvml", "jinja2", "ruamel", "rich", "dotenv")


def room(module: str) -> str:
    return module.split(".")[1]


def imports(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Every import of a module, those inside functions too: name, line, and whether it is only for the type checker."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, node in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            # `from sglaunch.commands import up` imports a module.
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else str(node.module), node.lineno, node in typing_only


@pytest.mark.parametrize("module", MODULES)
def test_a_module_knows_only_the_rooms_it_may(module: str) -> None:
    assert room(module) in MAY_IMPORT, f"a new room {room(module)}: say here whom it may import"
    allowed = {room(module), "errors", "plain", *MAY_IMPORT[room(module)]}
    wrong = [
        f"{MODULES[module]}:{line}: {name}"
        for name, line, _ in imports(MODULES[module])
        if name.startswith("sglaunch.") and room(name) not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library: str) -> None:
    users = {
        module for module, path in MODULES.items() for name, _, _ in imports(path) if name.split(".")[0] == library
    }
    assert users == DOORS[library]


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) in PURE_ROOMS or m in PURE_MODULES])
def test_the_core_is_pure(module: str) -> None:
    path = MODULES[module]
    wrong = [f"{path}:{line}: imports {name}" for name, line, _ in imports(path) if name in IMPURE_LIBRARIES]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            wrong.append(f"{path}:{node.lineno}: calls {node.func.id}")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_METHODS:
            wrong.append(f"{path}:{node.lineno}: calls .{node.func.attr}")
    assert not wrong


def test_every_pure_module_exists() -> None:
    assert set(PURE_MODULES) <= set(MODULES)


def test_package_files_are_empty_so_that_each_name_has_one_address() -> None:
    filled = [path for path in ROOT.rglob("__init__.py") if path.read_text(encoding="utf-8").strip()]
    assert not filled


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["up", "--help"], ["no-such-verb"]])
def test_parsing_imports_no_heavy_library(words: list[str]) -> None:
    code = (
        "import sys\nfrom sglaunch.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("HEAVY []\n"), done.stdout


@pytest.mark.parametrize("line", ["sglaunch ", "sglaunch up ", "sglaunch config dev "])
def test_completion_imports_no_heavy_library(line: str, tmp_path: Path) -> None:
    asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sglaunch"],
        env={**os.environ, **asked, "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "told")},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {row.rpartition("|")[2].strip().partition(".")[0] for row in done.stderr.splitlines()}
    assert "argcomplete" in imported
    assert not imported & set(HEAVY)
