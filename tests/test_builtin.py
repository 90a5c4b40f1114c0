"""The built-in profiles and the example load, carry what the README says, and Docker accepts every option they use."""

from __future__ import annotations

from pathlib import Path

import pytest
from sglaunch_cli import Sglaunch

from sglaunch.config.load import Config, Request, load
from sglaunch.errors import ConfigError
from sglaunch.spec.container import Wanted

ROOT = Path(__file__).resolve().parent.parent
BUILT_IN = ("user", "dev", "server")
MODEL = ["server.model=Qwen/Qwen3-8B"]


def loaded(folder: Path, text: str, *names: str, overrides: tuple[str, ...] = (), **env: str) -> Config:
    (folder / "sglaunch.yaml").write_text(text, encoding="utf-8")
    facts = {"user": "ana", "uid": 1000, "gid": 1000, "home": str(folder / "home"), "hostname": "h200"}
    return load(Request(folder / "sglaunch.yaml", facts, env, overrides), list(names))


def built_in(folder: Path, name: str, **env: str) -> Wanted:
    overrides = tuple(MODEL) if name == "server" else ()
    return loaded(folder, "project: p\n", name, overrides=overrides, **env).wanted[name]


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_loads_without_a_warning_and_carries_what_sglang_needs(tmp_path: Path, name: str) -> None:
    wanted = built_in(tmp_path, name)
    spec = wanted.spec
    assert wanted.warnings == ()
    assert spec.image == ("lmsysorg/sglang:dev" if name == "dev" else "lmsysorg/sglang:latest")
    assert spec.init
    assert spec.gpus is not None
    assert spec.gpus.count == -1
    assert (spec.shm_size, spec.ipc) == (32 << 30, ""), "a size or the host's IPC, never both"
    assert spec.ulimits.keys() == {"memlock", "stack"}
    caches = {target: mount for target, mount in spec.volumes.items() if "/.cache/" in target}
    assert set(caches) == {"/root/.cache/huggingface", "/root/.cache/sglang"}
    assert all(mount.create_host_path for mount in caches.values())
    assert spec.environment["HF_TOKEN"] is None
    assert wanted.settings.soft >= {"gpus", "init", "ulimits.memlock", "ulimits.stack"}


@pytest.mark.parametrize(
    ("name", "attach", "recreate", "protect", "shell"),
    [
        ("user", True, "ask", True, "bash"),
        ("dev", True, "ask", True, "zsh"),
        ("server", False, "always", False, "bash"),
    ],
)
def test_how_the_launcher_treats_each(
    tmp_path: Path, name: str, attach: bool, recreate: str, protect: bool, shell: str
) -> None:
    settings = built_in(tmp_path, name).settings
    assert (settings.attach, settings.recreate, settings.protect, settings.shell) == (
        attach,
        recreate,
        protect,
        (shell,),
    )
    assert settings.fallback_shell


def test_user_and_dev_have_the_project_at_workspace_and_stay(tmp_path: Path) -> None:
    for name in ("user", "dev"):
        spec = built_in(tmp_path, name).spec
        assert spec.volumes["/workspace"].source == str(tmp_path)
        assert (spec.working_dir, spec.command) == ("/workspace", ("sleep", "infinity"))


def test_the_server_has_a_port_a_long_grace_and_its_readiness(tmp_path: Path) -> None:
    wanted = built_in(tmp_path, "server")
    assert wanted.spec.server is not None
    assert wanted.spec.server.port == 30000
    assert (wanted.spec.stop_grace_period or 0) >= 30
    assert wanted.settings.readiness is not None


def test_the_server_without_a_model_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.model: is required; write server: \{model"):
        loaded(tmp_path, "project: p\n", "server")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_proxy_is_passed_through_and_leaves_this_machine_alone(tmp_path: Path, name: str) -> None:
    environment = built_in(tmp_path, name, https_proxy="http://proxy:3128", no_proxy="intern").spec.environment
    assert str(environment["https_proxy"]) == "http://proxy:3128"
    assert environment["no_proxy"] == "intern,localhost,127.0.0.1,0.0.0.0,::1"
    assert built_in(tmp_path, name).spec.environment["no_proxy"] is None
    everything = built_in(tmp_path, name, https_proxy="http://proxy:3128", no_proxy="*").spec.environment["no_proxy"]
    assert everything == "*", "programs take no list with a star for one"


def test_the_example_that_init_writes_loads(tmp_path: Path) -> None:
    text = (ROOT / "sglaunch.yaml.example").read_text(encoding="utf-8")
    config = loaded(tmp_path, text)
    assert list(config.wanted) == ["dev"]
    assert loaded(tmp_path, text, "server").wanted["server"].spec.server is not None
    assert config.warnings == []


@pytest.mark.docker
@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("gpu", [True, False])
def test_docker_creates_each_on_a_machine_with_and_without_a_gpu(
    tmp_path: Path, cleanup: str, docker_image: str, name: str, gpu: bool
) -> None:
    """Created and not started: memlock -1 needs CAP_SYS_RESOURCE, GPUs need their driver."""
    folder = tmp_path / "project"
    folder.mkdir()
    nodes = (str(folder),) if gpu else ()
    sglaunch = Sglaunch(folder, cleanup, docker_image, gpu_nodes=nodes)
    sglaunch.write("project: PROJECT\nprofiles: {server: {server: {model: org/model, port: auto}}}\n")
    done = sglaunch("up", name, "--no-start", "--image", docker_image)
    found = sglaunch.inspect(name)
    host = found["HostConfig"]
    assert found["State"]["Status"] == "created"
    assert host["ShmSize"] == 32 << 30
    assert {one["Name"]: one["Soft"] for one in host["Ulimits"]} == {"memlock": -1, "stack": 67108864}
    assert bool(host["DeviceRequests"]) == gpu
    assert ("no NVIDIA GPU" in done.stderr) != gpu, "what is dropped is told"
    assert sglaunch("plan", name, "--check", "--image", docker_image, status=None).returncode == 3, (
        "it is to be started"
    )
