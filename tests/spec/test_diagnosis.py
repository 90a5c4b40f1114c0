"""Why a server died is told from its log: the first cause, its next step, the first traceback."""

from __future__ import annotations

import pytest

from sglaunch.spec.diagnosis import CAUSES, diagnose, first_traceback

# What releases 0.4.6 to 0.5.23 print, and the kind of failure it is.
LOGS: dict[str, str] = {
    "launch_server.py: error: unrecognized arguments: --modle x": "flag",
    "launch_server.py: error: ambiguous option: --pp could match --pp-size, --pp-x": "ambiguous-flag",
    "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.": "kv-pool",
    "The memory capacity is unbalanced. Some GPUs may be occupied by other processes.": "unbalanced",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB": "gpu-memory",
    "torch.cuda.OutOfMemoryError: CUDA out of memory.": "gpu-memory",
    "Exception: Capture cuda graph failed: out of memory": "gpu-memory",
    "CUDA driver version is insufficient for CUDA runtime version": "driver-too-old",
    "RuntimeError: No accelerator (CUDA, XPU, HPU, NPU, MUSA) is available": "no-gpu",
    "RuntimeError: Found no NVIDIA driver on your system.": "no-gpu",
    "Error while creating shared memory segment /dev/shm/nccl-x (size 9637888)": "shared-memory",
    "Bus error (core dumped)": "shared-memory",
    "huggingface_hub.errors.GatedRepoError: 401 Client Error.": "gated",
    "Cannot access gated repo for url https://huggingface.co/meta-llama/x": "gated",
    "huggingface_hub.errors.LocalEntryNotFoundError: An error happened": "offline",
    "OSError: We couldn't connect to 'https://huggingface.co' to load this file": "offline",
    "ERROR: [Errno 98] error while attempting to bind on address ('0.0.0.0', 30000)": "port",
    "ValueError: Model architectures ['FooForCausalLM'] are not supported for now.": "unsupported-model",
    "torch.distributed.DistBackendError: NCCL error in: x": "nccl",
    "Initialization failed. warmup error: Traceback": "warm-up",
    "Scheduler watchdog timeout": "watchdog",
    "Rank 0 scheduler died during initialization (exit code: -9)": "host-memory",
}


@pytest.mark.parametrize(("line", "kind"), LOGS.items())
def test_a_known_failure_has_its_cause_and_a_next_step(line: str, kind: str) -> None:
    found = diagnose(["[x] server_args=1", line, "Received sigquit from a child process."], 0, oom_killed=False)
    assert found.kind == kind
    assert found.message
    assert found.hint


def test_every_row_is_reached_by_a_text_of_the_table() -> None:
    assert {cause.kind for cause in CAUSES} == set(LOGS.values())


def test_the_words_of_the_log_are_in_the_message() -> None:
    found = diagnose(["error: unrecognized arguments: --modle x"], 2, oom_killed=False)
    assert found.message.endswith("--modle x")
    found = diagnose(["Model architectures ['FooForCausalLM'] are not supported"], 0, oom_killed=False)
    assert "FooForCausalLM" in found.message


USAGE = """usage: launch_server.py [-h] --model-path MODEL_PATH
                        [--tokenizer-path TOKENIZER_PATH] [--mem-fraction-static F]
                        [--trust-remote-code] [--cuda-graph-max-bs-decode N]""".splitlines()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--mem-fraction-statik 0.8", "did you mean --mem-fraction-static for --mem-fraction-statik?; check"),
        ("--cuda-graph-max-bs 8", "did you mean --cuda-graph-max-bs-decode for --cuda-graph-max-bs?; check"),
        ("--zzzz", "check server.args"),
    ],
)
def test_the_nearest_flag_of_those_the_program_lists(flags: str, expected: str) -> None:
    log = [*USAGE, f"launch_server.py: error: unrecognized arguments: {flags}"]
    assert diagnose(log, 2, oom_killed=False).hint.startswith(expected)


def test_several_unknown_flags_each_have_theirs() -> None:
    log = [*USAGE, "x: error: unrecognized arguments: --trust-remote --tokeniser-path a"]
    hint = diagnose(log, 2, oom_killed=False).hint
    assert hint.index("--trust-remote-code for --trust-remote?") < hint.index("--tokenizer-path for --tokeniser-path?")


def test_opposite_advice_for_too_little_memory_and_too_small_a_pool() -> None:
    assert (
        "raise"
        in diagnose(["Not enough memory. Please try to increase --mem-fraction-static"], 0, oom_killed=False).hint
    )
    assert "lower" in diagnose(["CUDA out of memory"], 0, oom_killed=False).hint


@pytest.mark.parametrize("code", [0, 137])
def test_an_exit_code_that_misleads_is_said_to_do_so(code: int) -> None:
    found = diagnose(["nothing known"], code, oom_killed=False)
    assert (found.kind, "kills itself" in found.message) == ("unknown", True)


def test_the_engines_out_of_memory_flag_counts_where_the_log_is_silent() -> None:
    assert diagnose(["nothing known"], 137, oom_killed=True).kind == "host-memory"


def test_the_first_traceback_is_shown_and_the_last_lines_after_it() -> None:
    log = [
        "[x] begin",
        "[x TP0] Scheduler hit an exception: Traceback (most recent call last):",
        '  File "/a.py", line 1, in f',
        "    g()",
        "ValueError: the cause",
        "Traceback (most recent call last):",
        "  ...",
        "RuntimeError: what followed",
        *[f"line {number}" for number in range(40)],
    ]
    assert first_traceback(log) == log[1:5]
    lines = diagnose(log, 0, oom_killed=False).lines
    assert lines[:4] == tuple(log[1:5])
    assert lines[-30:] == tuple(log[-30:])


def test_a_log_without_a_traceback_has_none() -> None:
    assert first_traceback(["a", "b"]) == []
