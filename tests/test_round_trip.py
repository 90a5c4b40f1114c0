"""import(export(P)) is P: whoever leaves may come back, by a shell line or by a Compose file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docker_compose import compose, compose_problem
from export_cases import ENVIRONMENT, PROFILES, profiles, write_files

from sglaunch.config.compose import read_compose
from sglaunch.config.document import dump_for_others
from sglaunch.config.load import Request, load
from sglaunch.config.node import Problems
from sglaunch.config.writing import profile_document
from sglaunch.convert.from_compose import from_compose, services
from sglaunch.convert.from_run import from_run
from sglaunch.convert.imported import Imported
from sglaunch.convert.to_compose import to_compose
from sglaunch.convert.to_run import to_run
from sglaunch.plan.capabilities import known
from sglaunch.spec.canonical import plain
from sglaunch.spec.container import Wanted, expand

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "h"}


# A shell that was given what the report of losses asks for.
GIVEN = {**ENVIRONMENT, "FILED_API_KEY": "from-the-file", "FILE_TOKEN": "of-the-env-file"}


def loaded(folder: Path, text: str, *names: str, env: Mapping[str, str] = ENVIRONMENT) -> dict[str, Wanted]:
    (folder / "sglaunch.yaml").write_text(text, encoding="utf-8")
    return load(Request(folder / "sglaunch.yaml", FACTS, env), names).wanted


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, dict[str, Wanted]]:
    """A folder and the profiles of it."""
    write_files(tmp_path)
    bodies = profiles("img:1", tmp_path, "eval", "ana-eval")
    text = "project: eval\nprofiles:\n" + "".join(f"  {name}:\n{body}" for name, body in bodies.items())
    return tmp_path, loaded(tmp_path, text)


def options(wanted: Wanted) -> dict[str, Any]:
    """What an engine would be told; where a secret's value comes from is not part of it."""
    return {"container_name": wanted.spec.container_name, **plain(expand(wanted.spec))}


def back(folder: Path, imported: Imported) -> dict[str, Any]:
    """The options of an imported profile, loaded alone from what import would write; the order is none of them."""
    name = f"{imported.name}-again"
    keys = {key: value for key, value in imported.keys.items() if key != "depends_on"}
    again = Imported(name, keys, imported.comments, imported.losses)
    return options(loaded(folder, profile_document([again]), name, env=GIVEN)[name])


def as_a_line_says(found: dict[str, Any]) -> dict[str, Any]:
    """What a line of `docker run` says otherwise: an entrypoint is one word, a stop takes whole seconds; `mkdir` stands
    before it, and further networks are joined by lines of their own."""
    words = [*(found.pop("entrypoint", None) or []), *(found.pop("command", None) or [])]
    volumes = found.pop("volumes", {})
    made = {target: {k: v for k, v in one.items() if k != "create_host_path"} for target, one in volumes.items()}
    grace = found.get("stop_grace_period")
    said = {"process": words, "volumes": made, "stop_grace_period": None if grace is None else math.ceil(grace)}
    return {**found, **said, "networks": dict(list(found.get("networks", {}).items())[:1])}


def as_compose_says(found: dict[str, Any], profile: str) -> dict[str, Any]:
    """What a Compose file says otherwise: the engine's own network has a name, since else one would be made; a stop
    takes whole seconds; no service is removed when it stops; and each has its own name in its networks."""
    grace, networks = found.get("stop_grace_period"), found.get("networks", {})
    joined = {name: {**one, "aliases": {*one.get("aliases", [])} - {profile}} for name, one in networks.items()}
    network = {"networks": joined} if joined else {"network_mode": found.get("network_mode") or "bridge"}
    stop = {"stop_grace_period": None if grace is None else math.ceil(grace), "auto_remove": None}
    return {**found, **network, **stop}


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: (ours.get(key), theirs.get(key)) for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_shell_line_comes_back(world: tuple[Path, dict[str, Wanted]], profile: str) -> None:
    folder, wanted = world
    line = to_run(wanted[profile], ("docker",), known("docker", ""), "/private").text
    (imported,) = from_run(line, "line")
    found = differences(as_a_line_says(options(wanted[profile])), as_a_line_says(back(folder, imported)))
    assert not found, json.dumps(found, indent=1) + line


def imported_services(folder: Path, text: str) -> dict[str, Imported]:
    """Every service of a Compose file as a profile."""
    (folder / "compose.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    composed = read_compose(folder / "compose.yaml", "compose.yaml", folder, "eval", problems)
    assert composed is not None
    assert problems.errors == []
    return {name: from_compose(composed, name, services(composed)) for name in services(composed)}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_compose_file_comes_back(world: tuple[Path, dict[str, Wanted]], profile: str) -> None:
    folder, wanted = world
    text = dump_for_others([to_compose("eval", [wanted[profile]]).document])
    imported = imported_services(folder, text)[profile]
    found = differences(
        as_compose_says(options(wanted[profile]), profile), as_compose_says(back(folder, imported), profile)
    )
    assert not found, json.dumps(found, indent=1) + text


def test_what_compose_makes_of_the_file_comes_back_too(world: tuple[Path, dict[str, Wanted]]) -> None:
    """`docker compose config` reads the file, fills in, and writes it anew: nothing of it may be lost on Compose."""
    if problem := compose_problem():
        pytest.skip(problem)
    folder, wanted = world
    exported = to_compose("eval", list(wanted.values()))
    (folder / "exported.yaml").write_text(dump_for_others([exported.document]), encoding="utf-8")
    told = compose("-f", "exported.yaml", "config", cwd=str(folder)).stdout
    (folder / "exported.yaml").unlink()
    found = {}
    for profile, imported in imported_services(folder, told).items():
        ours, theirs = options(wanted[profile]), back(folder, imported)
        for key, values in differences(as_compose_says(ours, profile), as_compose_says(theirs, profile)).items():
            found[f"{profile}: {key}"] = values
    assert not found, json.dumps(found, indent=1, default=str) + told
