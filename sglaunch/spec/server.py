"""The SGLang server as typed fields, and the command, port and mount they make.

Flags are kept under short profile names (`tp`), whatever spelling was written, and leave as the long names
every SGLang release knows: argparse prefix matching makes `--pp` ambiguous since 0.5, `--pp-size` never.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct, field
from sglaunch.spec.reference import parse, release_numbers
from sglaunch.spec.values import Mount, PortBinding, Secret

DEFAULT_LAUNCHER = ("python3", "-m", "sglang.launch_server")
"""Works in every release; 0.5.10 and later advise against it."""
SERVE = ("sglang", "serve")
STANDARD_LAUNCHERS = (DEFAULT_LAUNCHER, SERVE)
SGLANG_DAY, SERVE_DAY = "2024-01-01", "2025-11-06"
"""When the first images of SGLang were made (an earlier time is that of a build without clock), and those of 0.5.5, the
first release with `sglang serve`."""
_SERVES, _SERVES_MODELSCOPE, _SERVES_NOT = (0, 5, 5), (0, 5, 10), (1,)
"""Until 0.5.9 `sglang serve` asks Hugging Face for the model's kind, and ends where it is one of ModelScope. Numbers
from 1 on are none of SGLang's releases (NVIDIA's images count by year and month)."""
_IMAGES = ("sglang", "sglang-rocm")
_OFFICIAL = ("lmsysorg/sglang", "lmsysorg/sglang-rocm", "ascend/sglang")
_NEWEST = re.compile(
    r"(?:latest|dev|nightly-dev|main)(?:-cu\d+|-cann[\d.]+)?(?:-(?:runtime|a3|910b))?(?:-\d{8}-[0-9a-f]+)?"
)
DEFAULT_PORT = 30000
KEY_TARGET = "/run/sglaunch/server.yaml"
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
NO_PROXIES = ("no_proxy", "NO_PROXY")
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0", "::1")  # noqa: S104 - some releases warm up by asking 0.0.0.0
_ON_LOOPBACK = re.compile(
    r"(?:\w+://)?(?:.*@)?(127(?:\.\d+){3}|0\.0\.0\.0|localhost|\[::1\])(:\d+)?(?:/|$)", re.IGNORECASE
)
_ZMQ_DISTANCE, _ZMQ_PORTS = 233, 6
_BOOTSTRAP_PORT = 8998

# Profile word -> the flag as it is sent. The aliases are those of SGLang's argument parser, 0.4.6 to 0.5.23.
LONG_FLAGS = {"tp": "tp-size", "dp": "dp-size", "pp": "pp-size", "ep": "ep-size", "attn-dp": "attn-dp-size"}
ALIASES = {
    "tp-size": "tp",
    "tensor-parallel-size": "tp",
    "dp-size": "dp",
    "data-parallel-size": "dp",
    "pp-size": "pp",
    "pipeline-parallel-size": "pp",
    "ep-size": "ep",
    "expert-parallel-size": "ep",
    "attn-dp-size": "attn-dp",
    "attention-data-parallel-size": "attn-dp",
    "nccl-init-addr": "dist-init-addr",
    "speculative-draft-model": "speculative-draft-model-path",
    "enable-hicache": "enable-hierarchical-cache",
}
# Flags that say how several nodes meet.
MEETING_FLAGS = ("nnodes", "node-rank", "dist-init-addr")
# Flags that are fields of their own under `server:`.
FIELD_FLAGS = {"model-path": "model", "model": "model", "host": "host", "port": "port", "api-key": "api_key"}


class Server(Struct, frozen=True):
    """What the server is asked to be. `model` is an id or an absolute path; `args` are keyed by profile word.

    `api_key` names the variable of `secret_env` that holds the key. SGLang reads no variable for it, and its flag would
    be seen by every user, so the key travels in a file of `--config`: `key_file` on the host, set when one is made.
    """

    model: str
    host: str = "0.0.0.0"  # noqa: S104 - inside the container; what is published decides who reaches it
    port: int = DEFAULT_PORT
    args: Mapping[str, Any] = field(default_factory=dict)
    launcher: tuple[str, ...] = DEFAULT_LAUNCHER
    api_key: str = ""
    key_file: str = ""


def launcher_of(image: str, *, modelscope: bool) -> tuple[str, ...]:
    """What starts a server of an image, by its name and tag; `modelscope`: models come from there."""
    try:
        reference = parse(image)
    except ValueError:
        return DEFAULT_LAUNCHER
    if reference.repository.rpartition("/")[2] not in _IMAGES:
        return DEFAULT_LAUNCHER
    if numbers := release_numbers(reference.tag):
        serves = (_SERVES_MODELSCOPE if modelscope else _SERVES) <= numbers < _SERVES_NOT
    else:
        serves = reference.repository.endswith(_OFFICIAL) and _NEWEST.fullmatch(reference.tag) is not None
    return SERVE if serves else DEFAULT_LAUNCHER


def flag_word(written: str) -> str:
    """The profile word of a flag as people write it: `--tp-size`, `tp_size` and `tp` are all `tp`."""
    name = written.lstrip("-").replace("_", "-")
    return ALIASES.get(name, name)


def command(server: Server) -> tuple[str, ...]:
    """The launch command. Booleans are bare flags, false is left out, lists are several values, mappings are JSON."""
    words = [*server.launcher, "--model-path", server.model, "--host", server.host, "--port", str(server.port)]
    if server.api_key:
        words += ["--config", KEY_TARGET]
    for name, value in sorted(server.args.items()):
        if value is None or value is False:
            continue
        words.append(f"--{LONG_FLAGS.get(name, name)}")
        if value is not True:
            words.extend(_word(item) for item in (value if isinstance(value, list | tuple) else [value]))
    return tuple(words)


def published(server: Server) -> dict[str, tuple[PortBinding, ...]]:
    """The port the server is published on where the network is not the host's."""
    return {f"{server.port}/tcp": (PortBinding(str(server.port)),)}


