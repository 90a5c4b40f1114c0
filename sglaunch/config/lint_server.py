"""What goes wrong with SGLang servers minutes after they start, seen in the profile: warnings with their origin; pure.

The arithmetic and the flags are those of SGLang 0.4.6 to 0.5.23.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sglaunch.config.node import Problems
from sglaunch.spec.container import Wanted, origin_of
from sglaunch.spec.server import LOOPBACK, NO_PROXIES, PROXIES, Server, direct_hosts, gpus_needed
from sglaunch.spec.values import Secret

_GATED = re.compile(r"(meta-llama|google/gemma|mistralai|black-forest-labs)\b", re.IGNORECASE)
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_PATH_FLAGS = (
    *("tokenizer-path", "chat-template", "completion-template", "speculative-draft-model-path", "lora-paths"),
    *("download-dir", "ssl-certfile", "ssl-keyfile", "quantization-param-path"),
)
_Found = Iterator[tuple[str, str, str]]
"""Path of the value, message, next step."""


def lint_server(wanted: Wanted, problems: Problems) -> None:
    """The rules for a profile with `server`."""
    server = wanted.spec.server
    if server is None:
        return
    for rule in (_host, _gpus, _parallel, _nodes, _open_door, _key, _model, _paths, _shared_memory, _proxy):
        for path, message, hint in rule(wanted, server):
            origin = origin_of(path, wanted.origins)
            problems.warn(origin.place if origin else None, path, message, hint)


def _host(wanted: Wanted, server: Server) -> _Found:
    if wanted.spec.network_mode != "host" and server.host in LOOPBACK:
        message = f"{server.host} is the container's own loopback: the published port would answer nobody"
        yield "server.host", message, "write 0.0.0.0 and limit who reaches it in ports, e.g. 127.0.0.1:30000:30000"


def _number(server: Server, name: str) -> int:
    value = server.args.get(name, 1)
    return int(value) if str(value).isdecimal() else 1


def _gpus(wanted: Wanted, server: Server) -> _Found:
    """One process a GPU: tp * pp * dp over all nodes; with DP attention dp lives inside tp."""
    gpus = wanted.spec.gpus
    needed = gpus_needed(server)
    given = gpus.given if gpus is not None else 0
    per_node = -(-needed // _machines(wanted, server))
    if given and per_node > given:
        yield (
            "server.args",
            f"needs {per_node} GPUs on this machine (tp * pp * dp), and gpus gives {given}",
            (f"write gpus: {per_node}, or lower server.args.tp"),
        )


def _machines(wanted: Wanted, server: Server) -> int:
    """How many the server spans: as `nodes` says, or as somebody who starts each rank says in its flags."""
    return max(wanted.settings.nodes, _number(server, "nnodes"))


def _parallel(wanted: Wanted, server: Server) -> _Found:
    """Sizes that SGLang refuses together, most of them only after its start."""
    tp, pp, dp = (_number(server, name) for name in ("tp", "pp", "dp"))
    nodes, path = _machines(wanted, server), "server.args.nnodes" if "nnodes" in server.args else "nodes"
    attention = _number(server, "attn-dp")
    if tp * pp % max(nodes, 1):
        yield path, f"{nodes} nodes do not divide tp * pp, which is {tp * pp}", "change one of them"
    if tp % max(attention, 1):
        yield "server.args.attn-dp", f"{attention} does not divide tp, which is {tp}", "change one of them"
    if attention > 1 and dp > 1:
        yield "server.args.attn-dp", "excludes dp", "attention runs in parallel inside tp; leave dp out"
    if dp > 1 and nodes > 1 and not server.args.get("enable-dp-attention"):
        message = "with several nodes is refused by newer releases"
        yield "server.args.dp", message, "run one server a node behind a router"


def _nodes(wanted: Wanted, server: Server) -> _Found:
    if _number(server, "nnodes") == 1:
        return
    missing = [name for name in ("dist-init-addr", "node-rank") if name not in server.args]
    if missing:
        yield "server.args.nnodes", f"several nodes need {' and '.join(missing)} too", "the address is that of node 0"
    rank = server.args.get("node-rank")
    if str(rank).isdecimal() and int(str(rank)) >= _number(server, "nnodes"):
        yield "server.args.node-rank", f"{rank} is none of 0 to {_number(server, 'nnodes') - 1}", "lower it"
    if wanted.spec.network_mode != "host":
        yield "server.args.nnodes", "several nodes reach each other on the host's network", "write network_mode: host"


def _open_door(wanted: Wanted, server: Server) -> _Found:
    """A server that everybody on the network may use."""
    if server.api_key:
        return
    if wanted.spec.network_mode == "host":
        is_open = server.host not in LOOPBACK
    else:
        bindings = wanted.spec.ports.get(f"{server.port}/tcp")
        is_open = bindings is None or any(binding.ip not in LOOPBACK for binding in bindings)
    # Only what somebody opened: the built-in publishes its port to be reached at all.
    if is_open and "ports" in wanted.origins:
        path = f"ports.{server.port}/tcp"
        hint = "write server.api_key, or 127.0.0.1:30000:30000"
        yield path, "everybody who reaches this machine may use the server", hint


def _key(_: Wanted, server: Server) -> _Found:
    if server.api_key and _number(server, "tokenizer-worker-num") > 1:
        message = "is refused together with server.api_key"
        yield "server.args.tokenizer-worker-num", message, "leave one of the two out"


def _model(wanted: Wanted, server: Server) -> _Found:
    environment = wanted.spec.environment
    token = environment.get("HF_TOKEN")
    if _GATED.match(server.model) and not isinstance(token, Secret):
        yield "server.model", "is a gated model, and HF_TOKEN is not set in this shell", "export HF_TOKEN=..."
    for name in _OFFLINE:
        value = environment.get(name)
        if value in ("1", "true", "TRUE") and not server.model.startswith("/"):
            message = f"is an id, and {name} lets nothing be fetched that the cache does not hold"
            yield "server.model", message, "fetch it once without, or give a path"


def _paths(wanted: Wanted, server: Server) -> _Found:
    """Files that a flag names and the container may not have; the model's own path is mounted by itself."""
    spec = wanted.spec
    mounted = [target.rstrip("/") for target in (*spec.volumes, *spec.tmpfs)]
    mounted += [server.model.rstrip("/")] if server.model.startswith("/") else []
    for flag in _PATH_FLAGS:
        value = server.args.get(flag)
        for text in value if isinstance(value, list | tuple) else [value]:
            path = str(text).partition("=")[2] or str(text)
            if path.startswith("/") and not any(path == one or path.startswith(f"{one}/") for one in mounted):
                message = f"{path} is a path of the container, and no volume brings it there"
                yield f"server.args.{flag}", message, f"write volumes: [{path}:{path}:ro], if the image lacks it"


def _shared_memory(wanted: Wanted, server: Server) -> _Found:
    spec = wanted.spec
    if gpus_needed(server) > 1 and spec.shm_size is None and spec.ipc != "host" and "/dev/shm" not in spec.volumes:
        message = "several GPUs talk through /dev/shm, which has 64 MB where nothing is written"
        yield "server.args", message, "write shm_size: 32g"


def _proxy(wanted: Wanted, server: Server) -> _Found:
    """A written no_proxy is left as it is; where none is, what it must hold is added."""
    environment = wanted.spec.environment
    if not any(environment.get(name) for name in PROXIES):
        return
    for name in NO_PROXIES:
        value = environment.get(name)
        text = value.reveal() if isinstance(value, Secret) else value or ""
        hosts = {host.strip() for host in text.split(",")}
        missing = [host for host in direct_hosts(server) if host not in hosts]
        if text and text != "*" and missing:
            message = f"lacks {', '.join(missing)}: the server's warm-up asks itself, and would go through the proxy"
            yield f"environment.{name}", message, f"add {','.join(missing)}"
