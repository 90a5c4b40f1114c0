"""What the tests of the documentation share: a page is run again and compared."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from documenting import made
from documenting.machine import ROOT, SITE

AGAIN = "run scripts/docs, and look at what it changes"


def shown(path: Path) -> str:
    """A page's name in the output of tests."""
    return str(path.relative_to(ROOT))


def compare(page: Path) -> None:
    """Whether its commands print now what it shows."""
    text = page.read_text(encoding="utf-8")
    if os.geteuid() != 0 and SITE in text:
        pytest.skip("a site file must be root's")
    assert made.ran(page).splitlines() == text.splitlines(), AGAIN
