"""Facts of this machine for the doctor: engines, disk, GPUs, network, limits, as far as this user may see them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sglaunch.engine import detect, host
from sglaunch.engine.cli import Cli
from sglaunch.errors import EngineError
from sglaunch.plan.capabilities import DOCKER, NERDCTL, PODMAN, Capabilities
from sglaunch.spec.reference import HUB_HOST

CAP_SYS_RESOURCE = 24
REGISTRY_SECONDS = 5.0
# nerdctl takes the first of these that exists, empty or not.
CNI_FOLDERS = (*("/opt/cni/bin", "/usr/local/libexec/cni", "/usr/local/lib/cni", "/usr/libexec/cni", "/usr/lib/cni"),)
_FAMILIES = {"debian": ("debian", "ubuntu"), "fedora": ("fedora", "rhel"), "arch": ("arch",), "suse": ("suse",)}
_CACHES = (".cache/huggingface", ".cache/sglang", ".cache/modelscope")
_TOKENS = (".cache/huggingface/token", ".huggingface/token")
# Rows of /proc/PID/limits -> the names of ulimits.
_LIMIT_ROWS = (
    "core file size: core, cpu time: cpu, data size: data, file size: fsize, file locks: locks, "
    "locked memory: memlock, msgqueue size: msgqueue, nice priority: nice, open files: nofile, processes: nproc, "
    "resident set: rss, realtime priority: rtprio, realtime timeout: rttime, pending signals: sigpending, "
    "stack size: stack"
)
_LIMITS = dict(row.split(": ") for row in _LIMIT_ROWS.split(", "))
_ANSWERING = (200, 401, 403)


def candidates(choice: detect.Choice) -> list[tuple[str, str, detect.Candidate | None]]:
    """Every engine's name, where its program is, and what it answered."""
    found = []
    for name in detect.ORDER:
        chosen = choice if choice.name in ("auto", name) else detect.Choice()
        program = (chosen.binary or name) if chosen.name == name else name
        path = shutil.which(program)
        found.append((name, path or "", detect.ask(program, chosen) if path else None))
    return found


def family() -> str:
    """Of which family of distributions this one is, "" for none that is known."""
    words: set[str] = set()
    with contextlib.suppress(OSError):
        for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name in ("ID", "ID_LIKE"):
                words |= set(value.strip('"').split())
    return next((name for name, ids in _FAMILIES.items() if words & set(ids)), "")


def info(command: Sequence[str], engine: Capabilities) -> Mapping[str, Any]:
    """What the engine tells of itself; nothing where it does not."""
    form = "json" if engine.name == PODMAN else "{{json .}}"
    with contextlib.suppress(EngineError, ValueError):
        data = json.loads(Cli(command, engine.name).text("info", "--format", form))
        return data if isinstance(data, dict) else {}
    return {}


def data_root(told: Mapping[str, Any], engine: Capabilities) -> str:
    """Where the engine keeps images."""
    if engine.name == PODMAN:
        return str((told.get("store") or {}).get("graphRoot") or "")
    if engine.name == NERDCTL:
        return "/var/lib/containerd"
    return str(told.get("DockerRootDir") or "")


def free(folder: str) -> int | None:
    """Bytes that are free in a folder, or in the nearest one above it that may be seen."""
    for path in (Path(folder), *Path(folder).parents) if folder else ():
        with contextlib.suppress(OSError):
            found = os.statvfs(path)
            return found.f_bavail * found.f_frsize
    return None


def size(folder: str) -> int | None:
    """Bytes of the file system of a folder."""
    with contextlib.suppress(OSError):
        found = os.statvfs(folder)
        return found.f_blocks * found.f_frsize
    return None


def has_toolkit(told: Mapping[str, Any]) -> bool:
    """Whether Docker's way of giving GPUs is there: the toolkit's hook, or its runtime."""
    programs = ("nvidia-container-runtime-hook", "nvidia-container-runtime", "nvidia-container-cli")
    return any(shutil.which(name) for name in programs) or "nvidia" in (told.get("Runtimes") or {})


