"""Profiles that cover every option, in groups: what is exported from them must make the same containers."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

# Each is to be created and not started: a machine that is a container itself cannot raise every limit, and has no GPU.
# Words with @ stand for names of a run.
PROFILES = {
    "process": """
        command: [echo, "a b", "$HOME", '"q"', "it's", "$(id)", "a\\\\b", ""]
        environment: {A: "x y", B: "$C ${D} $$", E: "it's \\"so\\"", F: "", G: "one\\ntwo", H: "é", LIST: "a:b,c=d"}
        working_dir: /tmp
        user: "1000:1000"
        hostname: box
        tty: true
        stdin_open: true
        labels: {team: eval, json: '{"a": [1, "$x"]}'}
        stop_signal: SIGINT
        stop_grace_period: 1m30s
        read_only: true
        init: true
    """,
    "entrypoint": """
        entrypoint: [sh, -c, 'echo "$0 $1"']
        command: [a, b]
    """,
    "cleared": """
        entrypoint: []
        command: [sleep, "1000"]
    """,
    "imageown": "restart: unless-stopped",
    "mounts": """
        command: [sleep, "1000"]
        volumes:
          - ./data:/data
          - "./a,b:/comma:ro"
          - @VOL:/named
          - /anonymous
          - {type: bind, source: ./made, target: /made, bind: {create_host_path: true}}
          - {type: volume, source: '@VOL', target: /nocopy, volume: {nocopy: true}}
        tmpfs: ["/scratch:size=64m,mode=1777", /plain]
        shm_size: 1g
    """,
    "ports": """
        command: [sleep, "1000"]
        ports: ["8080", "127.0.0.1:8081:81", "8082:82/udp", "[::1]:8083:83", "8090-8091:90-91", "127.0.0.1::84"]
        extra_hosts: ["a:10.0.0.1", "b:fd00::1", "gate:host-gateway"]
        dns: [1.1.1.1, 8.8.8.8]
        dns_search: [example.com]
        dns_opt: ["ndots:2"]
    """,
    "networks": """
        command: [sleep, "1000"]
        networks:
          @NETb: {aliases: [web, www], ipv4_address: 172.31.251.7}
          @NETa: {aliases: [other]}
    """,
    "host": """
        command: [sleep, "1000"]
        network_mode: host
        ipc: host
        pid: host
        uts: host
        userns_mode: host
        cgroup: host
    """,
    "rights": """
        command: [sleep, "1000"]
        cap_add: [SYS_PTRACE, IPC_LOCK]
        cap_drop: [NET_RAW]
        security_opt: ["seccomp=unconfined", "no-new-privileges"]
        group_add: ["44", "109"]
        devices: ["/dev/null:/dev/nothing:r", /dev/zero]
        device_cgroup_rules: ["c 1:3 rwm"]
        sysctls: {net.ipv4.ip_forward: "1", net.core.somaxconn: "1024"}
        ipc: shareable
    """,
    "privileged": """
        command: [sleep, "1000"]
        privileged: true
        network_mode: none
    """,
    "limits": """
        command: [sleep, "1000"]
        ulimits: {memlock: -1, stack: 67108864, nofile: {soft: 1024, hard: 2048}}
        mem_limit: 1g
        mem_reservation: 512m
        memswap_limit: 2g
        cpus: 1.5
        cpu_shares: 512
        cpuset: "0"
        pids_limit: 100
    """,
    "quota": """
        command: [sleep, "1000"]
        mem_limit: 256m
        cpu_quota: 50000
        cpu_period: 100000
        stop_grace_period: 500ms
        restart: on-failure:3
    """,
    "gpus": """
        command: [sleep, "1000"]
        gpus: all
    """,
    "devices": """
        command: [sleep, "1000"]
        gpus: {ids: ["0", "2"], capabilities: [compute, utility]}
    """,
    "health": """
        command: [sleep, "1000"]
        healthcheck: {test: "echo $HOME || exit 1", interval: 1m30s, timeout: 5s, retries: 2, start_period: 2.5s}
        logging: {driver: json-file, options: {max-size: 10m, max-file: "3"}}
        runtime: runc
        platform: @PLATFORM
    """,
    "unhealthy": """
        command: [sleep, "1000"]
        healthcheck: {disable: true}
        restart: always
    """,
    "removed": """
        command: [sleep, "1000"]
        auto_remove: true
        volumes: [{type: bind, source: ./data, target: /slave, bind: {propagation: rslave}}]
    """,
    "secrets": """
        command: [sleep, "1000"]
        secret_env: {HF_TOKEN: {}, FILED_API_KEY: {file: ./token}, ABSENT: {}}
        environment: {PASSED: null, UNSET: null, MY_API_KEY: null}
    """,
    "variables": """
        command: [sleep, "1000"]
        env_file: [./vars.env]
        environment: {PLAIN: over}
    """,
    "sharing": """
        command: [sleep, "1000"]
        network_mode: container:@BASE-cleared
        pid: container:@BASE-cleared
        volumes_from: ["@BASE-mounts"]
        depends_on: [cleared, mounts]
    """,
    "launched": """
        server: {model: @HERE/data, args: {tp: 2, trust-remote-code: true, json-model-override-args: '{"a": "b c"}'}}
    """,
    "user": "gpus: null",
    "dev": "gpus: null",
    "server": """
        gpus: null
        server: {model: org/model}
    """,
    "hosted": """
        server: {model: org/model, port: 31234}
        network_mode: host
    """,
}
ENVIRONMENT = {"HF_TOKEN": "hf_s3cret value", "PASSED": "passed $on", "MY_API_KEY": 'k"1', "FROM_SHELL": "shell"}
SECRETS = ("hf_s3cret", "from-the-file", 'k"1', "of-the-env-file")


def write_files(folder: Path) -> None:
    """The files and folders that the profiles name."""
    for name in ("data", "a,b"):
        (folder / name).mkdir()
    (folder / "token").write_text("from-the-file\n", encoding="utf-8")
    (folder / "vars.env").write_text("PLAIN=under\nFILE_TOKEN=of-the-env-file\n", encoding="utf-8")


def profiles(image: str, folder: Path, project: str, names: str) -> dict[str, str]:
    """By name the lines under each profile. `names`: what the names of containers begin with."""
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
    stands_for: Mapping[str, str] = {
        "@PLATFORM": f"linux/{architecture}",
        "@BASE": names,
        "@HERE": str(folder),
        "@NET": project,
        "@VOL": f"{project}-v",
    }
    bodies = {}
    for profile, body in PROFILES.items():
        lines = [line.removeprefix("        ") for line in body.strip("\n").splitlines()]
        text = "".join(f"    {line}\n" for line in [f"image: {image}", *lines] if line.strip())
        bodies[profile] = re.sub("|".join(stands_for), lambda found: stands_for[found[0]], text)
    return bodies
