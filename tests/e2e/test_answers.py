"""`up` of a server on real Docker: it returns when the server answers and not before, and says why it does not.

The server is a stand-in with SGLang's manners: no port while it loads, then 503, then 200; markers on stderr, progress
that moves by carriage returns; ends that say nothing by their exit code.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyte
import pytest
from docker_engine import docker
from sglaunch_cli import Sglaunch
from terminal import Open, Terminal

pytestmark = pytest.mark.docker

SERVE = """\
#!/bin/sh
port=$1
echo "[2026-01-01 00:00:00] server_args=ServerArgs(model_path='x')" >&2
sleep 0.3; echo "[2026-01-01 00:00:01 TP0] Init torch distributed begin." >&2
echo "[2026-01-01 00:00:01 TP0] Load weight begin. avail mem=1" >&2
for i in 25 50 75 100; do
  sleep 0.2; printf "\\rLoading safetensors checkpoint shards: $i%% Completed | 1/4" >&2
done
echo starting >/tmp/state
cat >/tmp/answer <<'END'
read method path rest
state=$(cat /tmp/state)
case "$path" in
OLD) status=404 ;;
*) [ "$state" = up ] && status=200 || status=503 ;;
esac
printf 'HTTP/1.0 %s X\\r\\n\\r\\n' $status
END
nc -ll -p $port -e /bin/sh /tmp/answer &
sleep 2.5; cut -d' ' -f1 /proc/uptime >/tmp/up; echo up >/tmp/state
sleep MARKER; echo "[x] The server is fired up and ready to roll!" >&2
sleep 1000
"""
PROJECT = """\
project: PROJECT
profiles:
  server:
    image: IMAGE
    init: true
    gpus: null
    ulimits: null
    caches: null
    stop_grace_period: 1s
    restart: unless-stopped
    volumes: [./serve.sh:/serve.sh]
    server:
      model: org/model
      port: PORT
      launcher: [sh, /serve.sh, "PORT"]
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


@pytest.fixture
def server(sglaunch: Sglaunch, port: int) -> Sglaunch:
    sglaunch.write(PROJECT.replace("PORT", str(port)))
    sglaunch.write(SERVE.replace("OLD", "/none").replace("MARKER", "1000"), "serve.sh")
    return sglaunch


def seconds_after_it_was_up(server: Sglaunch) -> float:
    up = float(docker("exec", server.name("server"), "cat", "/tmp/up").stdout)
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]) - up


@pytest.mark.parametrize("network", ["bridge", "host"])
@pytest.mark.parametrize("old", [False, True], ids=["/ready", "/health"])
def test_up_returns_when_it_answers_and_not_before_whatever_the_proxy(
    server: Sglaunch, port: int, network: str, old: bool
) -> None:
    server.edit("init: true", f"init: true\n    network_mode: {network}")
    if old:
        server.write(SERVE.replace("OLD", "/ready").replace("MARKER", "1000"), "serve.sh")
    dead = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    server("trust")  # the network of the host
    done = server("up", env=dead)
    assert seconds_after_it_was_up(server) >= 0
    assert f"http://127.0.0.1:{port}  org/model" in done.stdout
    assert f"curl http://127.0.0.1:{port}/v1/models" in done.stdout
    assert "weights" in done.stderr
    assert " yes " in server("ps").stdout
    assert json.loads(server("wait", "--json").stdout)["endpoints"][0]["url"] == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("old", [False, True], ids=["/ready", "/health"])
def test_a_container_whose_network_leads_nowhere_is_asked_from_inside(server: Sglaunch, old: bool) -> None:
    server.edit("init: true", "init: true\n    network_mode: none")
    if old:
        server.write(SERVE.replace("OLD", "/ready").replace("MARKER", "1000"), "serve.sh")
    server("up", env={"http_proxy": "http://127.0.0.1:9"})
    assert seconds_after_it_was_up(server) >= 0


def test_the_ready_marker_counts_at_once_where_nobody_can_reach_the_port(server: Sglaunch) -> None:
    server.edit("init: true", "init: true\n    network_mode: none")
    server.write(SERVE.replace("OLD", "/none").replace("MARKER", "0"), "serve.sh")
    server("up")
    assert seconds_after_it_was_up(server) >= 0


def test_progress_is_data_with_json(server: Sglaunch) -> None:
    done = server("up", "--json")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    phases = [event["phase"] for event in events if event["event"] == "progress"]
    assert "weights" in phases
    assert json.loads(done.stdout)["endpoints"][0]["model"] == "org/model"


