"""Run lines as people paste them: the profile each becomes, and what is lost of it."""

# A case is one line, however long.
# ruff: noqa: E501

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sglaunch.config.load import Request, load
from sglaunch.config.writing import profile_document
from sglaunch.convert.from_run import from_run
from sglaunch.convert.imported import Imported
from sglaunch.errors import ConfigError
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.values import Secret

FACTS = {"user": "ana", "uid": 1000, "gid": 100, "home": "/home/ana", "hostname": "h200-03"}


def one(line: str) -> Imported:
    (found,) = from_run(line, "line")
    return found


def keys(line: str) -> Mapping[str, Any]:
    """The profile's keys but for the image, which the test tells nothing of."""
    return {key: value for key, value in one(line).keys.items() if key != "image"}


def loss_paths(line: str) -> list[str]:
    return [loss.path for loss in one(line).losses]


IMG = {"tty": True, "stdin_open": True}
# What stands between `docker run` and the image, and the profile it makes.
OPTIONS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("-it", IMG),
    ("-dit", IMG),
    ("-i -t -d", IMG),
    ("-itd --rm", {**IMG, "auto_remove": True}),
    ("--init=false --privileged=true --read-only", {"privileged": True, "read_only": True}),
    ("--rm=false", {}),
    ("-p8000:8000 -p=80:80 -p 1:1/udp --publish=127.0.0.1:2:2", {"ports": ["8000:8000", "80:80", "1:1/udp", "127.0.0.1:2:2"]}),
    ("-v$(pwd):/a -v `pwd`/b:/b -v $PWD/c:/c:ro", {"volumes": [f"{{{{ project_dir }}}}{p}" for p in (":/a", "/b:/b", "/c:/c:ro")]}),
    ("-v ~/a:/a -v $HOME/b:/b -v \"${HOME}\"/c:/c -v '~/d:/d'", {"volumes": ["~/a:/a", "~/b:/b", "~/c:/c", "~/d:/d"]}),
    ("-v $HOME:$HOME", {"volumes": ["~:{{ home }}"]}),
    ("-v ./a:/a -v data:/b -v /c", {"volumes": ["./a:/a", "data:/b", "/c"]}),
    ("-v /a:/a -v /a:/a", {"volumes": ["/a:/a"]}),
    ("--volume=$X:/a:ro,z", {"volumes": ["{{ env.X }}:/a:ro,z"]}),
    ("-v ${D:-/data}:/d", {"volumes": ["{{ env.D | default('/data', true) }}:/d"]}),
    ("-v ${D-/a:b}:/d", {"volumes": ["{{ env.D | default('/a:b') }}:/d"]}),
    ('-v "$(dirname "$X")":/d', {"volumes": ["{{ env.X | dirname }}:/d"]}),
    ("--mount type=bind,src=/a,dst=/b,readonly", {"volumes": ["/a:/b:ro"]}),
    ("--mount type=bind,source=$HOME,target=/b", {"volumes": ["~:/b"]}),
    ("--mount source=v,target=/b,volume-nocopy --mount target=/c", {"volumes": ["v:/b:nocopy", "/c"]}),
    ("--mount type=tmpfs,target=/t,tmpfs-size=64m --tmpfs /s:size=1g", {"tmpfs": ["/t:size=64m", "/s:size=1g"]}),
    ("-u $(id -u):$(id -g)", {"user": "{{ uid }}:{{ gid }}"}),
    ("-u `id -u`", {"user": "{{ uid }}"}),
    ("--name sglang_$USER -h $HOSTNAME", {"container_name": "sglang_{{ user }}", "hostname": "{{ hostname }}"}),
    ("--gpus all", {"gpus": "all"}),
    ("--gpus=2", {"gpus": 2}),
    ("""--gpus '"device=0,2"'""", {"gpus": ["0", "2"]}),
    ("""--gpus '"device=6, 7"'""", {"gpus": ["6", "7"]}),
    ("--gpus device=GPU-1a", {"gpus": ["GPU-1a"]}),
    ("--gpus \"device=$ID\"", {"gpus": ["{{ env.ID }}"]}),
    ("""--gpus 'all,"capabilities=compute,utility"'""", {"gpus": {"count": "all", "capabilities": ["compute", "utility"]}}),
    ("--device /dev/kfd --device=/dev/dri:/dev/dri:r", {"devices": ["/dev/kfd", "/dev/dri:/dev/dri:r"]}),
    ("--device=/dev/davinci{0..2}", {"devices": ["/dev/davinci0", "/dev/davinci1", "/dev/davinci2"]}),
    ("--device nvidia.com/gpu=all", {"devices": ["nvidia.com/gpu=all"]}),
    ("--net host --ipc=host --pid=host", {"network_mode": "host", "ipc": "host", "pid": "host"}),
    ("--network=container:$C", {"network_mode": "container:{{ env.C }}"}),
    ("--network a --network b", {"networks": ["a", "b"]}),
    ("--network $N", {"networks": ["{{ env.N }}"]}),
    ("--network a --network-alias x --ip 10.0.0.2", {"networks": {"a": {"aliases": ["x"], "ipv4_address": "10.0.0.2"}}}),
    ("--network name=a,alias=x", {"networks": {"a": {"aliases": ["x"]}}}),
    ("-e A=1 -e B -e C=\"x y\" --env D=", {"environment": {"A": "1", "B": None, "C": "x y", "D": ""}}),
    ("-e A=$A -e B=${A} -e C=$HOME/x -e D=~/y", {"environment": {"A": None, "B": "{{ env.A }}", "C": "{{ home }}/x", "D": "{{ home }}/y"}}),
    ("-e USER=$USER -e no_proxy=$no_proxy", {"environment": {"USER": "{{ user }}", "no_proxy": "{{ env.no_proxy | default('') }}"}}),
    ("-e A=${A:?must} -e B=${B^^} -e C=${C:+x}", {"environment": {"A": "{{ env.A }}", "B": "{{ env.B | upper }}", "C": "{{ ('x' if env.C | default('') else '') }}"}}),
    ("-e A='{{ x }}' -e B={$X}", {"environment": {"A": "{{ '{{' }} x }}", "B": "{{ '{' }}{{ env.X }}}"}}),
    ("-e A=$'x\\ty\\x41'", {"environment": {"A": "x\tyA"}}),
    ("-e A=x\\ y -e 'B='\\''q'\\'''", {"environment": {"A": "x y", "B": "'q'"}}),
    ("-e HF_TOKEN -e TOKEN_X=$TOKEN_X", {"secret_env": ["HF_TOKEN", "TOKEN_X"]}),
    ("-e HF_TOKEN=$hf", {"environment": {"HF_TOKEN": "{{ env.hf }}"}}),
    ("-e USE_TOKEN=true", {"environment": {"USE_TOKEN": "true"}}),
    ("--env-file .env --env-file=$F", {"env_file": [".env", "{{ env.F }}"]}),
    ("--ulimit memlock=-1 --ulimit nofile=1:2 --ulimit stack=$S", {"ulimits": {"memlock": -1, "nofile": {"soft": 1, "hard": 2}, "stack": "{{ env.S }}"}}),
    ("-m 2g --memory-swap -1 --cpus=1.5 --pids-limit -1", {"mem_limit": "2g", "memswap_limit": "-1", "cpus": 1.5, "pids_limit": -1}),
    ("--cpuset-cpus 0-3 -c 512 --cpu-quota=100 --cpu-period 200", {"cpuset": "0-3", "cpu_shares": 512, "cpu_quota": 100, "cpu_period": 200}),
    ("--restart on-failure:3 --stop-signal INT --stop-timeout 30", {"restart": "on-failure:3", "stop_signal": "INT", "stop_grace_period": "30s"}),
    ("--health-cmd 'curl -f x || exit 1' --health-interval=5s --health-retries 3", {"healthcheck": {"test": "curl -f x || exit 1", "interval": "5s", "retries": 3}}),
    ("--no-healthcheck --health-cmd x", {"healthcheck": {"disable": True}}),
    ("--log-driver json-file --log-opt max-size=10m", {"logging": {"driver": "json-file", "options": {"max-size": "10m"}}}),
    ("-l a=b --label c --sysctl net.core.somaxconn=1", {"labels": {"a": "b", "c": ""}, "sysctls": {"net.core.somaxconn": "1"}}),
    ("--add-host a:1.2.3.4 --dns 8.8.8.8 --dns-opt ndots:1", {"extra_hosts": ["a:1.2.3.4"], "dns": ["8.8.8.8"], "dns_opt": ["ndots:1"]}),
    ("--cap-add SYS_PTRACE --cap-add=SYS_PTRACE --security-opt seccomp=unconfined", {"cap_add": ["SYS_PTRACE"], "security_opt": ["seccomp=unconfined"]}),
    ("--entrypoint '' -w /x", {"entrypoint": [], "working_dir": "/x"}),
    ("--entrypoint 'a b'", {"entrypoint": ["a b"]}),
    ("--pull always --platform linux/arm64 --runtime nvidia", {"pull_policy": "always", "platform": "linux/arm64", "runtime": "nvidia"}),
    ("--pull=missing", {}),
    ("--ipc=private --ipc=host", {"ipc": "host"}),
    ("--", {}),
)  # fmt: skip


