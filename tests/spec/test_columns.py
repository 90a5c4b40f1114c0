"""Columns of a terminal: Chinese names align, and nothing is wider than there is room."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sglaunch.spec.columns import cut, fitted, padded, table, width

ROWS = [
    ["PROFILE", "CONTAINER", "STATE", "READY", "IMAGE", "GPUS", "PORTS", "UPTIME"],
    ["server", "ana-eval-server", "running", "yes", "lmsysorg/sglang:latest", "all", "0.0.0.0:30000->30000/tcp", "3h"],
    ["开发", "ana-评测-开发", "exited (137)", "-", "registry.example.com/team/开发镜像:v2", "2 (0,1)", "host", "-"],
]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("abc", 3),
        ("开发", 4),
        ("a开b", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("ｱ", 1),
        ("Ａ", 2),
        ("한글", 4),
        ("", 0),
        ("🚀", 2),
    ],
)
def test_the_columns_of_a_text(text: str, columns: int) -> None:
    assert width(text) == columns


def test_a_table_aligns_chinese_names() -> None:
    lines = table(ROWS)
    starts = [width(line[: line.index(word)]) for line, word in zip(lines, ("STATE", "running", "exited"), strict=True)]
    assert len(set(starts)) == 1


@pytest.mark.parametrize("columns", [80, 100])
def test_a_table_fits_the_terminal_and_loses_nothing(columns: int) -> None:
    lines = table(ROWS, columns)
    assert all(width(line) <= columns for line in lines)
    squeezed = re.sub(r"\s", "", "".join(lines))
    for row in ROWS:
        for cell in row:
            pieces = re.sub(r"\s", "", cell)
            assert set(pieces) <= set(squeezed)
    assert sum(map(len, map(str.split, [" ".join(row) for row in ROWS]))) <= sum(len(line.split()) for line in lines)


def test_what_fits_is_left_as_it_is() -> None:
    rows = [["A", "B"], ["a" * 20, "b" * 30]]
    assert table(rows, 52) == table(rows) == ["A                     B", f"{'a' * 20}  {'b' * 30}"]


def test_a_cell_goes_on_below_itself_at_a_break_of_its_name() -> None:
    rows = [["IMAGE", "ID"], ["registry.example.com/team/tool:v2", "x"]]
    assert table(rows, 30) == [
        "IMAGE                       ID",
        "registry.example.com/team/  x",
        "tool:v2",
    ]


def test_lines_of_a_plan_go_on_further_right() -> None:
    lines = [
        "ana-eval-dev  create",
        "  1 mkdir   /home/ana/.cache/huggingface             mounted at /root/.cache/huggingface",
        "  2 start   ana-eval-dev                                     wanted running",
    ]
    assert list(fitted(lines, 60)) == [
        "ana-eval-dev  create",
        "  1 mkdir  /home/ana/.cache/huggingface  mounted at",
        "        /root/.cache/huggingface",
        "  2 start  ana-eval-dev  wanted running",
    ]


def test_the_word_a_line_begins_with_is_followed_alike_folded_or_not() -> None:
    lines = [
        "consent    ana-eval-dev would be replaced",
        "warning    kept as it is;  pending changes: environment.A",
    ]
    assert list(fitted(lines, 44)) == [
        "consent    ana-eval-dev would be replaced",
        "warning    kept as it is;  pending changes:",
        "      environment.A",
    ]


@given(st.text(max_size=200), st.integers(min_value=2, max_value=90))
def test_a_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns
    assert cut(text, width(text)) == text


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4), st.integers(min_value=20, max_value=120))
def test_no_cell_is_lost(cells: list[str], columns: int) -> None:
    told = re.sub(r"\s", "", "".join(table([cells], columns)))
    assert sorted(told) == sorted(re.sub(r"\s", "", "".join(cells)))


@given(st.text(alphabet="ab 开/", max_size=300), st.integers(min_value=20, max_value=100))
def test_a_fitted_line_fits(text: str, columns: int) -> None:
    lines = list(fitted([text], columns))
    assert all(width(line) <= columns for line in lines)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)


def test_padding_counts_columns() -> None:
    assert padded("开", 4) == "开  "
