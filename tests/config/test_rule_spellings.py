"""Rules compare what is meant: every spelling of one meaning has one verdict, and what is near to it another.

Profiles are loaded from text, as people write them; the machine's links are a table.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from sglaunch.config.load import Request, load
from sglaunch.plan.policy import host_paths_of, violations
from sglaunch.recall import questions
from sglaunch.spec.meaning import clean
from sglaunch.spec.policy import Policy

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}
LINKS = {
    "/var/run": "/run",
    "/data/out": "/etc",
    "/home/ana/sets": "/data/sets",
    "/srv": "/data/srv",
    "/dev/card": "/dev/nvidia3",
    "/home/ana/memory": "/dev/shm",
}


def real(path: str) -> str:
    for link, target in LINKS.items():
        if path == link or path.startswith(f"{link}/"):
            return target + path[len(link) :]
    return path


def rules_broken(
    folder: Path, policy: Policy, spellings: Sequence[str], facts: Mapping[str, object] = FACTS
) -> list[set[str]]:
    """For each profile of these lines the rules that it breaks; `;` stands between lines."""
    profiles = []
    for number, spelling in enumerate(spellings):
        image = "" if "image:" in spelling else "    image: lmsysorg/sglang\n"
        profiles.append(f"  p{number}:\n{image}" + "".join(f"    {line}\n" for line in re.split(" ; ", spelling)))
    (folder / "sglaunch.yaml").write_text("profiles:\n" + "".join(profiles), encoding="utf-8")
    names = [f"p{number}" for number in range(len(spellings))]
    wanted = load(Request(folder / "sglaunch.yaml", facts, {}), names).wanted
    found = []
    for name in names:
        links = {path: real(path) for path in host_paths_of(wanted[name], policy)}
        problems = map(str, violations(wanted[name], policy, links))
        found.append({problem.partition("(policy.")[2].partition(")")[0] for problem in problems})
    return found


def each(text: str) -> list[str]:
    """Spellings, between which `|` stands; `nothing` is a profile without any."""
    return [word.strip().replace("nothing", "") for word in text.split("|")]


def capabilities(name: str) -> Iterator[str]:
    for prefix, change in itertools.product(("", "CAP_"), (str.upper, str.lower, str.title)):
        yield f"cap_add: [{change(prefix + name)}]"
        yield f"cap_add: ['CHOWN', ' {change(prefix + name)} ']"
    yield from ("cap_add: [ALL]", "cap_add: [all]", "cap_add: [All]", "privileged: true", "privileged: yes")
    yield f"cap_add: [ALL, {name}] ; cap_drop: [CHOWN]"
    yield "privileged: true ; cap_drop: [ALL]"


def binds(path: str) -> Iterator[str]:
    """A host path in every form of a bind, with what a path may be cluttered with."""
    head, _, tail = path.rpartition("/")
    for source in (path, f"{path}/", f"/{path}", f"{head}/./{tail}", f"{head}/x/../{tail}", f"/proc/1/root{path}"):
        yield f"volumes: ['{source}:/x']"
        yield f"volumes: ['{source}:/x:ro,z']"
        yield f"volumes: [{{type: bind, source: '{source}', target: /x}}]"
    yield f"volumes: [{{type: volume, source: '{path}', target: /x, bind: {{selinux: z}}}}]"
    yield f"devices: ['{path}:/dev/x']"


def separated(name: str, value: str) -> Iterator[str]:
    for sign, word in itertools.product(("=", ":", " = "), (value, value.upper(), f"{value} ")):
        yield f'security_opt: ["{name}{sign}{word}"]'
        yield f'security_opt: ["{name.upper()}{sign}{word}", label=type:t]'
    yield "privileged: true"


SOCKET = [*binds("/run/docker.sock"), *binds("/var/run/docker.sock"), *binds("/run"), *binds("/proc/self/cwd/run")]
# Rules -> their name, spellings that break them, and near misses.
TABLE: dict[str, tuple[Policy, str, list[str], list[str]]] = {
    "a socket": (
        Policy(deny_mounts=("/var/run/docker.sock",)),
        "mounts.deny",
        [*SOCKET, "volumes: ['/:/host']", "volumes: [/var/run/docker.sock:/var/run/docker.sock]"],
        [*binds("/run/docker.sock.d"), *binds("/running"), "volumes: [run:/x]", "tmpfs: [/run]", "env_file: []"],
    ),
    "a folder that a link leads out of": (
        Policy(allow_mounts=("/data", "/srv")),
        "mounts.allow",
        each("""volumes: [/data/out:/x] | volumes: [/data/out/ssh:/x] | volumes: [/data/../etc:/x] | volumes: [/:/x] |
            volumes: [/database:/x] | volumes: ['~/x:/x'] | caches: [huggingface] | volumes: [/data/sets/../../a:/x] |
            volumes: [{type: volume, source: /etc, target: /x, bind: {selinux: z}}] | user: me | volumes: [./:/x]"""),
        each("""volumes: [/data:/x] | volumes: [//data/y/../x:/x] | volumes: ['~/sets/a:/x'] | volumes: [/srv/a:/x] |
            volumes: [named:/x] | volumes: [/x] | devices: [/dev/fuse] | tmpfs: [/x] | volumes: [/data/srv/a:/x]"""),
    ),
    "a device": (
        Policy(deny=("devices=/dev//mem",)),
        "deny",
        each("""devices: [/dev/mem] | devices: [/dev/mem:/dev/x] | devices: ['/dev/./mem:/dev/x:r'] | devices: [/dev] |
            devices: [{source: /dev/mem, target: /dev/y}] | privileged: true | devices: [/dev/x/../mem]"""),
        each("devices: [/dev/memory] | devices: [/dev/fuse:/dev/mem] | devices: [nvidia.com/gpu=0] | gpus: 1"),
    ),
    "a CDI device": (
        Policy(deny=("devices=nvidia.com/gpu=0",)),
        "deny",
        each("devices: [nvidia.com/gpu=0] | devices: [nvidia.com/gpu=all]"),
        each("devices: [nvidia.com/gpu=1] | devices: [amd.com/gpu=all]"),
    ),
    "the host's network": (
        Policy(deny=("network_mode=host",)),
        "deny",
        each("""network_mode: host | networks: [host] | networks: {host: {}} | networks: [net, host] |
            network_mode: ' host ' | network_mode: 'ns:/proc/1/ns/net'"""),
        each("""network_mode: bridge | network_mode: hostnet | networks: [hosts] | network_mode: 'container:host' |
            pid: host"""),
    ),
    "any network mode": (
        Policy(deny=("network_mode",)),
        "deny",
        each("network_mode: none | networks: [host] | network_mode: net"),
        each("networks: [net] | nothing"),
    ),
    "another's namespace": (
        Policy(deny=("network_mode=container",)),
        "deny",
        each("network_mode: 'container:x'"),
        each("network_mode: containers | networks: [container-x]"),
    ),
    "namespaces": (
        Policy(deny=("ipc=host", "pid=host", "uts=host", "cgroup=host", "userns_mode=host")),
        "deny",
        [f"{key}: {word}" for key in ("ipc", "pid", "uts", "cgroup", "userns_mode") for word in ("host", "' host '")],
        each("ipc: private | pid: 'container:host' | hostname: host"),
    ),
    **{
        f"capability {written}": (
            Policy(deny=(f"cap_add={written}",)),
            "deny",
            list(capabilities("SYS_ADMIN")),
            each("""cap_add: [SYS_ADMINS] | cap_drop: [SYS_ADMIN] | cap_drop: [ALL] | cap_add: [SYS_PTRACE] |
                cap_add: [ALL] ; cap_drop: [CAP_SYS_ADMIN]"""),
        )
        for written in ("SYS_ADMIN", "cap_sys_admin", "CAP_SYS_ADMIN", " Sys_Admin")
    },
    "an accelerator's capability": (
        Policy(deny=("cap_add=sys_ptrace",)),
        "deny",
        each("accelerator: rocm | accelerator: npu | accelerator: xpu"),
        each("accelerator: cpu | accelerator: nvidia"),
    ),
    **{
        f"{written}": (Policy(deny=(f"security_opt={written}",)), "deny", list(separated(name, value)), near)
        for written, name, value, near in (
            (
                "seccomp=unconfined",
                "seccomp",
                "unconfined",
                each("security_opt: [seccomp=unconfined.json] | cap_add: [ALL]"),
            ),
            ("seccomp:unconfined", "seccomp", "unconfined", each("security_opt: [apparmor=unconfined]")),
            ("apparmor:unconfined", "apparmor", "unconfined", each("security_opt: [apparmor=docker-default]")),
            ("label:disable", "label", "disable", each("security_opt: ['label=level:s0']")),
        )
    },
    "new privileges": (
        Policy(deny=("security_opt=no-new-privileges:false",)),
        "deny",
        [f'security_opt: ["no-new-privileges{tail}"]' for tail in (":false", "=false", "=0", ":F", " = False")],
        each("security_opt: [no-new-privileges] | security_opt: ['no-new-privileges:true'] | nothing"),
    ),
    **{
        f"user {written}": (
            Policy(deny=(f"user={written}",)),
            "deny",
            each("nothing | accelerator: xpu")
            + [
                f"user: '{user}'"
                for user in ("0", "root", "+0", "00", "-0", "0:0", "root:root", "0:100", "root:", ":5", " 0")
            ],
            each("user: me | user: '10' | user: roots | user: '1000:0' | user: nobody:root | user: '0x'"),
        )
        for written in ("root", "0", "+0")
    },
    "any user": (Policy(deny=("user",)), "deny", each("user: '0' | user: me"), each("nothing")),
    "root's group": (
        Policy(deny=("group_add=root",)),
        "deny",
        each("group_add: [root] | group_add: [0] | group_add: ['+0', video]"),
        each("group_add: [10] | group_add: [video] | user: root"),
    ),
    "privileged": (
        Policy(deny=("privileged=true",)),
        "deny",
        each("accelerator: npu") + [f"privileged: {word}" for word in ("true", "yes", "'on'", "True")],
        each("privileged: false | nothing | cap_add: [ALL]"),
    ),
    "no restart policy is written": (
        Policy(deny=("restart",)),
        "deny",
        each("restart: always | restart: on-failure:3"),
        each('nothing | restart: "no"'),
    ),
    "restart": (
        Policy(deny=("restart=on-failure",)),
        "deny",
        each("restart: on-failure | restart: on-failure:3"),
        each("restart: always | nothing"),
    ),
    "numbers": (
        Policy(deny=("mem_limit=1g", "cpus=4", "stop_grace_period=1m", "stop_signal=sigint")),
        "deny",
        each("cpus: 4 | cpus: '4.0' | stop_grace_period: 60 | stop_grace_period: 60s | stop_signal: INT")
        + [f"mem_limit: {size}" for size in ("1g", "1024m", "1073741824", "1GiB")],
        each("mem_limit: 2g | cpus: 4.5 | stop_grace_period: 61 | stop_signal: SIGTERM"),
    ),
    "a server": (Policy(deny=("server",)), "deny", each("server: {model: m/n}"), each("command: x")),
    "all devices by number": (
        Policy(deny=("device_cgroup_rules=c 195:* rwm",)),
        "deny",
        each("privileged: true")
        + [f"device_cgroup_rules: ['{rule}']" for rule in ("c 195:* rwm", " c  195:*  mrw", "a *:* rwm", "a")],
        each("device_cgroup_rules: ['c 196:* rwm'] | device_cgroup_rules: ['c 195:* r']"),
    ),
    "GPUs": (
        Policy(max_gpus=2),
        "max_gpus",
        each("""gpus: 3 | gpus: all | gpus: {count: all} | gpus: ['0', '1', '2'] | gpus: ['0,1', '2'] |
            privileged: true | runtime: nvidia | runtime: nvidia-cdi | devices: [nvidia.com/gpu=all] | devices: [/dev] |
            runtime: nvidia ; environment: {NVIDIA_VISIBLE_DEVICES: null} |
            devices: [/dev/nvidia0, /dev/nvidia1, /dev/nvidia2] |
            devices: [/dev/nvidia0, /dev/nvidia1, /dev/card:/dev/x] | gpus: 2 ; devices: [/dev/nvidia7] |
            gpus: ['0', '1'] ; devices: [nvidia.com/gpu=2] | accelerator: rocm | accelerator: npu | accelerator: xpu |
            devices: [/dev/kfd, /dev/dri] | device_cgroup_rules: ['c 195:* rwm']""")
        + [
            f"{run}environment: {{NVIDIA_VISIBLE_DEVICES: '{ids}'}}"
            for run in ("runtime: nvidia ; ", "")
            for ids in ("all", "0,1,5")
        ],
        each("""gpus: 2 | gpus: ['3,4'] | gpus: ['5', '5', '6'] |
            runtime: nvidia ; environment: {NVIDIA_VISIBLE_DEVICES: none} |
            runtime: nvidia ; environment: {NVIDIA_VISIBLE_DEVICES: '4,5'} |
            devices: [/dev/nvidiactl, /dev/nvidia-uvm, /dev/dri] |
            gpus: ['0', '1'] ; devices: [/dev/nvidia0, /dev/nvidia1] |
            gpus: 2 ; environment: {NVIDIA_VISIBLE_DEVICES: all} | accelerator: rocm ; gpus: 2 | accelerator: cpu |
            cap_add: [ALL] | devices: [nvidia.com/gpu=0, nvidia.com/gpu=gpu1]"""),
    ),
    "no GPU": (
        Policy(deny=("gpus",)),
        "deny",
        each("gpus: 1 | runtime: nvidia | devices: [/dev/nvidia0] | privileged: true"),
        each("nothing | runtime: runc"),
    ),
    "all GPUs": (
        Policy(deny=("gpus=all",)),
        "deny",
        each("gpus: all | devices: [nvidia.com/gpu=all]"),
        each("gpus: 4"),
    ),
    "shared memory": (
        Policy(max_shm=8 << 30),
        "max_shm",
        each("""shm_size: 9g | shm_size: 8193m | shm_size: 8589934593 | shm_size: 0 | ipc: host |
            ipc: 'ns:/proc/1/ns/ipc' | tmpfs: ['/dev/shm:size=1g,nr_blocks=9999999'] |
            tmpfs: ['/dev/shm:size=1g,size=9g'] | volumes: [{type: tmpfs, target: /dev/shm, tmpfs: {size: 9g}}] |
            volumes: [/dev/shm:/x] | volumes: ['~/memory/a:/x'] | volumes: [/data:/dev/shm] |
            volumes: [shm:/dev/shm] | volumes: [/dev:/dev]""")
        + [
            f"tmpfs: ['/dev/shm{tail}']"
            for tail in ("", "/", ":size=9g", "/x:size=9G", ":mode=777", ":size=50%", ":size=0")
        ],
        each("""shm_size: 8g | shm_size: 8GiB | ipc: private | tmpfs: ['/dev/shm:size=8g'] | tmpfs: [/dev/shmem] |
            tmpfs: [/tmp] | volumes: [/data/dev/shm:/x] | volumes: [/data:/dev/shmem] | nothing"""),
    ),
    **{
        f"image {pattern}": (
            Policy(images=(pattern,)),
            "images",
            [
                f"image: {name}"
                for name in ("evil.com/lmsysorg/sglang", "lmsysorg.evil.com/sglang", "other/sglang", "sglang")
            ],
            [
                f"image: {name}"
                for name in ("lmsysorg/sglang", "docker.io/lmsysorg/sglang:latest", "index.docker.io/lmsysorg/sglang")
            ],
        )
        for pattern in (
            "lmsysorg/*",
            "docker.io/lmsysorg/*",
            "lmsysorg/sglang:latest",
            "lmsysorg/sglang*",
            "Docker.io/lmsysorg/sglang",
        )
    },
    "image without a registry": (
        Policy(images=("ubuntu*",)),
        "images",
        each("image: ubuntu.evil.com/x | image: ubuntu.io:5000/x"),
        each("image: ubuntu | image: library/ubuntu:24.04 | image: docker.io/ubuntu"),
    ),
    "label": (
        Policy(labels=("team",)),
        "labels",
        each("labels: {team: ' '} | nothing"),
        each("labels: {team: a} | labels: [team=a]"),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_every_spelling_has_one_verdict_and_a_near_miss_has_none(name: str, tmp_path: Path) -> None:
    policy, rule, spellings, near = TABLE[name]
    found = rules_broken(tmp_path, policy, [*spellings, *near])
    wrong = {
        spelling: broken
        for number, (spelling, broken) in enumerate(zip([*spellings, *near], found, strict=True))
        if broken != ({rule} if number < len(spellings) else set())
    }
    assert wrong == {}


@pytest.mark.parametrize("seed", range(4))
def test_no_path_of_random_steps_reaches_a_denied_folder(seed: int, tmp_path: Path) -> None:
    """A walk through folders, `..`, `.`, doubled slashes and links is judged by where it ends."""
    chance = random.Random(seed)
    policy = Policy(deny_mounts=("/etc",))
    walks, verdicts = [], []
    for _ in range(40):
        steps = [chance.choice(["..", ".", "", "a", "data", "out", "etc", "..", "srv"]) for _ in range(6)]
        folder: list[str] = []
        for step in steps:
            folder = folder[:-1] if step == ".." else folder if step in ("", ".") else [*folder, step]
        ends = {"/" + "/".join(folder), real("/" + "/".join(folder))}
        walks.append(f"volumes: ['/{'/'.join(steps)}:/x']")
        verdicts.append(
            {"mounts.deny"} if any(one in ("/", "/etc") or one.startswith("/etc/") for one in ends) else set()
        )
    assert dict(zip(walks, rules_broken(tmp_path, policy, walks), strict=True)) == dict(
        zip(walks, verdicts, strict=True)
    )


def test_home_of_me_is_a_mount_like_others(tmp_path: Path) -> None:
    policy = Policy(deny_mounts=("/home/ana",))
    assert rules_broken(tmp_path, policy, ["user: me"]) == [{"mounts.deny"}]
    assert rules_broken(tmp_path, policy, ["user: me"], {**FACTS, "home": "/home/bob"}) == [set()]


def test_files_that_are_read_are_no_mounts(tmp_path: Path) -> None:
    (tmp_path / "x.env").write_text("A=b\n", encoding="utf-8")
    lines = f"env_file: {tmp_path}/x.env ; secret_env: {{T: {{file: {tmp_path}/x.env}}}}"
    policy = Policy(deny_mounts=(str(tmp_path),), allow_mounts=("/data",))
    assert rules_broken(tmp_path, policy, [lines]) == [set()]


def test_a_link_that_may_not_be_read_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """`/proc/1/root` for users; the path is then judged as it is written, past the root folder of the process."""

    def refuse(path: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.readlink", refuse)
    assert questions.real("/proc/self/root/../root/etc") == "/proc/self/root/etc"
    assert clean("/proc/self/root/etc") == clean("/proc/1/root//proc/2/cwd/etc") == "/etc"
