"""What the doctor finds in the facts of a machine, and the fix it names."""

from __future__ import annotations

from typing import Any

import pytest
from builders import at

from sglaunch.doctor.examine import examine
from sglaunch.doctor.facts import Engine, Facts, Profile
from sglaunch.doctor.finding import FAIL, OK, WARN, Finding
from sglaunch.engine.explain import explain
from sglaunch.errors import Problem
from sglaunch.plain import replace
from sglaunch.plan.capabilities import known

GIB = 1 << 30
NO_PROXY = "localhost,127.0.0.1,0.0.0.0,::1"
DOCKER = Engine("docker", "/usr/bin/docker", known("docker", "28.5.2"))
PODMAN = Engine("podman", "/usr/bin/podman", known("podman", "4.3.1"))
NERDCTL = Engine("nerdctl", "/usr/bin/nerdctl", known("nerdctl", "2.0.3", server="1.7.24", has_init=False))
STOPPED = replace(DOCKER, problem=explain("Cannot connect to the Docker daemon at unix:///var/run/docker.sock."))
DENIED = replace(DOCKER, problem=explain("permission denied while trying to connect to the Docker daemon socket"))
OLD_DOCKER = Engine("docker", "/usr/bin/docker", known("docker", "20.10.24"))
LIMITED = Profile("web", "x:1", True, ulimits={"memlock": -1, "stack": 1024})
WELL = Facts(
    user="ana",
    engines=[DOCKER],
    chosen=DOCKER,
    family="debian",
    systemd=True,
    data_root="/var/lib/docker",
    disk_free=400 * GIB,
    shm=64 * GIB,
    devices=8,
    driver_cuda=(13, 0),
    gpu_nodes=True,
    toolkit=True,
    cgroup_driver="cgroupfs",
    raises_limits=True,
    token=True,
    registry="",
)


def none_here() -> list[Engine]:
    return [Engine(name) for name in ("docker", "nerdctl", "podman")]


def only(engine: Engine, **changes: Any) -> dict[str, Any]:
    return {"engines": [engine], "chosen": engine, **changes}


# What differs from a machine where all is well -> check, status, a piece of the fix.
SICK: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no engine": ({"engines": none_here(), "chosen": None}, "engine", FAIL, "sudo apt-get install -y docker.io"),
    "no engine, Fedora": (
        {"engines": none_here(), "chosen": None, "family": "fedora"},
        *("engine", FAIL, "sudo dnf install -y moby-engine"),
    ),
    "daemon stopped": ({"engines": [STOPPED], "chosen": None}, "engine.docker", FAIL, "sudo systemctl start docker"),
    "daemon stopped, no systemd": (
        {"engines": [STOPPED], "chosen": None, "systemd": False},
        *("engine.docker", FAIL, "sudo service docker start"),
    ),
    "not permitted": ({"engines": [DENIED], "chosen": None}, "engine.docker", FAIL, "sudo usermod -aG docker ana"),
    "docker stopped, podman there": (
        {"engines": [STOPPED, PODMAN], "chosen": PODMAN, "cdi": ["0", "all"]},
        *("engine.docker", WARN, "systemctl start docker"),
    ),
    "disk full": ({"disk_free": 1 << 20}, "disk", FAIL, "docker image prune"),
    "disk small": ({"disk_free": 10 * GIB}, "disk", WARN, "docker system df"),
    "no GPU": ({"devices": 0, "gpu_nodes": False, "gpu_problem": "x"}, "gpu", WARN, "gpus: null"),
    "driver dead": ({"devices": 0, "gpu_problem": "x"}, "gpu", FAIL, "nvidia-smi"),
    "no toolkit": ({"toolkit": False}, "gpu.toolkit", FAIL, "nvidia-ctk runtime configure --runtime=docker"),
    "no CDI": (only(PODMAN), "gpu.toolkit", FAIL, "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"),
    "daemon-reload": ({"cgroup_driver": "systemd"}, "gpu.reload", WARN, "create-dev-char-symlinks"),
    "old driver": (
        {"driver_cuda": (12, 4), "profile": Profile("server", "lmsysorg/sglang:latest", True, gpus=True)},
        *("gpu.cuda", FAIL, "-cu129"),
    ),
    "old driver, the image of an older release": (
        {"driver_cuda": (12, 4), "profile": Profile("server", "lmsysorg/sglang:v0.5.12", True, gpus=True)},
        *("gpu.cuda", FAIL, "lmsysorg/sglang:v0.5.12-cu129"),
    ),
    "nvidia-cdi-hook, no CDI": ({"toolkit": False, "cdi_hook": True}, "gpu.toolkit", FAIL, "nvidia-ctk"),
    "nvidia-cdi-hook, old Docker": (
        only(OLD_DOCKER, toolkit=False, cdi_hook=True, cdi=["0"]),
        "gpu.toolkit",
        FAIL,
        "nvidia-ctk",
    ),
    "no toolkit, no GPUs wanted": (
        {"toolkit": False, "profile": Profile("web", "x:1", True)},
        "gpu.toolkit",
        WARN,
        "nvidia-ctk",
    ),
    "an update may take GPUs": ({"cgroup_driver": "systemd"}, "gpu.reload", WARN, "native.cgroupdriver=cgroupfs"),
    "a profile's limits": (
        {"raises_limits": False, "hard_limits": {"memlock": 65536}, "profile": LIMITED},
        "ulimits",
        FAIL,
        "ulimits: null",
    ),
    "a profile's limits, the engine's unseen": (
        {"raises_limits": False, "profile": LIMITED},
        "ulimits",
        FAIL,
        "ulimits: null",
    ),
    "no registry, and the image has to come from it": (
        {"registry": "r cannot be reached", "profile": Profile("server", "r/x:1", False, pulls=True)},
        *("registry", FAIL, "network and proxy"),
    ),
    "small shm": ({"shm": 64 << 20}, "shm", WARN, "shm_size"),
    "no limits": ({"raises_limits": False}, "ulimits", WARN, "ulimits: null"),
    "no tini": (only(NERDCTL, cni=("/usr/lib/cni", True)), "init", WARN, "sudo apt-get install -y tini"),
    "no CNI": (
        only(NERDCTL, cni=("", False)),
        *("network", FAIL, "sudo apt-get install -y containernetworking-plugins"),
    ),
    "CNI hidden": (
        only(NERDCTL, cni=("/opt/cni/bin", False), cni_elsewhere="/usr/lib/cni"),
        *("network", FAIL, "export CNI_PATH=/usr/lib/cni"),
    ),
    "caches of root": (
        {"caches": ["/home/ana/.cache/huggingface"]},
        *("caches", WARN, "sudo chown -R ana /home/ana/.cache/huggingface"),
    ),
    "proxy": (
        {"proxy": "http://p:1", "no_proxy": "corp"},
        "proxy",
        WARN,
        "export no_proxy=corp,localhost,127.0.0.1,0.0.0.0,::1",
    ),
    "proxy of the loopback": (
        {"proxy": "http://***@127.0.0.1:7890", "no_proxy": NO_PROXY},
        "proxy.loopback",
        WARN,
        "network_mode: host",
    ),
    "proxy of the daemon": (
        {"proxy": "http://p:1", "no_proxy": NO_PROXY, "daemon_proxy": ""},
        *("proxy.daemon", WARN, "/etc/systemd/system/docker.service.d/proxy.conf"),
    ),
    "no token": ({"token": False}, "token", WARN, "export HF_TOKEN"),
    "registry": ({"registry": "registry-1.docker.io cannot be reached"}, "registry", WARN, "network and proxy"),
    "image not here": ({"profile": Profile("server", "x:1", False)}, "image", WARN, "sglaunch pull server"),
    "a profile's problem": (
        {"profile": Profile("server", "x:1", True, [Problem("port 1 is taken", at(7).place, "ports", "another")])},
        *("profile.server", FAIL, "another"),
    ),
    "a profile's warning": (
        {"profile": Profile("server", "x:1", True, [], [Problem("is small", at(7).place, "shm_size", "write 32g")])},
        *("profile.server", WARN, "write 32g"),
    ),
}


