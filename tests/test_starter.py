"""What `init` proposes, for folders and machines of many kinds; the text is the test, and it always loads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sglaunch.config.load import Request, load
from sglaunch.errors import ConfigError
from sglaunch.plain import replace
from sglaunch.starter import Facts, starter

ROOT = Path(__file__).resolve().parent.parent
CASES = ROOT / "tests" / "cases" / "starter"
UPDATE = os.environ.get("SGLAUNCH_TEST_UPDATE") == "1"
DOCKER = "docker 28.5.2"
FOUND = {
    "laptop": Facts("My Notes", DOCKER, "cpu"),
    "checkout": Facts("sglang", DOCKER, devices=1, checkout=".", caches=("huggingface",), git=True),
    "shared": Facts(
        "eval",
        "podman 5.2.1",
        devices=8,
        checkout="~/src/sglang",
        caches=("huggingface", "modelscope"),
        hf_home="/data/models/hf",
        git=True,
        ignored=True,
        importable=("compose.yaml", "scripts/run dev.sh"),
    ),
    "amd": Facts("eval", DOCKER, "rocm"),
    "ascend": Facts("eval", DOCKER, "npu", caches=("modelscope",)),
    "nothing": Facts("42", "", "cpu"),
}


def loads(folder: Path, text: str) -> None:
    """Every profile of a file loads without a warning."""
    (folder / "sglaunch.yaml").write_text(text, encoding="utf-8")
    facts = {"user": "ana", "uid": 1000, "gid": 1000, "home": str(folder / "home"), "hostname": "h200"}
    config = load(Request(folder / "sglaunch.yaml", facts, {}, ()), [], everything=True)
    assert set(config.wanted) == {"dev", "server"}
    assert config.warnings == []


@pytest.mark.parametrize("name", FOUND)
def test_what_is_proposed(name: str, tmp_path: Path) -> None:
    made = starter(FOUND[name])
    loads(tmp_path, made.text)
    said = "".join(f"{what}: {text}\n" for what, text in [*(("found", one) for one in made.found), *made.advice])
    golden = CASES / f"{name}.txt"
    if UPDATE:
        golden.write_text(f"{said}\n{made.text}", encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == f"{said}\n{made.text}"


def test_the_example_is_what_is_proposed_where_there_are_gpus() -> None:
    assert (ROOT / "sglaunch.yaml.example").read_text(encoding="utf-8") == starter(Facts("my-project")).text


_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0/"), min_size=1, max_size=20)
_FACTS = st.builds(
    Facts,
    _TEXT | st.sampled_from(["null", "true", "1e3", "0x1f", "2026-01-01", "..."]),
    accelerator=st.sampled_from(["nvidia", "rocm", "npu", "cpu"]),
    devices=st.integers(0, 16),
    checkout=st.sampled_from(["", ".", "../sglang", "~/sglang"]),
    caches=st.lists(st.sampled_from(["huggingface", "modelscope", "sglang"]), unique=True),
    hf_home=st.just("") | _TEXT.map(lambda text: f"/{text}"),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(facts=_FACTS)
def test_it_always_loads(facts: Facts, tmp_path: Path) -> None:
    try:
        loads(tmp_path, starter(facts).text)
    except ConfigError as error:
        raise AssertionError(f"{error}\n{starter(facts).text}") from error


def test_no_advice_that_is_followed_already() -> None:
    facts = replace(FOUND["checkout"], ignored=True)
    assert [what for what, _ in starter(facts).advice] == ["next"]
