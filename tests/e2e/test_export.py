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
from docker_engine import IMAGE, EventLog, docker
from real_engines import RealEngine
from sglaunch_cli import Sglaunch

# Groups of options, each as a profile of its own. Created and not started: a machine that is a container itself cannot
# raise every limit, and has no GPU. Words with @ stand for names of this run.
PROFILES = {
    "process": """
        command: [echo, "a b", "$HOME", '"q"', "it's", "$(id)", "a\\\\b", ""]
        environment: {A: "x y", B: "$C ${D} $$", E: "it's \\"so\\"", F: "", G: "one\\ntwo", H: "é", LIST: "a:b,c=d"}
        working_dir: /tmp
        user: "1000:1000"
        hostname: box
        tty: true
        stdin_open: true
        labels: {team: eval, json: '{"a": [1, "$x"]}'}
        stop_signal: SIGINT
        stop_grace_period: 1m30s
        read_only: true
        init: true
    """,
    "entrypoint": """
        entrypoint: [sh, -c, 'echo "$0 $1"']
        command: [a, b]
    """,
    "cleared": """
        entrypoint: []
        command: [sleep, "1000"]
    """,
    "imageown": "restart: unless-stopped",
    "mounts": """
        command: [sleep, "1000"]
        volumes:
          - ./data:/data
          - "./a,b:/comma:ro"
          - @VOL:/named
          - /anonymous
          - {type: bind, source: ./made, target: /made, bind: {create_host_path: true}}
          - {type: volume, source: '@VOL', target: /nocopy, volume: {nocopy: true}}
        tmpfs: ["/scratch:size=64m,mode=1777", /plain]
        shm_size: 1g
    """,
    "ports": """
        command: [sleep, "1000"]
        ports: ["8080", "127.0.0.1:8081:81", "8082:82/udp", "[::1]:8083:83", "8090-8091:90-91", "127.0.0.1::84"]
        extra_hosts: ["a:10.0.0.1", "b:fd00::1", "gate:host-gateway"]
        dns: [1.1.1.1, 8.8.8.8]
        dns_search: [example.com]
        dns_opt: ["ndots:2"]
    """,
    "networks": """
        command: [sleep, "1000"]
        networks:
          @NETb: {aliases: [web, www], ipv4_address: 172.31.251.7}
          @NETa: {aliases: [other]}
    """,
    "host": """
        command: [sleep, "1000"]
        network_mode: host
        ipc: host
        pid: host
        uts: host
        userns_mode: host
        cgroup: host
    """,
    "rights": """
        command: [sleep, "1000"]
        cap_add: [SYS_PTRACE, IPC_LOCK]
        cap_drop: [NET_RAW]
        security_opt: ["seccomp=unconfined", "no-new-privileges"]
        group_add: ["44", "109"]
        devices: ["/dev/null:/dev/nothing:r", /dev/zero]
        device_cgroup_rules: ["c 1:3 rwm"]
        sysctls: {net.ipv4.ip_forward: "1", net.core.somaxconn: "1024"}
        ipc: shareable
    """,
    "privileged": """
        command: [sleep, "1000"]
        privileged: true
        network_mode: none
    """,
    "limits": """
        command: [sleep, "1000"]
        ulimits: {memlock: -1, stack: 67108864, nofile: {soft: 1024, hard: 2048}}
        mem_limit: 1g
        mem_reservation: 512m
        memswap_limit: 2g
        cpus: 1.5
        cpu_shares: 512
        cpuset: "0"
        pids_limit: 100
    """,
    "quota": """
        command: [sleep, "1000"]
        mem_limit: 256m
        cpu_quota: 50000
        cpu_period: 100000
        stop_grace_period: 500ms
        restart: on-failure:3
    """,
    "gpus": """
        command: [sleep, "1000"]
        gpus: all
    """,
    "devices": """
        command: [sleep, "1000"]
        gpus: {ids: ["0", "2"], capabilities: [compute, utility]}
    """,
    "health": """
        command: [sleep, "1000"]
        healthcheck: {test: "echo $HOME || exit 1", interval: 1m30s, timeout: 5s, retries: 2, start_period: 2.5s}
        logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}
        runtime: runc
        platform: @PLATFORM
    """,
    "unhealthy": """
        command: [sleep, "1000"]
        healthcheck: {disable: true}
        restart: always
    """,
    "removed": """
        command: [sleep, "1000"]
        auto_remove: true
        volumes: [{type: bind, source: ./data, target: /slave, bind: {propagation: rslave}}]
    """,
    "secrets": """
        command: [sleep, "1000"]
        secret_env: {HF_TOKEN: {}, FROM_FILE: {file: ./token}, ABSENT: {}}
        environment: {PASSED: null, UNSET: null, MY_API_KEY: null}
    """,
    "variables": """
        command: [sleep, "1000"]
        env_file: [./vars.env]
        environment: {PLAIN: over}
    """,
    "sharing": """
        command: [sleep, "1000"]
        network_mode: container:@BASE-cleared
        pid: container:@BASE-cleared
        volumes_from: ["@BASE-mounts"]
        depends_on: [cleared, mounts]
    """,
    "launched": """
        server: {model: @HERE/data, args: {tp: 2, trust-remote-code: true, json-model-override-args: '{"a": "b c"}'}}
    """,
    "user": "gpus: null",
    "dev": "gpus: null",
    "server": """
        gpus: null
        server: {model: org/model}
    """,
    "hosted": """
        server: {model: org/model, port: 31234}
        network_mode: host
    """,
}
ENVIRONMENT = {"HF_TOKEN": "hf_s3cret value", "PASSED": "passed $on", "MY_API_KEY": 'k"1', "FROM_SHELL": "shell"}
SECRETS = ("hf_s3cret", "from-the-file", 'k"1', "of-the-env-file")


