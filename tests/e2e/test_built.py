"""Images that a profile builds: built when they are missing or their files changed, seen by plan, removed by prune."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_engines import RealEngine
from sglaunch_cli import Sglaunch

PROFILE = """\
project: PROJECT
profiles:
  dev:
    build:
      context: .
      args: {WHAT: tools}
    command: [sleep, "1000"]
    stop_grace_period: 1s
    shell: sh
    gpus: null
    caches: null
    ulimits: null
    init: false
    recreate: RECREATE
    protect: false
"""
DOCKERFILE = "FROM IMAGE\nARG WHAT\nRUN mkdir /$WHAT\nCOPY . /work\n"
IGNORED = "*.log\n.git\nsglaunch.*\n"
SYSTEM_PLUGINS = [
    Path(folder, "docker/cli-plugins/docker-buildx")
    for folder in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
]


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("docker", "podman")])
def place(request: pytest.FixtureRequest, real_engine: RealEngine, unique: str, tmp_path: Path) -> Iterator[Sglaunch]:
    folder = tmp_path / "project"
    folder.mkdir()
    image = "localhost/sglaunch-test/busybox:1" if real_engine.name == "podman" else "sglaunch-test/busybox:1"
    one = Sglaunch(folder, unique, image, {**real_engine.environment, "SGLAUNCH_ENGINE": real_engine.name})
    one.write(PROFILE.replace("RECREATE", "always"))
    one.write(DOCKERFILE, "Dockerfile")
    one.write(IGNORED, ".dockerignore")
    one.write("one\n", "app.txt")
    yield one
    real_engine.remove(unique)
    for label in (f"sglaunch.built.project={unique}", f"sglaunch.snapshot.project={unique}"):
        ids = real_engine.run("image", "ls", "-aq", "--filter", f"label={label}").stdout.split()
        if ids:
            real_engine.run("rmi", "--force", *dict.fromkeys(ids), check=False)


def steps(place: Sglaunch) -> list[str]:
    return [step["op"] for step in place.plan()["steps"]]


def test_up_builds_what_is_missing_and_what_changed(place: Sglaunch) -> None:
    assert steps(place)[0] == "build"
    place("up")
    assert place("exec", "dev", "--", "cat", "/work/app.txt").stdout == "one\n"
    place("exec", "dev", "--", "test", "-d", "/tools")
    assert place("plan", "--check").returncode == 0

    place.write("noise\n", "run.log")
    assert place("plan", "--check").returncode == 0, "an ignored file is no change"

    place.write("two\n", "app.txt")
    plan = place.plan()
    assert plan["action"] == "recreate"
    assert [(change["field"], change["new"].partition(" ")[2]) for change in plan["changes"]] == [
        ("build", "(app.txt)")
    ]
    assert plan["steps"][0] == {"op": "build", "target": plan["steps"][0]["target"], "cause": "app.txt changed"}
    assert "app.txt" in place("plan").stdout
    place("up")
    assert place("exec", "dev", "--", "cat", "/work/app.txt").stdout == "two\n"
    assert place("plan", "--check").returncode == 0


def test_an_argument_that_changes_is_a_change(place: Sglaunch) -> None:
    place("up")
    place.edit("tools", "spanners")
    assert steps(place)[0] == "build"
    place("up")
    place("exec", "dev", "--", "test", "-d", "/spanners")
    assert place("plan", "--check").returncode == 0


def test_a_question_is_asked_before_the_build(place: Sglaunch, real_engine: RealEngine) -> None:
    place.edit("recreate: always", "recreate: ask")
    place("up")
    before = set(real_engine.run("image", "ls", "-aq").stdout.split())
    place.write("two\n", "app.txt")
    place("up", status=3)
    assert set(real_engine.run("image", "ls", "-aq").stdout.split()) == before
    place("up", "--yes")
    assert place("exec", "dev", "--", "cat", "/work/app.txt").stdout == "two\n"


def test_build_asked_for_and_a_dockerfile_in_the_profile(place: Sglaunch) -> None:
    place.edit(
        "      context: .\n      args: {WHAT: tools}\n",
        f"      dockerfile_inline: |\n        FROM {place.image}\n        RUN echo inline >/inline\n",
    )
    assert "built" in place("build").stdout
    place("up", "--build")
    assert place("exec", "dev", "--", "cat", "/inline").stdout == "inline\n"
    assert place("plan", "--check").returncode == 0


def test_a_build_that_fails_says_where_and_leaves_the_container(place: Sglaunch, real_engine: RealEngine) -> None:
    place("up")
    place.write(DOCKERFILE + f"RUN echo broken {place.project} >&2; exit 3\n", "Dockerfile")
    said = place("up", status=1)
    assert f"broken {place.project}" in said.stderr
    left = real_engine.run("ps", "-a", "--no-trunc", "--format", "{{.Command}}").stdout
    assert f"broken {place.project}" not in left, "nor is one of the build's own left"
    assert place("exec", "dev", "--", "cat", "/work/app.txt").stdout == "one\n"
    (place.folder / "Dockerfile").unlink()
    assert "Dockerfile" in place("plan", status=1).stderr


def test_images_and_prune(place: Sglaunch, real_engine: RealEngine) -> None:
    place("up")
    place.write("two\n", "app.txt")
    place("up")
    rows = json.loads(place("images", "--json").stdout)["images"]
    assert [row["kind"] for row in rows][:2] == ["used", "built"]
    assert {row["kind"] for row in rows[1:]} == {"built"}
    assert rows[0]["profiles"] == ["dev"]
    assert rows[0]["size"] > 0
    said = place("prune", status=3).stderr
    assert "would be removed" in said
    assert said.endswith("; say --yes to go on\n"), "an image is one already"
    assert known(real_engine) >= {row["id"] for row in rows}
    place("prune", "--yes")
    assert [row["kind"] for row in json.loads(place("images", "--json").stdout)["images"]] == ["used"]
    assert known(real_engine) & {row["id"] for row in rows} == {rows[0]["id"]}
    assert real_engine.run("image", "inspect", place.image).returncode == 0, "what it was built on stays"
    assert place("exec", "dev", "--", "cat", "/work/app.txt").stdout == "two\n"


def known(engine: RealEngine) -> set[str]:
    ids = engine.run("image", "ls", "-aq", "--no-trunc").stdout.split()
    return {f"sha256:{one.removeprefix('sha256:')}" for one in ids}


def test_prune_keeps_snapshots_until_they_are_named(place: Sglaunch) -> None:
    place.edit("protect: false", "protect: true")
    place("up")
    place("exec", "dev", "--", "sh", "-c", "echo work >/root/notes")
    place("down", "--snapshot")
    (snapshot,) = place.snapshots()
    assert "nothing to do" in place("prune", "--yes").stdout
    assert "no image that this project made" in place("prune", place.image, "--yes", status=4).stderr
    assert "removed" in place("prune", snapshot, "--yes").stdout


@pytest.mark.docker
def test_secrets_of_a_build_need_a_builder_that_has_them(sglaunch: Sglaunch, tmp_path: Path) -> None:
    if any(plugin.exists() for plugin in SYSTEM_PLUGINS):
        pytest.skip("docker-buildx is installed for everybody")
    env = {"DOCKER_CONFIG": str(tmp_path), "TOKEN_X": "hf_planted0123"}
    sglaunch.write(PROFILE.replace("RECREATE", "always").replace("args: {WHAT: tools}", "secrets: [TOKEN_X]"))
    sglaunch.write("FROM IMAGE\nRUN --mount=type=secret,id=TOKEN_X cp /run/secrets/TOKEN_X /seen\n", "Dockerfile")
    sglaunch("trust")
    said = sglaunch("up", status=2, env=env)
    assert "build.secrets: the builder of docker" in said.stderr
    assert "install docker-buildx" in said.stderr


@pytest.mark.docker
def test_buildx_builds_with_a_secret_that_is_in_no_layer(sglaunch: Sglaunch, tmp_path: Path) -> None:
    found = shutil.which("docker-buildx")
    plugins = [*([Path(found)] if found else []), *SYSTEM_PLUGINS]
    plugin = next((path for path in plugins if os.access(path, os.X_OK)), None)
    if plugin is None:
        pytest.skip("there is no docker-buildx")
    folder = tmp_path / "config" / "cli-plugins"
    folder.mkdir(parents=True)
    (folder / "docker-buildx").symlink_to(plugin)
    env = {"DOCKER_CONFIG": str(folder.parent), "TOKEN_X": "hf_planted0123456"}
    sglaunch.write(PROFILE.replace("RECREATE", "always").replace("args: {WHAT: tools}", "secrets: [TOKEN_X]"))
    sglaunch.write("FROM IMAGE\nRUN --mount=type=secret,id=TOKEN_X wc -c </run/secrets/TOKEN_X >/seen\n", "Dockerfile")
    sglaunch("trust")
    said = sglaunch("up", "--verbose", env=env)
    assert "buildx build" in said.stderr
    assert sglaunch("exec", "dev", "--", "cat", "/seen", env=env).stdout.strip() == "17"
    assert "hf_planted" not in said.stderr + said.stdout
    assert sglaunch("plan", "--check", env=env).returncode == 0
    sglaunch("down", "--yes", env=env)
