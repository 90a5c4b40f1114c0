"""`build` of a profile: its forms, the name of its image, what it may not hold; the lock file and the mirrors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sglaunch.config.load import Config, Request, load
from sglaunch.config.lockfile import read_lock, write_lock
from sglaunch.config.node import Problems
from sglaunch.errors import ConfigError
from sglaunch.spec.container import Wanted

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "h", "group": "g"}
DIGEST = f"sha256:{'d' * 64}"
Write = Callable[[Mapping[str, str]], Path]


def loaded(folder: Path, env: Mapping[str, str] | None = None) -> Config:
    return load(Request(folder / "sglaunch.yaml", FACTS, env or {}), ["p"])


def wanted(project: Write, body: str, env: Mapping[str, str] | None = None, **more: str) -> Wanted:
    files = {
        "sglaunch.yaml": f"project: eval\nprofiles:\n  p:\n{body}",
        **{n.replace("_", "."): t for n, t in more.items()},
    }
    return loaded(project(files), env).wanted["p"]


def test_a_folder_is_a_build_named_after_the_container(project: Write) -> None:
    one = wanted(project, "    build: sub\n")
    assert one.build is not None
    folder = str(project({}))
    assert (one.build.context, one.build.dockerfile) == (f"{folder}/sub", f"{folder}/sub/Dockerfile")
    assert one.spec.image == "ana-eval-p"


def test_every_key_has_its_forms(project: Write) -> None:
    body = """\
    image: r/x:1
    build:
      context: .
      dockerfile: d/File
      args: [A=1, B, C]
      labels: {l: 1}
      tags: r/x:2
      cache_from: [r/x:cache]
      platforms: [linux/amd64, linux/arm64]
      secrets: [TOKEN_A, {b: {file: secret.txt}}, {c: {environment: TOKEN_C}}]
      ssh: default
      extra_hosts: ["h:1.2.3.4"]
      shm_size: 1g
      pull: true
