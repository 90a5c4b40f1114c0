"""A catalogue of what people are told: what they wrote, and the first line they read. The wording is the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_voice import SAYS_WHAT_TO_DO

from sglaunch.cli import main

P = "profiles:\n  a:\n    image: x\n    "
# What stands in sglaunch.yaml -> the first line.
TOLD: dict[str, str] = {
    "services: {a: {image: x}}": "1:1: services: this is a compose file; see `sglaunch import`",
    "- a": "1:1: the file must be a mapping, found a list",
    "profile: {}": "1:1: profile: unknown key in the project layer; did you mean profiles?",
    "image: x": "1:1: image: unknown key in the project layer; allowed are default_profiles, defaults, engine, "
    "profiles, project, registry_mirrors, vars; a profile's options stand under profiles: NAME:",
    "policy: {}": "1:1: policy: unknown key in the project layer; only the site layer has policy",
    "project: 7": "1:10: project: must be a name, found a number",
    "default_profiles: a": "1:19: default_profiles: must be a list of profile names; for example [dev]",
    "default_profiles: [nope]": "1:20: default_profiles: unknown profile 'nope'; profiles here: dev, server, ",
    "engine: dokcer": "1:9: engine: unknown engine 'dokcer'; did you mean docker?",
    "engine: {host: tcp://x}": "1:9: engine: must be a name in the project layer, found a mapping; write one of "
    "auto, docker, nerdctl, podman; host, context, namespace, address, binary, sudo go to "
    "~/.config/sglaunch/config.yaml",
    "profiles: {a: {extends: b}, b: {extends: a}}": "1:25: profiles.a.extends: a cycle: b -> a -> b",
    "profiles: {a: {extends: devv}}": "1:25: profiles.a.extends: unknown profile 'devv'; did you mean dev?",
    "profiles: {a: 1}": "1:15: profiles.a: must be a mapping, found a number",
    "profiles: {'a b': {}}": "1:12: profiles.a b: 'a b' is not a profile name; letters, digits, _ . and -",
    "profiles: {a: {}}": "1:15: image: is required; write image: NAME, build: FOLDER, or extends: user, dev or server",
    "profiles:\n  a: {image: x}\n  a: {image: y}": "3:3: profiles.a: duplicate key; first written in line 2",
    "profiles:\n  a:\n\timage: x": "3:1: not YAML",
    "a: [1": "1:6: not YAML",
    "a: *b": "1:4: not YAML: found undefined alias",
    "vars: &v {a: {<<: *v}}": "1:7: vars.a: the anchor holds an alias of itself",
    "vars: &v {a: [*v]}": "1:7: vars.a[0]: the anchor holds an alias of itself",
    f"{P}modle: 1": "4:5: modle: unknown key",
    f"{P}shm_sise: 1g": "4:5: shm_sise: unknown key; did you mean shm_size?",
    f"{P}deploy: {{}}": "4:5: deploy: is not carried by sglaunch; write gpus, mem_limit, cpus and restart instead",
    f"{P}build: {{contxt: .}}": "4:13: build.contxt: unknown key; did you mean context?",
    f"{P}build: {{args: {{HF_TOKEN: x}}}}": "4:30: build.args.HF_TOKEN: looks like a secret, and arguments",
    f"{P}pull_policy: often": "4:18: pull_policy: 'often' is not a pull policy; allowed are always, missing, never",
    f"{P}hostname: {{{{ user }}}}": "4:15: profiles.a.hostname: an unquoted {{ is a YAML mapping; quote it",
    f'{P}hostname: "{{{{ usr }}}}"': "4:15: hostname: 'usr' is not defined; did you mean user?",
    f'{P}hostname: "{{{{ env.NOPE_X }}}}"': "4:15: hostname: env.NOPE_X is not defined; set it, or write "
    "{{ env.NOPE_X | default('') }}",
    f'{P}hostname: "{{{{ user.upper() }}}}"': "4:15: hostname: a call is not allowed in a template",
    f'{P}hostname: "{{{{ user | reverse }}}}"': "4:15: hostname: unknown filter 'reverse'",
    f'{P}hostname: "{{{{ user"': "4:15: hostname: bad template",
    f"{P}shm_size: 32x": "4:15: shm_size: '32x' is not a size; write a number with a unit such as 512m",
    f"{P}restart: sometimes": "4:14: restart: 'sometimes' is not a restart policy; allowed are no, always",
    f"{P}init: 'maybe'": "4:11: init: must be true or false, found 'maybe'",
    f"{P}cpus: many": "4:11: cpus: must be a valid number",
    f"{P}stop_grace_period: soon": "4:24: stop_grace_period: 'soon' is not a duration; write it as 90s, 1m30s or 2h",
    f"{P}recreate: never": "4:15: recreate: must be 'ask' or 'always', found 'never'",
    f"{P}volumes: [data]": "4:15: volumes: 'data' is not a container path; it must begin with /",
    f"{P}volumes: [a/b:/x]": "4:15: volumes: 'a/b' is neither a path nor a volume name; a relative path begins with ./",
    f"{P}volumes: [/a:/x:rx]": "4:15: volumes: 'rx' is not a mount option",
    f"{P}volumes: {{a: /b}}": "4:14: volumes: must be a list such as [./data:/data], found a mapping",
    f"{P}volumes: {{a: }}": "4:14: volumes: must be a list such as [./data:/data], found a mapping",
    f"{P}voumes: null": "4:5: voumes: unknown key; did you mean volumes?",
    f"{P}healthcheck: {{tset: null}}": "4:19: healthcheck.tset: unknown key; did you mean test?",
    f"{P}deploy: ": "4:5: deploy: is not carried by sglaunch; write gpus, mem_limit, cpus and restart instead",
    f"{P}volumes: [{{type: volume, source: [a], target: /a}}]": "4:38: volumes.source: must be text, found a list",
    f"{P}volumes: [{{type: bind, source: a, target: /a, bind: b}}]": "4:57: volumes.bind: must be a mapping",
    f"{P}ports: [{{target: 80, published: []}}]": "4:37: ports.published: must be text or a number, found a list",
    f"{P}environment: [null]": "4:19: environment: must be NAME=value, found null",
    f"{P}cpus: true": "4:11: cpus: must be a number",
    f"{P}ports: [a]": "4:13: ports: 'a' is not a container port; write a number from 1 to 65535, or a range a-b",
    f'{P}ports: ["1-2:3"]': "4:13: ports: '1-2:3': the host range and the container range differ in length",
    f'{P}ports: ["80/tpc"]': "4:13: ports: 'tpc' is not a protocol; allowed are tcp, udp and sctp",
    f"{P}devices: [fuse]": "4:15: devices: 'fuse' is not a device; write /dev/name, /dev/a:/dev/b:rwm or a CDI name "
    "vendor/class=x",
    f"{P}gpus: some": "4:11: gpus: 'some' is not a GPU request; write all, a number",
    f"{P}environment: [=x]": "4:19: environment: '=x' has no name; write NAME=value",
    f"{P}secret_env: {{A: value}}": "4:21: secret_env.A: a secret's value does not stand in a file like this",
    f"{P}env_file: nope.env": "4:15: env_file:",
    f"{P}command: 'a \"b'": "4:14: command: cannot be split into words: no closing quotation; write it as a list",
    f"{P}extra_hosts: [x]": "4:19: extra_hosts: 'x' is not a host; write name:address",
    f"{P}container_name: -x": "4:21: container_name: '-x' is not a container name",
    f"{P}container_name: x.old": "4:21: container_name: names that end in .new and .old are those",
    f"{P}labels: {{sglaunch.x: y}}": "4:26: labels.sglaunch.x: labels under sglaunch. are sglaunch's own",
    f"{P}depends_on: [zz]": "4:18: depends_on.zz: unknown profile 'zz'",
    f"{P}server: {{}}": "4:13: server.model: is required; write server: {model: org/name} or a host path",
    f"{P}server: {{model: m, args: {{api-key: x}}}}": "4:31: server.args.api-key: belongs to server.api_key: in args",
    f"{P}server: {{model: m, args: {{tp: 1, tp-size: 2}}}}": "4:38: server.args.tp-size: is the flag tp again",
    f"{P}server: {{model: m, api_key: K}}": "4:33: server.api_key: must name an entry of secret_env; the key itself",
    "profiles: {a: {image: Org/Img:1}}": "1:23: image: 'Org/Img:1' is not an image reference, such as "
    "registry/name:tag; names are in lower case",
    "profiles: {a: {image: 'a b'}}": "1:23: image: 'a b' is not an image reference, such as registry/name:tag",
    f"{P}working_dir: here": "4:18: working_dir: 'here' must be an absolute path of the container, such as /workspace",
    f"{P}server: {{model: m}}\n    command: x": "5:14: command: excludes server, which is a command itself; remove one",
    f"{P}auto_remove: true\n    restart: always": "4:18: auto_remove: excludes restart: a container that is removed",
    f"{P}network_mode: host\n    networks: [a]": "4:19: network_mode: excludes networks; remove one of the two",
    f"{P}memswap_limit: 1g": "4:20: memswap_limit: needs mem_limit: it is memory and swap together",
}


@pytest.mark.parametrize("text", TOLD)
def test_what_is_told(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sglaunch.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(tmp_path), "validate"]) == 2
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith(f"sglaunch.yaml:{TOLD[text]}"), first


@pytest.mark.parametrize("text", TOLD)
def test_what_is_told_has_a_next_step(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sglaunch.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(tmp_path), "validate", "--json"]) == 2
    first = json.loads(capsys.readouterr().out)["errors"][0]
    assert first["hint"] or SAYS_WHAT_TO_DO.search(first["message"]), first


def test_every_mistake_is_told_at_once_in_the_order_of_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        "profiles:\n  a:\n    image: x\n    imag: y\n    shm_size: 1q\n    ports: [x]\n    restart: no way\n"
        "  b:\n    extends: c\n  d:\n    image: z\n    init: maybe\n"
    )
    (tmp_path / "sglaunch.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(tmp_path), "validate"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in said if line.startswith("sglaunch.yaml:")] == ["4", "5", "6", "7", "9", "12"]


def test_the_line_is_quoted_with_a_caret_and_without_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "profiles:\n  a:\n    image: x\n    environment: {HF_TOKEN: hf_abc, B: [1]}\n"
    (tmp_path / "sglaunch.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(tmp_path), "validate"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert "hf_abc" not in "\n".join(said)
    assert said[1].startswith("        environment: {HF_TOKEN: ********")
    assert said[2].strip() == "^"


def test_no_project_says_how_to_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(tmp_path), "plan"]) == 2
    assert "run `sglaunch init`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "image",
    [
        *("a", "a:1", f"sha256:{'a' * 64}", "0a1b2c3d4e5f", "[::1]:5000/x", "127.0.0.1:5000/x", "Registry.Example/a:T"),
        *("reg.io/a__b/c--d:v1.2_x", "lmsysorg/sglang:v0.5.5-cu129-amd64", f"localhost:5000/a/b:1@sha256:{'b' * 64}"),
        "registry.cn-east.example.com/base_image/dockerhub/lmsysorg/sglang:main-cann8.3.rc1-a3",
    ],
)
def test_every_form_of_an_image_reference_is_right(
    image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sglaunch.yaml").write_text(f"profiles: {{a: {{image: '{image}'}}}}", encoding="utf-8")
    assert main(["-C", str(tmp_path), "validate"]) == 0, capsys.readouterr().err
