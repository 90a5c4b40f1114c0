"""A recalled configuration is the one that would be loaded anew, whatever happened in between, and holds no secret."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sglaunch.config import recalled
from sglaunch.config.codec import encode
from sglaunch.config.load import Config, identify, load
from sglaunch.errors import SglaunchError
from sglaunch.plain import names_of
from sglaunch.project import Common, identity_of, load_config, request
from sglaunch.recall import door

TOKEN = "hf_0123456789abcdef"
PROJECTS = (
    "profiles:\n  a: {image: x}\n",
    "project: p\ndefaults: {environment: [A, HF_TOKEN]}\n"
    "profiles:\n  a: {image: x, env_file: [x.env]}\n  b: {image: y}\n",
    "vars: {n: '{{ env.A | default(\"none\") }}'}\nprofiles:\n  a: {image: 'x:{{ vars.n }}', shm_size: 64m}\n",
    "profiles:\n  a: {extends: dev, volumes: ['./out:/o', '~/d:/d:ro'], secret_env: {S: {file: s.txt}}}\n",
    "profiles:\n"
    "  a: {extends: server, server: {model: a/b, args: {tp: 2, x: [1, two, 3.5], on: true}}, depends_on: [b]}\n"
    "  b: {image: x, healthcheck: {test: 'true', interval: 1m30s}, ports: ['127.0.0.1:8000:80'], gpus: 2}\n",
    "profiles:\n  a: {image: x, environment: {API_TOKEN: literal-token-value, X: 'Bearer {{ env.HF_TOKEN }}'}}\n",
    "profiles:\n  a: {image: x, environment: {API_TOKEN: literal-token-value}}\n",
    "profiles:\n  a: {image: x, command: [run, '{{ env.HF_TOKEN }}']}\n",
    "profiles:\n  a: {build: ., privileged: true, labels: {'~': tilde}, sysctls: {'a.b': '1'}}\n",
    "profiles:\n  a: {image: x, modle: y}\n",
    "profiles: [",
    "default_profiles: [b]\nregistry_mirrors: {docker.io: [m.example]}\nprofiles:\n  a: {image: x}\n",
)
FILES: dict[str, tuple[str, ...]] = {
    "proj/sglaunch.yaml": PROJECTS,
    "proj/sglaunch.local.yaml": (
        "defaults: {environment: {L: '1'}}\n",
        "engine: podman\n",
        "profiles: {c: {image: z}}\n",
    ),
    "proj/profiles/b.yaml": ("image: folder\n", "extends: a\n"),
    "proj/profiles/user.yml": ("image: mine\n",),
    "proj/.env": ("A=dotenv\nHF_TOKEN\n", "A='x y'\n", "not a line\n"),
    "proj/x.env": ("E=1\nPASSWORD=in-env-file-0123\n", "E=2\nA\n"),
    "proj/s.txt": (f"{TOKEN}\n", "other-secret-0123\r\n"),
    "proj/sglaunch.lock": (
        f"version: 1\nprofiles: {{a: {{x: {{linux/amd64: 'sha256:{'0' * 64}'}}}}}}\n",
        "version: 2\n",
    ),
    "proj/.git/index": ("DIRC proj/sglaunch.yaml\0", "DIRC sglaunch.yaml\0"),
    "home/.config/sglaunch/config.yaml": ("defaults: {restart: 'no'}\n", "vars: {n: personal}\n"),
    "site.yaml": ("policy: {max_gpus: 1, mounts: {deny: ['/etc']}}\n", "defaults: {labels: {site: one}}\n"),
}
ENV = {
    "A": ("1", "", "two words"),
    "HF_TOKEN": (TOKEN, "hf_another_0123456789"),
    "SGLAUNCH_ENGINE": ("docker",),
    "http_proxy": ("http://p:1",),
    "UNRELATED": ("x", "y"),
}
NAMES = ((), ("a",), ("b",), ("a", "user"))

CHANGES = (
    *(("write", name, text) for name, texts in FILES.items() for text in texts),
    *(("remove", name, "") for name in FILES),
    *(("env", name, value) for name, values in ENV.items() for value in values),
    *(("unset", name, "") for name in ENV),
    *(("link", "proj/out", "proj/inside"), ("link", "proj/out", "elsewhere"), ("touch", "proj/.env", "")),
    *(("mode", "proj/sglaunch.yaml", "666"), ("mode", "proj/sglaunch.yaml", "644")),
)


@pytest.fixture
def places() -> Iterator[Path]:
    """A folder with a project and a home of its own; the environment is of this test alone."""
    root = Path(tempfile.mkdtemp())
    env = {"HOME": str(root / "home"), "PATH": os.environ["PATH"], "SGLAUNCH_SITE_CONFIG": str(root / "site.yaml")}
    with mock.patch.dict(os.environ, env, clear=True):
        yield root
    shutil.rmtree(root)


def do(root: Path, kind: str, name: str, value: str) -> None:
    path = root / name
    if kind == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value, encoding="utf-8")
    elif kind in ("remove", "touch", "mode") and path.exists():
        {"remove": path.unlink, "touch": path.touch, "mode": lambda: path.chmod(int(value, 8))}[kind]()
    elif kind == "link":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(root / value)
    elif kind == "env":
        os.environ[name] = value
    elif kind == "unset":
        os.environ.pop(name, None)


def told(ask: Callable[[], Any]) -> Any:
    """An answer with all its fields but the texts of profiles, or the error with its problems."""
    try:
        found = ask()
    except SglaunchError as error:
        return type(error), error.problems(), {name: list(lines) for name, lines in error.sources.items()}
    if not isinstance(found, Config):
        return found
    whole = {name: getattr(found, name) for name in names_of(found) if name != "resolved"}
    return {**whole, "wanted": found.wanted, "order": list(found.resolved)}


def check(root: Path, names: tuple[str, ...], times: int = 2) -> None:
    common = Common(root / "proj")
    for _ in range(times):
        given = told(lambda: load_config(common, names))
        anew = told(lambda: _loaded(common, names))
        assert given == anew
        # Equal is not the same: True is 1, and 1.0 is 1.
        if isinstance(given, dict):
            assert json.dumps(encode(given, str)) == json.dumps(encode(anew, str))
        assert told(lambda: identity_of(common)) == told(lambda: identify(request(common)))


def _loaded(common: Common, names: tuple[str, ...]) -> Config:
    with mock.patch.object(recalled.door, "entry", lambda name: None), mock.patch.object(door, "keep"):
        return load_config(common, names)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(changes=st.lists(st.sampled_from(CHANGES), min_size=1, max_size=10), names=st.sampled_from(NAMES))
def test_recalled_and_loaded_anew_are_equal(changes: list[tuple[str, str, str]], names: tuple[str, ...]) -> None:
    root = Path(tempfile.mkdtemp())
    env = {"HOME": str(root / "home"), "PATH": os.environ["PATH"], "SGLAUNCH_SITE_CONFIG": str(root / "site.yaml")}
    try:
        with mock.patch.dict(os.environ, env, clear=True):
            do(root, "write", "proj/sglaunch.yaml", PROJECTS[0])
            for kind, name, value in changes:
                do(root, kind, name, value)
                check(root, names)
                hold_no_secret(root)
    finally:
        shutil.rmtree(root)


def hold_no_secret(root: Path) -> None:
    for path in (root / "home/.cache/sglaunch").rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        for secret in (TOKEN, "hf_another", "in-env-file-0123", "other-secret", "literal-token-value"):
            assert secret.encode() not in data, path


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time the files are read anew."""
    counted: list[int] = []

    def counting(*words: Any) -> Config:
        counted.append(1)
        return load(*words)

    monkeypatch.setattr(recalled, "load", counting)
    return counted


