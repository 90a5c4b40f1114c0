"""One voice: whatever is told says what to do next.

Messages are read from the code. One without a hint must say itself what is allowed, in one of the words below.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "sglaunch"
SAYS_WHAT_TO_DO = re.compile(
    r"\b(must|needs?|write|allowed|such as|begins? with|did you mean|remove|choose|lower case|is one of|at most)\b"
)
# What takes a message and a hint -> which argument the hint is.
TOLD = {"UsageError": 1, "Refused": 1, "ConsentNeeded": 1, "Failure": 2}
# A message that another function made, with its hint in it; and what is told of somebody else's file format.
MADE_ELSEWHERE = {
    "config/load.py",
    "config/layers.py",
    "config/node.py",
    "config/policy.py",
    "config/shorthand.py",
    "config/shorthand_mounts.py",
}
NOT_OURS = {
    *("config/profile.py", "convert/ignored.py", "engine/registry.py", "config/shorthand_paths.py"),
    *("config/codec.py", "config/recalled.py", "engine/reader.py"),  # told to nobody: the answer is found another way
}


def words(node: ast.AST) -> str:
    """The literal words of an expression."""
    found = (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant))
    return " ".join(text for text in found if isinstance(text, str))


def calls() -> Iterator[tuple[str, int, str, ast.Call, ast.AST]]:
    """File, line, name, call and the function it stands in, of every call in the code."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        scopes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for scope in scopes or [tree]:
            for node in ast.walk(scope):
                if isinstance(node, ast.Call):
                    called = node.func
                    name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
                    yield str(path.relative_to(ROOT)), node.lineno, name, node, scope


def has_hint(node: ast.Call, place: int) -> bool:
    passed_on = any(isinstance(argument, ast.Starred) for argument in node.args)
    return passed_on or len(node.args) > place or any(keyword.arg == "hint" for keyword in node.keywords)


def test_every_error_of_use_and_every_failure_has_a_next_step() -> None:
    silent = {
        f"{file}:{line}: {name}: {words(node)}"
        for file, line, name, node, _ in calls()
        if name in TOLD and not has_hint(node, TOLD[name])
    }
    assert silent == set()


def test_every_problem_of_a_file_has_a_next_step_or_says_what_is_allowed() -> None:
    silent = set()
    for file, line, name, node, scope in calls():
        problem = name == "error" and len(node.args) == 3 and isinstance(node.func, ast.Attribute)
        if not problem or has_hint(node, 3) or file in NOT_OURS:
            continue
        message = node.args[2]
        # A message that was put together before stands in the same function.
        said = words(scope) if isinstance(message, ast.Name) else words(message)
        if not SAYS_WHAT_TO_DO.search(said) and not (file in MADE_ELSEWHERE and not words(message)):
            silent.add(f"{file}:{line}: {said}")
    assert silent == set()


def test_every_value_that_cannot_be_read_says_what_can() -> None:
    silent = {
        f"{file}:{line}: {words(node)}"
        for file, line, name, node, _ in calls()
        if name == "ValueError" and words(node) and file not in NOT_OURS and not SAYS_WHAT_TO_DO.search(words(node))
    }
    assert silent == set()
