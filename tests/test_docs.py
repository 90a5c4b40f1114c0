"""The pages of docs/ and the pictures are those of runs now: the slow half of test_readme, beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from documenting.blocks import PAGES, has_commands
from documenting.scenes import NAMES, PICTURES, pictures
from pages import AGAIN, compare, shown

pytestmark = pytest.mark.docker


@pytest.mark.parametrize(
    "page", [page for page in PAGES if has_commands(page) and page.parent.name == "docs"], ids=shown
)
def test_commands_print_what_a_page_shows(page: Path, has_compiler: None) -> None:
    compare(page)


def test_pictures_show_what_commands_leave_on_a_terminal(has_compiler: None) -> None:
    drawn = pictures()
    assert tuple(drawn) == NAMES
    kept = {path.stem: path.read_text(encoding="utf-8") for path in PICTURES.glob("*.svg")}
    assert sorted(kept) == sorted(NAMES)
    assert [name for name in NAMES if kept[name] != drawn[name]] == [], AGAIN