"""
    one = wanted(project, body, {"B": "b", "TOKEN_A": "aaa", "TOKEN_C": "ccc"}).build
    assert one is not None
    folder = str(project({}))
    assert one.dockerfile == f"{folder}/d/File"
    assert (one.args, one.passed) == ({"A": "1", "B": "b", "C": None}, {"B", "C"})
    assert (one.tags, one.ssh, one.cache_from) == (("r/x:2",), ("default",), ("r/x:cache",))
    assert one.secrets["b"].file == f"{folder}/secret.txt"
    assert {name: each.value.reveal() for name, each in one.secrets.items() if each.value} == {
        "TOKEN_A": "aaa",
        "c": "ccc",
    }
    assert "aaa" not in repr(one)
    assert (one.shm_size, one.pulls, one.extra_hosts) == (1 << 30, True, {"h": ("1.2.3.4",)})


@pytest.mark.parametrize("context", ["https://h.example/x.git#main:sub", "git@h.example:x", "github.com/a/b"])
def test_a_context_elsewhere_stays_as_written(project: Write, context: str) -> None:
    one = wanted(project, f"    build: {context}\n").build
    assert one is not None
    assert one.context == context
    assert one.is_remote


def test_an_image_beneath_is_never_written_over(project: Write) -> None:
    base = "    image: team/base:1\n"
    text = f"project: eval\nprofiles:\n  base:\n{base}  p:\n    extends: base\n    build: .\n"
    assert loaded(project({"sglaunch.yaml": text})).wanted["p"].spec.image == "ana-eval-p"
    beside = text + "    image: team/own:1\n"
    assert loaded(project({"sglaunch.yaml": beside})).wanted["p"].spec.image == "team/own:1"
    nearer = {"sglaunch.yaml": text, "sglaunch.local.yaml": "profiles: {p: {image: mine:1}}\n"}
    assert loaded(project(nearer)).wanted["p"].spec.image == "mine:1"


def test_layers_of_a_build_merge(project: Write) -> None:
    text = "project: eval\nprofiles:\n  p: {build: {context: ., args: {A: one, B: two}}}\n"
    files = {"sglaunch.yaml": text, "sglaunch.local.yaml": "profiles: {p: {build: {args: {A: three}}}}\n"}
    one = loaded(project(files)).wanted["p"].build
    assert one is not None
    assert one.args == {"A": "three", "B": "two"}
    assert one.context == str(project({}))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    build: {args: {API_KEY: abcdef}}\n", "looks like a secret"),
        ("    build: {dockerfile: a, dockerfile_inline: b}\n", "exclude each other"),
        ("    build: {tags: [A/B]}\n", "is not an image reference"),
        ("    build: {secrets: {a: {value: x}}}\n", "unknown key"),
        ("    build: [1]\n", "must be text"),
    ],
)
def test_what_a_build_may_not_say(project: Write, body: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        wanted(project, body)
    assert "abcdef" not in str(caught.value)


# The lock file


def test_a_lock_is_read_as_it_was_written() -> None:
    pins = {"p": {"a/b:1": {"linux/arm64": DIGEST, "linux/amd64": DIGEST}}, "a": {"x:1": {"linux/amd64": DIGEST}}}
    text = write_lock(pins)
    problems = Problems()
    found = read_lock(text, "sglaunch.lock", "project", problems)
    assert problems.errors == []
    assert found.pins == pins
    assert write_lock(found.pins) == text
    assert found.origins["p", "a/b:1"].place.line == text.splitlines().index("    a/b:1:") + 1


NO_LOCKS = ["version: 2\n", "[]", "profiles: {}", "{", "version: 1\nprofiles: {p: {i: 1}}"]
NO_LOCKS.append("version: 1\nprofiles: {p: {i: {linux/amd64: latest}}}")


@pytest.mark.parametrize("text", NO_LOCKS)
def test_what_is_no_lock_is_an_error(project: Write, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        wanted(project, "    image: i\n", sglaunch_lock=text)
    assert "sglaunch.lock:" in str(caught.value)


def test_a_lock_gives_pins_or_says_why_not(project: Write) -> None:
    lock = write_lock({"p": {"a/b:1": {"linux/amd64": DIGEST}}})
    assert wanted(project, "    image: a/b:1\n", sglaunch_lock=lock).pins == {"linux/amd64": DIGEST}
    other = wanted(project, "    image: a/b:2\n", sglaunch_lock=lock)
    assert other.pins == {}
    assert "pins a/b:1 for it, and image is a/b:2" in other.unpinned
    assert wanted(project, f"    image: a/b@{DIGEST}\n", sglaunch_lock=lock).unpinned == ""
    assert wanted(project, "    build: .\n", sglaunch_lock=lock).unpinned == ""


# Mirrors


def test_the_nearest_mirrors_of_a_registry_hold(project: Write) -> None:
    text = "profiles: {p: {image: x}}\nregistry_mirrors: {docker.io: [a.example, b.example/hub], ghcr.io: c}\n"
    files = {"sglaunch.yaml": text, "sglaunch.local.yaml": "registry_mirrors: {docker.io: m:5000, ghcr.io: null}\n"}
    assert loaded(project(files)).wanted["p"].settings.mirrors == {"docker.io": ("m:5000",), "ghcr.io": ()}


NO_MIRRORS = ["{docker.io: https://m}", "{docker.io: 1}", "{'docker.io/x': m}", "[m]", "{docker.io: [-x]}"]


@pytest.mark.parametrize("written", NO_MIRRORS)
def test_what_is_no_mirror_is_told(project: Write, written: str) -> None:
    with pytest.raises(ConfigError, match="registry_mirrors"):
        loaded(project({"sglaunch.yaml": f"profiles: {{p: {{image: x}}}}\nregistry_mirrors: {written}\n"}))
