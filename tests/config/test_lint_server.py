"""What goes wrong with servers minutes after they start is a warning with its line, and sound profiles get none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.config.load import Request, load
from sglaunch.errors import Problem
from sglaunch.spec.container import expand

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}
ENV = {"HF_TOKEN": "hf_0123456789", "SGLANG_KEY": "k-0123456789", "SGLAUNCH_SITE_CONFIG": "/nonexistent/site.yaml"}
NODES = "nnodes: 2, dist-init-addr: 10.0.0.1:5000"

# Further lines of a profile with a server, its flags -> the path and a piece of each warning.
WARNED: dict[tuple[str, str], list[tuple[str, str]]] = {
    ("server: {host: 127.0.0.1}", ""): [("server.host", "the container's own loopback")],
    ("server: {host: 127.0.0.1}\nnetwork_mode: host", ""): [],
    # GPUs: one process each; DP attention lives inside tp.
    ("gpus: 2", "tp: 4"): [("server.args", "needs 4 GPUs on this machine (tp * pp * dp), and gpus gives 2")],
    ("gpus: 4", "tp: 4"): [],
    ("gpus: 4", "tp: 2, dp: 2, pp: 2"): [("server.args", "needs 8 GPUs")],
    ("gpus: 4", "tp: 4, dp: 4, enable-dp-attention: true"): [],
    ("gpus: 4", "tp: 4, attn-dp: 2"): [],
    ("gpus: [0, 3]", "tp: 4"): [("server.args", "gpus gives 2")],
    ('gpus: ["4,5"]', "tp: 2"): [],
    ("gpus: {device_ids: ['4, 5', 7]}", "tp: 4"): [("server.args", "gpus gives 3")],
    ("gpus: all", "tp: 64"): [],
    ("gpus: 8\nnetwork_mode: host", f"tp: 16, node-rank: 0, {NODES}"): [],
    # Sizes that SGLang refuses together.
    ("network_mode: host", f"tp: 3, node-rank: 0, {NODES}"): [("server.args.nnodes", "2 nodes do not divide tp * pp")],
    ("", "tp: 4, attn-dp: 3"): [("server.args.attn-dp", "3 does not divide tp")],
    ("", "tp: 4, attn-dp: 2, dp: 2"): [("server.args.attn-dp", "excludes dp")],
    ("network_mode: host", f"tp: 2, dp: 2, node-rank: 1, {NODES}"): [("server.args.dp", "refused by newer releases")],
    # Several nodes.
    ("network_mode: host", "tp: 2, nnodes: 2"): [("server.args.nnodes", "need dist-init-addr and node-rank too")],
    ("network_mode: host", f"tp: 2, node-rank: 2, {NODES}"): [("server.args.node-rank", "2 is none of 0 to 1")],
    ("", f"tp: 2, node-rank: 0, {NODES}"): [("server.args.nnodes", "on the host's network")],
    # Who may use it.
    ("ports: ['30000:30000']", ""): [("ports.30000/tcp", "everybody who reaches this machine")],
    ("ports: ['127.0.0.1:30000:30000']", ""): [],
    ("ports: ['30000:30000']\nsecret_env: [SGLANG_KEY]\nserver: {api_key: SGLANG_KEY}", ""): [],
    ("secret_env: [SGLANG_KEY]\nserver: {api_key: SGLANG_KEY}", "tokenizer-worker-num: 4"): [
        ("server.args.tokenizer-worker-num", "refused together with server.api_key")
    ],
    # Models and files.
    ("server: {model: meta-llama/Llama-3.1-8B}", ""): [("server.model", "a gated model, and HF_TOKEN is not set")],
    ("server: {model: meta-llama/Llama-3.1-8B}\nsecret_env: [HF_TOKEN]", ""): [],
    ("environment: {HF_HUB_OFFLINE: 1}", ""): [("server.model", "HF_HUB_OFFLINE lets nothing be fetched")],
    ("environment: {HF_HUB_OFFLINE: 1}\nserver: {model: /models/x}", ""): [],
    ("", "chat-template: /tpl/x.jinja"): [("server.args.chat-template", "/tpl/x.jinja is a path of the container")],
    ("", "chat-template: chatml"): [],
    ("volumes: ['/tpl:/tpl:ro']", "chat-template: /tpl/x.jinja"): [],
    ("volumes: ['/tp:/tp:ro']", "chat-template: /tpl/x.jinja"): [("server.args.chat-template", "no volume")],
    ("server: {model: /models/x}", "tokenizer-path: /models/x/tokenizer"): [],
    ("", "lora-paths: [a=/lora/a, b=/lora/b]"): [
        ("server.args.lora-paths", "/lora/a is a path"),
        ("server.args.lora-paths", "/lora/b is a path"),
    ],
    # Shared memory.
    ("shm_size: null", "tp: 2"): [("server.args", "/dev/shm, which has 64 MB")],
    ("shm_size: null\nipc: host", "tp: 2"): [],
    ("shm_size: null", ""): [],
    # Proxies: localhost is added where nothing is written.
    ("environment: {http_proxy: http://p:1}", ""): [],
    ("environment: {http_proxy: http://p:1, no_proxy: corp}", ""): [("environment.no_proxy", "lacks localhost")],
    ("environment: {http_proxy: http://p:1, NO_PROXY: 'a, localhost, 127.0.0.1'}", ""): [
        ("environment.NO_PROXY", "lacks 0.0.0.0, ::1")
    ],
    ("environment: {http_proxy: http://p:1, NO_PROXY: '::1, 0.0.0.0, localhost, 127.0.0.1'}", ""): [],
    (
        "network_mode: host\nenvironment: {http_proxy: http://p:1, no_proxy: 'localhost,127.0.0.1,0.0.0.0,::1'}",
        f"tp: 2, node-rank: 0, {NODES}",
    ): [("environment.no_proxy", "lacks 10.0.0.1")],
    # A proxy on the loopback of the host.
    ("environment: {http_proxy: http://127.0.0.1:7890}", ""): [
        ("environment.http_proxy", "127.0.0.1:7890 is on this machine's loopback")
    ],
    ("environment: {ALL_PROXY: 'socks5h://user:p@ss@[::1]:1080/'}", ""): [
        ("environment.ALL_PROXY", "[::1]:1080 is on this machine's loopback")
    ],
    ("environment: {https_proxy: LOCALHOST}", ""): [("environment.https_proxy", "LOCALHOST is on")],
    ("environment: {https_proxy: http://localhost.corp:1}", ""): [],
    ("network_mode: host\nenvironment: {http_proxy: http://127.0.0.1:7890}", ""): [],
    ("network_mode: container:x\nenvironment: {http_proxy: http://127.0.0.1:7890}", ""): [],
    ("environment: {no_proxy: corp}", ""): [],
}


def loaded(folder: Path, lines: str, args: str = "") -> tuple[list[Problem], dict[str, object]]:
    """The warnings of a server profile, and the environment that its container gets."""
    rest = "\n".join(f"    {line}" for line in lines.splitlines() if not line.startswith("server:"))
    written = next((line[9:-1] for line in lines.splitlines() if line.startswith("server:")), "")
    server = ", ".join(part for part in (written, "" if "model:" in written else "model: org/m") if part)
    text = f"profiles:\n  a:\n    image: x\n    shm_size: 32g\n    server: {{{server}, args: {{{args}}}}}\n{rest}\n"
    if "shm_size" in lines:
        text = text.replace("    shm_size: 32g\n", "")
    (folder / "sglaunch.yaml").write_text(text, encoding="utf-8")
    config = load(Request(folder / "sglaunch.yaml", FACTS, ENV), ["a"])
    wanted = config.wanted["a"]
    return list(wanted.warnings), dict(expand(wanted.spec).environment)


@pytest.mark.parametrize(("lines", "args"), WARNED, ids=[" | ".join(key).replace("\n", " ") for key in WARNED])
def test_a_server_is_warned_about(tmp_path: Path, lines: str, args: str) -> None:
    expected = WARNED[lines, args]
    warnings, _ = loaded(tmp_path, lines, args)
    assert [warning.path for warning in warnings] == [path for path, _ in expected], [str(one) for one in warnings]
    for warning, (_, words) in zip(warnings, expected, strict=True):
        assert words in warning.message
        assert warning.hint
        assert warning.place is not None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{http_proxy: http://p:1}", "localhost,127.0.0.1,0.0.0.0,::1"),
        ("{HTTPS_PROXY: 'http://u:pw@p:1'}", "localhost,127.0.0.1,0.0.0.0,::1"),
        ("{http_proxy: http://p:1, no_proxy: corp}", "corp"),
        ("{http_proxy: ''}", None),
        ("{A: b}", None),
    ],
)
def test_a_server_reaches_itself_past_a_proxy(tmp_path: Path, written: str, expected: str | None) -> None:
    _, environment = loaded(tmp_path, f"environment: {written}")
    assert environment.get("no_proxy") == expected
