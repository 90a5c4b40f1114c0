"""Signs of progress of a container whose log is silent: a growing download, work of its processes or on its GPUs.

SGLang prints nothing while weights download. Only files and processes of this machine are read, in a thread; what
cannot be seen is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sglaunch.engine.machine import Machine
from sglaunch.engine.stir import cpu_seconds
from sglaunch.errors import EngineError
from sglaunch.spec.startup import Progress, download

LOOK_SECONDS = 2.0
WINDOW_SECONDS = 10.0
"""Work and the rate of a download are averages over this time."""
BUSY = 0.2
"""Of one processor. Loading, compiling and capturing keep at least one thread busy; a loop that polls, our own probe
and the program of a health check (50 ms of curl or python every few seconds) stay far below."""
_ENTRIES = 5000
"""Files and folders that one look reads at most."""
_DEPTH = 4
_INDEX = "model.safetensors.index.json"
_TEMPORARY = "._____temp"
"""The folder in which ModelScope downloads."""


class Repeated:
    """Calls a function in a thread of its own every few seconds, until it returns something or the block is left.

    One that hangs delays nobody: the thread is abandoned.
    """

    def __init__(self, call: Callable[[], Any], seconds: float, delay: float = 0.0) -> None:
        self.result: Any = None
        self.tried = threading.Event()
        self._call, self._seconds, self._delay = call, seconds, delay
        self._left = threading.Event()

    def __enter__(self) -> Repeated:
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()

    def _run(self) -> None:
        wait = self._delay
        while not self._left.wait(wait):
            with contextlib.suppress(EngineError):
                self.result = self._call()
            self.tried.set()
            if self.result is not None:
                return
            wait = self._seconds


class Movement:
    """Watches one container. `moved` is when something last moved (time.monotonic), `progress` a download that is under
    way, `seen` the names of what can be seen."""

    def __init__(self, data: Mapping[str, Any], server: Mapping[str, Any], machine: Machine, stall: float) -> None:
        self.moved = time.monotonic()
        self.progress: Progress | None = None
        self.seen: tuple[str, ...] = ()
        self.look_seconds = min(LOOK_SECONDS, stall / 4)
        self._window = min(WINDOW_SECONDS, stall / 2)
        self._machine, self._id = machine, str(data.get("Id") or "")
        self._pid = int((data.get("State") or {}).get("Pid") or 0)
        self._model = str(server.get("model") or "")
        self._hubs = [] if machine.name else _hubs(data, server)
        self._folders = [] if machine.name else _model_folders(self._model, self._hubs, data)
        self._files: dict[str, int] | None = None
        self._history: deque[tuple[float, int]] = deque()
        self._total: int | None = None
        self._work: tuple[float, float | None, int | None] | None = None

    def look(self) -> None:
        """One look at everything."""
        if not self._machine.name:
            seen = [*self._look_at_downloads(), *self._look_at_work()]
            self.seen = tuple(seen)

    def _look_at_downloads(self) -> Iterator[str]:
        left = iter(range(_ENTRIES))
        own = {path: size for folder in self._folders for path, size in _files(folder, left, _DEPTH)}
        others = dict(_incomplete(self._hubs, left))
        now, done = time.monotonic(), sum(own.values())
        if self._files is not None and self._files != {**others, **own}:
            self.moved = now
        self._files = {**others, **own}
        while self._history and now - self._history[0][0] > self._window:
            self._history.popleft()
        self._history.append((now, done))
        since, before = self._history[0]
        rate = (done - before) / (now - since) if done > before else 0.0
        if rate:
            self._total = self._total or next(filter(None, map(_total_size, self._folders)), None)
        self.progress = download(done, self._total, rate) if rate else None
        if any(map(os.path.isdir, [*self._hubs, *self._folders])):
            yield "download"

    def _look_at_work(self) -> Iterator[str]:
        now = time.monotonic()
        if self._work is not None and now - self._work[0] < self._window:
            yield from (name for name, value in zip(("CPU", "GPU"), self._work[1:], strict=True) if value is not None)
            return
        used, (memory, busy) = cpu_seconds(self._pid, self._id), self._gpu_work()
        if self._work is not None:
            since, used_before, memory_before = self._work
            share = (used - used_before) / (now - since) if used is not None and used_before is not None else 0.0
            if share >= BUSY or busy or memory != memory_before:
                self.moved = now
        self._work = (now, used, memory)
        yield from (name for name, value in (("CPU", used), ("GPU", memory)) if value is not None)

    def _gpu_work(self) -> tuple[int | None, bool]:
        """Bytes that its processes have on the devices, and whether a device that only they use is busy."""
        gpus = self._machine.devices()[0] or ()
        own = [(gpu, [one for one in gpu.processes if one.container == self._id]) for gpu in gpus]
        memory = sum(one.memory for _, found in own for one in found)
        busy = any(found and len(found) == len(gpu.processes) and gpu.utilisation for gpu, found in own)
        return memory if any(found for _, found in own) else None, busy


def _on_host(path: str, data: Mapping[str, Any]) -> str:
    """Where a path of the container is on this machine; "" where no mount brings it there."""
    mounts = [one for one in data.get("Mounts") or [] if one.get("Source") and one.get("Destination")]
    above = [one for one in mounts if f"{path}/".startswith(f"{one['Destination'].rstrip('/')}/")]
    if not above:
        return ""
    nearest = max(above, key=lambda one: len(one["Destination"]))
    return str(nearest["Source"]).rstrip("/") + path[len(nearest["Destination"].rstrip("/")) :]


def _hubs(data: Mapping[str, Any], server: Mapping[str, Any]) -> list[str]:
    """Folders of this machine in which a container may keep downloads: its caches, and where a mount is one itself."""
    lines = (data.get("Config") or {}).get("Env") or []
    env = {name: value for name, _, value in (line.partition("=") for line in lines) if value}
    cache = env.get("XDG_CACHE_HOME", f"{env.get('HOME', '/root')}/.cache")
    scope = env.get("MODELSCOPE_CACHE", f"{cache}/modelscope")
    inside = [env.get("HF_HUB_CACHE"), env.get("HUGGINGFACE_HUB_CACHE"), (server.get("args") or {}).get("download-dir")]
    inside += [f"{env.get('HF_HOME', f'{cache}/huggingface')}/hub", scope, f"{scope}/hub"]
    found = [_on_host(path, data) for path in inside if isinstance(path, str)]
    mounted = [str(one["Source"]) for one in data.get("Mounts") or [] if one.get("RW") and one.get("Source")]
    found += [path for source in mounted for path in (source, f"{source}/hub")]
    return list(dict.fromkeys(path for path in found if path))


def _model_folders(model: str, hubs: list[str], data: Mapping[str, Any]) -> list[str]:
    """Where the model's own files are or will be."""
    if model.startswith("/"):
        return [path for path in (_on_host(model, data),) if path]
    scope = model.replace(".", "___")
    names = [f"models--{model.replace('/', '--')}/blobs", *(f"{above}{scope}" for above in ("", "models/"))]
    names += [f"{above}{_TEMPORARY}/{model}" for above in ("", "models/")]
    return [f"{hub}/{name}" for hub in hubs for name in names] if model else []


