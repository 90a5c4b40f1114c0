"""What lies around a folder that `init` writes for: sources, caches, devices, git, files that describe containers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from sglaunch.engine import detect, health, host
from sglaunch.engine.cli import Cli
from sglaunch.engine.gpus import devices
from sglaunch.errors import EngineError
from sglaunch.plan.capabilities import Capabilities

CHECKOUTS = ("sglang", "../sglang", "~/sglang", "~/src/sglang", "~/code/sglang", "~/git/sglang", "~/work/sglang")
COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_SOURCES = "python/sglang/launch_server.py"
_CACHES = ("huggingface", "sglang", "modelscope")
_NODES: Mapping[str, str] = {"rocm": "/dev/kfd", "npu": "/dev/davinci_manager"}
_RUN = re.compile(rb"^[^#\n]*\b(?:docker|nerdctl|podman)[^#\n]*\s(?:run|create)\s", re.MULTILINE)
_MOST_SCRIPTS, _LONGEST_SCRIPT = 50, 64 << 10


def engine(choice: detect.Choice) -> Capabilities | None:
    """The engine that is chosen, or the first that answers; None for none."""
    for name, _, found in health.candidates(choice):
        if choice.name in ("auto", name) and found is not None and found.problem is None:
            return found.capabilities
    return None


def accelerator(engine: Capabilities | None) -> tuple[str, int]:
    """What this machine computes with, a word of spec/accelerator, and how many devices NVIDIA's driver counts."""
    if host.has_gpu(cdi=engine is not None and engine.gpus == "cdi"):
        return "nvidia", len(devices()[0] or ())
    return next((name for name, node in _NODES.items() if Path(node).exists()), "cpu"), 0


def checkout(folder: Path, home: Path) -> str:
    """Where SGLang's sources are: `.`, a path beside the folder, or one in the home; "" for nowhere."""
    if (folder / _SOURCES).is_file():
        return "."
    for name in CHECKOUTS:
        place = home / name[2:] if name.startswith("~/") else folder / name
        if (place / _SOURCES).is_file():
            return name if name.startswith(("~", "..")) else f"./{name}"
    return ""


def caches(home: Path) -> tuple[str, ...]:
    """The caches of models and kernels in a home, by the names of the key `caches`."""
    return tuple(name for name in _CACHES if (home / ".cache" / name).is_dir())


def hf_home(home: Path) -> str:
    """The folder that HF_HOME names, where it is there and not the usual one."""
    named = os.environ.get("HF_HOME", "")
    usual = home / ".cache" / "huggingface"
    return named if named.startswith("/") and Path(named).is_dir() and Path(named) != usual else ""


def ignores(folder: Path, name: str) -> bool | None:
    """Whether git ignores a file of a folder; None where the folder is in no repository, or there is no git."""
    try:
        status = Cli(("git", "-C", str(folder)), "git").run("check-ignore", "-q", name).returncode
    except EngineError:
        return None
    return {0: True, 1: False}.get(status)


def importable(folder: Path) -> tuple[str, ...]:
    """Files here that describe containers: compose files, and scripts that run one."""
    found = [name for name in COMPOSE if (folder / name).is_file()]
    scripts = sorted([*folder.glob("*.sh"), *folder.glob("scripts/*.sh"), *folder.glob("docker/*.sh")])
    return (*found, *(str(path.relative_to(folder)) for path in scripts[:_MOST_SCRIPTS] if _runs(path)))


def _runs(script: Path) -> bool:
    try:
        with script.open("rb") as file:
            return _RUN.search(file.read(_LONGEST_SCRIPT)) is not None
    except OSError:
        return False
