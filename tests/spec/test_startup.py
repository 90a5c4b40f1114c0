"""Phases of a server's start are told from its log, whatever the release; progress where a line gives it."""

from __future__ import annotations

import pytest

from sglaunch.spec.startup import Progress

LINES = [
    ("== CUDA ==", "start"),
    ("[2026-01-01 00:00:00] server_args=ServerArgs(model_path='x')", "start"),
    ("[2026-01-01 00:00:00 TP0] Init torch distributed begin.", "init"),
    ("[2026-01-01 00:00:00] Init parallel begin.", "init"),
    ("Fetching 12 files:  25%|##", "download 25%"),
    ("model-00001-of-00004.safetensors:  12%|#", "download 12%"),
    ("[x TP0] Load weight begin. avail mem=78.5 GB", "weights"),
    ("Loading safetensors checkpoint shards:  50% Completed | 2/4 [00:01<00:03]", "weights 50%"),
    ("Multi-thread loading shards:  25% Completed | 4/17 [", "weights 25%"),
    ("[x] KV Cache is allocated. #tokens: 1", "KV cache"),
    ("[x] Capture cuda graph begin. This can take up to several minutes.", "graphs"),
    ("[x] Capture target decode CUDA graph begin.", "graphs"),
    ("Capturing batches (bs=160 avail_mem=3.1 GB):  10%|#", "graphs 10%"),
    ("[x] Entering DeepGEMM JIT Pre-Compile session.", "JIT"),
    ("[x] Capture cuda graph num tokens [4, 8, 16]", "graphs"),
    ("[x] Capture cpu graph bs [1, 2]", "graphs"),
    ("Capturing num tokens (num_tokens=8 avail_mem=3.10 GB):  50%|#", "graphs 50%"),
    ("Capturing prefill shape (num_tokens=8 avail_mem=3.10 GB):  50%|#", "graphs 50%"),
    ("[x] Running FlashInfer autotune...", "autotune"),
    ("[x] Running FlashInfer autotune with cache: /root/.cache/sglang/flashinfer/a.json", "autotune"),
    ("x - INFO - autotuner.py:256 - flashinfer.jit: [Autotuner]: Autotuning process starts ...", "autotune"),
    ("[AutoTuner]: Tuning fp4_gemm:   4%|4         | 1/23 [00:00<00:04,  4.48profile/s]", "autotune 4%"),
    ("Compiling num tokens (num_tokens=4096):  20%|##", "compile 20%"),
    ("[x] Compiling a graph for dynamic shape takes 12.30 s", "compile"),
    ("[x TP0] Rank 0: prefetching checkpoint files: 25% (1/4)", "weights 25%"),
    ("Loading safetensors using Fastsafetensor loader:  10%", "weights 10%"),
    ("Multi-thread loading pt checkpoint shards:  50% Completed | 2/4", "weights 50%"),
    ("[x] Running warmup voice_chat", "warm-up"),
    ("[x] max_total_num_tokens=1, context_len=2", "scheduler"),
    ("INFO:     Started server process [1]", "HTTP"),
    ("INFO:     Uvicorn running on http://0.0.0.0:30000 (Press CTRL+C to quit)", "warm-up"),
    ("[x] The server is fired up and ready to roll!", "ready"),
]


@pytest.mark.parametrize(("line", "shown"), LINES)
def test_a_marker_shows_its_phase(line: str, shown: str) -> None:
    assert str(Progress().after(line)) == shown


def test_a_line_that_tells_nothing_changes_neither_phase_nor_percent() -> None:
    progress = Progress("weights", 50).after("something else")
    assert (progress.phase, progress.percent, progress.line) == ("weights", 50, "something else")
    assert Progress("weights", 50, "x").after("  \n") == Progress("weights", 50, "x")


def test_a_new_phase_begins_without_the_percent_of_the_last_one() -> None:
    assert Progress("weights", 99).after("KV Cache is allocated.").percent is None


def test_a_number_in_a_phase_without_a_bar_is_no_progress() -> None:
    assert Progress("init").after("using 90% of something").percent is None


def test_once_ready_it_stays_ready_whatever_requests_log() -> None:
    progress = Progress().after("The server is fired up and ready to roll!").after("GET /model_info 200")
    assert progress.phase == "ready"
