"""A terminal's screen as an SVG picture: the cells that commands left on it, read by pyte, each in its column.

The font is whichever monospaced one the reader has; a run of cells is stretched to the columns it takes, so that wide
characters and all that follows them stand where they stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import NamedTuple

import pyte

COLUMNS = 96
_CELL, _LINE, _SIZE = 8.4, 20, 14
_MARGIN, _BAR = 16, 36
_BACKGROUND, _FRAME, _TEXT, _PROMPT, _FAINT = "#0d1117", "#30363d", "#c9d1d9", "#7ee787", "#8b949e"
_COLOURS = {"red": "#ff7b72", "green": "#7ee787", "brown": "#e3b341", "blue": "#79c0ff", "magenta": "#d2a8ff"}
_COLOURS |= {"cyan": "#76e3ea", "white": "#f0f6fc", "black": "#6e7681"}
_FONTS = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono','Noto Sans Mono CJK SC',monospace"
FRAME_SECONDS = 1.6


class Cell(NamedTuple):
    """One character and how it looks; `columns` is 2 for a wide one."""

    text: str
    columns: int
    colour: str
    bold: bool


Row = tuple[Cell, ...]


class Screen:
    """What is on a terminal after text was written to it. Rows that scroll off the top are kept."""

    def __init__(self, columns: int = COLUMNS, rows: int = 200) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.Stream(self._screen)
        self._prompts: set[int] = set()

    def prompt(self, command: str) -> None:
        """A command that somebody types."""
        self._prompts.add(self._screen.cursor.y)
        self._stream.feed(f"$ {command}\n")

    def feed(self, text: str) -> None:
        """Output of a program, with whatever moves the cursor."""
        self._stream.feed(text)

    def text(self) -> str:
        """The rows as text."""
        return "\n".join("".join(cell.text for cell in row).rstrip() for row in self.rows())

    def rows(self) -> list[Row]:
        """Every row down to the last that is not empty."""
        rows = [self._row(number) for number in range(self._screen.lines)]
        while rows and not "".join(cell.text for cell in rows[-1]).strip():
            rows.pop()
        return rows

    def _row(self, number: int) -> Row:
        cells: list[Cell] = []
        line = self._screen.buffer[number]
        for column in range(self._screen.columns):
            char = line[column]
            if char.data == "":
                cells[-1] = cells[-1]._replace(columns=2)  # the second half of a wide one
                continue
            colour = _COLOURS.get(char.fg, _TEXT)
            if number in self._prompts:
                colour = _PROMPT if column == 0 else "#f0f6fc"
            cells.append(Cell(char.data, 1, colour, char.bold or number in self._prompts))
        return tuple(cells)


def picture(frames: Sequence[Sequence[Row]], title: str) -> str:
    """One screen, or several that follow each other and begin again; readers who want no motion see the last."""
    height = _BAR + _LINE * max(len(rows) for rows in frames) + _MARGIN
    width = round(2 * _MARGIN + _CELL * COLUMNS)
    shown = [_frame(rows) for rows in frames]
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        f' role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
        f"<style>text{{font:{_SIZE}px {_FONTS};white-space:pre}}.b{{font-weight:600}}{_motion(len(frames))}</style>",
        f'<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8" fill="{_BACKGROUND}"'
        f' stroke="{_FRAME}"/>',
        *(f'<circle cx="{18 + 16 * dot}" cy="18" r="5" fill="{_FRAME}"/>' for dot in range(3)),
        f'<text x="{width / 2}" y="22" fill="{_FAINT}" text-anchor="middle">{escape(title)}</text>',
    ]
    for number, lines in enumerate(shown):
        name = f' class="f f{number}"' if len(shown) > 1 else ""
        body += [f"<g{name}>", *lines, "</g>"]
    return "\n".join([*body, "</svg>"]) + "\n"


def _frame(rows: Sequence[Row]) -> list[str]:
    return [line for number, row in enumerate(rows) for line in _runs(row, _BAR + _LINE * number + _SIZE)]


def _runs(row: Row, y: int) -> list[str]:
    """Cells that look alike are one piece of text; a wide character is one of its own, and spaces are none."""
    lines, column = [], 0
    for (colour, bold, columns, blank), group in groupby(
        row, key=lambda cell: (cell.colour, cell.bold, cell.columns, cell.text == " ")
    ):
        cells = list(group)
        pieces = [cells] if columns == 1 else [[cell] for cell in cells]
        for piece in pieces:
            text = "".join(cell.text for cell in piece)
            if not blank:
                x, length = _MARGIN + column * _CELL, len(piece) * columns * _CELL
                weight = ' class="b"' if bold else ""
                lines.append(
                    f'<text x="{x:.1f}" y="{y}" fill="{colour}"{weight} textLength="{length:.1f}"'
                    f' lengthAdjust="spacingAndGlyphs">{escape(text, quote=False)}</text>'
                )
            column += len(piece) * columns
    return lines


def _motion(count: int) -> str:
    """Each frame is there for its part of the whole; the last one three parts long."""
    if count == 1:
        return ""
    parts = count + 2
    rules = [f".f{{opacity:0}}.f{count - 1}{{opacity:1}}@media (prefers-reduced-motion:no-preference){{"]
    for number in range(count):
        begin = 100 * number / parts
        end = 100 if number == count - 1 else 100 * (number + 1) / parts
        before = "" if number == 0 else f"0%,{begin - 0.01:.2f}%{{opacity:0}}"
        after = "" if number == count - 1 else f"{end + 0.01:.2f}%,100%{{opacity:0}}"
        rules.append(f"@keyframes f{number}{{{before}{begin:.2f}%,{end:.2f}%{{opacity:1}}{after}}}")
        rules.append(f".f{number}{{animation:f{number} {parts * FRAME_SECONDS:.1f}s step-end infinite}}")
    return "".join([*rules, "}"])
