"""Pull, push, outdated and lock against a real registry: open, and with a login."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker_engine
import pytest
from real_engines import RealEngine
from registry_server import ROSEBUD, RegistryServer
from sglaunch_cli import Sglaunch
from terminal import Open

PROFILE = """\
project: PROJECT
profiles:
  web:
    image: REGISTRY/team/tool:v1.0.0
    command: [sleep, "1000"]
    stop_grace_period: 1s
    recreate: always
"""
BUILDING = """\
project: PROJECT
profiles:
  web:
    image: REGISTRY/team/made:{{ vars.version }}
    build: {context: ., tags: ["REGISTRY/team/made:{{ user }}"]}
    command: [sleep, "1000"]
    stop_grace_period: 1s
    recreate: always
vars: {version: v2}
"""
PODMAN = '[[registry]]\nlocation = "{host}"\ninsecure = true\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    if shutil.which("docker-registry") is None:
        pytest.skip("there is no docker-registry")
    one = RegistryServer(tmp_path_factory.mktemp("registry"))
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    if shutil.which("docker-registry") is None:
        pytest.skip("there is no docker-registry")
    one = RegistryServer(tmp_path_factory.mktemp("guarded"), users={"ana": ROSEBUD})
    one.start()
    yield one
    one.stop()


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("docker", "podman")])
def place(
    request: pytest.FixtureRequest, real_engine: RealEngine, unique: str, tmp_path: Path, server: RegistryServer
) -> Iterator[Sglaunch]:
    folder = tmp_path / "project"
    folder.mkdir()
    environment = {**real_engine.environment, "SGLAUNCH_ENGINE": real_engine.name}
    if real_engine.name == "podman":
        settings = tmp_path / "registries.conf"
        settings.write_text(PODMAN.format(host=server.host), encoding="utf-8")
        environment["CONTAINERS_REGISTRIES_CONF"] = str(settings)
    one = Sglaunch(folder, unique, "sglaunch-test/busybox:1", environment)
    one.write(PROFILE.replace("REGISTRY", server.host).replace("team", unique))
    yield one
    real_engine.remove(unique)
    names = real_engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    ours = [name for name in names if unique in name]
    if ours:
        real_engine.run("rmi", "--force", *ours, check=False)


def give(engine: RealEngine, name: str, text: str) -> None:
    """Makes an image that holds a text, pushes it under a name, and forgets it."""
    archive = docker_engine.root_filesystem(variant=text)
    engine.run("import", "-c", "ENV PATH=/bin", "-", name, stdin=archive)
    insecure = ["--tls-verify=false"] if engine.name == "podman" else []
    engine.run("push", *insecure, name)
    engine.run("rmi", name)


def test_pull_outdated_and_a_new_push(place: Sglaunch, real_engine: RealEngine, server: RegistryServer) -> None:
    name = f"{server.host}/{place.project}/tool:v1.0.0"
    give(real_engine, name, "one")
    assert place("pull").stdout == f"{name}  pulled\n"
    place("up")
    assert "up to date" in place("outdated").stdout

    give_beside(real_engine, name, "two")
    said = place("outdated", status=3).stdout
    assert "is older than the tag; `sglaunch pull web`" in said
    place("pull")
    said = place("outdated", status=3).stdout
    assert "runs an older image" in said and "older than the tag" not in said
    assert json.loads(place("ps", "--json").stdout)["containers"][0]["image_moved"] is True
    place("up")
    assert place("exec", "web", "--", "cat", "/variant").stdout.strip() == "two"
    assert "up to date" in place("outdated").stdout

    give_beside(real_engine, name.replace("v1.0.0", "v1.1.0"), "three")
    found = json.loads(place("outdated", "--json", status=3).stdout)["images"]
    assert [(one["newer"], one["old"]) for one in found] == [("v1.1.0", [])]


def give_beside(engine: RealEngine, name: str, text: str) -> None:
    """A push by somebody else: what this engine knows under the name stays."""
    kept = engine.run("image", "inspect", "--format", "{{.Id}}", name, check=False).stdout.strip()
    archive = docker_engine.root_filesystem(variant=text)
    engine.run("import", "-c", "ENV PATH=/bin", "-", name, stdin=archive)
    engine.run("push", *(["--tls-verify=false"] if engine.name == "podman" else []), name)
    engine.run("rmi", name)
    if kept:
        engine.run("tag", kept, name)


def test_a_lock_holds_whatever_the_tag_does(place: Sglaunch, real_engine: RealEngine, server: RegistryServer) -> None:
    name = f"{server.host}/{place.project}/tool:v1.0.0"
    give(real_engine, name, "one")
    assert "says nothing of profile web" in place("plan", "--frozen", status=2).stderr
    place("lock")
    text = (place.folder / "sglaunch.lock").read_text(encoding="utf-8")
    assert name in text and "linux/amd64: sha256:" in text
    place("up", "--frozen")
    assert place("exec", "web", "--", "cat", "/variant").stdout.strip() == "one"
    give_beside(real_engine, name, "two")
    place("up", "--pull", "always", "--frozen")
    assert place("exec", "web", "--", "cat", "/variant").stdout.strip() == "one"
    assert "older than the tag" in place("outdated", status=3).stdout

    place("lock")
    plan = place.plan()
    assert plan["action"] == "recreate"
    assert plan["changes"][0]["field"] == "image"
    assert plan["changes"][0]["origin"].startswith("sglaunch.lock:")
    place("up")
    assert place("exec", "web", "--", "cat", "/variant").stdout.strip() == "two"

    place.edit("tool:v1.0.0", "tool:v9")
    said = place("plan", "--frozen", status=2).stderr
    assert "sglaunch.lock pins" in said and "sglaunch.yaml:4:" in said
    assert "sglaunch.lock pins" in place("plan").stderr


@pytest.mark.parametrize("place", [pytest.param("podman", marks=pytest.mark.podman)], indirect=True)
def test_podman_without_search_registries_gets_images_of_docker_io(
    place: Sglaunch, real_engine: RealEngine, server: RegistryServer, tmp_path: Path
) -> None:
    """A mirror in Podman's own settings stands in for docker.io; `localhost/` is where Podman keeps what it made."""
    give(real_engine, f"{server.host}/{place.project}/short:1", "a")
    (tmp_path / "registries.conf").write_text(
        f'''[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "{server.host}"
insecure = true
'''
    )
    lines = "command: [sleep, '300'], stop_signal: SIGKILL, protect: false"
    place.write(f"project: {place.project}\nprofiles:\n  web: {{image: '{place.project}/short:1', {lines}}}\n")
    assert "created" in place("up", "-d").stdout
    assert real_engine.inspect(f"docker.io/{place.project}/short:1", "image")["RepoTags"]
    assert "up to date" in place("up", "-d").stdout
    assert place.plan()["action"] == "none"
    place("pull")
    assert "up to date" in place("up", "-d").stdout

    real_engine.run("tag", place.image, f"localhost/{place.project}/own:1")
    place.edit("short:1", "own:1")
    assert "recreated" in place("up", "-d", "--yes").stdout
    assert "up to date" in place("up", "-d").stdout


