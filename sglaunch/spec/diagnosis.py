"""Why an SGLang server did not come up, told from its log and its end; pure.

Exit codes mislead: a server that kills its own tree ends with 0 as process 1 and with 137 under an init, the number of
an out-of-memory kill. So the log decides, then the OOM flag, then the code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sglaunch.plain import Struct
from sglaunch.spec.server import LOCAL_HOSTS
from sglaunch.spec.sglang_images import OLD_DRIVER_HINT

TAIL = 30
_TRACEBACK = "Traceback (most recent call last):"
_MAX_TRACEBACK = 40
_FLAG = re.compile(r"--[a-z][\w-]*")


class Cause(Struct, frozen=True):
    """A kind of failure: how the log reads, what it means (groups of the match fill in), and what to do."""

    kind: str
    pattern: re.Pattern[str]
    message: str
    hint: str


def _cause(kind: str, pattern: str, message: str, hint: str) -> Cause:
    return Cause(kind, re.compile(pattern), message, hint)


# The first row that matches anywhere in the log wins: specific before general. Wordings of releases 0.4.6 to 0.5.23.
CAUSES: tuple[Cause, ...] = (
    _cause(
        "flag",
        r"error: unrecognized arguments?: (.+)",
        "this release does not know a flag: {0}",
        "check server.args against the image's release (`sglaunch exec` ... --help), or take another tag",
    ),
    _cause(
        "ambiguous-flag",
        r"error: ambiguous option: (.+)",
        "a flag is short for several: {0}",
        "write the whole name in server.args",
    ),
    _cause(
        "kv-pool",
        r"Not enough memory\. Please try to increase --mem-fraction-static",
        "the weights leave too little GPU memory for the KV cache",
        "raise server.args.mem-fraction-static, or use more GPUs (tp), or a quantized model",
    ),
    _cause(
        "unbalanced",
        r"memory capacity is unbalanced",
        "some of the GPUs are in use by other processes",
        "see `nvidia-smi`; choose idle ones in gpus",
    ),
    _cause(
        "gpu-memory",
        r"OutOfMemoryError|CUDA out of memory|Capture cuda graph failed",
        "a GPU has not enough memory",
        "lower server.args.mem-fraction-static, chunked-prefill-size or max-running-requests; or use more GPUs (tp)",
    ),
    _cause(
        "driver-too-old",
        r"CUDA driver version is insufficient|forward compatibility was attempted|unsatisfied condition: cuda",
        "the NVIDIA driver is too old for this image",
        OLD_DRIVER_HINT,
    ),
    _cause(
        "no-gpu",
        r"No accelerator \(CUDA|Found no NVIDIA driver|no CUDA-capable device|NVIDIA Driver was not detected",
        "the container sees no GPU",
        "write gpus: all (or how many), and check that the engine has the NVIDIA container toolkit",
    ),
    _cause(
        "shared-memory",
        r"shared memory segment /dev/shm|Bus error|unable to mmap .*No space left on device",
        "the container's shared memory is too small",
        "write shm_size: 32g",
    ),
    _cause(
        "gated",
        r"GatedRepoError|Cannot access gated repo|401 Client Error|403 Client Error|RepositoryNotFoundError",
        "the model's repository refuses: a gated model, a missing or wrong token, or a wrong name",
        "accept the licence on its page, set HF_TOKEN in your shell, and check server.model",
    ),
    _cause(
        "offline",
        r"LocalEntryNotFoundError|OfflineModeIsEnabled|couldn't connect to '?https://huggingface",
        "the model is not in the cache, and the hub cannot be reached",
        "check network and proxy, write hub: hf-mirror, or mount the cache it lies in",
    ),
    _cause(
        "port",
        r"\[Errno 98\]|is not available in \d+ seconds|[Pp]ort (\d+) is in use|address already in use",
        "the server's port is taken",
        "choose another server.port, or see who holds it with `ss -ltnp`",
    ),
    _cause(
        "unsupported-model",
        r"Model architectures (\[.*?\]) are not supported|does not recognize this architecture",
        "this release does not know the model's architecture {0}",
        "use a newer image tag",
    ),
    _cause(
        "nccl",
        r"DistBackendError|ncclSystemError|ncclUnhandledCudaError|NCCL error|connectFullMesh failed",
        "the GPUs or nodes cannot talk to each other (NCCL)",
        "set NCCL_DEBUG=INFO; check NCCL_SOCKET_IFNAME and GLOO_SOCKET_IFNAME, NCCL_P2P_DISABLE=1 as a test",
    ),
    _cause(
        "warm-up",
        r"Initialization failed\. warmup error",
        "the server could not reach itself for its warm-up request",
        f"add {','.join(LOCAL_HOSTS)} to no_proxy",
    ),
    _cause(
        "watchdog", r"[Ww]atchdog timeout", "a worker hung", "raise server.args.watchdog-timeout; see the traceback"
    ),
    _cause(
        "host-memory",
        r"scheduler died during initialization \(exit code: -9\)|Exit code: -9",
        "a worker was killed, most often for lack of host memory",
        "see `dmesg`; raise mem_limit, or free memory",
    ),
)


class Diagnosis(Struct, frozen=True):
    """What happened, what to do, and the lines that show it."""

    kind: str
    message: str
    hint: str
    lines: tuple[str, ...] = ()


def diagnose(log: Sequence[str], exit_code: int, *, oom_killed: bool) -> Diagnosis:
    """The cause of an end, from the whole log. The lines are the first traceback, since later ones follow from it."""
    lines = (*first_traceback(log), *([""] if first_traceback(log) else []), *log[-TAIL:])
    for cause in CAUSES:
        for line in log:
            if match := cause.pattern.search(line):
                words = [next((group for group in match.groups() if group), "").strip()]
                hint = "; ".join((*_nearest(words[0], log), cause.hint) if cause.kind == "flag" else (cause.hint,))
                return Diagnosis(cause.kind, cause.message.format(*words).rstrip(" :"), hint, lines)
    if oom_killed:
        return Diagnosis("host-memory", "it was killed for lack of memory", "raise mem_limit, or free memory", lines)
    told = f"it ended with exit code {exit_code}"
    if exit_code in (0, 137):
        told += ", which a server that kills itself gives too"
    hint = "read the first traceback, not the last line" if first_traceback(log) else "read its last lines"
    return Diagnosis("unknown", told, hint, lines)


def _nearest(unknown: str, log: Sequence[str]) -> list[str]:
    """The nearest flag for each unknown one, of those that the program lists in the usage it prints."""
    from difflib import get_close_matches

    start = next((number for number, line in enumerate(log) if "usage:" in line), len(log))
    known = {flag for line in log[start:] if "error:" not in line for flag in _FLAG.findall(line)}
    found = []
    for flag in _FLAG.findall(unknown):
        if close := get_close_matches(flag, sorted(known), n=1, cutoff=0.6):
            found.append(f"did you mean {close[0]} for {flag}?")
    return found


def first_traceback(log: Sequence[str]) -> list[str]:
    """The first traceback of a log, up to its message; nothing where there is none."""
    start = next((number for number, line in enumerate(log) if _TRACEBACK in line), None)
    if start is None:
        return []
    found = [log[start]]
    for line in log[start + 1 : start + _MAX_TRACEBACK]:
        found.append(line)
        bare = re.sub(r"^\[[^\]]*\]\s?", "", line)
        if bare and not bare[0].isspace():
            break
    return found
