"""The project file that `init` proposes for a folder and a machine, and what is told beside it; pure.

Facts are read by engine/surroundings.py. A block of the file is a function over them; `_BLOCKS` is their order.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence

from sglaunch.plain import Struct
from sglaunch.spec.sglang_images import FACTS

CHECKOUT_TARGET = "/sgl-workspace/sglang"
"""Where SGLang's images keep its sources, installed so that edits count at once (docs, development guide)."""

_CACHE_OF_HUGGINGFACE = "/root/.cache/huggingface"
_IMAGES = {
    "rocm": (FACTS["rocm"].value, "the tag for your GPUs: mi30x is MI300 and MI325, mi35x MI350"),
    "npu": (FACTS["npu"].value, "the tag for your devices: a3, or 910b"),
}
_WORDS = ("null", "true", "false")
_NAMES = {"rocm": "AMD GPUs", "npu": "Ascend NPUs", "cpu": "no GPU"}
_DEVICES = {"nvidia": "all GPUs, ", "rocm": "all AMD GPUs, ", "npu": "all Ascend NPUs, ", "cpu": ""}
_TRUST = "What it asks of the host must be agreed to, once: `up` asks on a terminal, elsewhere say `sglaunch trust`."
"""Beside an accelerator that asks for rights, since what a checked-in file asks must be agreed to."""


class Facts(Struct, frozen=True):
    """A folder and its machine.

    `engine`: the one that answers, in words, "" for none. `accelerator`: nvidia, rocm, npu, or cpu for none of them;
    `devices` counts NVIDIA's, 0 where they cannot be counted. `checkout`: where SGLang's sources are, as people write
    it, `.` for here. `caches`: those of the key `caches` that are in the home. `hf_home`: where HF_HOME leads, if
    elsewhere. `git`: in a repository; `ignored`: it ignores sglaunch.local.yaml. `importable`: files here that describe
    containers.
    """

    name: str
    engine: str = ""
    accelerator: str = "nvidia"
    devices: int = 0
    checkout: str = ""
    caches: Sequence[str] = ()
    hf_home: str = ""
    git: bool = False
    ignored: bool = False
    importable: Sequence[str] = ()


class Starter(Struct, frozen=True):
    """The file's text; what was found, a phrase each; and what is left to do: a word, and what it is."""

    text: str
    found: tuple[str, ...]
    advice: tuple[tuple[str, str], ...]


def starter(facts: Facts) -> Starter:
    """What `init` writes and says."""
    blocks = ("\n".join(lines) for block in _BLOCKS if (lines := block(facts)))
    return Starter("\n\n".join(blocks) + "\n", tuple(_found(facts)), tuple(_advice(facts)))


def project_name(folder: str) -> str:
    """A folder's name as a project's."""
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-") or "project"


def _quoted(text: str) -> str:
    """Text as YAML reads it back: in quotes where it would be a number or a word of its own."""
    return text if re.fullmatch(r"[a-z][\w./~@+-]*|[/~][\w./@+-]*", text) and text not in _WORDS else json.dumps(text)


def _mounts(path: str) -> bool:
    """Whether the short form of a volume can hold a path: it has no place for a colon, and braces are a template's."""
    return bool(path) and not set(path) & set(":{}") and path.isprintable()


def _head(facts: Facts) -> list[str]:
    return [
        "# sglaunch: what this project's containers are. Check it in; `sglaunch up dev` makes it so.",
        "# Keys are those of a Compose service, and a few of sglaunch's own: see docs/reference.md of sglaunch.",
        "# Settings of your own go to sglaunch.local.yaml beside this file (git-ignore it), or, for all your",
        "# projects, to ~/.config/sglaunch/config.yaml.",
    ]


def _project(facts: Facts) -> list[str]:
    return [
        f"project: {_quoted(project_name(facts.name))}",
        "",
        "# What `sglaunch up` without names means. Without this line: every profile declared here.",
        "default_profiles: [dev]",
    ]


