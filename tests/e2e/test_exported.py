"""What `export` writes, pasted: `sh` and `docker compose` make the same containers as `up` does."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker_engine
import pytest
from docker_compose import compose_problem
from docker_engine import IMAGE, EventLog, docker
from export_cases import ENVIRONMENT, PROFILES, SECRETS, profiles, write_files
from inspect_compare import asked
from real_engines import RealEngine
from sglaunch_cli import Sglaunch


@pytest.fixture
def place(sglaunch: Sglaunch) -> Iterator[Sglaunch]:
    """The project with its folders, its network and its volume."""
    name = sglaunch.project
    write_files(sglaunch.folder)
    bodies = profiles(sglaunch.image, sglaunch.folder, name, sglaunch.name("").removesuffix("-"))
    text = "".join(f"  {profile}:\n{body}" for profile, body in bodies.items())
    sglaunch.write("project: PROJECT\n")
    # One's own file needs no trust.
    sglaunch.write(f"defaults: {{protect: false, recreate: always}}\nprofiles:\n{text}", "sglaunch.local.yaml")
    sglaunch.environment |= ENVIRONMENT
    docker("network", "create", "--subnet", "172.31.251.0/24", f"{name}b")
    docker("network", "create", f"{name}a")
    docker("volume", "create", f"{name}-v")
    yield sglaunch
    if ids := docker_engine.containers(name):
        docker("rm", "--force", "--volumes", *ids)
    docker("network", "rm", f"{name}a", f"{name}b")
    docker("volume", "rm", f"{name}-v")


def made(sglaunch: Sglaunch) -> dict[str, dict[str, Any]]:
    """What the engine says of every profile's container, which is removed then."""
    ids = [sglaunch.name(profile) for profile in PROFILES]
    found: list[dict[str, Any]] = json.loads(docker("container", "inspect", *ids).stdout)
    docker("rm", "--force", "--volumes", *ids)
    names = {one["Id"]: one["Name"].removeprefix("/") for one in found}
    networks = docker("network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}").stdout.splitlines()
    names |= dict(line.split() for line in networks)
    return {profile: configuration(one, names) for profile, one in zip(PROFILES, found, strict=True)}