def listens(server: Server) -> dict[int, str]:
    """TCP ports the server binds, beyond its own loopback or not, with the path of the value that asks for each.

    Node 0 binds the address the nodes meet at; DP attention takes the six ports after it, or after the server's port
    plus 233 where there is one node (PortArgs of SGLang).
    """
    found = {server.port: "server.port"} if server.port else {}
    meeting = "server.args.dist-init-addr"
    base = _number(str(server.args.get("dist-init-addr", "")).rpartition(":")[2])
    if base and _number(server.args.get("node-rank")) == 0:
        found.setdefault(base, meeting)
    if uses_dp_attention(server):
        first, path = (base, meeting) if base else (server.port + _ZMQ_DISTANCE if server.port else 0, "server.port")
        if first:
            found = {**dict.fromkeys(range(first + 1, first + 1 + _ZMQ_PORTS), path), **found}
    if port := _number(server.args.get("nccl-port")):
        found.setdefault(port, "server.args.nccl-port")
    if server.args.get("disaggregation-mode") == "prefill":
        path = "server.args.disaggregation-bootstrap-port"
        found.setdefault(_number(server.args.get("disaggregation-bootstrap-port")) or _BOOTSTRAP_PORT, path)
    return found


def uses_dp_attention(server: Server) -> bool:
    """Under the newer flag or the older one."""
    return _number(server.args.get("attn-dp")) > 1 or server.args.get("enable-dp-attention") is True


def gpus_needed(server: Server) -> int:
    """One process a GPU, over all nodes: tp * pp * dp; with DP attention dp lives inside tp."""
    tp, pp, dp = (_number(server.args.get(name)) or 1 for name in ("tp", "pp", "dp"))
    return tp * pp * (1 if server.args.get("enable-dp-attention") else dp)


def _number(value: Any) -> int:
    return int(value) if str(value).isascii() and str(value).isdecimal() else 0


def model_mount(server: Server, targets: Mapping[str, Mount]) -> dict[str, Mount]:
    """A model that is a host path is mounted read-only at the same path, unless a written mount already covers it."""
    if not server.model.startswith("/"):
        return {}
    if any(server.model == target or server.model.startswith(target.rstrip("/") + "/") for target in targets):
        return {}
    return {server.model: Mount("bind", server.model, read_only=True)}


def direct_hosts(server: Server | None) -> tuple[str, ...]:
    """Hosts that must not be asked through a proxy: the container itself, and the node where several nodes meet."""
    meeting = str(server.args.get("dist-init-addr") or "") if server is not None else ""
    address = meeting.rpartition("://")[2]
    host = (address.rpartition(":")[0] or address).strip("[]")
    return LOCAL_HOSTS if host in ("", *LOCAL_HOSTS) else (*LOCAL_HOSTS, host)


def proxies_around(
    environment: Mapping[str, str | Secret | None], server: Server | None
) -> dict[str, str | Secret | None]:
    """The environment of a server. It warms up by asking itself, which must not go through a proxy."""
    proxied = any(environment.get(name) for name in PROXIES)
    if not proxied or any(environment.get(name) for name in NO_PROXIES):
        return dict(environment)
    return {**environment, NO_PROXIES[0]: ",".join(direct_hosts(server))}


def loopback_proxies(environment: Mapping[str, str | Secret | None]) -> dict[str, str]:
    """The proxy variables that name the loopback of the host, with `host:port` of each: no credentials."""
    texts = {name: environment.get(name) for name in PROXIES}
    found = {name: _ON_LOOPBACK.match(v.reveal() if isinstance(v, Secret) else v or "") for name, v in texts.items()}
    return {name: match[1] + (match[2] or "") for name, match in found.items() if match}


def key_mount(server: Server) -> dict[str, Mount]:
    """The file that holds the API key, once it is made."""
    return {KEY_TARGET: Mount("bind", server.key_file, read_only=True)} if server.key_file else {}


def key_text(key: str) -> str:
    """The content of that file: YAML, keys are flag names (SGLang 0.5.5 and later)."""
    return f"api-key: {json.dumps(key)}\n"


def _word(value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, sort_keys=True)
    return str(value).lower() if isinstance(value, bool) else str(value)
