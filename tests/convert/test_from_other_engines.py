"""What the inspect of Podman 4.3 and nerdctl 2.0 really shows, as an observation: the same as Docker's would be.

The JSON in the folders of cases/inspect was recorded, of containers that sglaunch created. nerdctl's has the variables
of its native form, as engine/cli.py adds them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sglaunch.convert.from_inspect import addresses, container, is_container, local_image
from sglaunch.plan.capabilities import Capabilities

CASES = Path(__file__).resolve().parent.parent / "cases" / "inspect"
ENGINES = ("podman-4.3", "nerdctl-2.0")
PORT = ("127.0.0.1:18080->80/tcp",)


def recorded(engine: str, case: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((CASES / engine / f"{case}.json").read_text(encoding="utf-8"))
    return data


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("running", {"status": "running", "ports": PORT, "finished": ""}),
        ("created", {"status": "created", "ports": (), "started": "", "finished": ""}),
        ("exited", {"status": "exited", "exit_code": 0, "network_mode": "host"}),
    ],
)
def test_a_container_is_seen(engine: str, case: str, expected: dict[str, Any]) -> None:
    data = recorded(engine, case)
    assert is_container(data)
    seen = container(data)
    usual = {"exit_code": 0, "health": "", "oom_killed": False, "auto_remove": False, "error": "", **expected}
    assert {field: getattr(seen, field) for field in usual} == usual
    assert seen.image_ref.endswith("sglaunch-test/busybox:1")
    assert seen.image_id.startswith("sha256:")
    assert seen.applied is not None
    assert seen.applied.spec is not None, "the digest of the label holds"
    assert bool(seen.finished) == (case == "exited")


@pytest.mark.parametrize("engine", ENGINES)
def test_what_changes_in_place_elsewhere_stands_in_the_label(engine: str) -> None:
    seen = container(recorded(engine, "running"))
    assert seen.applied is not None
    assert seen.applied.spec is not None
    assert (seen.applied.spec["mem_limit"], seen.applied.spec["cpus"]) == (1 << 30, 0.5)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_environment_and_the_way_to_a_port(engine: str) -> None:
    data = recorded(engine, "running")
    assert container(data).env["A"].reveal() == "one"
    assert addresses(data, 80)[0] == "127.0.0.1:18080"
    assert addresses(recorded(engine, "exited"), 80) == ["127.0.0.1:80"], "on the host's network"


def nerdctl(status: str, **state: Any) -> dict[str, Any]:
    data = recorded("nerdctl-2.0", "created")
    labels = {**data["Config"]["Labels"], **state.pop("labels", {})}
    return {
        **data,
        "State": {**data["State"], "Status": status, **state},
        "Config": {**data["Config"], "Labels": labels},
    }


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (nerdctl(""), "created"),
        (nerdctl("", FinishedAt="2026-07-20T10:00:00Z"), "exited"),
        (nerdctl("running", Running=True, Restarting=True), "running"),
        (nerdctl("restarting", Restarting=True), "restarting"),
        (nerdctl("restarting", labels={"containerd.io/restart.explicitly-stopped": "true"}), "exited"),
        (nerdctl("paused", Running=True, Paused=True), "paused"),
        (nerdctl("running", Running=True, FinishedAt="0001-01-01T00:00:00Z"), "running"),
    ],
)
def test_nerdctls_states_are_dockers(data: dict[str, Any], status: str) -> None:
    seen = container(data)
    assert (seen.status, seen.finished != "" and status != "exited") == (status, False)


@pytest.mark.parametrize("text", ["", "null", "[", "{}", '["a"]', "[" * 3000])
def test_labels_of_nerdctls_that_make_no_sense_are_left_aside(text: str) -> None:
    labels = {"nerdctl/networks": text, "nerdctl/ports": text}
    assert container(nerdctl("", labels=labels)).ports == ()


@pytest.mark.parametrize(
    ("status", "seen"), [("configured", "created"), ("initialized", "created"), ("stopped", "exited")]
)
def test_podmans_own_states(status: str, seen: str) -> None:
    data = recorded("podman-4.3", "created")
    assert container({**data, "State": {**data["State"], "Status": status}}).status == seen


def test_an_image_is_known_by_its_id_or_where_that_is_all_by_its_digest() -> None:
    data = {"Id": "aa" * 32, "RepoDigests": ["img@sha256:bb"]}
    by_digest = Capabilities(digests=True)
    assert local_image(data).id == f"sha256:{'aa' * 32}"
    assert local_image(data, by_digest).id == "sha256:bb"
    assert local_image({"Id": "sha256:cc", "RepoDigests": []}, by_digest).id == "sha256:cc"


def test_nerdctls_labels_name_whose_namespace_is_shared() -> None:
    labels = {
        "nerdctl/pid-container": "a" * 64,
        "nerdctl/ipc": f'{{"mode":"container","victimContainerId":"{"b" * 64}"}}',
        "nerdctl/networks": f'["container:{"c" * 64}"]',
    }
    shared = {"network_mode": "c" * 64, "ipc": "b" * 64, "pid": "a" * 64}
    assert container(nerdctl("running", labels=labels)).partners == shared
    assert container(nerdctl("running")).partners == {}