@pytest.mark.docker
@pytest.mark.parametrize(("image", "there"), [("made", "docker.io/library/made"), ("team/made", "docker.io/team/made")])
def test_nothing_is_pushed_to_a_registry_that_was_not_named(sglaunch: Sglaunch, image: str, there: str) -> None:
    sglaunch.write(f"project: PROJECT\nprofiles: {{web: {{build: ., image: '{image}:1'}}}}")
    for words in (("push",), ("push", "--dry-run")):
        said = sglaunch(*words, status=2).stderr
        assert f"{image}:1 names no registry; docker would push it to {there}:1" in said
        assert f"registry.example.com/{image}:1" in said
    sglaunch.edit("build: .", f"build: {{context: ., tags: ['{image}:2']}}")
    sglaunch.edit(f"'{image}:1'", "r.example/a:1")
    assert f"{image}:2 names no registry" in sglaunch("push", status=2).stderr


def test_build_and_push_with_tags(place: Sglaunch, real_engine: RealEngine, server: RegistryServer) -> None:
    image = "localhost/sglaunch-test/busybox:1" if real_engine.name == "podman" else "sglaunch-test/busybox:1"
    place.write(BUILDING.replace("REGISTRY", server.host).replace("team", place.project))
    place.write(f"FROM {image}\nCOPY Dockerfile /\n", "Dockerfile")
    place("build")
    said = place("push").stdout.splitlines()
    assert [line.split()[0].rpartition(":")[2] for line in said] == ["v2", "root"]
    assert all(line.split()[2].startswith("sha256:") for line in said)
    real_engine.run("rmi", *(line.split()[0] for line in said))
    place("pull", "web")
    assert place.plan()["steps"][0]["op"] == "create", "the label of the build travelled with the image"


@pytest.mark.docker
def test_a_wrong_tag_names_the_nearest(sglaunch: Sglaunch, server: RegistryServer) -> None:
    name = f"{server.host}/{sglaunch.project}/tool:v1.0.0"
    docker_engine.build_variant(name, "one")
    docker_engine.docker("push", name)
    sglaunch.write(
        PROFILE.replace("REGISTRY", server.host).replace("team", sglaunch.project).replace("v1.0.0", "v1.0.9")
    )
    said = sglaunch("up", status=1).stderr
    assert "v1.0.9" in said and "v1.0.0" in said
    docker_engine.docker("rmi", name)


