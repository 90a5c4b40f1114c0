"""A snapshot holds no secret, whatever the engine tells of what it keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sglaunch.engine import snapshot
from sglaunch.engine.cli import Cli

PROGRAM = """\
#!/bin/sh
echo "$1" >>"FOLDER/calls"
case "$1" in
inspect)
    case "$2:${DOCKER_API_VERSION:-new}" in
    committed:new) cat "FOLDER/now" ;;
    committed:*) cat "FOLDER/then" ;;
    *) echo '[{"Config": {"Env": ["TOKEN=hf_secret"], "Labels": {}}}]' ;;
    esac ;;
commit) echo committed ;;
load) cat >"FOLDER/archive" ;;
esac
"""
IMAGE = {"Config": {"Env": ["TOKEN="]}, "RootFS": {"Layers": ["sha256:1"]}, "Created": "", "Architecture": "amd64"}
KEPT = {**IMAGE, "ContainerConfig": {"Env": ["TOKEN=hf_secret"]}}


@pytest.mark.parametrize(
    ("now", "then", "ends"),
    [
        (KEPT, IMAGE, ["commit", "inspect", "load", "rmi"]),
        (IMAGE, KEPT, ["commit", "inspect", "inspect", "load", "rmi"]),
        (IMAGE, None, ["commit", "inspect", "inspect", "load", "rmi"]),
        (IMAGE, IMAGE, ["commit", "inspect", "inspect", "tag"]),
        ({**IMAGE, "ContainerConfig": {}}, KEPT, ["commit", "inspect", "tag"]),
    ],
    ids=["told", "hidden", "cannot be asked", "not kept", "told as none"],
)
def test_what_the_image_keeps_beside_its_own_is_seen(
    tmp_path: Path, now: object, then: object, ends: list[str]
) -> None:
    program = tmp_path / "docker"
    program.write_text(PROGRAM.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "now").write_text(json.dumps([now]), encoding="utf-8")
    (tmp_path / "then").write_text(json.dumps([then]) if then else "no such API", encoding="utf-8")
    snapshot.take(Cli((str(program),), "docker"), "box", "saved:1", ["TOKEN"], {})
    assert (tmp_path / "calls").read_text(encoding="utf-8").split() == ["inspect", *ends]
    if "load" in ends:
        assert b"hf_secret" not in (tmp_path / "archive").read_bytes()