def test_a_machine_that_is_well_has_nothing_to_mend() -> None:
    assert {finding.status for finding in examine(WELL)} == {OK}
    assert not any(finding.fix for finding in examine(WELL))


@pytest.mark.parametrize("case", SICK)
def test_what_is_wrong_is_found_with_its_fix(case: str) -> None:
    changes, check, status, fix = SICK[case]
    found = [one for one in examine(replace(WELL, **changes)) if one.check == check and one.status == status]
    assert found, [str(finding) for finding in examine(replace(WELL, **changes))]
    assert fix in found[0].fix
    assert found[0].message


@pytest.mark.parametrize("case", SICK)
def test_nothing_is_wrong_without_a_fix(case: str) -> None:
    def bad(finding: Finding) -> bool:
        return finding.status != OK

    assert all(finding.fix for finding in examine(replace(WELL, **SICK[case][0])) if bad(finding))


def test_of_a_server_only_what_can_be_asked_from_here_is_told() -> None:
    found = {one.check: one for one in examine(replace(WELL, server="gpu1", user="root"))}
    assert set(found) == {"engine.docker", "machine", "token"}
    assert "gpu1, as root" in found["machine"].message
    bare = {one.check: one for one in examine(replace(WELL, server="gpu1", gpu_nodes=False))}
    assert "on gpu1" in bare["gpu"].fix


def test_a_profile_without_gpus_does_not_miss_them() -> None:
    profile = Profile("web", "x:1", True, gpus=False)
    facts = replace(WELL, devices=0, gpu_nodes=False, profile=profile)
    assert [finding.status for finding in examine(facts) if finding.check == "gpu"] == [OK]


FINE = {
    "limits that are low enough": {
        "raises_limits": False,
        "hard_limits": {"memlock": -1, "stack": 1024},
        "profile": LIMITED,
    },
    "no limits asked": {"raises_limits": False, "profile": Profile("web", "x:1", True)},
    "GPUs by CDI alone": {"toolkit": False, "cdi_hook": True, "cdi": ["0", "all"], "cgroup_driver": "systemd"},
    "an image for CUDA 12": {
        "driver_cuda": (12, 9),
        "profile": Profile("server", "lmsysorg/sglang:v0.5.19-cu129", True, gpus=True),
    },
    "a release for CUDA 12": {
        "driver_cuda": (12, 9),
        "profile": Profile("server", "lmsysorg/sglang:v0.5.8", True, gpus=True),
    },
    "an image that was looked up": {
        "driver_cuda": (12, 4),
        "profile": Profile("server", "lmsysorg/sglang:latest", True, gpus=True, checked=True),
    },
}


@pytest.mark.parametrize("case", FINE)
def test_what_up_can_do_is_no_failure(case: str) -> None:
    assert {finding.status for finding in examine(replace(WELL, **FINE[case]))} == {OK}
