"""Facts of the user and the host. Handed to the configuration as a mapping, so that it never asks for them itself."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import secrets
import shutil
import socket
import time
from pathlib import Path
from typing import Any

from sglaunch.convert.to_create import CDI_KIND
from sglaunch.engine.state import state_folder
from sglaunch.spec.labels import Owner

_GPU_NODES = ("/dev/nvidiactl", "/dev/dxg")
_GPU_PROGRAMS = ("nvidia-container-runtime-hook", "nvidia-container-runtime", "nvidia-ctk", "nvidia-smi")
_CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_SALT_BYTES = 12


def hostname() -> str:
    """This machine's name."""
    return socket.gethostname()


def facts() -> dict[str, Any]:
    """user, uid, gid, home, hostname."""
    user = owner()
    home = os.environ.get("HOME") or _home(user.uid)
    return {"user": user.name, "uid": user.uid, "gid": os.getgid(), "home": home, "hostname": hostname()}


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


def user_name(uid: int) -> str:
    """The user of a number, or the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def has_gpu(*, cdi: bool = False) -> bool:
    """Whether the host shows NVIDIA devices, or the tools that give them to containers. `cdi`: a description counts."""
    if cdi and cdi_devices(CDI_KIND):
        return True
    return any(Path(node).exists() for node in _GPU_NODES) or any(shutil.which(name) for name in _GPU_PROGRAMS)


def cdi_devices(kind: str) -> list[str]:
    """Names of the devices of a kind that the Container Device Interface describes here."""
    found = []
    for path in (path for folder in _CDI_FOLDERS for path in sorted(Path(folder).glob("*.*"))):
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            text = path.read_text(encoding="utf-8", errors="replace")
            found += _described(json.loads(text), kind) if path.suffix == ".json" else _listed(text, kind)
    return found


def _described(spec: Any, kind: str) -> list[str]:
    return [str(device["name"]) for device in spec["devices"]] if spec.get("kind") == kind else []


def _listed(text: str, kind: str) -> list[str]:
    """The same of YAML as the NVIDIA toolkit writes it, where each device begins a line of its own."""
    if not re.search(rf"^kind:\s*[\"']?{re.escape(kind)}[\"']?\s*$", text, re.MULTILINE):
        return []
    names = re.findall(r"^\s*(?:-\s+)?name:\s*[\"']?([^\"'\s]+)", text, re.MULTILINE)
    return [name for name in names if name]


def salt() -> str:
    """Fresh randomness for the fingerprints of one container's secrets."""
    return secrets.token_hex(_SALT_BYTES)


def private_folder() -> Path:
    """The user's folder for files that hold secrets and must outlive a login; mode 0700."""
    folder = state_folder() / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_private(path: str, text: str) -> None:
    """A new file of mode 0600."""
    private_folder()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def forget_private(path: str) -> None:
    """Removes a file of the private folder, and nothing that lies elsewhere."""
    if Path(path).parent == private_folder():
        Path(path).unlink(missing_ok=True)


def real_path(path: str) -> str:
    """The path without symbolic links; what does not exist is followed as far as it does."""
    return os.path.realpath(path)


def now() -> str:
    """The local time as it stands in names: 20261124-101500."""
    return time.strftime("%Y%m%d-%H%M%S")


def make_folder(path: str) -> None:
    """A folder with its parents, as the user."""
    Path(path).mkdir(parents=True, exist_ok=True)
