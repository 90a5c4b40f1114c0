"""The machine's NVIDIA devices as NVML shows them. The only user of nvidia-ml-py, imported when devices are counted."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sglaunch.engine.host import user_name
from sglaunch.errors import EngineError, Failure
from sglaunch.plan.observation import Driver, Gpu, GpuProcess
from sglaunch.recall.witness import spoil

LOCK = Path("/run/lock/sglaunch-gpu")
_POLL_SECONDS = 0.1
_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")


def devices() -> tuple[tuple[Gpu, ...] | None, str]:
    """Every device, MIG instances in place of their device; or None and the reason why nothing can be told."""
    import pynvml

    spoil("devices are counted")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return None, f"NVML does not answer ({error})"
    try:
        found: list[Gpu] = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            instances = list(_instances(pynvml, handle))
            found += [_gpu(pynvml, one, index) for one in instances or [handle]]
    except pynvml.NVMLError as error:
        return None, f"NVML fails ({error})"
    else:
        return tuple(found), ""
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def driver() -> Driver:
    """The driver as NVML tells of it."""
    import pynvml

    spoil("the driver is asked")
    cuda, version = 0, ""
    with contextlib.suppress(pynvml.NVMLError):
        pynvml.nvmlInit()
        cuda = int(pynvml.nvmlSystemGetCudaDriverVersion())
        version = _text(pynvml.nvmlSystemGetDriverVersion())
    return Driver((cuda // 1000, cuda % 1000 // 10) if cuda else (), version)


def _instances(nvml: Any, handle: Any) -> Iterator[Any]:
    """The MIG instances of a device; none where it is not cut up."""
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(handle)
        count = nvml.nvmlDeviceGetMaxMigDeviceCount(handle) if current else 0
    except nvml.NVMLError:
        return
    for number in range(count):
        with contextlib.suppress(nvml.NVMLError):
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)


def _gpu(nvml: Any, handle: Any, index: int) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    minor = _ask(nvml, lambda: int(nvml.nvmlDeviceGetMinorNumber(handle)))
    return Gpu(
        index=index,
        uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
        model=_text(nvml.nvmlDeviceGetName(handle)),
        memory_total=int(memory.total),
        memory_free=int(memory.free),
        utilisation=_ask(nvml, lambda: int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        processes=tuple(
            process(int(one.pid), int(one.usedGpuMemory or 0))
            for one in _ask(nvml, lambda: _processes(nvml, handle)) or ()
        ),
        nodes=(f"/dev/nvidia{index if minor is None else minor}",),
    )


def _processes(nvml: Any, handle: Any) -> list[Any]:
    return list(nvml.nvmlDeviceGetComputeRunningProcesses(handle))


def _ask(nvml: Any, question: Callable[[], Any]) -> Any:
    """What a device cannot tell (a MIG instance its utilisation) is None."""
    try:
        return question()
    except nvml.NVMLError:
        return None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def process(pid: int, memory: int, name: str = "") -> GpuProcess:
    """A process with its name, owner and container, as far as this user may see them; `memory` in bytes."""
    folder = Path("/proc") / str(pid)
    user = container = ""
    with contextlib.suppress(OSError):
        name = (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
        user = user_name(folder.stat().st_uid)
        found = _CONTAINER_ID.findall((folder / "cgroup").read_text(encoding="utf-8", errors="replace"))
        container = found[-1] if found else ""
    return GpuProcess(pid, name, user, container, memory)


@contextlib.contextmanager
def machine_lock(timeout: float, waiting: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Held while devices are chosen and taken, so that two users get different ones. The value lets go early.

    For every user of the machine: mode 0666, never created through a link, closed on exec.
    """
    handle = _open()
    deadline = time.monotonic() + timeout
    told = False
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    hint = "try again, or give more time with --lock-timeout SECONDS"
                    raise EngineError(Failure("locked", "somebody else is choosing GPUs", hint)) from None
                if not told:
                    waiting("somebody else is choosing GPUs; waiting")
                    told = True
                time.sleep(_POLL_SECONDS)
        yield lambda: fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        os.close(handle)


def _open() -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(LOCK, flags)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise EngineError(
            Failure("lock", f"{LOCK} cannot be opened: {error.strerror}", f"check `ls -l {LOCK}`")
        ) from None
    try:
        handle = os.open(LOCK, flags | os.O_CREAT | os.O_EXCL, 0o666)
        os.fchmod(handle, 0o666)
    except FileExistsError:
        return os.open(LOCK, flags)
    except OSError as error:
        raise EngineError(Failure("lock", f"{LOCK} cannot be made: {error.strerror}", "check /run/lock")) from None
    return handle
