"""Facts of the user and the host. Handed to the configuration as a mapping, so that it never asks for them itself."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import secrets
import time
from pathlib import Path
from typing import Any

from sglaunch.convert.to_create import CDI_KIND
from sglaunch.engine import state
from sglaunch.recall import witness
from sglaunch.spec.labels import Owner

GPU_NODES = ("/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu", "/dev/nvgpu")
"""Of NVIDIA's driver, of WSL, and of Jetson."""
CDI_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_NVML = "libnvidia-ml.so.1"
_NVML_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/wsl/lib",
)
_SALT_BYTES = 12


def hostname() -> str:
    """This machine's name."""
    return str(witness.ask("hostname"))


def facts() -> dict[str, Any]:
    """user, uid, gid, home, hostname; account_home, which no variable of the caller changes."""
    uid, gid, name, folder = witness.ask("person")
    known = {"user": name or f"uid{uid}", "uid": uid, "gid": gid, "hostname": hostname()}
    return {**known, "home": witness.env("HOME") or folder or "/", "account_home": folder or "/"}


def owner() -> Owner:
    """The user who runs us; a uid without an entry is named after itself."""
    uid, _, name, _ = witness.ask("person")
    return Owner(uid, name or f"uid{uid}")


def user_name(uid: int) -> str:
    """The user of a number, or the number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def has_gpu(*, cdi: bool = False) -> bool:
    """Whether this machine has an NVIDIA GPU: a device node, a device of NVML, or with `cdi` one that CDI describes.

    This is the one answer for every command. A program on PATH is none: toolkits are installed without GPUs, too.
    """
    if any(map(witness.exists, GPU_NODES)) or (cdi and cdi_devices(CDI_KIND)):
        return True
    # The driver makes its nodes when it is first used, which NVML does.
    folders = [*witness.env("LD_LIBRARY_PATH").split(":"), *_NVML_FOLDERS]
    if not any(witness.exists(f"{folder}/{_NVML}") for folder in folders if folder):
        return False
    from sglaunch.engine.gpus import devices

    return bool(devices()[0])


def cdi_devices(kind: str) -> list[str]:
    """Names of the devices of a kind that the Container Device Interface describes here."""
    found = []
    names = [Path(folder, name) for folder in CDI_FOLDERS for name in witness.ask("folder", folder) or ()]
    for path in (path for path in names if path.suffix):
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            text = (witness.file(path).content or b"").decode(errors="replace")
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
    """The user's folder for files that hold secrets and must outlive a login; it is made when one is written."""
    return state.folder() / "secrets"


def write_private(path: str, text: str) -> None:
    """A new file of mode 0600."""
    state.state_folder()
    private_folder().mkdir(mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def forget_private(path: str) -> None:
    """Removes a file of the private folder, and nothing that lies elsewhere."""
    if Path(path).parent == private_folder():
        Path(path).unlink(missing_ok=True)


def real_path(path: str) -> str:
    """The path without symbolic links; what does not exist is followed as far as it does."""
    return str(witness.ask("real", path))


def now() -> str:
    """The local time as it stands in names: 20261124-101500."""
    return time.strftime("%Y%m%d-%H%M%S")


def make_folder(path: str) -> None:
    """A folder with its parents, as the user."""
    Path(path).mkdir(parents=True, exist_ok=True)
