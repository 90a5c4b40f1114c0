"""What we count as the context is what Docker sends: random trees and ignore files, built and listed."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import docker_engine
import pytest

from sglaunch.engine.context import fingerprint

pytestmark = pytest.mark.docker

NAMES = ["a", "b", "log", "x.log", "src", "keep"]
# Exceptions without wildcards: before these the classic builder, unlike BuildKit, does not look into a folder left out.
PATTERNS = [
    "*",
    "**",
    "*.log",
    "**/*.log",
    "a",
    "a/*",
    "src/**",
    "**/b",
    "!keep",
    "!a/keep",
    "!a/b",
    "!src/a/b",
    "[ab]",
]


def tree(folder: Path, chance: random.Random, depth: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        if chance.random() < 0.5:
            continue
        if depth < 3 and chance.random() < 0.5:
            tree(folder / name, chance, depth + 1)
        else:
            (folder / name).write_text(name, encoding="utf-8")


@pytest.mark.parametrize("seed", range(12))
def test_the_same_files_count(tmp_path: Path, unique: str, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "context"
    tree(folder, chance)
    (folder / "anchor.txt").write_text("x", encoding="utf-8")
    rules = "\n".join([*chance.choices(PATTERNS, k=chance.randint(1, 5)), "!anchor.txt"])
    (folder / ".dockerignore").write_text(rules + "\n", encoding="utf-8")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n", encoding="utf-8")
    environment = {**docker_engine.ENVIRONMENT, "DOCKER_BUILDKIT": "0"}
    words = ["docker", "build", "-q", "-t", unique, "-f", str(dockerfile), str(folder)]
    subprocess.run(words, check=True, capture_output=True, env=environment)
    try:
        container = docker_engine.docker("create", unique, "/x").stdout.strip()
        with docker_engine.exported(container) as names:
            real = {name for name in names if not name.endswith("/")}
        docker_engine.docker("rm", container)
    finally:
        docker_engine.docker("rmi", unique)
    ours = {name for name in fingerprint(str(folder), str(dockerfile)).files if not (folder / name).is_dir()}
    made = {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"}
    both = {str(dockerfile), ".dockerignore"}
    assert ours - both == real - made - both, rules
