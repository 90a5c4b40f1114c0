"""What a program answered to `version`, kept while nothing that could change the answer has changed.

Kept under the program's path and time, its options, and the socket it talks to: a daemon that was started anew has a
new one, a dead one refuses to be spoken to. An engine far away, or one of a chosen context, is asked each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sglaunch.engine import kept
from sglaunch.recall import witness

SOCKETS = {"docker": "/var/run/docker.sock", "nerdctl": "/run/containerd/containerd.sock"}
TLS_VARIABLES = ("DOCKER_TLS_VERIFY", "DOCKER_TLS")
"""With one of these docker's default address is another."""
_CONNECT_SECONDS = 1.0
_MOST = 20


def key(program: str, options: Sequence[str], kind: str) -> str:
    """Under which an answer is kept, or "" where it cannot be."""
    path = witness.program(program)
    if path is None or _elsewhere(kind):
        return ""
    parts: list[Any] = [list(options), path, witness.ask("stamp", path)]
    if kind in SOCKETS:
        place = socket_of(kind)
        with witness.asking():
            if not _answers(place):
                return ""
        parts += [place, witness.ask("stamp", place)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def socket_of(kind: str) -> str:
    """The socket that an engine of this machine is spoken to at."""
    return witness.env("DOCKER_HOST").removeprefix("unix://") or SOCKETS[kind]


def docker_config() -> str:
    """The file that docker reads."""
    return f"{docker_folder()}/config.json"


def docker_folder() -> str:
    """Where docker has its own file and its plug-ins."""
    return witness.env("DOCKER_CONFIG") or f"{witness.home()}/.docker"


def recall(name: str) -> Mapping[str, Any]:
    """What was kept, nothing where there is none."""
    with witness.asking():
        found = kept.read(_file()).get(name)
    return found if isinstance(found, dict) else {}


def remember(name: str, told: Mapping[str, Any]) -> None:
    """Keeps an answer. Where it cannot be written, it is asked again the next time."""
    answers = {**kept.read(_file()), name: dict(told)}
    kept.write(_file(), dict(list(answers.items())[-_MOST:]))


def _file() -> Path:
    base = witness.env("XDG_CACHE_HOME") or f"{witness.home()}/.cache"
    return Path(base) / "sglaunch" / "engines.json"


def _elsewhere(kind: str) -> bool:
    """Whether something else than the program's own options may lead it to another machine."""
    if kind == "docker":
        host = witness.env("DOCKER_HOST")
        if b"currentContext" in (witness.file(docker_config()).content or b""):
            return True
        if any(list(map(witness.env, ("DOCKER_CONTEXT", *TLS_VARIABLES)))):
            return True
        return bool(host) and not host.startswith("unix://")
    if kind == "podman":
        return any(list(map(witness.env, ("CONTAINER_HOST", "CONTAINER_CONNECTION"))))
    return any(list(map(witness.env, ("CONTAINERD_ADDRESS", "NERDCTL_TOML"))))


def _answers(place: str) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_CONNECT_SECONDS)
        probe.connect(place)
        return True
    return False