@pytest.fixture
def place(sglaunch: Sglaunch) -> Iterator[Sglaunch]:
    """The project with its folders, its network and its volume."""
    name = sglaunch.project
    for folder in ("data", "a,b"):
        (sglaunch.folder / folder).mkdir()
    (sglaunch.folder / "token").write_text("from-the-file\n", encoding="utf-8")
    (sglaunch.folder / "vars.env").write_text("PLAIN=under\nFILE_TOKEN=of-the-env-file\n", encoding="utf-8")
    text = "".join(f"  {profile}:\n    image: IMAGE\n{body.rstrip()}\n" for profile, body in _bodies(sglaunch).items())
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


def _bodies(sglaunch: Sglaunch) -> dict[str, str]:
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    stands_for = {
        "@PLATFORM": f"linux/{architecture}",
        "@BASE": sglaunch.name("").removesuffix("-"),
        "@HERE": str(sglaunch.folder),
        "@NET": sglaunch.project,
        "@VOL": f"{sglaunch.project}-v",
    }
    bodies = {}
    for profile, body in PROFILES.items():
        lines = [line.removeprefix("        ") for line in body.strip("\n").splitlines()]
        text = "\n".join(f"    {line}" for line in lines if line.strip())
        bodies[profile] = re.sub("|".join(stands_for), lambda found: stands_for[found[0]], text)
    return bodies


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
    """What was asked of the engine, field by field; what differs between two containers of one line is left out."""
    config, host = dict(one["Config"]), dict(one["HostConfig"])
    for mode in ("NetworkMode", "PidMode"):
        word, _, identity = host[mode].partition(":")
        host[mode] = f"{word}:{names[identity]}" if identity in names else names.get(word, host[mode])
    # Who was attached when it was made is no option of the container; `run -d -i` and `create -i` differ in it.
    for key in ("AttachStdin", "AttachStdout", "AttachStderr", "StdinOnce"):
        config.pop(key, None)
    # The engine's own choice; entrypoint and command are what runs in the end.
    config["Hostname"] = "" if one["Id"].startswith(config["Hostname"]) else config["Hostname"]
    config["Labels"] = {k: v for k, v in config["Labels"].items() if not k.startswith("sglaunch.")}
    # A bare name is a variable that is not set in the shell that passes it.
    config["Env"] = sorted(entry for entry in config["Env"] if "=" in entry)
    found = {f"Config.{key}": value for key, value in config.items()}
    found |= {f"HostConfig.{key}": value for key, value in host.items()}
    found["Process"] = [one["Path"], *one["Args"]]
    found["Mounts"] = {
        mount["Destination"]: {key: mount.get(key) for key in ("Type", "Source", "RW", "Propagation", "Driver")}
        for mount in one["Mounts"]
    }
    # The volume without a name has a new one each time.
    found["Mounts"].get("/anonymous", {}).pop("Source", None)
    found["Networks"] = {
        name: (sorted({*(joined["Aliases"] or ())} - {one["Id"][:12]}), joined["IPAMConfig"] or {})
        for name, joined in one["NetworkSettings"]["Networks"].items()
    }
    return found


