"""What tells whose a container is: the owners of the folders it mounts, and the user its process was told to be."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sglaunch.engine.protocol import Engine
from sglaunch.plan.adopting import Evidence
from sglaunch.plan.capabilities import NERDCTL, PODMAN

_FIRST_USER = 1000
"""Where the uids of people begin (login.defs(5)); those below are of services."""


def evidence(data: Mapping[str, Any], image: Mapping[str, Any], engine: Engine) -> Evidence:
    """Of an inspected container. Of another machine's files and users nothing is known here."""
    config = data.get("Config") or {}
    labels = {str(key): str(value) for key, value in (config.get("Labels") or {}).items()}
    brought = (image.get("Config") or {}).get("Labels") or {}
    own = {name: value for name, value in labels.items() if brought.get(name) != value}
    pod = bool(data.get("Pod"))
    private = engine.capabilities.name == PODMAN and not engine.machine.name and os.getuid() != 0
    hidden = engine.capabilities.name == NERDCTL
    if engine.machine.name or hidden:
        return Evidence(own, pod=pod, hidden=hidden)
    sources = [str(m.get("Source")) for m in data.get("Mounts") or [] if m.get("Type") == "bind" and m.get("Source")]
    homes = {source: user for source in sources if (user := _home_of(Path(source)))}
    uids = {source: uid for source in sources if (uid := _uid(Path(source))) is not None}
    people = {source: _name(uid) for source, uid in uids.items() if uid >= _FIRST_USER and uid != os.getuid()}
    mine = os.getuid() != 0 and any(uid == os.getuid() for uid in uids.values())
    told = "" if config.get("User") == (image.get("Config") or {}).get("User") else str(config.get("User") or "")
    return Evidence(own, homes, people, mine, _other_user(told), pod, private)


def _home_of(path: Path) -> str:
    """The other person whose home a path lies in."""
    for folder in (path, *path.parents):
        uid = _uid(folder)
        if uid is None or uid < _FIRST_USER or uid == os.getuid():
            continue
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(uid)
            if Path(entry.pw_dir) == folder:
                return entry.pw_name
    return ""


def _uid(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.stat().st_uid
    return None


def _name(uid: int) -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"uid {uid}"


def _other_user(told: str) -> str:
    """The person of this machine whose number a container was told; a name is one of the image's."""
    number = told.partition(":")[0]
    if not number.isdecimal() or int(number) < _FIRST_USER or int(number) == os.getuid():
        return ""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(int(number)).pw_name
    return ""
