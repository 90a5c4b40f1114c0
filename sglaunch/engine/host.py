"""Facts of the user and the host. Handed to the configuration as a mapping, so that it never asks for them itself."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import time
from pathlib import Path
from typing import Any

from sglaunch.spec.labels import Owner

_GPU_NODES = ("/dev/nvidiactl", "/dev/dxg")
_GPU_PROGRAMS = ("nvidia-container-runtime-hook", "nvidia-container-runtime", "nvidia-ctk", "nvidia-smi")
_SALT_BYTES = 12


def facts() -> dict[str, Any]:
    """user, uid, gid, home, hostname."""
    user = owner()
    home = os.environ.get("HOME") or _home(user.uid)
    return {"user": user.name, "uid": user.uid, "gid": os.getgid(), "home": home, "hostname": socket.gethostname()}


def owner() -> Owner:
    """The user who runs us; a uid without an entry is named after itself."""
    uid = os.getuid()
    try:
        return Owner(uid, pwd.getpwuid(uid).pw_name)
    except KeyError:
        return Owner(uid, f"uid{uid}")


def _home(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return "/"


def has_gpu() -> bool:
    """Whether the host shows NVIDIA devices, or the tools that give them to containers."""
    return any(Path(node).exists() for node in _GPU_NODES) or any(shutil.which(name) for name in _GPU_PROGRAMS)


def salt() -> str:
    """Fresh randomness for the fingerprints of one container's secrets."""
    return secrets.token_hex(_SALT_BYTES)


def real_path(path: str) -> str:
    """The path without symbolic links; what does not exist is followed as far as it does."""
    return os.path.realpath(path)


def now() -> str:
    """The local time as it stands in names: 20261124-101500."""
    return time.strftime("%Y%m%d-%H%M%S")


def make_folder(path: str) -> None:
    """A folder with its parents, as the user."""
    Path(path).mkdir(parents=True, exist_ok=True)