def differences(
    ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]], known: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """By profile and field, both values; empty values are alike."""
    return {
        f"{profile}: {field}": (ours[profile].get(field), theirs[profile].get(field))
        for profile in PROFILES
        for field in sorted({*ours[profile], *theirs[profile]} - known)
        if (ours[profile].get(field) or None) != (theirs[profile].get(field) or None)
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
    profiles = ("cleared", "mounts", "networks", "sharing", "secrets")
    done = shell(place, place("export", "run", *profiles).stdout)
    assert done.returncode == 0, done.stderr
    running = docker("ps", "--format", "{{.Names}}", "--filter", f"name={place.project}").stdout.split()
    assert sorted(running) == sorted(place.name(profile) for profile in profiles)
    assert set(place.inspect("networks")["NetworkSettings"]["Networks"]) == {f"{place.project}a", f"{place.project}b"}
    seen = docker("exec", place.name("secrets"), "env").stdout.splitlines()
    assert {"HF_TOKEN=hf_s3cret value", "FROM_FILE=from-the-file"} <= set(seen)
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


@pytest.mark.docker
def test_an_api_key_goes_into_a_file_that_the_line_writes(sglaunch: Sglaunch) -> None:
    text = "image: IMAGE, gpus: null, secret_env: [KEY], server: {model: org/model, api_key: KEY}"
    sglaunch.write(f"project: PROJECT\nprofiles: {{server: {{{text}}}}}\n")
    script = sglaunch("export", "run", "server").stdout.replace("docker run --detach", "docker create")
    done = shell(sglaunch, script)
    assert done.returncode != 0
    assert "KEY: is the key of the server" in done.stderr
    done = shell(sglaunch, script, KEY="sk-1")
    assert done.returncode == 0, done.stderr
    mounts = {mount["Destination"]: mount for mount in sglaunch.inspect("server")["Mounts"]}
    file = Path(mounts["/run/sglaunch/server.yaml"]["Source"])
    assert file.read_text(encoding="utf-8") == 'api-key: "sk-1"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not mounts["/run/sglaunch/server.yaml"]["RW"]


# A long mount is one of --mount for us, and of -v for Compose: what is mounted (Mounts) is alike. An entrypoint of
# several words is one word and arguments for the command line: what runs (Process) is alike.
COMPOSE_SAYS_OTHERWISE = frozenset(
    {"HostConfig.Binds", "HostConfig.Mounts", "Config.Volumes", "Config.Entrypoint", "Config.Cmd"}
)


def alike(found: dict[str, Any], profile: str) -> dict[str, Any]:
    """Without what Compose adds to every container, and with one word for what it calls otherwise."""
    labels = {k: v for k, v in found["Config.Labels"].items() if not k.startswith("com.docker.compose.")}
    restart = found["HostConfig.RestartPolicy"]
    requests = found["HostConfig.DeviceRequests"] or []
    return {
        **found,
        "Config.Labels": labels,
        "HostConfig.NetworkMode": re.sub("^default$", "bridge", found["HostConfig.NetworkMode"]),
        "HostConfig.RestartPolicy": {**restart, "Name": restart["Name"] or "no"},
        "HostConfig.CapAdd": sorted(name.removeprefix("CAP_") for name in found["HostConfig.CapAdd"] or []),
        "HostConfig.CapDrop": sorted(name.removeprefix("CAP_") for name in found["HostConfig.CapDrop"] or []),
        "HostConfig.ExtraHosts": sorted(found["HostConfig.ExtraHosts"] or []),
        # Told as a loss.
        "HostConfig.AutoRemove": False,
        "HostConfig.Ulimits": sorted(found["HostConfig.Ulimits"] or [], key=lambda one: str(one["Name"])),
        "HostConfig.DeviceRequests": [
            {**one, "Capabilities": [sorted(names) for names in one["Capabilities"]], "Options": one["Options"] or {}}
            for one in requests
        ],
        # The names of service and container are two more.
        "Networks": {
            name: (sorted(alias for alias in aliases if not f"-{alias}".endswith(f"-{profile}")), address)
            for name, (aliases, address) in found["Networks"].items()
        },
    }


def compose_problem() -> str:
    done = docker("compose", "version", check=False)
    return "" if done.returncode == 0 else f"docker compose: {done.stderr.strip()}"


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
    done = shell(place, f"docker compose -f '{file}' create", FROM_FILE="from-the-file")
    assert done.returncode == 0, done.stderr
    theirs = made(place)
    ours, theirs = ({name: alike(one, name) for name, one in side.items()} for side in (ours, theirs))
    found = differences(ours, theirs, COMPOSE_SAYS_OTHERWISE)
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
