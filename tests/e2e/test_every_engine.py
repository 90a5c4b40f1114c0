"""The life of a container on every engine, found without being named: PATH holds no program of another one."""

from __future__ import annotations

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker_engine
import pytest
from real_engines import ENGINES, RealEngine
from sglaunch_cli import Sglaunch
from terminal import Open

PROJECT = """\
project: PROJECT
profiles:
  dev:
    image: IMAGE
    command: [sh, -c, "echo hello from inside; exec sleep 1000"]
    stop_grace_period: 1s
    environment: {GREETING: hello}
    shell: sh
    # What a machine that is a container itself cannot raise; Podman drops its defaults where any limit is written.
    ulimits: !override {nofile: 1024, nproc: 4096}
"""


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ENGINES])
def place(
    request: pytest.FixtureRequest, real_engine: RealEngine, unique: str, tmp_path: Path, only_path: Path
) -> Iterator[Sglaunch]:
    """A project that extends the built-in `dev`, on a machine with one engine."""
    folder = tmp_path / "project"
    folder.mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / real_engine.name).symlink_to(shutil.which(real_engine.name) or "")
    path = f"{programs}:{only_path}"
    one = Sglaunch(folder, unique, "sglaunch-test/busybox:1", {**real_engine.environment, "PATH": path})
    one.write(PROJECT)
    yield one
    real_engine.remove(unique)