DEATHS = {
    "torch.OutOfMemoryError: CUDA out of memory.": "lower server.args.mem-fraction-static",
    "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.": "raise server.args",
    "huggingface_hub.errors.GatedRepoError: 401 Client Error": "HF_TOKEN",
    "launch_server.py: error: unrecognized arguments: --modle": "--modle",
    "launch_server.py: error: ambiguous option: --pp could match --pp-size, --pp-x": "write the whole name",
    "CUDA driver version is insufficient for CUDA runtime version": "-cu129",
    "RuntimeError: No accelerator (CUDA, XPU, HPU, NPU, MUSA) is available": "gpus: all",
    "Error while creating shared memory segment /dev/shm/nccl-x (size 9637888)": "shm_size: 32g",
    "torch.distributed.DistBackendError: NCCL error in: x.cpp": "NCCL_DEBUG",
    "huggingface_hub.errors.LocalEntryNotFoundError: x": "hub: hf-mirror",
    "ERROR: [Errno 98] error while attempting to bind on address (0.0.0.0, 30000)": "another server.port",
    "ValueError: Model architectures [Foo] are not supported for now.": "newer image tag",
    "Initialization failed. warmup error: x": "no_proxy",
    "Rank 0 scheduler died during initialization (exit code: -9)": "dmesg",
    "Scheduler watchdog timeout": "watchdog-timeout",
}


@pytest.mark.parametrize("line", DEATHS)
def test_a_death_is_explained_by_its_log_and_not_by_its_exit_code(server: Sglaunch, line: str) -> None:
    script = (
        f'echo "Traceback (most recent call last):\n  File x\n{line}"; echo "Received sigquit" ; sleep 0.6; exit 0\n'
    )
    server.write(script, "serve.sh")
    done = server("up", status=1)
    assert DEATHS[line] in done.stderr
    # Its restart policy may have it up again before anybody looks.
    assert re.search(r"exit code 0|restarted", done.stderr)
    assert "File x" in done.stderr


def test_after_a_restart_ps_shows_the_phase_of_this_start(server: Sglaunch) -> None:
    script = "[ -e /was ] || { touch /was; exec sh /real.sh $1; }; echo '[x] Load weight begin.'; sleep 1000"
    server.edit("./serve.sh:/serve.sh", "./serve.sh:/serve.sh, ./real.sh:/real.sh")
    server.write(f"{script}\n", "serve.sh")
    server.write(SERVE.replace("OLD", "/none").replace("MARKER", "0"), "real.sh")
    server("up")
    server("restart", "server")
    assert "loading (weights)" in server("ps").stdout


def test_a_stall_is_told_and_leaves_it_running(server: Sglaunch) -> None:
    server.edit("model: org/model", "model: org/model\n      ready: {stall: 2s}")
    server.write('echo "Load weight begin."; sleep 1000\n', "serve.sh")
    done = server("up", status=1)
    assert "has not moved for 2s (weights): no new log line, no CPU work" in done.stderr
    assert "sglaunch wait" in done.stderr
    assert server.inspect("server")["State"]["Running"]


SILENT = """\
hub=/root/.cache/huggingface/hub/models--org--model
mkdir -p $hub/blobs $hub/snapshots/1
echo '{"metadata": {"total_size": 2000000}}' >$hub/snapshots/1/model.safetensors.index.json
rm -f $hub/blobs/*
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
  head -c 100000 /dev/zero >>$hub/blobs/a1b2.incomplete; sleep 0.5
done
mv $hub/blobs/a1b2.incomplete $hub/blobs/a1b2
"""


def test_a_silent_download_is_no_stall_and_shows_its_bytes_on_a_first_start_and_on_a_recreate(server: Sglaunch) -> None:
    server.edit("./serve.sh:/serve.sh", "./serve.sh:/serve.sh, ./hf:/root/.cache/huggingface")
    server.edit("model: org/model", "model: org/model\n      ready: {stall: 4s}")
    (server.folder / "hf").mkdir()
    server.write(SILENT + "exec sh /serve.sh.real $1\n", "serve.sh")
    server.edit("./hf:", "./real.sh:/serve.sh.real, ./hf:")
    server.write(SERVE.replace("OLD", "/none").replace("MARKER", "0").replace("sleep 2.5", "sleep 1"), "real.sh")
    first = server("up").stderr
    assert re.search(r"server: download \d+% \(\d+s\)  \d.* of 1\.9m, .*/s, .* left", first), first
    again = server("up", "--json", "--force-recreate", "--yes").stderr
    events = [json.loads(line) for line in again.splitlines()]
    downloads = [event for event in events if event.get("phase") == "download"]
    assert downloads[-1]["bytes"] > downloads[0]["bytes"] > 0
    assert {event["total_bytes"] for event in downloads} == {2000000}
    assert all(event["bytes_per_second"] for event in downloads)
    assert not [event for event in events if event["event"] == "undo"]


