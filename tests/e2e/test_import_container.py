"""A container by hand, imported, and made again from the profile: both are asked to be the same, field by field."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from inspect_compare import asked
from real_engines import RealEngine
from sglaunch_cli import Sglaunch

# What somebody types between `create --name NAME` and the image -> what follows the image.
LINES: dict[str, tuple[str, str]] = {
    "nothing": ("", ""),
    "a development container": (
        "-it --shm-size 2g --network=host -v FOLDER:/work -w /work --ulimit memlock=-1 --ulimit stack=67108864",
        "sleep 1000",
    ),
    "a service": (
        "-d --restart unless-stopped -p 127.0.0.1:18123:80 -p 18124:90/udp -p 91 -e A=1 -e B='x y {{ z }}' --label l=m"
        " --memory 256m --cpus 0.5 --cpu-shares 512 --memory-reservation 128m --pids-limit 50",
        "sh -c 'sleep 1000 # $HOME {{ x }}'",
    ),
    "mounts": (
        "-v FOLDER:/a:ro -v FOLDER:/b --mount type=bind,src=FOLDER,dst=/c,readonly -v PROJECT-data:/data"
        " --tmpfs /scratch:size=64m,mode=1777 -v FOLDER:/s:rslave --read-only",
        "",
    ),
    "privileges": (
        "--privileged --cap-add SYS_PTRACE --cap-drop NET_RAW --security-opt seccomp=unconfined"
        " --group-add 44 --user 1000:1000 --device /dev/null:/dev/null2:rw --device /dev/zero",
        "",
    ),
    "not privileged": (
        "--cap-add IPC_LOCK --security-opt seccomp=unconfined --device /dev/null:/dev/null2:rw --device /dev/zero"
        " --device-cgroup-rule 'c 1:3 rwm' --uts host --pid host",
        "",
    ),
    "names": (
        "--hostname box --dns 10.0.0.1 --dns-search a.b --dns-option ndots:2 --add-host h:10.0.0.2"
        " --sysctl net.core.somaxconn=1024",
        "",
    ),
    "process": (
        "--entrypoint /bin/sh --init --stop-signal SIGINT --stop-timeout 7 --health-cmd 'test -e /'"
        " --health-interval 5s --health-retries 3 --log-driver json-file --log-opt max-size=10m --log-opt max-file=2",
        "-c 'sleep 1000'",
    ),
    "no health, removed": ("--no-healthcheck --rm", "sleep 5"),
    "entrypoint alone": ("--entrypoint sleep", ""),
    "GPUs": ("--gpus all", ""),
    "some GPUs": ("""--gpus '"device=0,2","capabilities=compute,utility"'""", ""),
    "secrets": ("-e HF_TOKEN=hf_notforyou1 -e URL=http://u:notforyou1@h/ -e PLAIN=p", ""),
    "a network": ("--network PROJECT-net --network-alias other", ""),
}
# What Podman 4.3 can make where its tests run.
ON_PODMAN = ("nothing", "a service", "mounts", "not privileged", "names", "entrypoint alone", "secrets", "a network")


@pytest.fixture
def place(real_engine: RealEngine, unique: str, tmp_path: Path) -> Iterator[Sglaunch]:
    folder = tmp_path / "project"
    folder.mkdir()
    one = Sglaunch(folder, unique, "sglaunch-test/busybox:1", dict(real_engine.environment))
    yield one
    real_engine.remove(unique)
    real_engine.run("volume", "rm", f"{unique}-data", check=False)
    real_engine.run("network", "rm", f"{unique}-net", check=False)


def words(line: str, place: Sglaunch, folder: Path) -> list[str]:
    return shlex.split(line.replace("FOLDER", str(folder)).replace("PROJECT", place.project))


@pytest.mark.docker
@pytest.mark.parametrize("name", LINES)
def test_a_profile_of_a_container_makes_the_same_again(
    name: str, place: Sglaunch, real_engine: RealEngine, tmp_path: Path
) -> None:
    again(name, place, real_engine, tmp_path)


@pytest.mark.podman
@pytest.mark.parametrize("name", ON_PODMAN)
def test_the_same_on_podman(name: str, place: Sglaunch, real_engine: RealEngine, tmp_path: Path) -> None:
    again(name, place, real_engine, tmp_path)


def again(name: str, place: Sglaunch, engine: RealEngine, tmp_path: Path) -> None:
    options, command = LINES[name]
    folder = tmp_path / "mounted"
    folder.mkdir()
    if "-net" in options:
        engine.run("network", "create", f"{place.project}-net")
    first, second = f"{place.project}-by-hand", f"{place.project}-again"
    options = options.removeprefix("-d ")
    engine.run("create", "--name", first, *words(options, place, folder), place.image, *words(command, place, folder))
    done = place("--engine", engine.name, "import", "--container", first, "--as", "again")
    text = done.stdout.replace(first, second)
    assert "notforyou" not in text + done.stderr
    place.write(f"project: PROJECT\n{text}")
    place("trust")
    secrets = {"HF_TOKEN": "hf_notforyou1", "URL": "http://u:notforyou1@h/"} if name == "secrets" else {}
    place("--engine", engine.name, "up", "--no-start", "again", env=secrets)
    made, by_hand = asked(engine.inspect(second)), asked(engine.inspect(first))
    for key in sorted({*made, *by_hand}):
        assert made.get(key) == by_hand.get(key), f"{key}\n{text}"


@pytest.mark.nerdctl
def test_what_nerdctl_tells_and_that_it_hides_the_rest(
    place: Sglaunch, real_engine: RealEngine, tmp_path: Path
) -> None:
    name, folder = f"{place.project}-by-hand", tmp_path / "mounted"
    folder.mkdir()
    options = (
        "-e",
        "A=1",
        "-e",
        "HF_TOKEN=hf_notforyou1",
        "-v",
        f"{folder}:/a:ro",
        "--label",
        "own=1",
        "--net",
        "none",
    )
    real_engine.run("create", "--name", name, *options, place.image, "sleep", "1000")
    done = place("--engine", "nerdctl", "import", "--container", name, "--as", "again")
    assert "nerdctl does not tell whether it has user" in done.stderr
    assert "notforyou" not in done.stdout + done.stderr
    place.write(f"project: PROJECT\n{done.stdout.replace(name, place.project + '-again')}")
    place("trust")
    spec = json.loads(place("config", "--json", "again").stdout)["profiles"]["again"]["spec"]
    assert spec["command"] == ["sleep", "1000"]
    assert spec["environment"]["A"] == "1"
    assert spec["volumes"] == {"/a": {"type": "bind", "source": str(folder), "read_only": True}}
    assert (spec["labels"], spec["network_mode"]) == ({"own": "1"}, "none")
    refused = place("--engine", "nerdctl", "adopt", name, "--as", "box", "--yes", status=4)
    assert "nerdctl does not tell enough" in refused.stderr