@pytest.mark.docker
def test_logins(sglaunch: Sglaunch, guarded: RegistryServer, tmp_path: Path) -> None:
    name = f"{guarded.host}/{sglaunch.project}/made"
    sglaunch.write(
        f"project: PROJECT\nprofiles:\n  web:\n    image: {name}:v1\n    build: .\n    command: sleep 1000\n"
    )
    sglaunch.write("FROM IMAGE\n", "Dockerfile")
    sglaunch("build")
    config = tmp_path / "docker"
    config.mkdir()
    env = {"DOCKER_CONFIG": str(config)}
    said = sglaunch("push", status=1, env=env).stderr
    assert f"not logged in to {guarded.host}" in said and f"docker login {guarded.host}" in said
    _login(config, guarded.host, "ana:wrong")
    said = sglaunch("push", status=1, env=env).stderr
    assert "the login of ana" in said and "wrong" not in said.replace("wrong/", "")
    _login(config, guarded.host, "ana:rosebud")
    assert "sha256:" in sglaunch("push", env=env).stdout
    assert "rosebud" not in said
    docker_engine.docker("rmi", f"{name}:v1")


def _login(config: Path, host: str, pair: str) -> None:
    auths = {host: {"auth": base64.b64encode(pair.encode()).decode()}}
    (config / "config.json").write_text(json.dumps({"auths": auths}), encoding="utf-8")


@pytest.mark.docker
def test_a_mirror_gives_what_the_registry_does_not(sglaunch: Sglaunch, server: RegistryServer) -> None:
    mirrored = f"{server.host}/mirror/{sglaunch.project}/tool:v1.0.0"
    docker_engine.build_variant(mirrored, "from the mirror")
    docker_engine.docker("push", mirrored)
    docker_engine.docker("rmi", mirrored)
    body = PROFILE.replace("REGISTRY", "nowhere.invalid").replace("team", sglaunch.project)
    sglaunch.write(body + f"registry_mirrors:\n  nowhere.invalid: [127.0.0.1:1, {server.host}/mirror]\n")
    said = sglaunch("up", status=4).stderr
    assert "registry_mirrors.nowhere.invalid" in said
    sglaunch("trust")
    sglaunch("up")
    name = f"nowhere.invalid/{sglaunch.project}/tool:v1.0.0"
    assert sglaunch.inspect()["Config"]["Image"] == name
    assert docker_engine.docker("image", "inspect", mirrored, check=False).returncode != 0, "it keeps no other name"
    assert sglaunch("plan", "--check").returncode == 0
    assert "up to date" in sglaunch("outdated").stdout
    sglaunch("lock")
    sglaunch("up", "--frozen")
    assert sglaunch("plan", "--check").returncode == 0
    sglaunch("down", "--yes")
    docker_engine.docker("rmi", name)


def test_a_registry_that_goes_away_and_comes_back(
    place: Sglaunch, real_engine: RealEngine, server: RegistryServer
) -> None:
    name = f"{server.host}/{place.project}/tool:v1.0.0"
    give(real_engine, name, "one")
    server.stop()
    try:
        said = place("pull", status=1).stderr
        assert "cannot be reached" in said
        assert "cannot be reached" in place("outdated", status=1).stdout + place("outdated", status=1).stderr
    finally:
        server.start()
    place("pull")


@pytest.mark.docker
def test_stopped_in_the_middle_of_a_push_and_a_pull(sglaunch: Sglaunch, server: RegistryServer, terminal: Open) -> None:
    """A layer of 300 MB, the registry stopped while it travels, and then again."""
    name = f"{server.host}/{sglaunch.project}/big"
    sglaunch.write(
        f"project: PROJECT\nprofiles:\n  web:\n    image: {name}:v1\n    build: .\n    command: sleep 1000\n"
    )
    sglaunch.write("FROM IMAGE\nCOPY big /big\n", "Dockerfile")
    with (sglaunch.folder / "big").open("wb") as file:
        for _ in range(300):
            file.write(os.urandom(1 << 20))
    sglaunch("build")

    one = terminal("push", "web", columns=160)
    one.expect(r"pushing .*\d+ MB of 3\d\d MB")
    server.stop()
    one.expect(r"no answer, trying again")
    server.start()
    assert one.status() == 0, one.text
    pushed = sglaunch("push")
    assert "sha256:" in pushed.stdout
    assert "\x1b" not in pushed.stderr

    docker_engine.docker("rmi", f"{name}:v1")
    docker_engine.docker("builder", "prune", "-f", check=False)
    two = terminal("pull", "web", columns=160)
    two.expect(r"pulling .*\d+ MB of 3\d\d MB.*MB/s")
    server.stop()
    two.expect(r"no answer, trying again")
    server.start()
    assert two.status() == 0, two.text

    docker_engine.docker("rmi", f"{name}:v1")
    three = terminal("pull", "web", columns=160)
    three.expect(r"pulling .*\d+ MB of 3\d\d MB.*MB/s")
    three.type("\x03")
    assert three.status() == 130
    assert "pulled" in sglaunch("pull", "web").stdout
    docker_engine.docker("rmi", f"{name}:v1")
