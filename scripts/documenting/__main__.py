"""`scripts/docs`: writes everything in the documentation that is made from something else.

scripts/docs            write it all
scripts/docs --check    write nothing; exit status 1 when something differs
scripts/docs PART...    only pages or pictures whose path holds PART
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from documenting.machine import ROOT
from documenting.made import documents


def main(words: list[str]) -> int:
    """The exit status."""
    check = "--check" in words
    parts = [word for word in words if word != "--check"]
    if bad := [word for word in parts if word.startswith("-")]:
        sys.stderr.write(f"unknown option {bad[0]}\n{__doc__}")
        return 2
    differs = [
        path
        for path, text in documents()
        if (not parts or any(part in str(path) for part in parts)) and not _same(path, text(), write=not check)
    ]
    for path in differs:
        print(f"{'differs' if check else 'written'}: {path.relative_to(ROOT)}")
    return 1 if check and differs else 0


def _same(path: Path, text: str, *, write: bool) -> bool:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if before == text:
        return True
    if write:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    else:
        sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), text.splitlines(True), n=1))
    return False


sys.exit(main(sys.argv[1:]))
