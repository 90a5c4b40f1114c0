"""What compose creates of the files of the corpus, and what `up` creates of their import: the same, field by field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_compose import compose, compose_problem
from docker_engine import ENVIRONMENT, docker
from inspect_compare import asked
from sglaunch_cli import Sglaunch

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "compose"
FILES = sorted(CORPUS.glob("*.yaml")) or [Path("absent")]
VALUES = {"PORT": "8123", "CACHE": "./cache", "PATH": "./data", "IMAGE": "IMAGE"}

OWN = """\
services:
  web:
    image: IMAGE
    container_name: PROJECT-web
    command: ["sh", "-c", "sleep 100 $$HOME {{ x }}"]
    environment: {A: 1, B: "${B:-b c}", C: 010, D: 1e3, E: "x{{y}}"}
    volumes:
      - ./data:/data:ro
      - cache:/cache
      - {type: bind, source: ./data, target: /long, read_only: true, bind: {propagation: rslave}}
      - {type: tmpfs, target: /scratch, tmpfs: {size: 67108864}}
    tmpfs: /run
    ports: ["127.0.0.1:18341:80", "18342:90/udp"]
    deploy:
      resources:
        limits: {cpus: "0.5", memory: 128m, pids: 50}
        reservations: {memory: 64m, devices: [{driver: nvidia, device_ids: ["0", "2"], capabilities: [gpu]}]}
      restart_policy: {condition: on-failure, max_attempts: 3}
    ulimits: {memlock: -1, nofile: {soft: 100, hard: 200}}
    cap_add: [SYS_NICE]
    security_opt: [seccomp:unconfined]
    shm_size: 256m
    init: true
    tty: yes
    stop_signal: SIGINT
    stop_grace_period: 7s
    hostname: box
    dns: 10.0.0.1
    extra_hosts: ["h:10.0.0.2"]
    sysctls: {net.core.somaxconn: 1024}
    logging: {driver: json-file, options: {max-size: "10m", max-file: "2"}}
    labels: {own: "1"}
    user: "1000:1000"
    working_dir: /data
    read_only: true
    secrets: [token]
    networks: {inner: {aliases: [other]}}
    group_add: ["44"]
    healthcheck: {test: "true", interval: 5s, retries: 2}