@pytest.mark.parametrize(("options", "wanted"), OPTIONS)
def test_options_become_keys_and_lose_nothing(options: str, wanted: Mapping[str, Any]) -> None:
    line = f"docker run {options} img"
    assert keys(line) == wanted
    assert one(line).losses == ()


# A whole text, the profile's keys, and the paths of what is lost.
TEXTS: Mapping[str, tuple[str, Mapping[str, Any], Sequence[str]]] = {
    "a prompt": ("$ docker run --init img", {"init": True}, []),
    "root's prompt": ("# docker run --init img", {"init": True}, []),
    "a whole prompt": ("(base) ana@h200:~/x$ docker run --init img", {"init": True}, []),
    "a short prompt": ("user$ docker run --init img", {"init": True}, []),
    "root's short prompt": ("root# podman run --init img", {"init": True}, []),
    "what the text exported": ("export A=x HF_TOKEN=hf_abcdefghijklmnopqr\nB=y\ndocker run -e A -e B -e HF_TOKEN img", {"environment": {"A": "x", "B": None}, "secret_env": ["HF_TOKEN"]}, []),
    "a shell of Windows": ("PS C:\\x> docker run --init img", {"init": True}, []),
    "a notebook": ("!docker run --init img", {"init": True}, []),
    "continuations": ("docker run \\\n  --init \\\r\n  img \\\n  a b", {"command": ["a", "b"], "init": True}, []),
    "prompts of continuations": ("$ docker run \\\n> --init \\\n> img a", {"command": ["a"], "init": True}, []),
    "blanks after a backslash": ("docker run \\  \n  --init \\ \n img", {"init": True}, []),
    "no backslash": ("docker run\n  --init\n  -t img", {"init": True, "tty": True}, []),
    "no backslash before the image": ("docker run --init\n    img\n    a", {"init": True, "command": ["a"]}, []),
    "lines that were joined": ("docker run \\ --init \\ img", {"init": True}, []),
    "a caret": ("docker run ^\n --init ^\n img", {"init": True}, []),
    "a backtick": ("docker run `\n --init `\n img", {"init": True}, []),
    "a backslash in a word": ("docker run \\--init \\img", {"init": True}, []),
    "a comment between": ("docker run \\\n  # reap\n  --init \\\n  # the image\n  img", {"init": True}, []),
    "a comment at the end": ("docker run --init img a # or b", {"init": True, "command": ["a"]}, []),
    "backticks around": (" `docker run --init img`\n", {"init": True}, []),
    "quotes around": ("'docker run --init img'", {"init": True}, []),
    "a command without an image beside": ("docker run --init img\ndocker run -it", {"init": True}, [""]),
    "a fence": ("```bash\ndocker run --init img\n```", {"init": True}, []),
    "dashes of a text processor": ("docker run —init img", {"init": True}, []),
    "quotes of a text processor": ("docker run -e “A=b c” -e B=‘d’ img", {"environment": {"A": "b c", "B": "d"}}, []),
    "blanks that are none": ("docker run\u00a0--init \u00a0img", {"init": True}, []),
    "sudo": ("sudo -E docker run --init img", {"init": True}, []),
    "podman": ("podman run --init img", {"init": True}, []),
    "nerdctl": ("sudo nerdctl --namespace k8s.io run --init img", {"init": True}, ["--namespace"]),
    "nvidia-docker": ("nvidia-docker run img", {"runtime": "nvidia"}, []),
    "a path": ("/usr/bin/docker run --init img", {"init": True}, []),
    "a variable": ("$DOCKER run --init img", {"init": True}, []),
    "container run": ("docker container run --init img", {"init": True}, []),
    "create": ("docker create --init img", {"init": True}, []),
    "an engine far away": ("docker --context far -H tcp://a run img", {}, ["--context", "-H"]),
    "variables for the client": ("A=1 B=2 docker run -e A img", {"environment": {"A": "1"}}, ["B"]),
    "DOCKER_HOST": ("DOCKER_HOST=tcp://a docker run img", {}, ["DOCKER_HOST"]),
    "what the text set before": ("I=img\nexport M=x/y\ndocker run -e A=$M $I $M", {"command": ["x/y"], "environment": {"A": "x/y"}}, []),
    "options that the text set before": ("A='--init -e X=1'\ndocker run $A -t img", {"init": True, "tty": True, "environment": {"X": "1"}}, []),
    "the prompt of a continuation with a dollar": ("...$ docker run --init \\\n...$ img", {"init": True}, []),
    "a pattern": ("docker run --device /dev/nvidia* img", {}, ["--device"]),
    "PowerShell's variables": ("docker run -e A=$env:X -v \"${env:USERPROFILE}/a:/a\" img", {"environment": {"A": "{{ env.X }}"}, "volumes": ["~/a:/a"]}, []),
    "other commands": ("docker pull img && docker run --init img && echo done", {"init": True}, ["", ""]),
    "a pipe": ("docker run img a 2>&1 | tee log &", {"command": ["a"]}, ["2>&1", ""]),
    "the background": ("docker run img &", {}, ["&"]),
    "a file": ("docker run img a > log.txt", {"command": ["a"]}, ["> log.txt"]),
    "a here-document": ("docker run -i img sh <<EOF\ndocker run x\nEOF\n", {"stdin_open": True, "command": ["sh"]}, ["<<EOF ... EOF"]),
    "what runs the client": ("ssh host docker run img", {}, ["ssh host"]),
    "options in a variable": ("docker run $ARGS --init $IMAGE a", {"init": True, "command": ["a"]}, ["$ARGS"]),
    "options in an array": ('docker run "${args[@]}" img', {}, ["${args[@]}"]),
    "options perhaps": ("docker run ${G:+--gpus $G} --init img", {"init": True}, ["${G:+--gpus $G}"]),
    "options in words": ("docker run --init [OPTIONS] img [COMMAND] [ARG...]", {"init": True}, ["[OPTIONS]", "command", "command"]),
    "within single quotes": ("docker run --name \"'\"${N}\"'\" \"'\"${I}\"'\" a-'\"${B}\"'", {"container_name": "{{ env.N }}", "command": ["a-{{ env.B }}"]}, []),
    "within double quotes": ('docker run --name \\"${N}\\" img', {"container_name": "{{ env.N }}"}, []),
    "a value that is missing": ("docker run -e -it img", {"environment": {"-it": None}}, ["-e"]),
    "an unknown flag": ("docker run --gpuss --init img", {"init": True}, ["--gpuss"]),
    "an unknown flag with a value": ("docker run --new=1 --init img", {"init": True}, ["--new"]),
    "a flag of Windows' docker": ("docker run --isolation hyperv img", {}, ["--isolation"]),
    "what only the client does": ("docker run -a stdin --cidfile x --sig-proxy=false --detach-keys a -q img", {}, ["-a", "--cidfile", "--detach-keys", "-q"]),
    "what Podman alone does": ("podman run --replace --tz local --uidmap 0:1:1 img", {}, ["--replace", "--tz", "--uidmap"]),
    "shared memory beside the host's": ("docker run --ipc host --shm-size 1g img", {"ipc": "host"}, ["--shm-size"]),
    "--rm beside --restart": ("docker run --rm --restart always img", {"restart": "always"}, ["--rm"]),
    "ports on the host's network": ("docker run --net host -p 1:1 img", {"network_mode": "host", "ports": ["1:1"]}, []),
    "what no engine takes": ("docker run -p x --shm-size y -w z --restart q -v ~a/b:/c -v /d:e img", {}, ["-p", "--shm-size", "-w", "--restart", "-v", "-v"]),
    "a name that is none": ("docker run --name a/b img", {}, ["--name"]),
    "mounted twice": ("docker run -v /a:/x -v /b:/x/ img", {"volumes": ["/a:/x"]}, ["-v"]),
    "a volume of Windows": ("docker run -v 'C:\\a:/b' img", {}, ["-v"]),
    "a mode of Podman's": ("docker run -v /a:/b:O,ro img", {"volumes": ["/a:/b:ro"]}, ["-v"]),
    "a relative path": ("docker run -v a/b:/b img", {"volumes": ["./a/b:/b"]}, ["-v"]),
    "what another program prints": ("docker run -e A=$(nvidia-smi -L) -v $(x):/y --group-add $(getent group video | cut -d: -f3) img", {"environment": {"A": None}}, ["-e", "-v", "--group-add"]),
    "a script's own arguments": ("docker run img a $1 \"$@\"", {"command": ["a", "$1"]}, ["command", "command"]),
    "placeholders": ("docker run --name <your-name> -v <path>:/x -e A=<value> img <args>", {"container_name": "your-name", "volumes": ["./path:/x"], "environment": {"A": "<value>"}, "command": ["<args>"]}, ["--name", "-v", "-e", "command"]),
    "a shell to enter": ("docker run -it img /bin/zsh", {**IMG, "command": ["/bin/zsh"], "shell": ["/bin/zsh"], "attach": True}, []),
    "a script": ("docker run img bash -c 'set -e\n\tx \"$A\"'", {"command": ["bash", "-c", 'set -e\n\tx "$A"']}, []),
    "options of the command": ("docker run img -it --gpus all", {"command": ["-it", "--gpus", "all"]}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", TEXTS)
def test_a_pasted_text_becomes_a_profile_and_tells_what_is_lost(case: str) -> None:
    text, wanted, lost = TEXTS[case]
    assert keys(text) == wanted
    assert loss_paths(text) == lost


@pytest.mark.parametrize(
    ("written", "image", "lost"),
    [
        ("registry.example:5000/a/b:1@sha256:" + "0" * 64, "registry.example:5000/a/b:1@sha256:" + "0" * 64, False),
        ("$IMAGE", "{{ env.IMAGE }}", False),
        ("lmsysorg/sglang:${TAG:-latest}", "lmsysorg/sglang:{{ env.TAG | default('latest', true) }}", False),
        ("<image-name>:<tag>", "image-name:tag", True),
        ("xprobe/x:v<your_version>", "xprobe/x:vyour_version", True),
        ("IMAGE_NAME", "image_name", True),
        ("REPOSITORY:TAG", "repository:tag", True),
        ("$(docker build -q .)", "{{ env.IMAGE }}", True),
    ],
)
def test_the_image_is_a_reference_whatever_stands_for_it(written: str, image: str, lost: bool) -> None:
    found = one(f"docker run {written}")
    assert found.keys["image"] == image
    assert [loss.path for loss in found.losses] == ["image"] * lost


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("docker run --name web img", "web"),
        ("docker run --name ${N} lmsysorg/sglang:dev", "sglang"),
        ("docker run r.example:5000/a/b@sha256:" + "0" * 64, "b"),
        ("docker run $IMAGE", "imported"),
        ("docker run --name x-web img", "web"),
    ],
)
def test_the_profile_is_named_after_the_container_or_the_image(line: str, name: str) -> None:
    assert one(line).name == name


