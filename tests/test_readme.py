"""The documentation is true: what is made from the code is what the code says, and every command block prints what it
shows, on a real engine (pages of docs/ in test_docs).

`scripts/docs` writes all of it anew; look at the difference before it is committed.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documenting import made
from documenting.blocks import BLOCK, PAGES, TRANSLATIONS, file_of, has_commands
from documenting.machine import ROOT
from documenting.screen import Screen, picture
from pages import AGAIN, compare, shown
from ruamel.yaml import YAML

from sglaunch.dispatch import COMMANDS
from sglaunch.engine.explain import failure
from sglaunch.spec.diagnosis import diagnose

ALL_PAGES = [*PAGES, *TRANSLATIONS, *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]
ALL_PAGES = list(dict.fromkeys(ALL_PAGES))


@pytest.mark.parametrize(("path", "make"), [pytest.param(path, make, id=shown(path)) for path, make in made.of_code()])
def test_what_is_made_of_the_code_says_what_the_code_says(path: Path, make: made.Make) -> None:
    assert path.read_text(encoding="utf-8") == make(), AGAIN


@pytest.mark.docker
@pytest.mark.parametrize(
    "page", [page for page in PAGES if has_commands(page) and page.parent.name != "docs"], ids=shown
)
def test_commands_print_what_a_page_shows(page: Path, has_compiler: None) -> None:
    compare(page)


def test_a_wide_character_moves_nothing_behind_it() -> None:
    screen = Screen(columns=20)
    screen.feed("\x1b[32m模型\x1b[0m ok\n")
    (row,) = screen.rows()
    assert [(cell.text, cell.columns) for cell in row[:3]] == [("模", 2), ("型", 2), (" ", 1)]
    drawn = picture([[row]], "wide")
    assert re.findall(r'x="([\d.]+)"[^>]*textLength="([\d.]+)"[^>]*>(.*?)<', drawn) == [
        ("16.0", "16.8", "模"),
        ("32.8", "16.8", "型"),
        ("58.0", "16.8", "ok"),
    ]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_table_of_commands_lists_every_command(page: str) -> None:
    rows = re.findall(r"^\| `sglaunch ([a-z|\\]+)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    listed = {name for names in rows for name in names.split("\\|")}
    assert listed == set(COMMANDS) - {"--version"}


def test_the_table_of_engines_lists_every_command() -> None:
    text = (ROOT / "docs/engines.md").read_text(encoding="utf-8")
    table = text.partition("## Every command on every engine\n")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    listed = {words.split()[0] for cell in first_cells for words in re.findall(r"`([^`]+)`", cell)}
    assert listed == set(COMMANDS)


def test_failures_in_the_readme_are_recognised() -> None:
    """Each wording stands in a table of what engines or servers say."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## When something fails")[2]
    rows = re.findall(r"^\| (`.*?) \|", text.partition("\n## ")[0], re.MULTILINE)
    said = [words for row in rows for words in re.findall(r"`([^`]+)`", row)]
    assert len(said) > 10
    for words in said:
        kinds = failure(words, "docker").failure.kind, diagnose([words], 1, oom_killed=False).kind
        assert kinds != ("unknown", "unknown"), words


@pytest.mark.parametrize(("page", "original"), TRANSLATIONS.items(), ids=["README.zh-CN.md"])
def test_a_translation_has_the_structure_of_its_original(page: Path, original: Path) -> None:
    one, other = (path.read_text(encoding="utf-8") for path in (page, original))
    assert [found[0] for found in BLOCK.finditer(one)] == [found[0] for found in BLOCK.finditer(other)], AGAIN
    prose, prose_of_original = (BLOCK.sub("", text) for text in (one, other))
    for pattern in (r"^#+(?= )", r"^\|(?=.*\|$)", r"^!\[|^<img", r"^[-*] "):
        counted, expected = (re.findall(pattern, text, re.MULTILINE) for text in (prose, prose_of_original))
        assert counted == expected, pattern
    assert sorted(_links(prose)) == sorted(_links(prose_of_original))


def _links(text: str) -> list[str]:
    """Targets of links and pictures; of those within the page none, since headings are translated."""
    twins = {"README.md": "", "README.zh-CN.md": ""}
    found = re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text))
    return [twins.get(target, target) for target in found if not target.startswith("#")]


@pytest.mark.parametrize("page", ALL_PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", BLOCK.sub("", text)):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file.read_text(encoding="utf-8")), target


def _anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL_PAGES, ids=shown)
def test_blocks_of_yaml_are_yaml(page: Path) -> None:
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block[1] == "yaml":
            assert YAML().load(block[2]) is not None or file_of(block[2]), block[2]
