"""What may be written for each key of a file, by example: the one list, for the schema that editors read and for
docs/reference.md. Each of them loads. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

EXAMPLES: Mapping[str, Sequence[Any]] = {
    "extends": ["dev", None],
    "container_name": ["{{ user }}-eval"],
    "image": ["lmsysorg/sglang:v0.5.5", "registry.example.com/team/tool:{{ vars.tag }}"],
    "build": [
        "./tool",
        {
            "dockerfile_inline": "FROM lmsysorg/sglang:dev\nRUN apt-get update && apt-get install -y tmux\n",
            "args": {"CUDA": "12"},
            "tags": ["registry.example.com/team/tool:v2"],
            "secrets": ["PIP_TOKEN"],
        },
    ],
    "command": [["sleep", "infinity"], "python3 -m http.server 8000"],
    "entrypoint": [[], ["/usr/bin/env"]],
    "environment": [{"LOG_LEVEL": "debug", "TZ": None}, ["LOG_LEVEL=debug", "TZ"]],
    "env_file": [".env", [".env", {"path": "more.env", "required": False}]],
    "secret_env": [["HF_TOKEN"], {"HF_TOKEN": {"file": "~/.hf-token"}}],
    "volumes": [
        ["~/datasets:/data:ro", "./out:/out", "models:/models"],
        [{"type": "bind", "source": "./out", "target": "/out", "bind": {"create_host_path": True}}],
    ],
    "tmpfs": ["/scratch", ["/scratch:size=8g,mode=1777"]],
    "volumes_from": [["other-container"]],
    "ports": [["30000:30000", "127.0.0.1:8080:80"], [{"target": 30000, "published": "31000", "host_ip": "127.0.0.1"}]],
    "network_mode": ["host", "bridge", "none"],
    "networks": [["team"], {"team": {"aliases": ["server"]}}],
    "extra_hosts": [["registry:10.0.0.5"], {"registry": "10.0.0.5"}],
    "dns": ["10.0.0.2", ["10.0.0.2", "10.0.0.3"]],
    "dns_search": ["example.com"],
    "dns_opt": [["ndots:2"]],
    "ipc": ["host", "private"],
    "pid": ["host"],
    "uts": ["host"],
    "userns_mode": ["host"],
    "cgroup": ["private", "host"],
    "shm_size": ["32g"],
    "gpus": ["all", 2, [0, 3], {"count": 2, "min_free": "40g"}],
    "accelerator": ["rocm", "npu"],
    "devices": [
        ["/dev/infiniband", "nvidia.com/gpu=0"],
        [{"source": "/dev/fuse", "target": "/dev/fuse", "permissions": "rw"}],
    ],
    "device_cgroup_rules": [["c 10:229 rwm"]],
    "privileged": [True],
    "cap_add": [["SYS_PTRACE"]],
    "cap_drop": [["NET_RAW"]],
    "security_opt": [["seccomp=unconfined"]],
    "group_add": [["video"]],
    "ulimits": [{"memlock": -1, "nofile": {"soft": 1024, "hard": 65536}}],
    "sysctls": [{"net.core.somaxconn": 1024}],
    "user": ["me", "1000:1000"],
    "working_dir": ["/workspace"],
    "hostname": ["eval"],
    "labels": [{"team": "search"}, ["team=search"]],
    "tty": [True],
    "stdin_open": [True],
    "init": [True],
    "auto_remove": [True],
    "restart": ["unless-stopped", "on-failure:3"],
    "stop_signal": ["SIGINT"],
    "stop_grace_period": ["1m30s"],
    "healthcheck": [
        {"test": "curl -f http://localhost:8080/", "interval": "10s", "retries": 3, "start_period": "1m"},
        {"disable": True},
    ],
    "mem_limit": ["64g"],
    "mem_reservation": ["32g"],
    "memswap_limit": ["96g", -1],
    "cpus": [16, 1.5],
    "cpu_shares": [512],
    "cpu_quota": [50000],
    "cpu_period": [100000],
    "cpuset": ["0-15"],
    "pids_limit": [4096, -1],
    "read_only": [True],
    "runtime": ["nvidia"],
    "platform": ["linux/amd64"],
    "pull_policy": ["daily", "every_12h"],
    "logging": [{"driver": "json-file", "options": {"max-size": "100m", "max-file": "3"}}],
    "depends_on": [["server"], {"server": {"condition": "ready"}}],
    "caches": [["huggingface", "sglang"]],
    "hub": ["hf-mirror", "modelscope"],
    "server": [
        {"model": "Qwen/Qwen3-8B"},
        {
            "model": "Qwen/Qwen3-8B",
            "port": "auto",
            "args": {"tp": 2, "mem-fraction-static": 0.85, "trust-remote-code": True},
            "ready": {"stall": "40m"},
        },
    ],
    "nodes": [2],
    "replicas": [2],
    "kubernetes": [
        {
            "namespace": "llm",
            "node_selector": {"nvidia.com/gpu.product": "NVIDIA-H200"},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
            "image_pull_secrets": ["registry"],
        }
    ],
    "shell": ["zsh", ["bash", "--login"]],
    "attach": [True],
    "recreate": ["always"],
    "gpu_update": ["recreate"],
    "protect": [False],
    "project": ["eval"],
    "default_profiles": [["dev"]],
    "vars": [{"tag": "v0.5.0"}],
    "engine": ["auto", "podman"],
    "registry_mirrors": [{"docker.io": ["docker.m.daocloud.io"]}],
    "policy": [{"labels": ["team"], "mounts": {"deny": ["/etc"]}, "deny": ["privileged"], "max_gpus": 4}],
}
BESIDE: Mapping[str, Mapping[str, Any]] = {
    "memswap_limit": {"mem_limit": "64g"},
    **{key: {"server": {"model": "Qwen/Qwen3-8B"}} for key in ("nodes", "replicas", "kubernetes")},
}
"""What an example of a key does not load without."""
_OF_A_LAYER = ("extends", "project", "default_profiles", "vars", "engine", "registry_mirrors", "policy")
PROFILE_KEYS: Sequence[str] = tuple(key for key in EXAMPLES if key not in _OF_A_LAYER)
"""The keys of a profile, for what has no time to ask the models."""