def test_several_commands_become_profiles_with_names_of_their_own() -> None:
    assert [found.name for found in from_run("docker run a\n    docker run b\n  $ sudo docker run c", "line")] == [
        "a",
        "b",
        "c",
    ]
    found = from_run("docker run --init img\ndocker run -t img\nls", "line")
    assert [(profile.name, dict(profile.keys)) for profile in found] == [
        ("img", {"image": "img", "init": True}),
        ("img-2", {"image": "img", "tty": True}),
    ]
    assert [str(loss.place) for loss in found[0].losses] == ["line:3:1"]
    with pytest.raises(ConfigError, match="2 commands, for one name: line:1:1, line:2:1"):
        from_run("docker run img\ndocker run img", "line", "web")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line:1:1: no `docker run`"),
        ("docker compose up", "no `docker run`, `podman run` or `nerdctl run` is in it; paste the whole command"),
        ("ls -l", "another command: ls -l"),
        ("docker run", "line:1:1: the command names no image"),
        ("echo x\n docker run -it $ARGS", "line:2:2: the command names no image"),
        ("docker run -e", "-e: has no value"),
    ],
)
def test_a_text_without_a_command_or_an_image_says_what_is_missing(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        from_run(text, "line")
    assert message in str(raised.value)


def test_a_loss_tells_its_place_what_was_found_why_and_what_to_do() -> None:
    (loss,) = one("docker run \\\n    --cidfile /x img").losses
    assert (
        str(loss) == "line:2:5: --cidfile: /x: sglaunch writes no such file; `sglaunch ps --json` tells the container"
    )


def test_what_is_lost_or_odd_is_a_remark_in_the_profile() -> None:
    found = one("docker run \\ --cidfile x -e A=$(date) --rm img # try it")
    assert "not carried: --cidfile: x: sglaunch writes no such file" in found.comments[""]
    assert "a backslash before a blank was read as the end of a line that was lost" in found.comments[""]
    assert "the line said: try it" in found.comments[""]
    assert found.comments["environment.A"] == "was $(date)"
    assert found.comments["auto_remove"] == "when it stops, all that was written in it is lost"


SGLANG = "lmsysorg/sglang:latest"
LAUNCH = "python3 -m sglang.launch_server"
SERVERS: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    ("-p 30000:30000", f"{LAUNCH} --model-path a/b --host 0.0.0.0 --port 30000", {"model": "a/b", "port": 30000}),
    ("-p 80:30000", f"{LAUNCH} --model a/b --host=0.0.0.0", {"model": "a/b"}),
    ("--net host", f"{LAUNCH} --model a/b", {"model": "a/b", "host": "127.0.0.1"}),
    ("--net host", "python -m sglang.launch_server --model a/b --host 0.0.0.0", {"model": "a/b", "launcher": ["python", "-m", "sglang.launch_server"]}),
    ("--net host", "sglang serve a/b --host 0.0.0.0", {"model": "a/b"}),
    ("--net host --entrypoint python3", "-m sglang.launch_server --model a/b --host 0.0.0.0", {"model": "a/b", "launcher": ["-m", "sglang.launch_server"]}),
    ("--net host", f"{LAUNCH} --model a/b --host 0.0.0.0 --tp 8 --tensor-parallel-size 4", {"model": "a/b", "args": {"tp-size": 4}}),
    ("--net host", f"{LAUNCH} --model a/b --host 0.0.0.0 --trust-remote-code --mem-fraction-static 0.90 --cuda-graph-bs 1 2 4 --x -1", {"model": "a/b", "args": {"trust-remote-code": True, "mem-fraction-static": "0.90", "cuda-graph-bs": [1, 2, 4], "x": -1}}),
    ("--net host", f"{LAUNCH} --model $M --host $H --port ${{P:-1}} --tp $T", {"model": "{{ env.M }}", "host": "{{ env.H }}", "port": "{{ env.P | default('1', true) }}", "args": {"tp-size": "{{ env.T }}"}}),
    ("--net host -v /m:/m", f"{LAUNCH} --model /m/x --host 0.0.0.0", {"model": "/m/x"}),
    ("--net host", f"bash -c '{LAUNCH} --model a/b --host 0.0.0.0'", {"model": "a/b"}),
    ("--net host -e M=$HOME/m -e T", f"sh -lc 'exec {LAUNCH} --model x/$M --host 0.0.0.0 --tp $T \\\n --port 1\n'", {"model": "x/{{ home }}/m", "port": 1, "args": {"tp-size": "{{ env.T }}"}}),
    ("--net host", f"{LAUNCH} --model a/b --host 0.0.0.0 --api-key $KEY", {"model": "a/b", "api_key": "KEY"}),
    ("--net host", f"{LAUNCH} --model a/b --host 0.0.0.0 --api-key 12345", {"model": "a/b", "api_key": "SGLANG_API_KEY"}),
)  # fmt: skip