def _files(folder: str, left: Iterator[int], depth: int) -> Iterator[tuple[str, int]]:
    """Files below a folder with the bytes they have on the disk: a download may set the whole size beforehand."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry, _ in zip(entries, left, strict=False):
            if entry.is_file(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                yield entry.path, min(found.st_size, found.st_blocks * 512) if found.st_blocks else found.st_size
            elif depth and entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, left, depth - 1)


def _incomplete(hubs: list[str], left: Iterator[int]) -> Iterator[tuple[str, int]]:
    """Downloads of any model: a draft model, an adapter, and what somebody else fetches, which delays a stall only."""
    for hub in hubs:
        with contextlib.suppress(OSError), os.scandir(hub) as entries:
            models = [entry.path for entry, _ in zip(entries, left, strict=False) if entry.name.startswith("models--")]
            for model in models:
                yield from (one for one in _files(f"{model}/blobs", left, 0) if one[0].endswith(".incomplete"))
        for above in ("", "/models"):
            yield from _files(f"{hub}{above}/{_TEMPORARY}", left, _DEPTH)


def _total_size(folder: str) -> int | None:
    """Bytes of a model's weights by its index, in the folder or in a snapshot beside the blobs of the Hugging Face
    cache; None where there is none."""
    for path in (Path(folder) / _INDEX, *Path(folder).parent.glob(f"snapshots/*/{_INDEX}")):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            return int(json.loads(path.read_text(encoding="utf-8"))["metadata"]["total_size"])
    return None
