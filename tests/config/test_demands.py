"""What of a checked-in file needs a user's trust, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.config.demands import Others, demands
from sglaunch.config.load import Request, load

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}
ENV = {
    "HF_TOKEN": "hf_0123456789",
    "AWS_PROFILE": "ana",
    "SGLANG_X": "1",
    "SGLAUNCH_SITE_CONFIG": "/nonexistent/site.yaml",
}

ASKED = {
    "privileged: true": "privileged: all devices and capabilities of the host",
    "privileged: 'Yes'": "privileged: all devices and capabilities of the host",
    "pid: host": "pid: host",
    "userns_mode: host": "userns_mode: host",
    "cap_add: [SYS_ADMIN]": "cap_add: SYS_ADMIN",
    "security_opt: [seccomp=unconfined]": "security_opt: seccomp=unconfined",
    "devices: [/dev/kvm]": "devices./dev/kvm: /dev/kvm",
    "volumes: [/var/run/docker.sock:/s]": "volumes./s: /var/run/docker.sock (read and write)",
    "volumes: [/etc:/e:ro]": "volumes./e: /etc (read)",
    "volumes: [{type: bind, source: /etc, target: /e, read_only: 'on'}]": "volumes./e: /etc (read)",
    "volumes: [~/.ssh:/k:ro]": "volumes./k: /home/ana/.ssh (read)",
    "volumes: [../up:/u]": "volumes./u: {above}/up (read and write)",
    "volumes: [./out:/o]": "volumes./o: {here}/out -> /elsewhere (read and write)",
    "env_file: [/etc/secret.env]": "env_file: /etc/secret.env",
    "env_file: [./out/x.env]": "env_file: {here}/out/x.env -> /elsewhere/x.env",
    "secret_env: [HF_TOKEN]": "secret_env.HF_TOKEN: the variable of your shell",
    "environment: [HF_TOKEN]": "environment.HF_TOKEN: a secret of your shell",
    'environment: {X: "{{ env.HF_TOKEN }}"}': "environment.X: a secret of your shell",
    "accelerator: npu": "accelerator: npu: privileged",
    "accelerator: rocm": "accelerator: rocm: cap_add SYS_PTRACE; security_opt seccomp=unconfined",
    "accelerator: cpu": "accelerator: cpu: cap_add SYS_NICE",
    "server: {model: /root/models/x}": "server.model: /root/models/x (read)",
    "network_mode: host": "network_mode: host",
    "network_mode: container:other": "network_mode: container:other",
    "network_mode: ns:/proc/1/ns/net": "network_mode: ns:/proc/1/ns/net",
    "networks: [host]": "networks.host: the host's network",
    "ipc: host": "ipc: host",
    "ipc: container:other": "ipc: container:other",
    "uts: host": "uts: host",
    "cgroup: host": "cgroup: host",
    "group_add: [docker]": "group_add: docker",
    "dns: 192.0.2.1": "dns: 192.0.2.1",
    "logging: {driver: syslog}": "logging.driver: syslog",
    "logging: {options: {syslog-address: 'udp://192.0.2.1'}}": "logging.options.syslog-address: udp://192.0.2.1",
    "logging: {driver: json-file, options: {path: /etc/x}}": "logging.options.path: /etc/x",
    "volumes: [data:/d]": "volumes./d: the volume data (read and write)",
    "volumes: [projector:/d:ro]": "volumes./d: the volume projector (read)",
    "environment: [AWS_PROFILE]": "environment.AWS_PROFILE: the variable of your shell",
    'environment: {A: "{{ env.AWS_PROFILE }}"}': "environment.A: the variable AWS_PROFILE of your shell",
    'hostname: "{{ vars.profile }}"': "hostname: the variable AWS_PROFILE of your shell",
    'working_dir: "/{{ env.AWS_PROFILE }}"': "working_dir: the variable AWS_PROFILE of your shell",
    "build: https://example.com/x.git": "build.context: https://example.com/x.git (fetched)",
    "build: {context: ., dockerfile: ../Dockerfile}": "build.dockerfile: {above}/Dockerfile (read)",
    "build: {context: ., dockerfile: out/Dockerfile}": (
        "build.dockerfile: {here}/out/Dockerfile -> /elsewhere/Dockerfile (read)"
    ),
    "build: {context: ., network: host}": "build.network: host",
    "build: {context: ., args: [AWS_PROFILE]}": "build.args.AWS_PROFILE: the variable of your shell",
    "build: {context: ., cache_from: ['type=local,src=/']}": "build.cache_from: type=local,src=/",
    "build: {context: ., ssh: [default]}": "build.ssh: default",
}
PLAIN = (
    *("volumes: [./x:/x]", "volumes: [proj:/d]", "volumes: [proj_data:/d]", "network_mode: none", "ipc: private"),
    *("env_file: [./x.env]", "environment: {A: b}", "environment: [http_proxy, SGLANG_LOGGING]", "uts: ''"),
    *("server: {model: a/b}", "privileged: false", "gpus: all", "accelerator: nvidia", "shm_size: 32g"),
    *("logging: {driver: json-file, options: {max-size: 1m}}", "networks: [mine]", "pid: ''"),
    *('environment: {A: "{{ user }}-{{ env.SGLANG_X }}"}', "build: {context: ., args: {A: b}}", "build: ."),
)


def real_path(path: str) -> str:
    """The folder `out` of the project is a link to /elsewhere."""
    head, found, tail = path.partition("/proj/out")
    return f"/elsewhere{tail}" if found else head


def asked(folder: Path, project: str, local: str = "") -> list[str]:
    (folder / "proj").mkdir()
    for name, text in {"sglaunch.yaml": project, "sglaunch.local.yaml": local}.items():
        (folder / "proj" / name).write_text(text, encoding="utf-8")
    (folder / "proj" / "out").mkdir()
    for name in ("x.env", "out/x.env"):
        (folder / "proj" / name).write_text("A=b\n", encoding="utf-8")
    config = load(Request(folder / "proj" / "sglaunch.yaml", FACTS, ENV), ["a"])
    found = demands(config.resolved["a"].text, Others(str(folder / "proj"), real_path))
    return [f"{one.path}: {one.text}" for one in found]


def profile(line: str) -> str:
    return f"vars: {{profile: '{{{{ env.AWS_PROFILE }}}}'}}\nprofiles:\n  a:\n    image: x\n    {line}\n"


@pytest.mark.parametrize("line", ASKED)
def test_what_reaches_beyond_the_project_is_asked(line: str, tmp_path: Path) -> None:
    line_file = line.replace("/etc/secret.env", str(tmp_path / "secret.env"))
    (tmp_path / "secret.env").write_text("A=b\n", encoding="utf-8")
    expected = ASKED[line].format(above=tmp_path, here=tmp_path / "proj")
    expected = expected.replace("/etc/secret.env", str(tmp_path / "secret.env"))
    assert asked(tmp_path, profile(line_file)) == [expected]


@pytest.mark.parametrize("line", PLAIN)
def test_what_stays_within_it_is_not(line: str, tmp_path: Path) -> None:
    assert asked(tmp_path, profile(line)) == []


@pytest.mark.parametrize("line", ["privileged: true", "volumes: [/etc:/e]", "secret_env: [HF_TOKEN]"])
def test_a_persons_own_file_needs_no_trust_of_theirs(line: str, tmp_path: Path) -> None:
    assert asked(tmp_path, profile("command: x"), local=f"profiles: {{a: {{{line}}}}}") == []


@pytest.mark.parametrize("name", ["user", "dev", "server"])
def test_what_the_built_in_profiles_ask_needs_none(name: str, tmp_path: Path) -> None:
    extra = "    server: {model: a/b}\n" if name == "server" else ""
    assert asked(tmp_path, f"profiles:\n  a:\n    extends: {name}\n{extra}") == []


def test_an_item_of_a_list_is_asked_though_a_nearer_layer_has_one_too(tmp_path: Path) -> None:
    local = "profiles: {a: {cap_add: [SYS_PTRACE], security_opt: [label=disable]}}"
    project = profile("cap_add: [SYS_ADMIN]\n    security_opt: [apparmor=unconfined]")
    assert asked(tmp_path, project, local) == ["cap_add: SYS_ADMIN", "security_opt: apparmor=unconfined"]


SHARED = """\
defaults:
  secret_env: [PERSONAL_KEY]
  environment: {WANDB_API_KEY: abc-def-ghi}
  volumes: [~/datasets:/datasets]
  privileged: true
  dns: [192.0.2.1]