@pytest.mark.parametrize(("options", "command", "server"), SERVERS)
def test_a_launch_command_becomes_a_server(options: str, command: str, server: Mapping[str, Any]) -> None:
    found = one(f"docker run {options} {SGLANG} {command}")
    assert found.keys["server"] == server
    assert "command" not in found.keys
    assert found.keys.get("secret_env", []) == ([server["api_key"]] if "api_key" in server else [])


@pytest.mark.parametrize(
    "command",
    [
        f"{LAUNCH} --tp 8",  # no model
        f"{LAUNCH} --model /models/x",  # a path of the image: it would be read as the host's
        f"{LAUNCH} --model a/b -tp 8",
        f"bash -c 'cd /x && {LAUNCH} --model a/b'",
        f"bash -c '{LAUNCH} --model $M'",  # a variable of the image, perhaps
        f"bash -c '{LAUNCH} --model a/b > log'",
        f"{LAUNCH} --model a/b --config x.yaml",
        "python3 -m sglang.bench_serving --model a/b",
        "python3 -m vllm.entrypoints.openai.api_server --model a/b",
        "sglang generate --model a/b",
    ],
)
def test_what_is_not_plainly_a_launch_command_stays_a_command(command: str) -> None:
    found = one(f"docker run --net host {SGLANG} {command}")
    assert "server" not in found.keys
    assert found.keys["command"]