def has_cdi_hook() -> bool:
    """Whether the program is here that lets Docker give `--gpus` by CDI, without the rest of the toolkit."""
    return shutil.which("nvidia-cdi-hook") is not None


def has_char_links() -> bool:
    """Whether the devices can be found under /dev/char, where systemd looks for what a container may use."""
    return any(Path("/dev/char").glob("195:*"))


def cni() -> tuple[tuple[str, bool], str]:
    """The folder of plugins that counts, whether `bridge` is in it, and another one that has it."""
    named = os.environ.get("CNI_PATH")
    folders = [named] if named else [folder for folder in CNI_FOLDERS if Path(folder).is_dir()]
    having = [folder for folder in CNI_FOLDERS if (Path(folder) / "bridge").exists()]
    first = folders[0] if folders else ""
    has = bool(first) and (Path(first) / "bridge").exists()
    return (first, has), "" if has or not having else having[0]


def raises_limits(engine: Capabilities) -> bool | None:
    """Whether the engine may raise ulimits: by the rights of its daemon, or of this process; None if unseen."""
    if engine.name != DOCKER and os.geteuid() != 0:
        return None
    found = re.search(r"^CapEff:\s*(\w+)", _process(engine, "status"), re.MULTILINE)
    return bool(int(found[1], 16) >> CAP_SYS_RESOURCE & 1) if found else None


def hard_limits(engine: Capabilities) -> dict[str, int]:
    """The hard limits that its containers inherit, under the names of `ulimits`, -1 for unlimited; as far as seen."""
    found = re.findall(r"^Max (.+?)  +\w+ +(\d+|unlimited)", _process(engine, "limits"), re.MULTILINE)
    return {_LIMITS[row]: -1 if hard == "unlimited" else int(hard) for row, hard in found if row in _LIMITS}


def _process(engine: Capabilities, file: str) -> str:
    """A file in /proc of the engine's daemon, or of this process where it has none; "" if unseen."""
    with contextlib.suppress(OSError):
        is_docker = engine.name == DOCKER
        pid = Path("/var/run/docker.pid").read_text(encoding="ascii").strip() if is_docker else "self"
        return (Path("/proc") / pid / file).read_text(encoding="ascii")
    return ""


def foreign_caches(home: str) -> list[str]:
    """Folders that presets mount and that are another user's."""
    found = []
    for name in _CACHES:
        folder = Path(home) / name
        with contextlib.suppress(OSError):
            if folder.stat().st_uid != os.getuid():
                found.append(str(folder))
    return found


def has_token(home: str) -> bool:
    """Whether there is a token for Hugging Face, in the shell or where its own login keeps it."""
    return bool(os.environ.get("HF_TOKEN")) or any((Path(home) / name).is_file() for name in _TOKENS)


def proxy() -> tuple[str, str]:
    """This shell's proxy, without what could be a password in it, and what goes past it."""
    names = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
    address = next((value for name in names if (value := os.environ.get(name))), "")
    head, at, tail = address.rpartition("@")
    shown = f"{head.partition('://')[0]}://***@{tail}" if at else address
    return shown, os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""


def registry_of(image: str) -> str:
    """The host of the registry that an image comes from."""
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return HUB_HOST if not is_host or first == "docker.io" else first


def registry_problem(name: str) -> str:
    """Why a registry cannot be reached, "" where it answers; through this shell's proxy."""
    scheme = "http" if name.partition(":")[0] in ("localhost", "127.0.0.1") else "https"
    try:
        address = f"{scheme}://{name}/v2/"
        with urllib.request.urlopen(address, timeout=REGISTRY_SECONDS):  # noqa: S310 - of the two schemes above
            return ""
    except urllib.error.HTTPError as error:
        return "" if error.code in _ANSWERING else f"{name} answers with {error.code}"
    except (OSError, ssl.SSLError, ValueError) as error:
        return f"{name} cannot be reached: {getattr(error, 'reason', error)}"


def has_systemd() -> bool:
    """Whether services are systemd's here."""
    return Path("/run/systemd/system").is_dir()


def shell_user() -> str:
    """Who runs this."""
    return host.owner().name