def _defaults(facts: Facts) -> list[str]:
    lines = ["# For every profile below.", "defaults:"]
    if facts.accelerator == "cpu":
        lines += [
            "  # This machine shows no GPU. Where there are some, remove this line: the built-ins take them all.",
            "  gpus: null",
        ]
    elif facts.accelerator in _IMAGES:
        image, choice = _IMAGES[facts.accelerator]
        lines += [
            f"  # This machine has {_NAMES[facts.accelerator]}: their devices, groups and flags instead of NVIDIA's.",
            f"  # {_TRUST}",
            f"  accelerator: {facts.accelerator}",
            "  gpus: all  # or a number: that many idle ones, for each container its own",
            f"  image: {image}  # {choice}",
        ]
    if "modelscope" in facts.caches:
        lines.append("  caches: [modelscope]  # beside those of the built-in profiles, huggingface and sglang")
    if _mounts(facts.hf_home):
        lines += [
            "  volumes:",
            "    # HF_HOME of your shell: models that are there already are not downloaded again.",
            f"    - {json.dumps(f'{facts.hf_home}:{_CACHE_OF_HUGGINGFACE}', ensure_ascii=False)}",
        ]
    return [*lines, "  environment:", "    TZ: UTC"]


def _dev(facts: Facts) -> list[str]:
    lines = [
        "profiles:",
        "  # A place to work in. It lies on the built-in profile `dev`: SGLang's development image, this folder at",
        f"  # /workspace, {_DEVICES[facts.accelerator]}enough shared memory, the model caches of your home. "
        "Write only what differs.",
        "  dev:",
        "    # image: lmsysorg/sglang:dev",
    ]
    if facts.checkout == ".":
        lines += [
            "    # This folder is SGLang itself: what you edit here is what runs there.",
            f"    working_dir: {CHECKOUT_TARGET}",
            "    volumes:",
            f"      - .:{CHECKOUT_TARGET}",
        ]
    else:
        lines += [
            "    # volumes:",
            f"    #   - {facts.checkout or '~/src/sglang'}:{CHECKOUT_TARGET}   # your SGLang over the image's",
            "    #   - ~/datasets:/data:ro",
        ]
    return [*lines, "    environment:", "      PYTHONUNBUFFERED: 1"]


def _server(facts: Facts) -> list[str]:
    lines = [
        "  # A server; lies on the built-in `server`. `sglaunch up server` starts it, and returns when it answers.",
        "  server:",
    ]
    if facts.accelerator == "cpu":
        lines += [
            "    # SGLang runs on CPUs too: on Intel Xeons with AMX, by an image of its own.",
            f"    # {_TRUST}",
            "    accelerator: cpu",
            f"    image: {FACTS['cpu'].value}",
        ]
    elif facts.accelerator == "nvidia" and facts.devices > 1:
        lines += [f"    # One idle GPU of the {facts.devices} here, whichever it is, and nobody else's.", "    gpus: 1"]
    elif facts.accelerator == "nvidia":
        lines += ["    # gpus: 1            # one idle GPU rather than all"]
    return [
        *lines,
        "    server:",
        "      model: Qwen/Qwen3-8B",
        "      args:",
        "        tp: 1",
    ]


_Block = Callable[[Facts], list[str]]
_BLOCKS: tuple[_Block, ...] = (_head, _project, _defaults, _dev, _server)


def _found(facts: Facts) -> list[str]:
    found = [_NAMES[facts.accelerator]] if facts.accelerator in _NAMES else []
    if facts.accelerator == "nvidia":
        found = [f"{facts.devices} NVIDIA GPU{'s'[: facts.devices > 1]}" if facts.devices else "NVIDIA GPUs"]
    found.append(facts.engine or "no engine that answers")
    if facts.checkout == ".":
        found.append(f"SGLang's sources here, mounted at {CHECKOUT_TARGET}")
    elif facts.checkout:
        found.append(f"SGLang's sources in {facts.checkout}")
    if facts.hf_home:
        found.append(f"models in {facts.hf_home}")
    return [*found, *(f"~/.cache/{name}" for name in facts.caches)]


def _advice(facts: Facts) -> list[tuple[str, str]]:
    advice = []
    if facts.importable:
        advice.append(("import", "; ".join(f"`sglaunch import {shlex.quote(name)}`" for name in facts.importable)))
    if facts.git and not facts.ignored:
        advice.append(("git", "add this line to .gitignore: sglaunch.local.yaml"))
    if not facts.engine:
        advice.append(("engine", "`sglaunch doctor` tells what is missing"))
    return [*advice, ("next", "look through it, then `sglaunch plan` and `sglaunch up dev`")]
