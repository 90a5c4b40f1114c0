"""What of the documentation is made from something else, and what from: the one list."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

from documenting import house
from documenting.blocks import PAGES, TRANSLATIONS, has_commands, lay_out, reader_for, run_page, translated
from documenting.machine import ROOT
from documenting.reference import index, reference
from documenting.scenes import NAMES, PICTURES, pictures
from sglaunch.starter import Facts, starter

Make = Callable[[], str]
Made = tuple[Path, Make]
BEGIN, END = "<!-- {name}: written by scripts/docs -->\n", "<!-- end of {name} -->"
GROUPS_IN_CHINESE = {
    "What it is": "基本信息",
    "SGLang": "SGLang",
    "Kubernetes": "Kubernetes",
    "GPUs and devices": "GPU 与设备",
    "What runs": "启动与进程",
    "Environment and secrets": "环境变量与密钥",
    "Files": "文件",
    "Network": "网络",
    "Memory, processors, limits": "内存、CPU 与资源限制",
    "Rights and namespaces": "权限与命名空间",
    "Its life": "生命周期",
    "More": "其他",
}
_SECTIONS: dict[Path, dict[str, Make]] = {
    ROOT / "README.md": {"keys": lambda: index("docs/reference.md")},
    ROOT / "README.zh-CN.md": {"keys": lambda: index("docs/reference.md", GROUPS_IN_CHINESE, ("：", "、"))},
    ROOT / "docs/architecture.md": {"picture": house.picture},
}


def documents() -> Iterator[Made]:
    """Path and how its text is made, in the order in which they build on each other."""
    yield from of_code()
    yield from of_runs()
    yield from of_translations()


def of_code() -> Iterator[Made]:
    """Made from the code alone."""
    yield ROOT / "sglaunch.yaml.example", lambda: starter(Facts("my-project")).text
    yield ROOT / "docs/reference.md", reference
    for path, sections in _SECTIONS.items():
        yield path, functools.partial(_with_sections, path, sections)


def of_runs() -> Iterator[Made]:
    """Made by running commands on a real engine."""
    for page in PAGES:
        if has_commands(page):
            yield page, functools.partial(ran, page)
    drawn = functools.cache(pictures)
    for name in NAMES:
        yield PICTURES / f"{name}.svg", functools.partial(lambda each: drawn()[each], name)


def of_translations() -> Iterator[Made]:
    """Pages that show the blocks of another."""
    for page, original in TRANSLATIONS.items():
        yield page, functools.partial(_translated, page, original)


def _with_sections(path: Path, sections: dict[str, Make]) -> str:
    text = path.read_text(encoding="utf-8")
    for name, make in sections.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        before, found, rest = text.partition(begin)
        if not found:
            raise ValueError(f"{path} has no line {begin.strip()}")
        text = f"{before}{begin}{make()}{end}{rest.partition(end)[2]}"
    return text


def ran(page: Path) -> str:
    """A page with what its commands print now."""
    text = page.read_text(encoding="utf-8")
    with reader_for(text) as reader:
        lay_out(page, reader)
        return run_page(text, reader)


def _translated(page: Path, original: Path) -> str:
    return translated(page.read_text(encoding="utf-8"), original.read_text(encoding="utf-8"))