profiles:
  boxed: {image: x, volumes: ["/data/{{ vars.place }}:/d"]}
  named: {image: x, volumes: ["/data/{{ project }}:/e"]}
  chosen: {image: "{{ vars.image }}", command: "run {{ env.SIZE }}"}
"""
CHOSEN = {
    "image: example.com/x:1": "image example.com/x",
    "image: lmsysorg/sglang-x": "image lmsysorg/sglang-x",
    "build: .": "build",
    "command: [./run.sh]": "command",
    "entrypoint: [/x]": "entrypoint",
    "working_dir: /x": "working_dir",
    "healthcheck: {test: curl x}": "healthcheck",
    "shell: [sh, -c, x]": "shell",
    "shell: /x/sh": "shell",
    "volumes: ['./x:/usr/local/bin']": "volumes./usr/local/bin",
    "environment: {LD_PRELOAD: /x.so}": "environment.LD_PRELOAD",
    "server: {model: a/b, args: {trust_remote_code: true}}": "trust-remote-code",
    "server: {model: a/b, launcher: [sh, x]}": "server.launcher",
}
USUAL = (
    *("image: lmsysorg/sglang:v0.5.5", "image: docker.io/lmsysorg/sglang:dev", "command: sleep infinity", "shell: zsh"),
    *(
        "volumes: ['./x:/x']",
        "server: {model: a/b, args: {tp: 2}}",
        "environment: {A: b}",
        "healthcheck: {interval: 9s}",
    ),
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A folder whose files others wrote, and a personal file."""
    (tmp_path / "config" / "sglaunch").mkdir(parents=True)
    (tmp_path / "config" / "sglaunch" / "config.yaml").write_text(SHARED, encoding="utf-8")
    (tmp_path / "proj" / ".git").mkdir(parents=True)
    return tmp_path / "proj"


