"""A cloned repository that tries everything: nothing of it runs or is mounted before trust, every trick is named."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from docker_engine import EventLog, docker
from sglaunch_cli import Sglaunch

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(shutil.which("git") is None, reason="clones a repository: git is not here"),
]

PROJECT_FILE = """\
project: ../../PROJECT
vars: {place: ../../.., image: IMAGE, profile: "{{ env.AWS_PROFILE }}"}
profiles:
  web:
    image: IMAGE
    build: {context: https://example.com/x.git, tags: [PROJECT-tag], network: host, args: [AWS_PROFILE]}
    container_name: PROJECT-web
    command: [sh, -c, "touch /host/ran; sleep 60"]
    shell: [sh, -c, "touch /workspace/ran"]
    caches: [huggingface]
    environment: [AWS_PROFILE, HF_TOKEN]
    env_file: [passes.env, /etc/hostname]
    labels: {a: "{{ vars.profile }}"}
    volumes: ["./etc:/e", "~/.ssh:/s", "other-data:/o"]
    network_mode: host
    pid: host
    ipc: host
    uts: host
    cgroup: host
    group_add: [docker]
    dns: [192.0.2.1]
    cap_add: [SYS_ADMIN]
    logging: {driver: syslog, options: {syslog-address: "udp://192.0.2.1"}}
"""
LOCAL = """\
profiles:
  web: {privileged: true, volumes: ["/:/host"]}
"""
ENGINE = "engine: {binary: ./docker, host: 'tcp://192.0.2.1:2375', sudo: true}\n"
PERSONAL = """\
defaults:
  secret_env: [MINE]
  volumes: ["/srv/{{ vars.place }}:/a", "/srv/{{ project }}:/b", "/srv/{{ env.PLACE }}:/c"]
"""
NAMED = """\
sglaunch.local.yaml:2:21: privileged
sglaunch.local.yaml:2:37: volumes./host: asks for / (read and write)
build.context: asks for https://example.com/x.git (fetched)
build.network: asks for host
build.args.AWS_PROFILE
caches.huggingface: asks for ~/.cache/huggingface (read and write), for the project's image
secret_env.MINE: asks for the variable of your shell, for the project's image
environment.AWS_PROFILE
environment.HF_TOKEN: asks for a secret of your shell
env_file.AWS_PROFILE: asks for the variable of your shell
env_file: asks for /etc/hostname
labels.a: asks for the variable AWS_PROFILE of your shell
volumes./e: asks for FOLDER/etc -> /etc (read and write)
volumes./s
volumes./o: asks for the volume other-data (read and write)
volumes./a: asks for / (read and write) (from vars.place of the project)
volumes./b
(from project of the project)
volumes./c: asks for /etc (read and write) (from env.PLACE of the project)
network_mode: asks for host
pid: asks for host
ipc: asks for host
uts: asks for host
cgroup: asks for host
group_add: asks for docker
dns: asks for 192.0.2.1
cap_add: asks for SYS_ADMIN
logging.driver: asks for syslog
logging.options.syslog-address: asks for udp://192.0.2.1
"""
COMMANDS = (
    *("plan", "ps", "ps -a", "config", "config web image --origins", "validate", "up", "up -d --yes web", "down --yes"),
    *("shell web", "exec web -- true", "start web", "stop web", "restart web", "rm --yes web", "logs web", "wait web"),
    *("pull", "build", "up --build --yes", "plan --json", "images", "gpus", "export run web", "doctor", "code web"),
)


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=eve", "-c", "user.email=eve@example.com")
    subprocess.run(["git", *identity, "-C", str(folder), *words], check=True, capture_output=True, timeout=60)


@pytest.fixture
def clone(sglaunch: Sglaunch, tmp_path: Path) -> Sglaunch:
    """The repository as somebody gets it, with programs that leave a mark, and a person with a file of theirs."""
    sglaunch.write(PROJECT_FILE)
    sglaunch.write(LOCAL, "sglaunch.local.yaml")
    sglaunch.write("PLACE=../etc\n", ".env")
    sglaunch.write("AWS_PROFILE\n", "passes.env")
    for name in ("docker", "podman", "nerdctl", "git", "sh"):
        program = sglaunch.folder / name
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\n", encoding="utf-8")
        program.chmod(0o755)
    (sglaunch.folder / "etc").symlink_to("/etc")
    for words in (["init"], ["add", "-f", "."], ["commit", "-m", "x"]):
        git(sglaunch.folder, *words)
    folder = tmp_path / "clone"
    git(tmp_path, "clone", str(sglaunch.folder), str(folder))
    (Path(os.environ["XDG_CONFIG_HOME"]) / "sglaunch").mkdir(parents=True, exist_ok=True)
    (Path(os.environ["XDG_CONFIG_HOME"]) / "sglaunch" / "config.yaml").write_text(PERSONAL, encoding="utf-8")
    shell = {"AWS_PROFILE": "ana", "HF_TOKEN": "hf_0123456789", "MINE": "mine-0123456789"}
    return Sglaunch(folder, sglaunch.project, sglaunch.image, shell)


def test_no_command_runs_or_mounts_anything_of_it(clone: Sglaunch, tmp_path: Path) -> None:
    clone("validate")
    with EventLog() as log:
        for words in COMMANDS:
            done = clone(*words.split(), status=None)
            assert "hf_0123456789" not in done.stdout + done.stderr
        completing = {
            "_ARGCOMPLETE": "1",
            "COMP_LINE": "sglaunch up ",
            "COMP_POINT": "12",
            "_ARGCOMPLETE_STDOUT_FILENAME": "o",
        }
        clone(status=None, env=completing)
    assert log.actions(clone.project) == []
    assert docker("ps", "-aq", "--filter", f"name={clone.project}").stdout == ""
    assert sorted(tmp_path.glob("**/ran*")) == []


def test_everything_it_asks_is_named_and_refused(clone: Sglaunch) -> None:
    said = clone("up", "-d", "--yes", "web", status=4).stderr
    for line in NAMED.replace("FOLDER", str(clone.folder)).splitlines():
        assert line in said, f"{line}\n{said}"


@pytest.mark.parametrize(
    "words", ["plan", "ps", "down --yes", "config", "validate", "shell web", "up", "trust", "gpus"]
)
@pytest.mark.parametrize("name", ["sglaunch.local.yaml", "sglaunch.yaml"])
def test_it_chooses_no_program_and_no_address_of_the_engine(
    clone: Sglaunch, words: str, name: str, tmp_path: Path
) -> None:
    clone.write((clone.folder / name).read_text(encoding="utf-8") + ENGINE, name)
    done = clone(*words.split(), status=None)
    assert sorted(tmp_path.glob("**/ran*")) == []
    if words == "gpus":
        return
    assert done.returncode == 2
    said = done.stderr + done.stdout
    assert f"{name}:" in said
    assert "engine: must be a name" in said
    assert "binary, sudo go to ~/.config/sglaunch/config.yaml" in said


def test_no_build_takes_the_name_of_an_image_that_is_here(sglaunch: Sglaunch) -> None:
    """Of a by-hand image, as of one of another project; a name of its own is built over."""
    tag = f"{sglaunch.project}-tag:1"
    text = "project: PROJECT\nprofiles: {web: {image: NAME, build: {context: ., tags: [TAG]}, command: sleep 60}}\n"
    sglaunch.write(f"FROM {sglaunch.image}\n", "Dockerfile")
    docker("tag", sglaunch.image, tag)
    before = docker("image", "inspect", "--format", "{{.Id}}", tag).stdout
    own = f"{sglaunch.project}-own:1"
    try:
        for name, more in ((own, tag), (tag, own)):
            sglaunch.write(text.replace("NAME", name).replace("TAG", more))
            for words in ("build", "up --build"):
                said = sglaunch(*words.split(), status=4).stderr
                assert f"image {tag} is here and was not built by sglaunch" in " ".join(said.split())
        assert docker("image", "inspect", "--format", "{{.Id}}", tag).stdout == before
        sglaunch.write(text.replace("NAME", own).replace("tags: [TAG]", "tags: []"))
        sglaunch("build")
        sglaunch("build")
    finally:
        docker("rmi", "-f", tag, own, check=False)


def test_what_i_wrote_myself_is_asked_about_neither_then_nor_once_it_is_checked_in(sglaunch: Sglaunch) -> None:
    sglaunch.write(
        "project: PROJECT\nprofiles:\n  web: {image: IMAGE, command: sleep 60, caches: [sglang], init: true}\n"
    )
    sglaunch("up")
    git(sglaunch.folder, "init")
    git(sglaunch.folder, "add", "-f", ".")
    sglaunch("up")
    sglaunch.edit("sglang]", "sglang, huggingface]")
    assert "caches.huggingface" in sglaunch("up", "--yes", status=4).stderr
    sglaunch("trust")
    sglaunch("up", "--yes")
