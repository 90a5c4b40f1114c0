"""What of a checked-in file needs a user's trust, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sglaunch.config.demands import demands
from sglaunch.config.load import Request, load

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}
ENV = {"HF_TOKEN": "hf_0123456789", "SGLAUNCH_SITE_CONFIG": "/nonexistent/site.yaml"}

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
}
PLAIN = (
    *("volumes: [./x:/x]", "volumes: [data:/d]", "network_mode: host", "env_file: [./x.env]", "caches: [huggingface]"),
    *(
        "environment: {A: b}",
        "server: {model: a/b}",
        "privileged: false",
        "gpus: all",
        "accelerator: nvidia",
        "shm_size: 32g",
    ),
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
    found = demands(config.resolved["a"].merged, str(folder / "proj"), real_path)
    return [f"{one.path}: {one.text}" for one in found]


def profile(line: str) -> str:
    return f"profiles:\n  a:\n    image: x\n    {line}\n"


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
