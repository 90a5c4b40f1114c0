"""Of the changed paths of a layer, the trees that somebody could miss: no mount points, no noise, no bare parents."""

from __future__ import annotations

import pytest

from sglaunch.convert.from_diff import Tree, changed_trees

CASES: dict[str, tuple[list[str], list[str], list[tuple[str, int]]]] = {
    "nothing": ([], [], []),
    "a new file in an old folder": (["C /root", "A /root/x"], [], [("/root/x", 1)]),
    "a new folder counts once, with all in it": (
        ["C /root", "A /root/run", "A /root/run/a", "A /root/run/b", "A /root/run/c/d"],
        [],
        [("/root/run", 4)],
    ),
    "a deleted file": (["C /usr", "C /usr/bin", "D /usr/bin/foo"], [], [("/usr/bin/foo", 1)]),
    "a changed file": (["C /etc", "C /etc/passwd"], [], [("/etc/passwd", 1)]),
    "mount points are the engine's": (["A /data", "A /work", "A /work/in"], ["/data", "/work/in"], []),
    "work beside a mount point": (["A /work", "A /work/in", "A /work/x"], ["/work/in"], [("/work/x", 1)]),
    "what programs leave behind": (
        ["C /tmp", "A /tmp/x", "A /run/lock", "C /root", "A /root/.bash_history", "A /root/.cache", "A /root/.cache/a"],
        [],
        [],
    ),
    "the engine's init": (["A /sbin", "A /sbin/docker-init"], [], []),
    "most entries first": (
        ["A /b", "A /a", "A /a/1", "A /c", "A /c/1", "A /c/2"],
        [],
        [("/c", 3), ("/a", 2), ("/b", 1)],
    ),
    "not lines of a diff": (["", "?", "Error"], [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_somebody_could_miss(case: str) -> None:
    lines, mounts, expected = CASES[case]
    assert changed_trees(lines, mounts) == [Tree(path, count) for path, count in expected]