def test_a_server_that_the_line_does_not_publish_is_published_for_this_machine_alone() -> None:
    found = one(f"docker run {SGLANG} {LAUNCH} --model a/b --host 0.0.0.0 --port 8000")
    assert found.keys["ports"] == ["127.0.0.1:8000:8000"]
    assert [loss.path for loss in found.losses] == ["server"]


TOKENS = ("hf_abcdefGHIJKLmnopqrst", "sk-proj-1234567890abcdef", "ghp_abcdefghijklmnopqrst", "glpat-abcdefgh12")


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "line",
    [
        "docker run -e HF_TOKEN=TOKEN img",
        "docker run -e 'HF_TOKEN=x TOKEN' img",
        "docker run -e A=TOKEN -e B=https://ana:TOKEN@x img",
        "HF_TOKEN=TOKEN docker run -e HF_TOKEN img",
        "export T=TOKEN; docker run -e HF_TOKEN=$T -e A=$T img --key $T",
        "docker run img --api-key TOKEN --hf-token=TOKEN https://ana:TOKEN@x/y",
        "docker run img bash -c 'export HF_TOKEN=TOKEN; curl -H \"Authorization: Bearer TOKEN\"'",
        f"docker run --net host {SGLANG} {LAUNCH} --model a/b --api-key TOKEN --admin-api-key TOKEN",
        "docker run -l t=TOKEN -h TOKEN -v /TOKEN:/TOKEN --name TOKEN --shm-size TOKEN -p TOKEN img # TOKEN",
        "docker run --nope=TOKEN --nope TOKEN --cidfile TOKEN --mac-address TOKEN img > TOKEN | tee TOKEN",
        "docker login -p TOKEN && docker run -e A=$(curl TOKEN) -e B=${X%%TOKEN} img",
        "docker login -p TOKEN",
        "docker run -e TOKEN",
        "docker run reg.example/TOKEN/x:TOKEN",
    ],
)
def test_a_token_is_written_nowhere(line: str, token: str) -> None:
    try:
        found = from_run(line.replace("TOKEN", token).replace(f"HF_{token}", "HF_TOKEN"), "line")
    except ConfigError as error:
        assert token not in str(error)
        return
    said = [str(loss) for profile in found for loss in profile.losses]
    assert token not in profile_document(found) + json.dumps([dict(profile.keys) for profile in found]) + "\n".join(
        said
    )
    assert said


