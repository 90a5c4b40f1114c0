"""An SGLang server in a pod: its devices, its ports, how it is asked, and how several nodes meet; pure."""

from __future__ import annotations

import math
from typing import Any

from sglaunch.convert import leaving
from sglaunch.convert.pod import PodDraft
from sglaunch.spec.container import ANY_ADDRESS
from sglaunch.spec.server import KEY_TARGET, LOOPBACK, Server, gpus_needed

GPU_RESOURCES = {
    "nvidia": "nvidia.com/gpu",
    "rocm": "amd.com/gpu",
    "npu": "huawei.com/Ascend910",
    "xpu": "gpu.intel.com/i915",
}
"""What the usual device plug-ins call what they give."""

MEETING_PORT = 20000
START_SECONDS = 3600.0
"""How long a start may take where no `server.ready.timeout` says it."""

PULL_SECONDS = 1800
"""What the pull of an image is allowed beside."""

_PERIOD = 10
_MEETING = (
    *("--nnodes", "$(LWS_GROUP_SIZE)", "--node-rank", "$(LWS_WORKER_INDEX)"),
    *("--dist-init-addr", f"$(LWS_LEADER_ADDRESS):{MEETING_PORT}"),
)
"""LeaderWorkerSet puts these variables before a container's own, so that they are known in its arguments."""


def write_server(draft: PodDraft, server: Server) -> None:
    """What a server needs beyond the options of its container."""
    if server.host in LOOPBACK:
        message = f"{server.host} is the pod's own loopback: the Service would reach nobody"
        draft.insist("server.host", message, "write 0.0.0.0")
    if draft.wanted.settings.nodes > 1:
        key = "args" if "args" in draft.container else "command"
        draft.container[key] = [*draft.container.get(key, []), *_MEETING]
    _devices(draft, server)
    _probes(draft, server)
    if server.api_key:
        secret = {"secret": {"secretName": key_secret(draft)}}
        draft.mount(KEY_TARGET.rpartition("/")[0], secret, readOnly=True)


def key_secret(draft: PodDraft) -> str:
    """The Secret that holds the file with the API key, which is one entry of it."""
    return f"{draft.spec.container_name}-api-key"


def _devices(draft: PodDraft, server: Server) -> None:
    """A cluster gives a number of whole devices, and chooses them itself."""
    accelerator = draft.wanted.settings.accelerator or ("nvidia" if draft.spec.gpus is not None else "")
    resource = draft.wanted.settings.kubernetes.gpu_resource or GPU_RESOURCES.get(accelerator, "")
    count = _count(draft, server, accelerator)
    if count and resource:
        draft.resource("limits", resource, str(count))


def _count(draft: PodDraft, server: Server, accelerator: str) -> int:
    gpus, nodes = draft.spec.gpus, draft.wanted.settings.nodes
    if gpus is None and accelerator in ("", "nvidia", "cpu"):
        return 0
    if gpus is not None and gpus.ids:
        draft.insist("gpus", "ids are those of one machine", f"say how many: gpus: {len(gpus.ids)}")
        return 0
    if gpus is not None and (gpus.min_free or gpus.idle):
        draft.tell("gpus", "a cluster gives whole devices to one pod alone: min_free and idle say nothing there")
    if gpus is not None and gpus.capabilities:
        names = ",".join(gpus.capabilities)
        draft.container.setdefault("env", []).append({"name": "NVIDIA_DRIVER_CAPABILITIES", "value": names})
    if gpus is not None and gpus.count > 0:
        return gpus.count
    needed = gpus_needed(server)
    if gpus is not None and leaving.is_written(draft.wanted, "gpus"):
        draft.insist("gpus", "all is no number that a cluster could give", f"say how many: gpus: {-(-needed // nodes)}")
    elif needed % nodes:
        message = f"{nodes} nodes do not divide tp * pp * dp, which is {needed}"
        draft.insist("nodes", message, "write server.args.tp, and gpus: how many each node gives")
    else:
        message = f"{needed // nodes} for each pod, as the flags of the server need (tp, pp, dp)"
        draft.tell("gpus" if gpus is not None else "accelerator", message, "gpus: a number says it itself")
    return needed // nodes


def _probes(draft: PodDraft, server: Server) -> None:
    """`/health` makes a token, which takes about a second: Kubernetes' own timeout of one would never be met. While a
    start-up probe has not succeeded, the others rest."""
    ready = draft.wanted.settings.readiness
    path = (ready.path if ready is not None else "") or "/health"
    scheme = {"scheme": "HTTPS"} if server.args.get("ssl-certfile") else {}
    ask: dict[str, Any] = {"httpGet": {"path": path, "port": server.port, **scheme}, "timeoutSeconds": 10}
    tries = max(1, math.ceil(start_seconds(draft) / _PERIOD))
    draft.container["startupProbe"] = {**ask, "periodSeconds": _PERIOD, "failureThreshold": tries}
    draft.container["readinessProbe"] = {**ask, "periodSeconds": _PERIOD, "failureThreshold": 3}
    check = draft.spec.healthcheck
    if check is None:
        alive = {**ask, "timeoutSeconds": 30, "periodSeconds": 30, "failureThreshold": 5}
        draft.container.setdefault("livenessProbe", alive)
    if ready is None or ready.timeout is None:
        message = f"a start may take {START_SECONDS:.0f} s in a pod, where up waits as long as there is progress"
        draft.tell("server.ready", message, "write server: {ready: {timeout: 2h}}")


def start_seconds(draft: PodDraft) -> float:
    """How long a start may take."""
    ready = draft.wanted.settings.readiness
    return START_SECONDS if ready is None or ready.timeout is None else ready.timeout


def ports(draft: PodDraft, server: Server) -> list[dict[str, Any]]:
    """The Service's ports; those of the container are written on the way. A published one keeps the host's number."""
    listens = f"{server.port}/tcp"
    published = {listens: ()} if draft.spec.network_mode == "host" else draft.spec.ports
    entries: list[dict[str, Any]] = []
    for key, bindings in published.items():
        number, _, protocol = key.partition("/")
        name, upper = "http" if key == listens else f"{protocol}-{number}", protocol.upper()
        draft.container.setdefault("ports", []).append({"name": name, "containerPort": int(number), "protocol": upper})
        front = [int(number)] if not bindings else []
        for binding in bindings:
            path = f"ports.{key}"
            if binding.ip not in ANY_ADDRESS:
                hint = "remove the address; a NetworkPolicy says who may come in"
                draft.insist(path, f"{binding.ip} is an address of this machine", hint)
            elif not binding.port:
                draft.insist(path, "a Service has a port that is known", f'write "{number}:{number}"')
            else:
                front.append(int(binding.port))
        for position, port in enumerate(front):
            named = name if position == 0 else f"{name}-{position}"
            entries.append({"name": named, "port": port, "targetPort": int(number), "protocol": upper})
    return entries
