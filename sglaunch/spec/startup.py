"""How an SGLang server starts, told from its log: phases by their markers, and progress where a line gives it; pure.

The markers are substrings that hold from release 0.4.6 to 0.5.23, unless a row says otherwise.
"""

from __future__ import annotations

import re

from sglaunch.plain import Struct
from sglaunch.spec.values import format_duration, readable_size

READY = "ready"
DOWNLOAD = "download"


class Marker(Struct, frozen=True):
    """A line that shows a phase; `versions` says where it is printed."""

    phase: str
    pattern: re.Pattern[str]
    versions: str = "all"


def _marker(phase: str, pattern: str, versions: str = "all") -> Marker:
    return Marker(phase, re.compile(pattern), versions)


MARKERS: tuple[Marker, ...] = (
    _marker(READY, r"The server is fired up and ready to roll!"),
    _marker("warm-up", r"Application startup complete|Uvicorn running on|GET /(?:get_)?model_info|Running warmup "),
    _marker("HTTP", r"Started server process \[|Waiting for application startup"),
    _marker("JIT", r"DeepGEMM (?:JIT|warmup)|Entering DeepGEMM", "0.4.6 and later, FP8 models"),
    _marker("autotune", r"Running FlashInfer autotune|\[Auto[Tt]uner\]: (?:Autotuning process starts|Tuning)", "0.5.6"),
    _marker("compile", r"Compiling num tokens|Compiling a graph for|install_torch_compiled"),
    _marker(
        "graphs", r"Capture .*graph (?:begin|bs \[|num tokens \[)|Capturing (?:batches|num tokens|prefill|\d+ prefill)"
    ),
    _marker("scheduler", r"max_total_num_tokens="),
    _marker("KV cache", r"KV Cache is allocated|KV Cache VA upper bound|Memory pool end"),
    _marker(
        "weights",
        r"Load weight (?:begin|end)|checkpoint shards:|Multi-thread loading shards:|Loading safetensors using",
    ),
    _marker("weights", r"prefetching (?:\d+/\d+ )?checkpoint", "0.5.15"),
    _marker(DOWNLOAD, r"Fetching \d+ files:|Downloading Model|model-\d+-of-\d+\.\w+:", "first run"),
    _marker("init", r"Init torch distributed|sglang is using nccl"),
    _marker("init", r"Init parallel (?:begin|ends)", "0.5.23"),
    _marker("start", r"server_args="),
    _marker("start", r"== CUDA ==|CUDA Version", "CUDA images"),
)
_PERCENT = re.compile(r"(\d{1,3})%")
_COUNT = re.compile(r"\b(\d+)/(\d+)\b")
_PROGRESSING = (DOWNLOAD, "weights", "autotune", "compile", "graphs", "JIT")


class Progress(Struct, frozen=True):
    """The phase of a start-up, with `percent` of the phase (None: unknown) and the last log line.

    A download that the log does not show has `done` and `total` in bytes and `rate` in bytes a second, None if unknown.
    """

    phase: str = "start"
    percent: int | None = None
    line: str = ""
    done: int | None = None
    total: int | None = None
    rate: float | None = None

    def after(self, line: str) -> Progress:
        """The progress once this line was read; a line that tells nothing only becomes the last one."""
        text = line.strip()
        if not text:
            return self
        phase = next((marker.phase for marker in MARKERS if marker.pattern.search(text)), None)
        if self.phase == READY:
            phase = READY
        percent = _percent(text) if (phase or self.phase) in _PROGRESSING else None
        if phase is None or phase == self.phase:
            return Progress(self.phase, percent if percent is not None else self.percent, text)
        return Progress(phase, percent, text)

    def __str__(self) -> str:
        return self.phase if self.percent is None else f"{self.phase} {self.percent}%"


def download(done: int, total: int | None, rate: float | None) -> Progress:
    """The progress of a download, in words too: `1.5g of 16.0g, 80.0m/s, 14.5g left (3m5s)`."""
    total = max(total, done) if total else None
    words = [f"{readable_size(done)} of {readable_size(total)}" if total else readable_size(done)]
    words += [f"{readable_size(int(rate))}/s"] if rate else []
    if total:
        time_left = f" ({format_duration(round((total - done) / rate))})" if rate else ""
        words.append(f"{readable_size(total - done)} left{time_left}")
    return Progress(DOWNLOAD, 100 * done // total if total else None, ", ".join(words), done, total, rate)


def _percent(text: str) -> int | None:
    if match := _PERCENT.search(text):
        return min(100, int(match[1]))
    if (match := _COUNT.search(text)) and int(match[2]):
        return min(100, 100 * int(match[1]) // int(match[2]))
    return None