@pytest.mark.parametrize("value", ["hunter2", "12345", "correct horse", "{{ x }}", "a=b"])
def test_a_value_under_a_secrets_name_is_written_nowhere(value: str) -> None:
    (found,) = from_run(shlex.join(["docker", "run", "-e", f"DB_PASSWORD={value}", "img"]), "line")
    assert found.keys["secret_env"] == ["DB_PASSWORD"]
    assert value not in profile_document([found]) + "".join(map(str, found.losses))


def spec_of(found: Imported, folder: Path, env: Mapping[str, str] | None = None) -> ContainerSpec:
    """The spec of a profile, by the configuration's own way."""
    path = folder / "sglaunch.yaml"
    path.write_text(profile_document([found]), encoding="utf-8")
    return load(Request(path, FACTS, env or {}), [found.name]).wanted[found.name].spec


# Everything an argument of a command can hold.
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20) | st.text(
    "{}$'\"\\ ab%#~<>[]:=,\n\t", max_size=12
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(st.sampled_from(["A", "B_1", "lower"]), VALUES, max_size=3),
    st.lists(VALUES, min_size=1, max_size=4),
    VALUES,
)
def test_values_that_a_shell_quotes_arrive_as_they_were(
    tmp_path: Path, environment: dict[str, str], command: list[str], label: str
) -> None:
    words = ["docker", "run", *(word for name, value in environment.items() for word in ("-e", f"{name}={value}"))]
    (found,) = from_run(shlex.join([*words, "--label", f"x={label}", "img", *command]), "line")
    spec = spec_of(found, tmp_path)
    lost = {loss.path for loss in found.losses if "secret" in loss.message}
    if not lost:
        assert spec.command == tuple(command)
        assert {
            name: value.reveal() if isinstance(value, Secret) else value for name, value in spec.environment.items()
        } == environment
        assert spec.labels == {"x": label}