@pytest.fixture(scope="session")
def only_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every program of this machine but the engines; and tini, which is seldom a static one as this image needs it."""
    folder = tmp_path_factory.mktemp("path")
    for each in os.environ.get("PATH", os.defpath).split(":"):
        for program in Path(each).iterdir() if Path(each).is_dir() else ():
            if program.name not in (*ENGINES, "tini") and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return folder


def container(real: RealEngine, place: Sglaunch) -> dict[str, Any]:
    return real.inspect(f"{getpass.getuser()}-{place.project}-dev")


def actions(place: Sglaunch) -> list[str]:
    return [one["action"] for one in json.loads(place("plan", "--json").stdout)["containers"]]


AS_PERSON = """\
import sys
from sglaunch.recall.questions import KINDS
KINDS["person"] = lambda: (12345, 12345, "ana", "/nonexistent")
from sglaunch.cli import main
from sglaunch.engine import detect
detect._is_rootless = lambda *_: False
sys.exit(main())
"""
TRY = "touch /workspace/made ~/mine ~/.cache/x ~/.cache/huggingface/y && mkdir ~/.cache/torch && id -u && echo $HOME"


def test_the_caller_can_write_home_caches_and_project_and_owns_the_files(
    place: Sglaunch, real_engine: RealEngine, tmp_path: Path
) -> None:
    """Tests run as root are those of another user, whose folders are given to them."""
    is_root = os.getuid() == 0
    home, uid, user = tmp_path / "ana", *((12345, "ana") if is_root else (os.getuid(), getpass.getuser()))
    place.write(
        "project: PROJECT\nprofiles:\n  box: {image: IMAGE, user: me, caches: [huggingface], shell: sh, "
        "volumes: ['./work:/workspace'], command: [sleep, '300'], stop_signal: SIGKILL, protect: false}"
    )
    name = f"{user}-{place.project}-box"
    kept = home / f".local/share/sglaunch/homes/{name}"
    for folder in (kept / ".cache", home / ".cache/huggingface", place.folder / "work"):
        folder.mkdir(parents=True)
    for path in (home, *home.rglob("*"), place.folder / "work") if is_root else ():
        os.chown(path, uid, uid)
    tmp_path.chmod(0o755)

    def run(*words: str) -> str:
        command = [sys.executable, *(["-c", AS_PERSON] if is_root else ["-m", "sglaunch"]), *words]
        env = {**place.env(), "HOME": str(home)}
        done = subprocess.run(
            command, cwd=place.folder, env=env, capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("up", "-d")
    assert run("exec", "box", "--", "sh", "-c", TRY).split() == [str(uid), f"/home/{user}"]
    made = (
        place.folder / "work/made",
        kept / "mine",
        kept / ".cache/x",
        kept / ".cache/torch",
        home / ".cache/huggingface/y",
    )
    assert {path.stat().st_uid for path in made} == {uid}
    assert "up to date" in run("up", "-d")
    run("up", "-d", "--force-recreate", "--yes")
    assert run("exec", "box", "--", "sh", "-c", "ls ~") == "mine\n"
    run("down")


def test_the_life_of_a_container(place: Sglaunch, real_engine: RealEngine) -> None:
    assert actions(place) == ["create"]
    assert "created" in place("up").stdout
    first = container(real_engine, place)
    assert first["State"]["Running"]
    assert "restart" not in json.dumps(place.plan()["changes"])
    assert actions(place) == ["none"]
    assert "up to date" in place("up").stdout
    assert container(real_engine, place)["Id"] == first["Id"]
    assert (Path(os.environ["HOME"]) / ".cache/huggingface").is_dir()

    assert place("exec", "dev", "--", "sh", "-c", "echo $GREETING; exit 3", status=3).stdout == "hello\n"
    assert place("logs", "dev").stdout == "hello from inside\n"
    assert " running " in place("ps").stdout
    assert place("exec", "dev", "--", "ls", "/workspace").stdout == "sglaunch.yaml\n"

    real_engine.run("stop", first["Id"])
    assert actions(place) == ["start"]
    place("start", "dev")
    assert container(real_engine, place)["Id"] == first["Id"]
    place("restart", "dev")
    place("stop", "dev")
    assert not container(real_engine, place)["State"]["Running"]
    assert "started" in place("up").stdout

    place.edit("GREETING: hello", "GREETING: bonjour")
    (change,) = place.plan()["changes"]
    assert (change["field"], change["old"], change["new"]) == ("environment.GREETING", "hello", "bonjour")
    assert change["origin"].startswith("sglaunch.yaml:7:")
    assert "recreated" in place("up", "--yes").stdout
    second = container(real_engine, place)
    assert second["Id"] != first["Id"]
    assert actions(place) == ["none"]

    place.edit('[sh, -c, "echo', '[no-such-program, "echo')
    assert re.search("no-such-program|No such file", place("up", "--yes", status=1).stderr)
    back = container(real_engine, place)
    assert (back["Id"], back["State"]["Running"]) == (second["Id"], True)
    assert len(real_engine.containers(place.project)) == 1
    place.edit('[no-such-program, "echo', '[sh, -c, "echo')
    assert actions(place) == ["none"]

    # On containerd before 1.7 the built-in's policy has given way already.
    policy = () if real_engine.name == "nerdctl" else ('restart: "no"',)
    for line in ("mem_limit: 64m", "cpus: 0.5", *policy):
        place.edit("    shell: sh\n", f"    shell: sh\n    {line}\n")
        assert actions(place)[0] in ("update", "recreate")
        place("up", "--yes")
        assert actions(place) == ["none"], line

    place("down", "--yes")
    assert real_engine.containers(place.project) == []


def test_up_on_a_terminal_enters_a_shell(place: Sglaunch, terminal: Open, real_engine: RealEngine) -> None:
    one = terminal("up", "dev", on=place)
    one.expect("entering")
    one.expect("# ")
    one.type("stty size; echo got $GREETING; exit 5\n")
    one.expect("30 100")
    one.expect("got hello")
    assert one.status() == 5
    assert container(real_engine, place)["State"]["Running"]


def test_a_secret_arrives_and_is_told_nowhere(place: Sglaunch, real_engine: RealEngine) -> None:
    token = {"HF_TOKEN": "hf_planted0123456789"}
    told = place("--verbose", "up", env=token)
    assert place("exec", "dev", "--", "sh", "-c", "echo $HF_TOKEN").stdout == "hf_planted0123456789\n"
    told_again = place("plan", "--json", env=token).stdout
    labels = json.dumps(container(real_engine, place)["Config"]["Labels"])
    for text in (told.stdout, told.stderr, told_again, labels):
        assert "hf_planted" not in text
    assert actions(place) == ["none"], "unset is no opinion"


def test_two_containers_of_one_port_and_what_others_listen_on(place: Sglaunch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    body = f"image: IMAGE, command: sleep 1000, protect: false, ports: ['127.0.0.1:{port}:80']"
    place.write(f"project: PROJECT\nprofiles: {{a: {{{body}}}, b: {{{body}}}}}\n")
    place("up", "a")
    said = place("up", "b", status=2).stderr
    assert f"port {port} of the host is taken by container" in said
    place("down", "--yes")


def test_a_snapshot_keeps_what_was_written_and_no_secret(place: Sglaunch, real_engine: RealEngine) -> None:
    token = {"HF_TOKEN": "hf_planted0123456789"}
    place("up", env=token)
    place("exec", "dev", "--", "sh", "-c", "echo work >/root/notes")
    place.edit("GREETING: hello", "GREETING: bonjour")
    said = place("up", "--snapshot", env=token)
    (image,) = place.snapshots()
    try:
        assert image in said.stderr + said.stdout
        assert "hf_planted" not in json.dumps(real_engine.inspect(image, "image"))
        shown = real_engine.run("run", "--rm", "--network", "none", image, "cat", "/root/notes")
        assert shown.stdout == "work\n"
    finally:
        real_engine.run("rmi", image, check=False)


@pytest.mark.podman
def test_podman_gives_a_device_by_its_description(real_engine: RealEngine, unique: str, tmp_path: Path) -> None:
    """`--gpus` would be lost without a word; the stand-in for a device is one that every machine has."""
    if os.geteuid() != 0:
        pytest.skip("only root may write to /etc/cdi")
    device = {"deviceNodes": [{"path": "/dev/fake-gpu0", "hostPath": "/dev/null"}]}
    spec = {
        "cdiVersion": "0.5.0",
        "kind": "nvidia.com/gpu",
        "devices": [{"name": name, "containerEdits": device} for name in ("0", "all")],
    }
    file = Path("/etc/cdi") / f"{unique}.json"
    file.parent.mkdir(exist_ok=True)
    folder = tmp_path / "project"
    folder.mkdir()
    place = Sglaunch(
        folder, unique, "sglaunch-test/busybox:1", {**real_engine.environment, "SGLAUNCH_ENGINE": "podman"}
    )
    place.write(PROJECT)
    try:
        file.write_text(json.dumps(spec), encoding="utf-8")
        place("up")
        shown = place("exec", "dev", "--", "sh", "-c", "ls /dev/fake-gpu0").stdout
        assert shown == "/dev/fake-gpu0\n"
        assert actions(place) == ["none"]
        place("down", "--yes")
        place.edit("    shell: sh\n", "    shell: sh\n    gpus: ['7']\n")
        said = place("up", status=1).stderr
        assert "cannot give GPUs" in said
        assert "nvidia-ctk cdi generate" in said
    finally:
        file.unlink(missing_ok=True)
        real_engine.remove(unique)


VOLUMES = """\
project: PROJECT
profiles:
  db:
    image: sglaunch-test/volume:1
    command: [sleep, "1000"]
    stop_signal: SIGKILL
    environment: {A: "1"}
    volumes: [/scratch]