RICH = (
    "profiles:\n  a: {image: x, env_file: [x.env], secret_env: {S: {file: s.txt}}, volumes: ['./out:/o'],\n"
    "      environment: {API_TOKEN: literal-token-value, A: , HF_TOKEN: }}\n"
)
PLAIN = "profiles:\n  a: {image: x, volumes: ['./out:/o'], environment: {API_TOKEN: literal-token-value, A: }}\n"


@pytest.mark.parametrize("full", [True, False], ids=["every file", "no other file"])
def test_each_change_alone_is_seen(full: bool, places: Path, loads: list[int]) -> None:
    """From where everything stands that is read, or nothing: what is written, removed, set or unset."""
    for kind, name, value in CHANGES:
        for other, texts in FILES.items():
            do(places, "write" if full else "remove", other, texts[0])
        for variable in ENV:
            do(places, "env" if full and variable != "SGLAUNCH_ENGINE" else "unset", variable, "as it was")
        do(places, "link", "proj/out", "proj/inside")
        do(places, "write", "proj/sglaunch.yaml", RICH if full else PLAIN)
        do(places, "mode", "proj/sglaunch.yaml", "644")
        load_config(Common(places / "proj"), ["a"])
        before = len(loads)
        load_config(Common(places / "proj"), ["a"])
        assert len(loads) == before, "it is remembered"
        do(places, kind, name, value)
        check(places, ("a",), times=1)
    hold_no_secret(places)


@pytest.mark.parametrize("text", PROJECTS[:6], ids=range(6))
def test_what_did_not_change_is_not_loaded_again(text: str, places: Path, loads: list[int]) -> None:
    for name in ("proj/x.env", "proj/s.txt"):
        do(places, "write", name, FILES[name][0])
    do(places, "write", "proj/sglaunch.yaml", text)
    os.environ["A"], os.environ["HF_TOKEN"] = "1", TOKEN
    first = load_config(Common(places / "proj"), [])
    again = load_config(Common(places / "proj"), [])
    composed = "Bearer" in text
    assert len(loads) == (2 if composed else 1), "a secret that a template made stands nowhere, and is not remembered"
    assert again.wanted == first.wanted


def test_a_variable_that_nobody_reads_does_not_matter(places: Path, loads: list[int]) -> None:
    do(places, "write", "proj/sglaunch.yaml", PROJECTS[1])
    do(places, "write", "proj/x.env", "E=1\n")
    for value in ("x", "y"):
        os.environ["UNRELATED"] = value
        load_config(Common(places / "proj"), [])
    assert len(loads) == 1


def test_a_secret_that_changed_is_the_new_one(places: Path) -> None:
    do(places, "write", "proj/sglaunch.yaml", PROJECTS[3])
    for secret in ("first-secret-01", "second-secret-2"):
        do(places, "write", "proj/s.txt", f"{secret}\n")
        for _ in range(2):
            value = load_config(Common(places / "proj"), []).wanted["a"].spec.environment["S"]
            assert value is not None
            assert not isinstance(value, str)
            assert value.reveal() == secret


def test_another_code_finds_nothing_of_the_one_before(
    places: Path, loads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    do(places, "write", "proj/sglaunch.yaml", PROJECTS[0])
    load_config(Common(places / "proj"), [])
    monkeypatch.setattr(door, "_code", ["another"])
    load_config(Common(places / "proj"), [])
    assert len(loads) == 2