def needed(repository: Path, *profiles: str, own: str = "", **files: str) -> dict[str, str]:
    """By path what must be agreed to; `files` are tracked, but for the one named `own`."""
    index = b"DIRC\0\0\0\2"
    for key, text in files.items():
        name = {"dotenv": ".env", "local": "sglaunch.local.yaml"}.get(key, "sglaunch.yaml")
        (repository / name).write_text(text, encoding="utf-8")
        index += (bytes([0, len(name)]) + name.encode() + b"\0") if key != own else b""
    (repository / ".git" / "index").write_bytes(index)
    env = {**ENV, "XDG_CONFIG_HOME": str(repository.parent / "config")}
    found = load(Request(repository / "sglaunch.yaml", FACTS, env), profiles or ["a"]).demands
    return {one.path: one.text for one in found if not one.own}


@pytest.mark.parametrize("line", CHOSEN)
def test_what_is_mine_is_asked_about_before_code_of_others_gets_it(line: str, repository: Path) -> None:
    base = "server" if "server:" in line else "user"
    project = f"profiles:\n  a:\n    extends: {base}\n    {line}\n"
    found = needed(repository, project=project)
    chosen = f", for the project's {CHOSEN[line]}"
    own = {"build": f", for the project's image {FACTS['user']}-proj-a, build"}.get(CHOSEN[line], chosen)
    shared = {
        "secret_env.HF_TOKEN": "the variable of your shell",
        "secret_env.PERSONAL_KEY": "the variable of your shell",
        "environment.WANDB_API_KEY": "a secret of yours",
        "volumes./datasets": "/home/ana/datasets (read and write)",
        "privileged": "all devices and capabilities of the host",
        "caches.huggingface": "~/.cache/huggingface (read and write)",
        "caches.sglang": "~/.cache/sglang (read and write)",
    }
    assert found == {path: f"{text}{own}" for path, text in shared.items()}
    assert needed(repository, own="project", project=project) == {}, "I chose it myself"


@pytest.mark.parametrize("line", USUAL)
def test_the_usual_image_and_command_get_what_the_built_in_profiles_give_them(line: str, repository: Path) -> None:
    base = "server" if "server:" in line else "user"
    assert needed(repository, project=f"profiles:\n  a:\n    extends: {base}\n    {line}\n") == {}


def test_a_template_of_mine_with_a_value_of_others_is_asked(repository: Path) -> None:
    project = "project: ../../home/ana/.ssh\nvars: {place: ../.., image: evil/x}\n"
    found = needed(repository, "boxed", "named", "chosen", project=project, dotenv="SIZE=$(curl x)\n")
    assert found["volumes./d"] == "/ (read and write) (from vars.place of the project)"
    assert found["volumes./e"] == "/home/ana/.ssh (read and write) (from project of the project)"
    assert found["image"] == "evil/x (from vars.image of the project)"
    assert found["command"] == "run $(curl x) (from env.SIZE of the project)"


def test_a_checked_in_local_file_asks_like_the_project_file(repository: Path) -> None:
    files = {"project": "profiles: {a: {extends: user}}", "local": "profiles: {a: {pid: host, volumes: ['/:/h']}}"}
    assert needed(repository, **files) == {"pid": "host", "volumes./h": "/ (read and write)"}
    assert needed(repository, own="local", **files) == {}


def test_a_variable_that_an_env_file_passes_is_asked(repository: Path) -> None:
    (repository / "x.env").write_text("A=b\nAWS_PROFILE\nHTTP_PROXY\n", encoding="utf-8")
    project = "profiles: {a: {image: x, env_file: x.env}}"
    (repository.parent / "config" / "sglaunch" / "config.yaml").unlink()
    assert needed(repository, project=project) == {"env_file.AWS_PROFILE": "the variable of your shell"}