"""


def test_anonymous_volumes_are_work(place: Sglaunch, real_engine: RealEngine) -> None:
    layer = docker_engine.root_filesystem(programs={"data/seed": "of the image"})
    real_engine.load(docker_engine.image_archive("sglaunch-test/volume:1", layer, ["/data"]))
    place.write(VOLUMES)

    def volumes() -> set[str]:
        mounts = real_engine.inspect(place.name("db"))["Mounts"]
        return {mount["Name"] for mount in mounts if mount["Type"] == "volume"}

    def there() -> set[str]:
        return set(real_engine.run("volume", "ls", "-q").stdout.split())

    place("up")
    names = volumes()
    assert len(names) == 2
    if real_engine.name != "nerdctl":
        # Its inspect does not show the layers of the image, so that the copy of what it brings may be work.
        place("down")
        assert not names & there()
    place("up", "--yes")
    names = volumes()
    place("exec", "db", "--", "sh", "-c", "echo precious > /data/f; echo more > /scratch/g")
    for old, new in (("1", "2"), ("2", "3")):
        place.edit(f'A: "{old}"', f'A: "{new}"')
        assert "its volume at /data is kept" in place("up", status=3).stderr
        place("up", "--yes")
        assert volumes() == names
        assert place("exec", "db", "--", "cat", "/data/f", "/scratch/g").stdout == "precious\nmore\n"
        assert [one["action"] for one in json.loads(place("plan", "--json").stdout)["containers"]] == ["none"]

    place.edit('[sleep, "1000"]', "[no-such-program]")
    place("up", "--yes", status=1)
    assert place("exec", "db", "--", "cat", "/data/f").stdout == "precious\n"
    place.edit("[no-such-program]", '[sleep, "1000"]')

    place.edit("    volumes: [/scratch]\n", "")
    assert "5 bytes written in its volume at /scratch would be lost: g" in place("up", status=3).stderr
    place("up", "--yes")
    assert len(volumes()) == 1
    assert len(names & there()) == 1
    assert "written in its volume at /data would be lost" in place("down", status=3).stderr
    assert volumes() <= there()
    place("down", "--yes")
    assert not names & there()