def test_a_stall_on_a_recreate_does_not_claim_that_the_removed_container_runs(server: Sglaunch) -> None:
    server("up")
    first, _ = server.identity("server")
    server.edit("model: org/model", "model: org/model\n      ready: {stall: 2s}")
    server.write('echo "Load weight begin."; sleep 1000\n', "hangs.sh")
    server.edit("./serve.sh:", "./hangs.sh:")
    said = server("up", status=1).stderr
    assert "has not moved for 2s (weights): no new log line, " in said
    assert "still runs" not in said
    assert "the old container runs again" in said
    assert server.identity("server")[0] == first


def test_ctrl_c_while_waiting_leaves_it_loading_and_names_wait(server: Sglaunch) -> None:
    process = server.start("up")
    deadline = time.monotonic() + 60
    while not docker("ps", "-q", "--filter", f"name={server.project}").stdout and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "sglaunch wait server" in errors) == (130, True), errors
    assert server.inspect("server")["State"]["Running"]
    assert "ready" in server("wait", "server").stdout


def shown(one: Terminal) -> list[str]:
    """The lines on the terminal."""
    screen = pyte.Screen(100, 30)
    pyte.Stream(screen).feed(one.text)
    return [line.rstrip() for line in screen.display if line.strip()]


def test_what_is_said_after_a_line_that_moves_begins_on_its_own(server: Sglaunch, terminal: Open) -> None:
    server.write('echo "[x] Load weight begin."; read forever </dev/zero\n', "serve.sh")
    one = terminal("up")
    while not any("weights" in line for line in shown(one)):
        assert one.read(), one.text
    one.type("\x03")
    assert one.status() == 130
    *_, last = shown(one)
    assert last.startswith(f"no longer waiting; still starting: {server.name('server')}"), one.text
    server("down", "--yes")

    server.write('echo "[x] Load weight begin."; sleep 2; echo "[rank0] Killed"; exit 1\n', "serve.sh")
    one = terminal("up")
    assert one.status() == 1
    assert "weights" in one.text
    assert any(line.startswith(f"{server.name('server')} did not come up") for line in shown(one)), one.text


def test_a_replacement_that_dies_brings_the_old_server_back(server: Sglaunch, port: int) -> None:
    server("up")
    first, _ = server.identity("server")
    server.write("exit 3\n", "dies.sh")
    server.edit("./serve.sh:", "./dies.sh:")
    said = server("up", status=1).stderr
    name = server.name("server")
    assert f"{name}: stopped (taken back)" in said
    assert f"{name}.new: removed (taken back)" in said
    assert f"{name}.old: renamed to {name} (taken back)" in said
    assert server.identity("server")[0] == first
    assert f"127.0.0.1:{port}" in server("wait").stdout


@pytest.fixture
def listener() -> Iterator[int]:
    found = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found.server_port
    found.shutdown()
    found.server_close()


def test_a_taken_port_is_told_with_its_holder_before_anything_is_made(
    server: Sglaunch, port: int, listener: int
) -> None:
    server.edit(f"port: {port}", f"port: {listener}")
    done = server("up", status=2)
    assert f"port {listener} of the host is taken by pid {os.getpid()} " in done.stderr
    assert docker("ps", "-aq", "--filter", f"name={server.project}").stdout == ""


@pytest.mark.parametrize("who", ["a listener", "a container"])
def test_an_automatic_port_passes_over_taken_ones_and_stays(server: Sglaunch, port: int, who: str) -> None:
    """Should somebody else have 30000 on this machine, it is taken all the same."""
    with contextlib.ExitStack() as held:
        if who == "a listener":
            with contextlib.suppress(OSError):
                held.enter_context(socket.create_server(("127.0.0.1", 30000)))
        else:
            holder = f"{server.project}-holder"
            publish = ("-p", "127.0.0.1:30000:30000")
            docker("run", "-d", "--name", holder, *publish, server.image, "sleep", "100", check=False)
        passes_over_30000(server, port)


def passes_over_30000(server: Sglaunch, port: int) -> None:
    server.edit(f"port: {port}", "port: auto")
    server("up", "--no-wait")
    label = json.loads(server.inspect("server")["Config"]["Labels"]["sglaunch.assigned"])
    assert label["port"] > 30000
    server("up", "--no-wait", "--force-recreate")
    assert json.loads(server.inspect("server")["Config"]["Labels"]["sglaunch.assigned"]) == label
