"""`sglaunch export` as users run it, without any engine: what goes to stdout, to stderr, and the exit status."""

from __future__ import annotations

import json
from pathlib import Path

import kubernetes_schemas
import pytest
from sglaunch_cli import Sglaunch

from sglaunch.commands.export import FORMATS

SERVER = """\
project: eval
profiles:
  server:
    container_name: eval-server
    server: {model: Qwen/Qwen3-8B, args: {tp: 2}}
  dev:
    user: root
"""
SECRETS = {"HF_TOKEN": "hf_s3cret"}


@pytest.fixture
def sglaunch(tmp_path: Path) -> Sglaunch:
    """A project, and a PATH with no engine on it."""
    folder = tmp_path / "project"
    folder.mkdir()
    one = Sglaunch(folder, "eval", "img:1", {**SECRETS, "PATH": str(tmp_path)})
    one.write(SERVER)
    return one


@pytest.mark.parametrize("form", FORMATS)
def test_the_answer_is_on_stdout_and_what_is_lost_on_stderr(sglaunch: Sglaunch, form: str) -> None:
    done = sglaunch("export", form, "server")
    assert "eval-server" in done.stdout
    assert done.stdout.endswith("\n")
    assert not done.stdout.endswith("\n\n")
    assert "not carried: sglaunch.yaml:5:13: server.ready:" in done.stderr
    assert "hf_s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_json_has_both(sglaunch: Sglaunch, form: str) -> None:
    done = sglaunch("export", form, "server", "--json")
    answer = json.loads(done.stdout)
    assert (answer["schema_version"], answer["format"]) == (1, form)
    assert answer["text"].rstrip("\n") == sglaunch("export", form, "server").stdout.rstrip("\n")
    (loss,) = [one for one in answer["losses"] if one["path"] == "server.ready"]
    assert (loss["file"], loss["line"], loss["column"]) == ("sglaunch.yaml", 5, 13)
    assert loss["message"]
    assert done.stderr == ""


def test_without_an_engine_the_line_is_dockers_and_a_named_one_has_its_own(sglaunch: Sglaunch) -> None:
    assert "docker run --detach" in sglaunch("export", "run", "dev").stdout
    line = sglaunch("--engine", "podman", "--context", "gpu1", "export", "run", "dev").stdout
    assert "podman --connection gpu1 run --detach" in line
    assert "--device nvidia.com/gpu=all" in line


def test_an_engine_that_is_here_is_the_one_of_the_line(sglaunch: Sglaunch, tmp_path: Path) -> None:
    (tmp_path / "podman").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "podman").chmod(0o755)
    assert "podman run --detach" in sglaunch("export", "run", "dev").stdout


def test_what_the_engine_of_the_line_lacks_is_refused(sglaunch: Sglaunch) -> None:
    done = sglaunch("--engine", "nerdctl", "export", "run", "dev", "--set", "stdin_open=true", status=2)
    assert done.stdout == ""
    assert "stdin_open: nerdctl cannot do this" in done.stderr


@pytest.mark.parametrize("nodes", [1, 2])
def test_the_built_in_server_is_exported_to_kubernetes(sglaunch: Sglaunch, nodes: int) -> None:
    """Whole: GPUs, caches, limits and token as they come."""
    sglaunch.write("project: eval\n")
    name = ["--set", "container_name=eval-server", "--set", "server.model=org/model"]
    done = sglaunch("export", "kubernetes", "server", *name, "--set", f"nodes={nodes}", "--set", "server.args.tp=16")
    workload, service = kubernetes_schemas.documents(done.stdout)
    kubernetes_schemas.check([workload, service])
    assert workload["kind"] == ("Deployment" if nodes == 1 else "LeaderWorkerSet")
    assert f'nvidia.com/gpu: "{16 // nodes}"' in done.stdout
    assert done.stdout.startswith("# The Secret eval-server is not in this file; it holds HF_TOKEN.\n")
    if nodes > 1 and (problem := kubernetes_schemas.lws_problem()):
        pytest.skip(problem)


def test_what_kubernetes_refuses_is_told_at_once_with_its_lines(sglaunch: Sglaunch) -> None:
    sglaunch.edit("    server: {model", "    uts: host\n    cpuset: '0'\n    volumes: ['./d:/d']\n    server: {model")
    (sglaunch.folder / "d").mkdir()
    done = sglaunch("export", "kubernetes", "server", status=2)
    assert done.stdout == ""
    for expected in (
        "sglaunch.yaml:5:10: uts: a pod has a host name of its own; network_mode: host brings the node's",
        "    uts: host",
        "sglaunch.yaml:6:13: cpuset:",
        "is on this machine, not on the node; name a claim instead",
    ):
        assert expected in done.stderr
    errors = json.loads(sglaunch("export", "kubernetes", "server", "--json", status=2).stdout)["errors"]
    assert [one["line"] for one in errors] == [7, 5, 6]


def test_a_profile_without_a_server_is_no_pod(sglaunch: Sglaunch) -> None:
    done = sglaunch("export", "kubernetes", "dev", status=2)
    assert "a pod has none of these" in done.stderr
    assert done.stdout == ""


def test_profiles_that_are_needed_come_first(sglaunch: Sglaunch) -> None:
    sglaunch.edit("    user: root", "    depends_on: [server]")
    text = sglaunch("export", "run", "dev").stdout
    assert text.index("--name eval-server") < text.index("-eval-dev")
    assert text.count("docker run") == 2


@pytest.mark.parametrize("form", FORMATS)
def test_a_secret_that_would_be_shown_is_refused(sglaunch: Sglaunch, form: str) -> None:
    sglaunch.edit("args: {tp: 2}", "args: {tp: 2, admin-api-key: '{{ env.HF_TOKEN }}'}")
    done = sglaunch("export", form, "server", status=2)
    assert "sglaunch.yaml:5:" in done.stderr
    assert "server.args.admin-api-key: holds a secret" in done.stderr
    assert "hf_s3cret" not in done.stdout + done.stderr


def test_a_wrong_format_is_told(sglaunch: Sglaunch) -> None:
    assert "choose from" in sglaunch("export", "swarm", "dev", status=2).stderr


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("network", ["bridge", "host"])
@pytest.mark.parametrize(
    ("written", "proxy"),
    [
        ("", "http://127.0.0.1:7890"),
        ("", "http://me:s3cret@proxy.of.mine:3128"),
        ("environment: {http_proxy: 'http://localhost:7890'}", ""),
    ],
)
def test_no_proxy_of_the_exporter_or_its_loopback_is_exported(
    sglaunch: Sglaunch, form: str, network: str, written: str, proxy: str
) -> None:
    sglaunch.write(SERVER.replace("    server: {", f"    network_mode: {network}\n    {written}\n    server: {{"))
    shell = {"http_proxy": proxy, "HTTPS_PROXY": proxy, "no_proxy": "intern.of.mine"} if proxy else {}
    done = sglaunch("export", form, "server", env=shell)
    assert not [word for word in ("7890", "of.mine", "s3cret") if word in done.stdout], done.stdout
    assert "http_proxy" in done.stderr
    assert "s3cret" not in done.stderr
