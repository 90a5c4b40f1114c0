"""The command blocks of a page, run from top to bottom on a reader's machine, and what they print put in their place.

- A block ```console: lines that begin with `$ ` are commands, what follows is their output.
- A block whose first line is `# NAME`, with the name of a file, is written to that file.
- Other blocks are left alone: ```sh are commands for a machine that has more than this one, ```text what they print.
"""

from __future__ import annotations

import re
from pathlib import Path

from documenting.machine import ROOT, SITE, Reader

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "examples").glob("*/README.md")))
TRANSLATIONS = {ROOT / "README.zh-CN.md": ROOT / "README.md"}
"""Pages that show the blocks of another one."""

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (~?[\w./-]+\.(?:yaml|env)|Dockerfile|\.env)\b")


def has_commands(page: Path) -> bool:
    """Whether there is something to run."""
    return "```console\n" in page.read_text(encoding="utf-8")


def reader_for(page: str) -> Reader:
    """The machine of a page. A comment says what is not as usual: `<!-- machine: gpus=0 -->`, `busy=3:71` (GiB)."""
    told = re.search(r"<!-- machine: (.*?) -->", page)
    words = dict(word.split("=", 1) for word in told[1].split()) if told else {}
    pairs = (each.partition(":") for each in words.get("busy", "").split(",") if each)
    busy = {int(device): int(used) for device, _, used in pairs}
    return Reader(gpus=int(words.get("gpus", "8")), busy=busy)


def lay_out(page: Path, reader: Reader) -> None:
    """The files of an example lie where its page has them; `config.yaml` is the site's."""
    if page.parent.parent.name != "examples":
        return
    for path in sorted(page.parent.iterdir()):
        if path != page and path.is_file():
            name = SITE if path.name == "config.yaml" else path.name
            reader.write(name, path.read_text(encoding="utf-8"))


def file_of(block: str) -> str:
    """The file that a block is, "" for none."""
    found = _FILE.match(block)
    return found[1] if found else ""


def run_page(text: str, reader: Reader) -> str:
    """The page with the output that its commands have now."""
    shell = reader.shell()

    def run(block: re.Match[str]) -> str:
        kind, inner = block[1], block[2]
        if kind != "console":
            if name := file_of(inner):
                reader.write(name, inner)
            return block[0]
        lines = []
        for command in re.findall(r"^\$ (.*)$", inner, re.MULTILINE):
            lines += [f"$ {command}\n", shell.run(command)]
        return f"```console\n{''.join(lines)}```"

    return BLOCK.sub(run, text)


def translated(page: str, original: str) -> str:
    """A translation with the blocks of the original, one for one."""
    blocks = [found[0] for found in BLOCK.finditer(original)]
    count = len(BLOCK.findall(page))
    if count != len(blocks):
        raise ValueError(f"the translation has {count} blocks, the original {len(blocks)}")
    return BLOCK.sub(lambda _: blocks.pop(0), page)
