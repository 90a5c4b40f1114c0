"""The rules of .dockerignore, by cases of our own; test_context_as_docker compares with a real build."""

from __future__ import annotations

import pytest

from sglaunch.convert.ignored import Ignored


@pytest.mark.parametrize(
    ("text", "ignored", "kept"),
    [
        ("*.log", ["a.log"], ["b/a.log", "a.logs"]),
        ("**/*.log", ["a.log", "b/a.log", "b/c/a.log"], ["a.txt"]),
        ("/build", ["build", "build/x/y"], ["a/build"]),
        ("build/", ["build", "build/x"], ["builds"]),
        ("./a/../b", ["b"], ["a"]),
        ("# b\n\n  b  ", ["b"], ["# b"]),
        ("a?c", ["abc"], ["a/c", "ac"]),
        ("[ab].txt", ["a.txt", "b.txt"], ["c.txt"]),
        ("[^a].txt", ["b.txt"], ["a.txt"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("*\n!keep", ["x", "x/keep"], ["keep", "keep/in/it"]),
        ("docs\n!docs/a.md\ndocs/a.md", ["docs/a.md"], []),
        ("docs\n!docs/a.md", ["docs/b.md"], ["docs/a.md"]),
        ("**\n!src/**/*.py", ["src/a.c", "x.py"], ["src/a.py", "src/deep/b.py"]),
        ("a/**/z", ["a/z", "a/b/c/z"], ["a/b"]),
        ("**/node_modules", ["node_modules/x", "a/node_modules/b"], ["node_module"]),
        (".", [], ["a"]),
    ],
)
def test_what_is_left_out(text: str, ignored: list[str], kept: list[str]) -> None:
    rules = Ignored.parse(text)
    assert [path for path in ignored if not rules.matches(path)] == []
    assert [path for path in kept if rules.matches(path)] == []


@pytest.mark.parametrize(
    ("text", "folder", "may"),
    [
        ("big", "big", False),
        ("big\n!big/one", "big", True),
        ("big\n!other/one", "big", False),
        ("big\n!**/one", "big", True),
        ("*\n!a/b/c", "a/b", True),
        ("*\n!a/b/c", "a/x", False),
        ("*\n!a*/b", "abc", True),
    ],
)
def test_a_folder_is_walked_only_where_something_in_it_may_be_taken_back(text: str, folder: str, may: bool) -> None:
    assert Ignored.parse(text).may_hold(folder) is may


@pytest.mark.parametrize("text", ["!", "a\n[b"])
def test_what_is_no_pattern_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="line"):
        Ignored.parse(text)
