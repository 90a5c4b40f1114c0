"""Where the engine may be chosen: its name anywhere, its program and address outside of a project's folder alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.config.layers import ENGINE_KEYS
from sglaunch.config.load import Request, identify, load
from sglaunch.errors import ConfigError

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}


def request(folder: Path, *, project: str = "", local: str = "", personal: str = "") -> Request:
    for name, text in (
        ("p/sglaunch.yaml", project),
        ("p/sglaunch.local.yaml", local),
        ("sglaunch/config.yaml", personal),
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{text and 'engine: '}{text}\n", encoding="utf-8")
    return Request(folder / "p" / "sglaunch.yaml", FACTS, {"XDG_CONFIG_HOME": str(folder)})


@pytest.mark.parametrize("key", ENGINE_KEYS)
@pytest.mark.parametrize("layer", ["project", "local"])
def test_no_file_of_a_projects_folder_chooses_the_program_or_the_address(layer: str, key: str, tmp_path: Path) -> None:
    value = "true" if key == "sudo" else "docker"
    for use in (lambda one: load(one, []), identify):
        with pytest.raises(ConfigError) as error:
            use(request(tmp_path, **{layer: f"{{{key}: {value}}}"}))
        (problem,) = error.value.problems()
        assert str(problem.place).endswith("yaml:1:9")
        assert problem.hint.endswith(
            "host, context, namespace, address, binary, sudo go to ~/.config/sglaunch/config.yaml"
        )
    assert identify(request(tmp_path, personal=f"{{{key}: {value}}}")).engine == {key: value}


@pytest.mark.parametrize("layer", ["project", "local"])
@pytest.mark.parametrize(
    ("name", "personal", "expected"),
    [
        ("podman", "", {"name": "podman"}),
        ("nerdctl", "{name: nerdctl, sudo: true}", {"name": "nerdctl", "sudo": "true"}),
        ("docker", "{context: gpu1}", {"name": "docker", "context": "gpu1"}),
        ("docker", "{name: nerdctl, namespace: x}", {"name": "docker"}),
        ("auto", "podman", {"name": "auto"}),
    ],
)
def test_a_name_keeps_what_is_said_of_that_engine(
    layer: str, name: str, personal: str, expected: dict[str, str], tmp_path: Path
) -> None:
    assert identify(request(tmp_path, **{layer: name}, personal=personal)).engine == expected