secrets: {token: {file: ./data/token.txt}}
volumes: {cache: {}}
networks: {inner: {}}
"""

# What cannot be the same, or is the same in other words.
LISTED = (
    "Config.Image",  # by name here, by name there
    "Config.Volumes",  # where compose lists the targets of its mounts again
    "Config.ExposedPorts",
    "Config.Healthcheck",  # words become a shell line: see test_health
    "HostConfig.DeviceRequests",  # the driver's name is written or left out
    "HostConfig.ShmSize",  # of no effect beside ipc: host
    "HostConfig.NetworkMode",
    "HostConfig.PortBindings",
    "Networks",
)


@pytest.fixture
def place(tmp_path: Path, unique: str, docker_image: str) -> Iterator[Sglaunch]:
    if problem := compose_problem():
        pytest.skip(problem)
    folder = tmp_path / "compose"
    folder.mkdir()
    home = Path(ENVIRONMENT.get("HOME", "/root"))
    environment = {"COMPOSE_PROJECT_NAME": unique, "DOCKER_CONFIG": str(home / ".docker"), "HOME": str(tmp_path)}
    yield Sglaunch(folder, unique, docker_image, environment)
    found = docker("ps", "-aq", "--filter", f"name={unique}").stdout.split()
    docker("rm", "-fv", *found, check=False) if found else None
    for kind in ("network", "volume"):
        for name in docker(kind, "ls", "-q", "--filter", f"name={unique}").stdout.split():
            docker(kind, "rm", name, check=False)


def prepared(text: str, place: Sglaunch) -> dict[str, str]:
    """The file in the project's folder: images are local ones, names are this test's own, runtimes those of here."""
    text = re.sub(r"^(\s+)image: .*$", rf"\1image: {place.image}", text, flags=re.MULTILINE)
    text = re.sub(r"^(\s+)build:", rf"\1image: {place.image}\n\1build:", text, flags=re.MULTILINE)
    text = re.sub(r"^(\s+container_name: )\"?(.*?)\"?$", rf"\1{place.project}-\2", text, flags=re.MULTILINE)
    text = re.sub(r"^\s+runtime: .*\n", "", text, flags=re.MULTILINE)
    if "harbor-network" in text:
        text += "networks:\n  harbor-network: {}\n"  # which stands in another of its files
    (place.folder / "compose.yaml").write_text(text, encoding="utf-8")
    for name in re.findall(r"- (\.\S+\.env|\./\.env)\s", text):
        (place.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (place.folder / name).write_text("FROM_FILE=1\n", encoding="utf-8")
    for name in ("cache", "data", "services/ollama/modelfiles"):
        (place.folder / name).mkdir(parents=True)
    for name in ("chinook.sql", "services/ollama/init_entrypoint.sh"):
        (place.folder / name).write_text("", encoding="utf-8")
    for name in ("xinference", ".cache/huggingface"):
        (place.folder.parent / name).mkdir(parents=True)
    names = set(re.findall(r"\$\{(\w+)", text)) | {"HF_TOKEN", "MODEL", "DRY_RUN"}
    values = {name: next((v for end, v in VALUES.items() if name.endswith(end)), "val") for name in names}
    if "HF_TOKEN: <secret>" in text:
        values["HF_TOKEN"] = "<secret>"  # a value in the file becomes the caller's
    return {**values, "HOME": place.environment["HOME"]}


def both(place: Sglaunch, env: dict[str, str]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """By service the container of compose and ours, inspected."""
    words = ("--profile", "*", "create", "--no-build", "--pull", "never")
    done = compose(*words, env={**place.environment, **env}, cwd=str(place.folder), check=False)
    if done.returncode:
        pytest.skip(f"compose does not create them here: {done.stderr.strip().splitlines()[-1]}")
    filters = ("--filter", f"label=com.docker.compose.project={place.project}")
    found = inspected(docker("ps", "-aq", *filters).stdout.split())
    theirs = {data["Config"]["Labels"]["com.docker.compose.service"]: data for data in found}
    docker("rm", "-f", *(data["Id"] for data in found))
    text = place("import", "compose.yaml", env=env).stdout
    text = re.sub(r"^    build:.*\n(      .*\n)*", "", text, flags=re.MULTILINE)
    (place.folder / "sglaunch.yaml").write_text(f"project: {place.project}\n{text}", encoding="utf-8")
    place("trust", env=env)
    place("up", "--no-start", env=env)
    found = inspected(docker("ps", "-aq", "--filter", f"label=sglaunch.project={place.project}").stdout.split())
    ours = {data["Config"]["Labels"]["sglaunch.profile"]: data for data in found}
    assert ours.keys() == theirs.keys()
    return {service: (theirs[service], ours[service]) for service in theirs}


def inspected(ids: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(docker("inspect", *ids).stdout)
    return found


def same(theirs: dict[str, Any], ours: dict[str, Any], leave: tuple[str, ...]) -> None:
    first, second = asked(theirs, leave), asked(ours, leave)
    # The words of the process, however they are divided.
    for one in (first, second):
        # `- ${PORT}:8000` among the variables is the name of one for compose, and an error told for us.
        one["Config.Env"] = [line for line in one["Config.Env"] if "=" in line]
        one["words"] = [*(one.pop("Config.Entrypoint", None) or []), *(one.pop("Config.Cmd", None) or [])]
    for key in sorted({*first, *second}):
        assert second.get(key) == first.get(key), key


@pytest.mark.docker
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_services_of_the_corpus_are_the_same(path: Path, place: Sglaunch) -> None:
    if not path.is_file():
        pytest.skip("the corpus is not beside this checkout")
    text = path.read_text(encoding="utf-8")
    if "image:" not in text and "build:" not in text:
        pytest.skip("the file has no image: it changes another one")
    for theirs, ours in both(place, prepared(text, place)).values():
        same(theirs, ours, LISTED)


@pytest.mark.docker
def test_a_service_with_all_of_it_is_the_same(place: Sglaunch) -> None:
    (place.folder / "data").mkdir()
    (place.folder / "data" / "token.txt").write_text("t", encoding="utf-8")
    text = OWN.replace("PROJECT", place.project).replace("IMAGE", place.image)
    (place.folder / "compose.yaml").write_text(text, encoding="utf-8")
    ((theirs, ours),) = both(place, {}).values()
    same(theirs, ours, ("Config.Image", "Config.Volumes", "HostConfig.DeviceRequests", "Networks"))
    (first,), (second,) = theirs["HostConfig"]["DeviceRequests"], ours["HostConfig"]["DeviceRequests"]
    assert (first["DeviceIDs"], first["Capabilities"]) == (second["DeviceIDs"], second["Capabilities"])
    attached = {name: set(one["Aliases"]) for name, one in ours["NetworkSettings"]["Networks"].items()}
    assert {"web", "other"} <= attached[f"{place.project}_inner"]
