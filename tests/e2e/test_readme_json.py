"""The JSON of docs/json.md is that of real answers: the same keys with values of the same kind, in the same places."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker_engine
import pytest
from sglaunch_cli import Sglaunch

from sglaunch.engine.apply import Event
from sglaunch.plan.steps import ContainerPlan, Step
from sglaunch.report.progress import _event_data
from sglaunch.spec.startup import download

pytestmark = pytest.mark.docker

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT.parent / "docs" / "json.md"
SCREEN = re.compile(r"^([^\n]+):\n\n```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)
GIB = 1 << 30
PROJECT = """
project: PROJECT
profiles:
  server:
    image: IMAGE
    init: true
    gpus: 1
    ulimits: null
    caches: null
    stop_grace_period: 1s
    volumes: [./serve.sh:/serve.sh]
    server:
      model: Qwen/Qwen3-8B
      port: auto
      launcher: [sh, /serve.sh]
      args: {tp: 1}
"""
LOADING = """
echo "[2026-11-24 09:12:09 TP0] Load weight begin. avail mem=139 GB"
echo "Loading safetensors checkpoint shards:  25% Completed | 1/4"
"""
ANSWERING = f"""{LOADING}
printf 'read line\\nprintf "HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\n"\\n' >/tmp/answer
sleep 2
nc -ll -p $6 -e /bin/sh /tmp/answer
"""
DYING = f"""{LOADING}
echo "Traceback (most recent call last):"
echo "torch.OutOfMemoryError: CUDA out of memory."
sleep 1
"""


def screens() -> dict[str, Any]:
    """What stands before a screen -> its document, or the documents of its lines."""
    found = {}
    for told, text in SCREEN.findall(PAGE.read_text(encoding="utf-8")):
        lines = [json.loads(line) for line in text.splitlines()] if text.count("\n{") else json.loads(text)
        found[told] = lines
    return found


def shape(value: Any, path: str = "") -> dict[str, str]:
    """Path -> kind of each value; of a list, its first item."""
    if isinstance(value, Mapping):
        inner = [shape(item, f"{path}.{name}") for name, item in value.items()]
        return {path: "mapping"} | {name: kind for found in inner for name, kind in found.items()}
    if isinstance(value, list):
        return {path: "list"} | (shape(value[0], f"{path}[]") if value else {})
    kinds = {str: "text", bool: "bool", int: "number", float: "number", type(None): "null"}
    return {path: kinds[type(value)]}


def same(shown: Any, real: Any) -> None:
    """Every key that either has, unless it lies in a list that the other leaves empty; null stands for any value."""
    a, b = shape(shown), shape(real)
    nothing = {path for found in (a, b) for path in found if found[path] == "list" and f"{path}[]" not in found}
    nothing |= {path for found in (a, b) for path in found if found[path] == "null"}
    for path in a.keys() ^ b.keys():
        assert any(path.startswith((f"{empty}[", f"{empty}.")) for empty in nothing), path
    for path in a.keys() & b.keys():
        assert a[path] == b[path] or "null" in (a[path], b[path]), path


def download_event() -> Any:
    """What a download is shown as; e2e/test_answers.py has one on an engine."""
    step = Step("ready", "ana-eval-server", "wanted ready")
    plan = ContainerPlan("server", "ana-eval-server", "start", steps=(step,))
    return _event_data(Event("progress", plan, step, progress=download(1 << 20, 1 << 21, 1e6), seconds=2.0))


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Two devices, on one of which this process works."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler to build the stand-in for NVML with")
    folder = tmp_path / "nvml"
    folder.mkdir()
    source = ROOT / "stub_nvml.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", folder / "libnvidia-ml.so.1", source], check=True)
    used = f"GPU-b {140 * GIB} {70 * GIB} {os.getpid()}:{70 * GIB}"
    (folder / "devices").write_text(f"{used}\nGPU-a {140 * GIB} {140 * GIB}\n", encoding="utf-8")
    return {"LD_LIBRARY_PATH": str(folder), "STUB_NVML": str(folder / "devices")}


def test_every_screen_has_the_shape_of_a_real_answer(sglaunch: Sglaunch, machine: dict[str, str]) -> None:
    shown = screens()
    assert len(shown) == 13
    (silent,) = [told for told in shown if "bytes_per_second" in told]
    same(shown[silent], download_event())

    def answer(*words: str, status: int = 0) -> Any:
        return json.loads(sglaunch(*words, "--json", env=machine, status=status).stdout)

    sglaunch.write(PROJECT)
    # No device can be given here: what counts them is read from a container that is only created.
    sglaunch.write(ANSWERING, "serve.sh")
    answer("up", "--no-start")
    same(shown["`sglaunch gpus --json`"], answer("gpus"))
    counted = answer("ps", "-a")
    sglaunch("down", "--yes", env=machine)

    sglaunch.edit("gpus: 1", "gpus: null")
    up = sglaunch("up", "server", "--json", env=machine)
    same(shown["`sglaunch up server --json`"], json.loads(up.stdout))
    events = {event["event"]: event for event in map(json.loads, up.stderr.splitlines())}
    (told,) = [text for text in shown if text.startswith("Meanwhile stderr")]
    for event in shown[told]:
        same(event, events[event["event"]])
    listed = re.search(r"\((.*)\)", told)
    assert listed is not None
    assert set(events) <= set(re.findall(r"`(\w+)`", listed[1]))
    same(shown["`sglaunch wait server --json`"], answer("wait", "server"))
    running = answer("ps")
    same(shown["`sglaunch config dev environment.LOG_LEVEL --json`"], answer("config", "server", "server.model"))
    same(shown["`sglaunch code dev --json`"], answer("code", "server"))
    running["containers"][0] |= {key: counted["containers"][0][key] for key in ("gpus", "devices")}
    same(shown["`sglaunch ps --json`"], running)

    sglaunch.edit("tp: 1", "tp: 2")
    same(shown["`sglaunch plan server --json` after an edit"], answer("plan", "server"))
    sglaunch("down", "--yes", env=machine)
    sglaunch.write(DYING, "serve.sh")
    same(shown["`sglaunch up server --json` of a server that dies"], answer("up", "server", status=1))


def test_the_screens_of_coming_and_leaving_have_the_shape_of_real_answers(sglaunch: Sglaunch) -> None:
    shown = screens()

    def answer(*words: str) -> Any:
        return json.loads(sglaunch(*words, "--json", "--yes").stdout)

    (imported,) = [told for told in shown if told.startswith("`sglaunch import")]
    line = re.search("'(.*)'", imported)
    assert line is not None
    assert shown[imported] == answer("import", line[1])

    body = "image: IMAGE, command: sleep 1000, network_mode: none"
    sglaunch.write(f"project: PROJECT\nprofiles: {{web: {{{body}, secret_env: [DB_PASSWORD]}}}}\n")
    same(shown["`sglaunch export run web --json`"], answer("export", "run", "web"))

    name = f"{sglaunch.project}-box"
    docker_engine.docker("run", "-d", "--name", name, "--network", "none", sglaunch.image, "sleep", "1000")
    sglaunch.write("project: PROJECT\n")
    same(shown["`sglaunch adopt box --as web --json`"], answer("adopt", name, "--as", "web"))
