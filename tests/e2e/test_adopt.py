"""A container started by hand, taken under management as it is: nothing is done to it, and then it is ours."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import EventLog
from real_engines import RealEngine
from sglaunch_cli import Sglaunch
from terminal import Open

ON_TWO = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("docker", "podman")]
OPTIONS = ("-e", "A=1", "-e", "HF_TOKEN=hf_notforyou1", "-v", "FOLDER:/work", "-w", "/work", "--label", "q=1")
FILE = "# mine\nproject: PROJECT\nprofiles:\n  other: {image: x}   # kept\n"


@pytest.fixture
def place(real_engine: RealEngine, unique: str, tmp_path: Path) -> Iterator[Sglaunch]:
    folder = tmp_path / "project"
    folder.mkdir()
    one = Sglaunch(folder, unique, "sglaunch-test/busybox:1", dict(real_engine.environment))
    one.write(FILE)
    yield one
    real_engine.remove(unique)


def by_hand(place: Sglaunch, engine: RealEngine, *options: str, command: tuple[str, ...] = ("sleep", "1000")) -> str:
    """A running container's name."""
    name = f"{place.project}-box"
    words = [word.replace("FOLDER", str(place.folder)) for word in options]
    engine.run("run", "-d", "--stop-timeout", "1", "--name", name, *words, place.image, *command)
    return name


def records() -> dict[str, object]:
    path = Path(os.environ["XDG_STATE_HOME"]) / "sglaunch" / "adopted.json"
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


@pytest.mark.parametrize("engine_name", ON_TWO)
def test_from_by_hand_to_gone(place: Sglaunch, real_engine: RealEngine, engine_name: str) -> None:
    on = ("--engine", engine_name)
    name = by_hand(place, real_engine, *OPTIONS)
    before = real_engine.inspect(name)

    asked = place(*on, "adopt", name, "--as", "box", status=3)
    assert f"+    container_name: {name}" in asked.stderr
    assert (place.folder / "sglaunch.yaml").read_text() == FILE.replace("PROJECT", place.project)
    assert not records()

    done = place(*on, "adopt", name, "--as", "box", "--yes")
    assert "nothing was done to it" in done.stdout
    text = (place.folder / "sglaunch.yaml").read_text()
    assert text.startswith(FILE.replace("PROJECT", place.project))
    assert "notforyou" not in text + done.stdout + done.stderr + json.dumps(records())
    after = real_engine.inspect(name)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])

    place(*on, "trust")
    assert json.loads(place(*on, "plan", "--check", "--json", "box").stdout)["containers"][0]["action"] == "none"
    assert "up to date" in place(*on, "up", "-d", "box").stdout
    (row,) = json.loads(place(*on, "ps", "--json").stdout)["containers"]
    assert (row["profile"], row["container"], row["state"]) == ("box", name, "running")
    assert place(*on, "exec", "box", "--", "cat", "/proc/1/cmdline").stdout.startswith("sleep")
    place(*on, "logs", "box")
    assert real_engine.inspect(name)["Id"] == before["Id"]

    place.edit("A: '1'", "A: '2'")
    plan = json.loads(place(*on, "plan", "--json", "box").stdout)["containers"][0]
    assert plan["action"] == "recreate"
    assert [(c["field"], c["old"], c["new"]) for c in plan["changes"]] == [("environment.A", "1", "2")]
    assert plan["consent"]
    place(*on, "up", "-d", "box", status=3)
    assert real_engine.inspect(name)["Id"] == before["Id"]

    place(*on, "up", "-d", "box", "--yes")
    new = real_engine.inspect(name)
    assert new["Id"] != before["Id"]
    assert new["Config"]["Labels"]["sglaunch.profile"] == "box"
    # What is passed through and unset in this shell is carried over.
    assert {"A=2", "HF_TOKEN=hf_notforyou1"} <= set(new["Config"]["Env"])
    assert not records()
    place(*on, "down", "--yes")
    assert not real_engine.containers(place.project)


@pytest.mark.docker
def test_without_a_project_file_one_is_written_once_somebody_agreed(
    place: Sglaunch, real_engine: RealEngine, terminal: Open
) -> None:
    file = place.folder / "sglaunch.yaml"
    file.unlink()
    name = by_hand(place, real_engine)
    said = place("adopt", name, "--as", "box", status=3).stderr
    assert f"{file} would be written" in said and "--yes" in said
    assert not file.exists() and not records()
    place("adopt", "nope-not-here", "--yes", status=2)
    assert not file.exists()

    keep = terminal("adopt", name, "--as", "box", on=place)
    keep.expect(r"write it\?")
    keep.type("k\n")
    assert keep.status() == 3
    assert not file.exists() and not records()

    assert "nothing was done to it" in place("adopt", name, "--as", "box", "--yes").stdout
    assert f"container_name: {name}" in file.read_text(encoding="utf-8")
    assert place.plan()["action"] == "none"
    assert "up to date" in place("up", "-d").stdout
    place("down", "--yes")


@pytest.mark.docker
def test_an_adopted_file_may_be_named(place: Sglaunch, real_engine: RealEngine) -> None:
    name = by_hand(place, real_engine)
    place("-f", "own.yaml", "adopt", name, "--as", "box", "--yes")
    assert f"container_name: {name}" in (place.folder / "own.yaml").read_text(encoding="utf-8")
    assert "up to date" in place("-f", "own.yaml", "up", "-d").stdout
    place("-f", "own.yaml", "down", "--yes")