def configuration(one: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """What was asked of the engine, field by field, with names in the place of ids."""
    for mode in ("NetworkMode", "PidMode"):
        word, _, identity = one["HostConfig"][mode].partition(":")
        named = f"{word}:{names[identity]}" if identity in names else names.get(word)
        one["HostConfig"][mode] = named or one["HostConfig"][mode]
    # A bare name is a variable that is not set in the shell that passes it.
    one["Config"]["Env"] = [entry for entry in one["Config"]["Env"] if "=" in entry]
    for mount in one["Mounts"]:
        # The volume without a name has a new one each time.
        mount["Source"] = "" if mount["Destination"] == "/anonymous" else mount["Source"]
    return {**asked(one), "Process": [one["Path"], *one["Args"]]}


def differences(ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """By profile and field, both values."""
    return {
        f"{profile}: {field}": (ours[profile].get(field), theirs[profile].get(field))
        for profile in PROFILES
        for field in sorted({*ours[profile], *theirs[profile]})
        if ours[profile].get(field) != theirs[profile].get(field)
    }


def shell(place: Sglaunch, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The lines pasted into another shell, in another folder."""
    return subprocess.run(
        ["sh", "-euc", script],
        cwd="/",
        env=place.env(variables),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.docker
def test_the_lines_make_what_up_makes(place: Sglaunch) -> None:
    """Every group of options, in a shell that has the variables."""
    place("up", "--no-start", *PROFILES)
    ours = made(place)
    exported = place("export", "run", *PROFILES)
    assert not [secret for secret in SECRETS if secret in exported.stdout + exported.stderr]
    # Not all could be started here; see the test below.
    script = exported.stdout.replace("docker run --detach", "docker create").replace("docker start", "true")
    done = shell(place, script, FILE_TOKEN="of-the-env-file")
    assert done.returncode == 0, done.stderr
    found = differences(ours, made(place))
    assert not found, json.dumps(found, indent=1)


@pytest.mark.docker
def test_the_lines_start_containers(place: Sglaunch) -> None:
    """As they are, those with several networks and with what they need included."""
    started = ("cleared", "mounts", "networks", "sharing", "secrets")
    done = shell(place, place("export", "run", *started).stdout)
    assert done.returncode == 0, done.stderr
    running = docker("ps", "--format", "{{.Names}}", "--filter", f"name={place.project}").stdout.split()
    assert sorted(running) == sorted(place.name(profile) for profile in started)
    assert set(place.inspect("networks")["NetworkSettings"]["Networks"]) == {f"{place.project}a", f"{place.project}b"}
    seen = docker("exec", place.name("secrets"), "env").stdout.splitlines()
    assert {"HF_TOKEN=hf_s3cret value", "FILED_API_KEY=from-the-file"} <= set(seen)
    assert not [line for line in seen if line.startswith(("ABSENT", "UNSET"))]


@pytest.mark.podman
def test_the_line_makes_what_up_makes_on_podman(tmp_path: Path, unique: str, real_engine: RealEngine) -> None:
    """GPUs are devices by name there, so the profile has none; what inspect does not show is in the command line that
    Podman keeps."""
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    place = Sglaunch(folder, unique, IMAGE, {**real_engine.environment})
    place.write("project: PROJECT\n")
    place.write(
        """\
        profiles:
          dev:
            image: IMAGE
            command: [sh, -c, "sleep 1000; echo $HOME"]
            environment: {A: "it's $x"}
            secret_env: [HF_TOKEN]
            volumes: [./data:/data:ro]
            tmpfs: ["/scratch:size=64m"]
            ports: ["127.0.0.1:8081:81"]
            ulimits: !override {nofile: 1024, nproc: 4096}
            init: false
            network_mode: !reset null
            restart: "no"
            gpus: null
        """,
        "sglaunch.local.yaml",
    )
    try:
        place("--engine", "podman", "up", "--no-start", "dev", env={"HF_TOKEN": "hf_1"})
        ours = podman_configuration(real_engine.inspect(place.name("dev")))
        real_engine.run("rm", place.name("dev"))
        script = place("--engine", "podman", "export", "run", "dev").stdout
        script = script.replace("podman run --detach", "podman create")
        done = shell(place, script, HF_TOKEN="hf_1")
        assert done.returncode == 0, done.stderr
        assert podman_configuration(real_engine.inspect(place.name("dev"))) == ours
    finally:
        real_engine.remove(unique)


def podman_configuration(one: dict[str, Any]) -> dict[str, Any]:
    """Without the id and what is made of it, our labels, and how the engine was called."""
    one = json.loads(json.dumps(one).replace(one["Id"], "ID"))
    config = {key: value for key, value in one["Config"].items() if key not in ("Hostname", "Labels", "CreateCommand")}
    config["Env"] = sorted(entry for entry in config["Env"] if not entry.startswith("HOSTNAME="))
    mounts = sorted(one["Mounts"], key=lambda mount: str(mount["Destination"]))
    host = {**one["HostConfig"], "Binds": sorted(one["HostConfig"]["Binds"])}
    return {**config, **host, "Mounts": mounts, "Process": [one["Path"], *one["Args"]]}


KEYED = """\
project: PROJECT
profiles:
  server:
    image: IMAGE
    gpus: null
    init: false
    ulimits: null
    ports: !override ["127.0.0.1::30000"]
    secret_env: [KEY]
    server: {model: org/model, api_key: KEY, launcher: [sh, -c, "exec sleep 1000"]}
"""


@pytest.mark.docker
def test_an_api_key_goes_into_a_file_that_the_line_writes(sglaunch: Sglaunch) -> None:
    sglaunch.write(KEYED)
    script = sglaunch("export", "run", "server").stdout
    done = shell(sglaunch, script)
    assert done.returncode != 0
    assert "KEY: is the key of the server" in done.stderr
    done = shell(sglaunch, script, KEY="sk-1")
    assert done.returncode == 0, done.stderr
    assert key_in(sglaunch.name("server")) == 'api-key: "sk-1"\n'
    (mount,) = [one for one in sglaunch.inspect("server")["Mounts"] if one["Destination"].startswith("/run/sglaunch")]
    assert stat.S_IMODE(Path(mount["Source"]).stat().st_mode) == 0o600
    assert not mount["RW"]


@pytest.mark.docker
def test_an_api_key_goes_into_a_file_that_compose_writes(sglaunch: Sglaunch) -> None:
    if problem := compose_problem():
        pytest.skip(problem)
    sglaunch.write(KEYED)
    (sglaunch.folder / "compose.yaml").write_text(sglaunch("export", "compose", "server").stdout, encoding="utf-8")
    up = f"cd '{sglaunch.folder}' && docker compose up -d"
    done = shell(sglaunch, up)
    assert done.returncode != 0
    assert "is the key of the server" in done.stderr
    done = shell(sglaunch, up, KEY="sk-1")
    assert done.returncode == 0, done.stderr
    assert key_in(sglaunch.name("server")) == 'api-key: "sk-1"\n'


def key_in(container: str) -> str:
    return docker("exec", container, "cat", "/run/sglaunch/server.yaml").stdout


# An entrypoint of several words is one word and arguments for the command line: what runs (Process) is alike.
COMPOSE_SAYS_OTHERWISE = frozenset({"Config.Entrypoint", "Config.Cmd"})


def alike(found: dict[str, Any], profile: str) -> dict[str, Any]:
    """Without what Compose adds to every container, and with one word for what it calls otherwise."""
    same = {key: value for key, value in found.items() if key not in COMPOSE_SAYS_OTHERWISE}
    same["HostConfig.NetworkMode"] = re.sub("^default$", "bridge", found["HostConfig.NetworkMode"])
    same["HostConfig.RestartPolicy"] = {"Name": "no", **found.get("HostConfig.RestartPolicy", {})}
    for key in ("HostConfig.CapAdd", "HostConfig.CapDrop"):
        same[key] = sorted(name.removeprefix("CAP_") for name in found.get(key, []))
    same["HostConfig.DeviceRequests"] = [
        {**one, "Capabilities": [sorted(names) for names in one["Capabilities"]]}
        for one in found.get("HostConfig.DeviceRequests", [])
    ]
    # Told as a loss.
    same.pop("HostConfig.AutoRemove", None)
    # The names of service and container are two more.
    same["Networks"] = {
        name: [sorted(a for a in one.get("Aliases", []) if not f"-{a}".endswith(f"-{profile}")), one.get("IPAMConfig")]
        for name, one in found.get("Networks", {}).items()
    }
    return same


@pytest.mark.docker
def test_the_compose_file_makes_what_up_makes(place: Sglaunch) -> None:
    if problem := compose_problem():
        pytest.skip(problem)
    place("up", "--no-start", *PROFILES)
    ours = made(place)
    exported = place("export", "compose", *PROFILES)
    assert not [secret for secret in SECRETS if secret in exported.stdout + exported.stderr]
    file = place.folder / "compose.yaml"
    file.write_text(exported.stdout, encoding="utf-8")
    done = shell(place, f"docker compose -f '{file}' create", FILED_API_KEY="from-the-file")
    assert done.returncode == 0, done.stderr
    theirs = made(place)
    ours, theirs = ({name: alike(one, name) for name, one in side.items()} for side in (ours, theirs))
    found = differences(ours, theirs)
    assert not found, json.dumps(found, indent=1)


@pytest.mark.docker
def test_a_server_of_several_machines_is_none_of_an_engine(sglaunch: Sglaunch) -> None:
    """Told by the first look, before folders, images and containers."""
    sglaunch.write("project: PROJECT\nprofiles: {server: {nodes: 2, server: {model: m, args: {tp: 2}}}}\n")
    with EventLog() as log:
        done = sglaunch("up", "server", "--image", sglaunch.image, status=2)
        plan = sglaunch("plan", "server", "--image", sglaunch.image, status=2)
    for told in (done, plan):
        assert "sglaunch.yaml:2:28: nodes: runs on 2 machines, and an engine is one" in told.stderr
        assert "`sglaunch export kubernetes server`" in told.stderr
    assert log.actions(sglaunch.project) == []
    assert not (Path(os.environ["HOME"]) / ".cache/sglang").exists()
