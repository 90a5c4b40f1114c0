"""Profiles as text: what is written reads back the same; a person's file keeps every other byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sglaunch.config.document import parse
from sglaunch.config.node import Problems
from sglaunch.config.writing import profile_document, with_profiles
from sglaunch.convert.imported import Imported
from sglaunch.errors import ConfigError

WEB = Imported("web", {"image": "q:1", "tty": True}, {"": "of a line", "tty": "was -t"})


def block(column: int, step: int = 2) -> str:
    """WEB as lines that begin at a column."""
    outer, inner = " " * column, " " * (column + step)
    return f"{outer}# of a line\n{outer}web:\n{inner}image: q:1\n{inner}# was -t\n{inner}tty: true\n"


def read(text: str) -> Any:
    problems = Problems()
    node = parse(text, "sglaunch.yaml", "project", problems)
    assert not problems.errors, problems.errors
    return node.plain() if node is not None else None


def test_a_whole_file_has_the_remarks_above_what_they_are_about() -> None:
    assert profile_document([WEB]) == "profiles:\n" + block(2)


KEPT: Mapping[str, tuple[str, str]] = {
    "nothing": ("", "profiles:\n" + block(2)),
    "a comment": ("# mine\n", "# mine\n\nprofiles:\n" + block(2)),
    "no profiles": ("project: x  # why\n", "project: x  # why\n\nprofiles:\n" + block(2)),
    "no end of line": ("project: x", "project: x\n\nprofiles:\n" + block(2)),
    "profiles without any": ("profiles:  # none yet\nvars: {}\n", "profiles:  # none yet\n" + block(2) + "vars: {}\n"),
    "an empty mapping": ("profiles: {}\nvars: {}\n", "profiles:\n" + block(2) + "vars: {}\n"),
    "null": ("profiles: null\n", "profiles:\n" + block(2)),
    "deep": (
        "profiles:\n    dev:\n        image:   x   # c\n        # shm: 1\n# end\nvars: {}\n",
        "profiles:\n    dev:\n        image:   x   # c\n        # shm: 1\n" + block(4, 4) + "# end\nvars: {}\n",
    ),
    "spaced": (
        "profiles:\n  a: {image: x}\n\n  b:\n    image: y\n\n\n# end\n",
        "profiles:\n  a: {image: x}\n\n  b:\n    image: y\n\n" + block(2) + "\n\n# end\n",
    ),
    "a text at the end": (
        "profiles:\n  a:\n    command: |\n      x\n\nvars: {}\n",
        "profiles:\n  a:\n    command: |\n      x\n" + block(2) + "\nvars: {}\n",
    ),
    "a list that is not indented": (
        "profiles:\n  a:\n    image: x\n    volumes:\n    - a:/b\n",
        "profiles:\n  a:\n    image: x\n    volumes:\n    - a:/b\n" + block(2),
    ),
    "an alias at the end": (
        "profiles:\n  a: &x\n    image: y\n  b: *x\nvars: {}\n",
        "profiles:\n  a: &x\n    image: y\n  b: *x\n" + block(2) + "vars: {}\n",
    ),
    "braces": (
        "profiles: {a: {image: x}}\nvars: {}\n",
        'profiles: {a: {image: x}, "web": {"image": "q:1", "tty": true}}\nvars: {}\n',
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_every_other_byte_of_a_file_stays(case: str) -> None:
    before, after = KEPT[case]
    assert with_profiles(before, [WEB]) == after


def test_the_ends_of_lines_are_the_files_own() -> None:
    text = with_profiles("profiles:\r\n  a:\r\n    image: x\r\n", [WEB])
    assert text == "profiles:\r\n  a:\r\n    image: x\r\n" + block(2).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("profiles:\n  web:\n    image: mine\n", "sglaunch.yaml:2:3: profiles.web: there is a profile of this name"),
        ("services:\n  a: {image: x}\n", "sglaunch.yaml:1:1: services: this is a compose file"),
        ("- a\n", "sglaunch.yaml:1:1: the file must be a mapping"),
        ("profiles: [a]\n", "sglaunch.yaml:1:11: profiles: must be a mapping, found a list"),
        ("a: [\n", "not YAML"),
        ("profiles:\n  ? a\n  : {image: x}\n--- \nb: 1\n", "not YAML"),
    ],
)
def test_a_file_that_is_no_place_for_it_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        with_profiles(text, [WEB])
    assert message in str(raised.value)


def test_remarks_find_keys_that_hold_dots_and_items_of_lists() -> None:
    keys = {"sysctls": {"net.core.somaxconn": "1"}, "volumes": ["a:/b", "c:/d"]}
    text = profile_document([Imported("x", keys, {"sysctls.net.core.somaxconn": "one", "volumes[1]": "two"})])
    assert "      # one\n      net.core.somaxconn:" in text
    assert "      # two\n      - c:/d\n" in text


def test_words_that_yaml_1_1_takes_for_something_else_are_quoted() -> None:
    text = profile_document([Imported("x", {"restart": "no", "ports": ["22:22"], "volumes": ["{{ home }}/a:/b"]})])
    assert 'restart: "no"' in text
    assert '- "22:22"' in text
    assert '- "{{ home }}/a:/b"' in text


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [
        "a\n  b\n",
        "\n x",
        " lead\nx",
        "x\n\n\n",
        "# no",
        "- a",
        "{{ x }}\ny",
        "\t",
        "a: b",
        "|",
        "'",
        "<<",
        "1e3",
        "0x1f",
    ]
)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(bool), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["image", "command", "environment", "volumes"]), VALUES, min_size=1), TEXTS)
def test_whatever_is_written_reads_back_the_same(keys: dict[str, Any], remark: str) -> None:
    one = Imported("x", keys, {"": remark, next(iter(keys)): remark})
    try:
        text = profile_document([one])
    except ConfigError:
        return  # what no file of ours can say, such as a merge key
    assert read(text) == {"profiles": {"x": keys}}
    assert read(with_profiles("profiles:\n  a:\n    image: y\n", [one]))["profiles"]["x"] == keys