@pytest.mark.docker
def test_down_asks_and_stop_and_start_treat_it_as_ours(place: Sglaunch, real_engine: RealEngine) -> None:
    name = by_hand(place, real_engine, command=("sh", "-c", "echo work >/work.txt; exec sleep 1000"))
    place("adopt", name, "--as", "box", "--yes")
    place("stop", "box")
    place("start", "box")
    place("down", status=3)
    assert real_engine.containers(place.project)
    place("down", "--snapshot")
    assert not real_engine.containers(place.project)
    (image,) = place.snapshots()
    real_engine.run("rmi", image)
    assert not records()


@pytest.mark.docker
def test_with_gpus_and_limits_an_edit_shows_itself_alone(place: Sglaunch, real_engine: RealEngine) -> None:
    name = f"{place.project}-box"
    options = ("--gpus", '"device=0,1"', "-m", "64m", "--cpus", "0.5", "--restart", "unless-stopped", "-p", "18231:80")
    real_engine.run("create", "--name", name, *options, place.image, "sleep", "1000")
    place("adopt", name, "--as", "box", "--yes")
    (found,) = json.loads(place("plan", "--json", "box").stdout)["containers"]
    assert (found["changes"], found["action"]) == ([], "start")
    place.edit("mem_limit: 64m", "mem_limit: 128m")
    (found,) = json.loads(place("plan", "--json", "box").stdout)["containers"]
    assert [(c["field"], c["old"], c["new"], c["effect"]) for c in found["changes"]] == [
        ("mem_limit", "64m", "128m", "update"),
        ("memswap_limit", "128m", "256m", "update"),
    ]


@pytest.mark.docker
def test_a_profile_that_is_there_stays_and_what_differs_is_told(place: Sglaunch, real_engine: RealEngine) -> None:
    name = by_hand(place, real_engine, "-e", "A=1")
    text = f"project: PROJECT\nprofiles:\n  web: {{container_name: {name}, image: IMAGE, command: [sleep, '1000'],"
    place.write(f"{text} stop_grace_period: 1s, environment: {{A: b, B: c}}}}\n")
    before = (place.folder / "sglaunch.yaml").read_text()
    done = place("adopt", name, "--as", "web", "--yes")
    assert (place.folder / "sglaunch.yaml").read_text() == before
    assert "environment.A  1 -> b  sglaunch.yaml:3:" in done.stdout
    assert "environment.B  (none) -> c  sglaunch.yaml:3:" in done.stdout
    assert place.plan("web")["action"] == "recreate"


@pytest.mark.docker
def test_under_the_name_of_a_built_in_profile_it_begins_anew(place: Sglaunch, real_engine: RealEngine) -> None:
    name = by_hand(place, real_engine)
    place("adopt", name, "--as", "dev", "--yes")
    assert "extends: null" in (place.folder / "sglaunch.yaml").read_text().replace("extends:\n", "extends: null\n")
    place("plan", "--check", "dev")


@pytest.mark.docker
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--label", "com.docker.compose.project=x"), "is kept by docker compose"),
        (("--label", "io.kubernetes.pod.name=x"), "is kept by Kubernetes"),
        (("--label", "sglaunch.project=x", "--label", "sglaunch.profile=y", "--label", "sglaunch.owner=0:root"), "x"),
        (
            ("--label", "sglaunch.project=x", "--label", "sglaunch.profile=y", "--label", "sglaunch.owner=4711:ben"),
            "ben",
        ),
    ],
)
def test_what_belongs_to_others_is_refused_and_not_touched(
    place: Sglaunch, real_engine: RealEngine, options: tuple[str, ...], reason: str
) -> None:
    name = by_hand(place, real_engine, *options)
    with EventLog() as log:
        refused = place("adopt", name, "--as", "box", "--yes", status=4)
    assert reason in refused.stderr
    assert log.actions(place.project) == []
    assert not records()
    assert (place.folder / "sglaunch.yaml").read_text() == FILE.replace("PROJECT", place.project)


@pytest.mark.docker
def test_a_container_that_took_the_name_is_not_taken_for_it(place: Sglaunch, real_engine: RealEngine) -> None:
    name = by_hand(place, real_engine)
    place("adopt", name, "--as", "box", "--yes")
    real_engine.run("rm", "-f", name)
    by_hand(place, real_engine)
    refused = place("plan", "box", status=4)
    assert "was not made by sglaunch" in refused.stdout + refused.stderr
    place("down", "--yes")
    assert real_engine.containers(place.project)
    place("adopt", name, "--as", "box", "--yes")
    assert len(records()) == 1


@pytest.mark.docker
def test_an_unknown_container_and_a_second_one_of_a_profile(place: Sglaunch, real_engine: RealEngine) -> None:
    missing = place("adopt", f"{place.project}-nope", status=2)
    assert "docker has no container" in missing.stderr
    name = by_hand(place, real_engine)
    place("adopt", name, "--as", "box", "--yes")
    again = place("adopt", name, "--as", "box", "--yes", status=4)
    assert "is that of profile box already" in again.stderr
    second = f"{place.project}-second"
    real_engine.run("create", "--name", second, place.image)
    assert "profile box has the container" in place("adopt", second, "--as", "box", "--yes", status=4).stderr


@pytest.mark.docker
def test_a_name_that_another_profile_gives_is_refused(place: Sglaunch, real_engine: RealEngine) -> None:
    name = by_hand(place, real_engine)
    place.write(f"project: PROJECT\nprofiles:\n  web: {{image: IMAGE, container_name: {name}}}\n")
    refused = place("adopt", name, "--as", "box", "--yes", status=4)
    assert f"{name} is the name that profile web gives its container; --as web" in refused.stderr
    assert "is not a profile name" in place("adopt", name, "--as", "a b", "--yes", status=2).stderr
