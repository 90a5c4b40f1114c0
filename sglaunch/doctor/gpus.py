"""What keeps a container from the GPUs: driver, toolkit, and the CUDA that an image is for; pure."""

from __future__ import annotations

from sglaunch.doctor.facts import Facts
from sglaunch.doctor.finding import FAIL, OK, WARN, Finding, Found
from sglaunch.spec.sglang_images import FACTS, cuda_12_image

_NEWEST_CUDA = (13, 0)
_GPUS_BY_CDI = FACTS["first Docker with --gpus by CDI"].value
# docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/troubleshooting.html
_KEEP_DEVICES = (
    "sudo nvidia-ctk system create-dev-char-symlinks --create-all; or give GPUs by CDI (`sudo nvidia-ctk cdi generate "
    '--output=/etc/cdi/nvidia.yaml`); or write "exec-opts": ["native.cgroupdriver=cgroupfs"] into '
    "/etc/docker/daemon.json and restart the engine"
)
_NO_GPU = "on a machine without GPUs write gpus: null; else install the driver"


def gpus(facts: Facts) -> Found:
    assert facts.chosen is not None
    engine = facts.chosen.capabilities
    wanted = facts.profile is None or facts.profile.gpus
    lacking = FAIL if wanted else WARN
    if not facts.gpu_nodes:
        status = WARN if wanted else OK
        yield Finding("gpu", status, f"no NVIDIA device ({facts.gpu_problem})", "" if status == OK else _NO_GPU)
        return
    if not facts.devices:
        fix = "see `nvidia-smi`; after an update of the driver the machine must be started anew"
        yield Finding("gpu", lacking, f"the devices are there, the driver does not answer ({facts.gpu_problem})", fix)
    else:
        told = f", driver for CUDA {'.'.join(map(str, facts.driver_cuda))}" if facts.driver_cuda else ""
        yield Finding("gpu", OK, f"{facts.devices} device{'s'[: facts.devices > 1]}{told}")
    by_cdi = engine.gpus == "cdi" or (
        not facts.toolkit and facts.cdi_hook and bool(facts.cdi) and not engine.older_than(_GPUS_BY_CDI)
    )
    if engine.gpus == "cdi" and not facts.cdi:
        fix = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
        yield Finding(
            "gpu.toolkit", lacking, f"{engine.name} gives GPUs by CDI, and no nvidia.com/gpu is described", fix
        )
    elif engine.gpus == "gpus" and not facts.toolkit and not by_cdi:
        fix = (
            "install nvidia-container-toolkit (docs.nvidia.com/datacenter/cloud-native/container-toolkit), then "
            "`sudo nvidia-ctk runtime configure --runtime=docker` and restart the engine"
        )
        yield Finding("gpu.toolkit", lacking, "the NVIDIA container toolkit is not here: no container gets a GPU", fix)
    else:
        how = f"CDI describes {', '.join(facts.cdi)}" if by_cdi else "the NVIDIA container toolkit is here"
        yield Finding("gpu.toolkit", OK, how)
    if engine.gpus == "gpus" and not by_cdi and facts.cgroup_driver == "systemd" and not facts.char_links:
        message = "`systemctl daemon-reload` and `docker update` may take the GPUs away from running containers"
        yield Finding("gpu.reload", WARN, message, _KEEP_DEVICES)


def cuda(facts: Facts) -> Found:
    """What the tag tells, where the image itself could not be asked."""
    if facts.profile is None or facts.profile.checked or not facts.driver_cuda or facts.driver_cuda >= _NEWEST_CUDA:
        return
    other = cuda_12_image(facts.profile.image)
    if other:
        told = ".".join(map(str, facts.driver_cuda))
        message = f"the driver has CUDA {told}, and {facts.profile.image} is for 13.0"
        yield Finding("gpu.cuda", FAIL, message, f"take {other}, which is for CUDA 12, or update the driver")
