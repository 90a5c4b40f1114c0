"""What keeps a container from the GPUs: driver, toolkit, and the CUDA that an image is for; pure."""

from __future__ import annotations

from sglaunch.doctor.facts import Facts
from sglaunch.doctor.finding import FAIL, OK, WARN, Finding, Found

_NEWEST_CUDA = (13, 0)
_NO_GPU = "on a machine without GPUs write gpus: null; else install the driver"


def gpus(facts: Facts) -> Found:
    assert facts.chosen is not None
    engine = facts.chosen.capabilities
    wanted = facts.profile is None or facts.profile.gpus
    if not facts.gpu_nodes and not facts.devices:
        status = WARN if wanted else OK
        yield Finding("gpu", status, f"no NVIDIA device ({facts.gpu_problem})", "" if status == OK else _NO_GPU)
        return
    if not facts.devices:
        fix = "see `nvidia-smi`; after an update of the driver the machine must be started anew"
        yield Finding("gpu", FAIL, f"the devices are there, the driver does not answer ({facts.gpu_problem})", fix)
    else:
        told = f", driver for CUDA {'.'.join(map(str, facts.driver_cuda))}" if facts.driver_cuda else ""
        yield Finding("gpu", OK, f"{facts.devices} device{'s'[: facts.devices > 1]}{told}")
    if engine.gpus == "cdi" and not facts.cdi:
        fix = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
        yield Finding("gpu.toolkit", FAIL, f"{engine.name} gives GPUs by CDI, and no nvidia.com/gpu is described", fix)
    elif engine.gpus == "gpus" and not facts.toolkit:
        fix = (
            "install nvidia-container-toolkit (docs.nvidia.com/datacenter/cloud-native/container-toolkit), then "
            "`sudo nvidia-ctk runtime configure --runtime=docker` and restart the engine"
        )
        yield Finding("gpu.toolkit", FAIL, "the NVIDIA container toolkit is not here: no container gets a GPU", fix)
    else:
        how = (
            f"CDI describes {', '.join(facts.cdi)}" if engine.gpus == "cdi" else "the NVIDIA container toolkit is here"
        )
        yield Finding("gpu.toolkit", OK, how)
    if engine.gpus == "gpus" and facts.cgroup_driver == "systemd" and not facts.char_links:
        message = "`systemctl daemon-reload` may take the GPUs away from running containers"
        yield Finding("gpu.reload", WARN, message, "sudo nvidia-ctk system create-dev-char-symlinks --create-all")


def cuda(facts: Facts) -> Found:
    if facts.profile is None or not facts.driver_cuda or facts.driver_cuda >= _NEWEST_CUDA:
        return
    image = facts.profile.image
    if "lmsysorg/sglang" in image and "-cu12" not in image:
        told = ".".join(map(str, facts.driver_cuda))
        message = f"the driver is for CUDA {told}, and {image} needs 13.0"
        yield Finding("gpu.cuda", FAIL, message, "take the tag that ends in -cu129, or update the driver")