@settings(max_examples=400, deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            [
                *("docker", "run", "img", "-e", "-v", "--gpus", "--mount", "-p", "'", '"', "$", "${", "$(", ")", "}", "{a,b}", "{0..3}"),
                *("`", "\\", "\n", " ", "|", "&", ">", "<", "<<E", "#", "~", "$'", "\\x", "[", "]", "=", ":", ",", "/a", "bash -c", "-"),
                *("python3 -m sglang.launch_server", "--model-path", "hf_abcdefghijklmnopqr", "\ue000", "\0", "“", "–a", "{{", "}}"),
            ]
        ),
        max_size=40,
    ).map(" ".join)
    | st.lists(st.sampled_from(["docker run ", "-e A", "=", "$", "{", "}", "(", ")", "'", '"', "x", " "]), max_size=40).map("".join)
)  # fmt: skip
def test_no_text_breaks_it(text: str) -> None:
    for whole in (text, f"docker run {text} img", f"'{text}'"):
        try:
            found = from_run(whole, "line")
            profile_document(found)
        except ConfigError as error:
            assert str(error)


@pytest.mark.parametrize(
    "text",
    [
        *("$(" * 20_000, "${a:-" * 5_000, "{a,b}" * 40, "a" * 100_000, "'" * 9_999, "`x" * 20_000, "-e A=$(" * 5_000),
        *("<a" * 20_000, "\\\n" * 20_000, "{{" * 20_000, "x=" * 20_000, "://a:" * 20_000, "docker " * 10_000),
        *("(" * 10_000, "{a," * 10_000, "$A" * 20_000, "-v a:b " * 5_000, "-e A " * 10_000, "\u201cx" * 20_000),
    ],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_long_texts_end_soon(text: str) -> None:
    for whole in (f"docker run {text} img", text):
        try:
            from_run(whole, "line")
        except ConfigError as error:
            assert str(error)


def test_facts_and_variables_reach_the_spec(tmp_path: Path) -> None:
    line = "docker run -v $HOME/m:/m -v $(pwd):/w -u $(id -u) -e A=${A:-x} -e B=$B -e HF_TOKEN=$HF_TOKEN img $C"
    spec = spec_of(one(line), tmp_path, {"B": "b", "C": "c d", "HF_TOKEN": "t"})
    assert {target: mount.source for target, mount in spec.volumes.items()} == {
        "/m": "/home/ana/m",
        "/w": str(tmp_path),
    }
    assert spec.user == "1000"
    assert spec.environment == {"A": "x", "B": "b", "HF_TOKEN": Secret("t")}
    assert spec.command == ("c d",)
