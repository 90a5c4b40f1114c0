"""Services of compose files as profiles: idiom by idiom, and then loaded as a profile is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from docker_compose import compose, compose_problem

from sglaunch.config.compose import Composed, read_compose
from sglaunch.config.document import dump, dump_for_others
from sglaunch.config.load import Config, Request, load
from sglaunch.config.node import Problems
from sglaunch.config.profile import NOT_CARRIED, Profile
from sglaunch.convert.from_compose import TABLE, from_compose, services
from sglaunch.convert.imported import Imported
from sglaunch.convert.to_compose import to_compose
from sglaunch.spec.canonical import plain
from sglaunch.spec.container import Wanted, expand
from sglaunch.spec.values import Secret

FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}
CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "compose"
SECRET = Secret("val")
# An overlay, which says nothing of the image of the service that it changes.
NO_IMAGE = ("harbor-x-aphrodite-cdi.yaml",)


def read(folder: Path, text: str, more: Mapping[str, str] | None = None, project: str = "proj") -> Composed:
    for name, content in {"compose.yaml": text, **(more or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    problems = Problems()
    found = read_compose(folder / "compose.yaml", "compose.yaml", folder, project, problems)
    assert found is not None
    assert not problems.errors, [str(problem) for problem in problems.errors]
    return found


def imported(folder: Path, text: str, name: str = "web", more: Mapping[str, str] | None = None) -> Imported:
    found = read(folder, text, more)
    return from_compose(found, name, services(found), NOT_CARRIED)


def service(folder: Path, body: str, rest: str = "") -> Imported:
    """One service `web`, whose image is `i`, of a body that is indented by nothing."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return imported(folder, f"services:\n  web:\n    image: i\n{lines}{rest}")


def loaded(folder: Path, profiles: Mapping[str, Any], env: Mapping[str, str]) -> Config:
    (folder / "sglaunch.yaml").write_text(dump({"project": "p", "profiles": profiles}), encoding="utf-8")
    return load(Request(folder / "sglaunch.yaml", FACTS, {"XDG_CONFIG_HOME": str(folder), **env}), [])


def lost(found: Imported) -> dict[str, str]:
    return {f"{problem.place}: {problem.path}": problem.message for problem in found.losses}


# A body of a service -> the keys it becomes, beside the image.
CARRIED: dict[str, Any] = {
    "environment:\n  A: 1\n  B: true\n  C:\n  D: ''": {"environment": {"A": "1", "B": "true", "C": None, "D": ""}},
    "environment: [A=1, B, 'C=x=y']": {"environment": {"A": "1", "B": None, "C": "x=y"}},
    "environment: [A=1, A=2]": {"environment": {"A": "2"}},
    "environment: {HF_TOKEN: '${HF_TOKEN}', X: '${X:-1}'}": {
        "environment": {"X": "{{ env.X | default('1', true) }}"},
        "secret_env": ["HF_TOKEN"],
    },
    "environment: [HF_TOKEN, HF_TOKEN]": {"secret_env": ["HF_TOKEN"]},
    "environment: {HF_TOKEN: hf_secretvalue}": {"secret_env": ["HF_TOKEN"]},
    "environment: {URL: 'http://a:pw@h/'}": {"secret_env": ["URL"]},
    "environment: {HF_TOKEN: '${MINE}'}": {"environment": {"HF_TOKEN": "{{ env.MINE | default('') }}"}},
    "command: >\n  a\n  b ${C}": {"command": "a b {{ env.C | default('') }}"},
    "command: [a, '$$b', '{{ c }}']": {"command": ["a", "$b", "{{ '{{' }} c }}"]},
    "command: null": {},
    "privileged: yes": {"privileged": True},
    "tty: ${TTY:-yes}": {"tty": "{{ env.TTY | default('yes', true) }}"},
    "healthcheck: {test: [CMD, 'true'], disable: 'Off'}": {"healthcheck": {"test": ["CMD", "true"], "disable": "Off"}},
    "env_file: [{path: a.env, required: '${NEEDED:-no}'}, {path: b.env, required: 'yes'}]": {
        "env_file": [{"path": "a.env", "required": "{{ env.NEEDED | default('no', true) }}"}, "b.env"]
    },
    "restart: no": {"restart": "no"},
    "restart: false": {"restart": "no"},
    "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}": {"restart": "on-failure:3"},
    "deploy: {restart_policy: {condition: any}}": {"restart": "always"},
    "restart: always\ndeploy: {restart_policy: {condition: none}}": {"restart": "no"},
    "deploy: {resources: {limits: {cpus: '0.5', memory: 1g, pids: 9}, reservations: {memory: 512m}}}": {
        "cpus": "0.5",
        "mem_limit": "1g",
        "pids_limit": 9,
        "mem_reservation": "512m",
    },
    "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}": {"gpus": "all"},
    "deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 2, capabilities: [gpu]}]}}}": {"gpus": 2},
    "deploy: {resources: {reservations: {devices: [{device_ids: ['0', '3'], capabilities: [gpu]}]}}}": {
        "gpus": ["0", "3"]
    },
    "deploy: {resources: {reservations: {devices: [{count: all, capabilities: [gpu, utility]}]}}}": {
        "gpus": {"count": "all", "capabilities": ["utility"]}
    },
    "deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: [nvidia.com/gpu=all]}]}}}": {
        "devices": ["nvidia.com/gpu=all"]
    },
    "gpus: all": {"gpus": "all"},
    "gpus: [{count: 1}]": {"gpus": 1},
    "mem_limit: 0\ncpus: 0": {},
    "cpus: 1.50": {"cpus": 1.5},
    "user: 0700": {"user": 448},
    "ulimits: {memlock: -1, nofile: {soft: 1, hard: 2}}": {
        "ulimits": {"memlock": -1, "nofile": {"soft": 1, "hard": 2}}
    },
    "labels: [a=b, c]": {"labels": {"a": "b", "c": ""}},
    "network_mode: host\nports: ['80:80']": {"network_mode": "host", "ports": ["80:80"]},
    "network_mode: default": {},
    "env_file: .env": {"env_file": [".env"]},
    "env_file: [a.env, {path: b.env, required: false}]": {"env_file": ["a.env", {"path": "b.env", "required": False}]},
    "build: .": {"build": "."},
    "build: sub": {"build": "sub"},
    "build: {context: ., args: [A=1, B]}": {"build": {"context": ".", "args": {"A": "1", "B": None}}},
    "volumes: ['./a:/a', '~/b:/b:ro', '/c:/c:z', '/anonymous', other:/o]": {
        "volumes": ["./a:/a", "~/b:/b:ro", "/c:/c:z", "/anonymous", "other:/o"]
    },
    "volumes: ['${D:-./data}:/d:${M:-ro}']": {
        "volumes": ["{{ env.D | default('./data', true) }}:/d:{{ env.M | default('ro', true) }}"]
    },
    "volumes: [{type: bind, source: ./a, target: /a, read_only: true, bind: {propagation: rslave}}]": {
        "volumes": [
            {
                "type": "bind",
                "source": "./a",
                "target": "/a",
                "read_only": True,
                "bind": {"propagation": "rslave"},
            }
        ]
    },
    "healthcheck: {test: [CMD, a], interval: 5s, disable: false}": {
        "healthcheck": {"test": ["CMD", "a"], "interval": "5s", "disable": False}
    },
    "x-note: {a: b}\nnetworks: {}": {},
}


@pytest.mark.parametrize("body", CARRIED)
def test_a_key_is_carried(body: str, tmp_path: Path) -> None:
    found = service(tmp_path, body)
    assert {key: value for key, value in found.keys.items() if key != "image"} == CARRIED[body]
    assert not found.losses, lost(found)


# A body of a service -> where what of it is lost, and why.
LOST: dict[str, tuple[str, str]] = {
    "profiles: [a]": ("compose.yaml:4:5: services.web.profiles", "is not carried"),
    "scale: 2": ("compose.yaml:4:5: services.web.scale", "is not carried"),
    "nonsense: 1": ("compose.yaml:4:5: services.web.nonsense", "is not carried"),
    "deploy:\n  replicas: 2": ("compose.yaml:5:7: services.web.deploy.replicas", "a profile is one container"),
    "deploy: {placement: {}}": ("compose.yaml:4:14: services.web.deploy.placement", "is for a swarm"),
    "deploy: {resources: {reservations: {devices: [{driver: tpu, capabilities: [tpu]}]}}}": (
        "compose.yaml:4:51: services.web.deploy.resources.reservations.devices[0]",
        "is no request for NVIDIA devices",
    ),
    "healthcheck: {test: a, start_interval: 1s}": (
        "compose.yaml:4:28: services.web.healthcheck.start_interval",
        "is not carried",
    ),
    "environment: ['${A}:1']": ("compose.yaml:4:19: services.web.environment[0]", "is not the name of a variable"),
    "command: a$ b": ("compose.yaml:4:5: services.web.command", "'$ ' is not a variable"),
    "depends_on: [other]": ("compose.yaml:4:18: services.web.depends_on[0]", "other is not imported beside it"),
    "pull_policy: refresh": ("compose.yaml:4:5: services.web.pull_policy", "'refresh' is not a pull policy here"),
    "volumes: [{type: npipe, source: a, target: b}]": (
        "compose.yaml:4:15: services.web.volumes[0]",
        "a mount of type npipe is not carried",
    ),
    "volumes: ['/a:/b:odd']": ("compose.yaml:4:15: services.web.volumes[0]", "the mount option 'odd' is not carried"),
    "memswap_limit: 1g": ("compose.yaml:4:5: services.web.memswap_limit", "has no effect without mem_limit"),
    "build: {context: ., args: {HF_TOKEN: hf_x}}": (
        "compose.yaml:4:32: services.web.build.args.HF_TOKEN",
        "HF_TOKEN is left out: arguments of a build are stored in the image",
    ),
    "secrets: [a]": ("compose.yaml:4:15: services.web.secrets[0]", "the file /run/secrets/a is not made"),
    "build: {context: ., ulimits: {}}": ("compose.yaml:4:25: services.web.build.ulimits", "is not carried"),
    "logging: {driver: x}\nannotations: {a: b}": ("compose.yaml:5:5: services.web.annotations", "is not carried"),
}


@pytest.mark.parametrize("body", LOST)
def test_what_cannot_be_carried_is_told_with_its_line(body: str, tmp_path: Path) -> None:
    found = service(tmp_path, body)
    where, message = LOST[body]
    assert [(place, text[: len(message)]) for place, text in lost(found).items()] == [(where, message)]


def test_a_secret_value_is_written_nowhere(tmp_path: Path) -> None:
    found = service(tmp_path, "environment: {API_KEY: verysecret1}\nbuild: {context: ., args: {API_KEY: verysecret1}}")
    assert "verysecret1" not in repr(found)
    assert "left behind" in found.comments["secret_env"]


def test_anchors_and_merge_keys_are_resolved(tmp_path: Path) -> None:
    text = "x-base: &b {image: i, tty: true}\nservices:\n  web: {<<: *b, tty: false, command: a}\n"
    assert imported(tmp_path, text).keys == {"image": "i", "tty": False, "command": "a"}


def test_extends_of_the_same_file_and_of_another(tmp_path: Path) -> None:
    text = """\
services:
  base: {image: i, environment: [A=1, B=2], volumes: ['./a:/a', './b:/b'], command: old}
  web:
    extends: {service: far, file: sub/far.yaml}
    environment: {B: 3}
    volumes: ['./own:/a']
  plain: {extends: base, command: new, environment: {A: 9}}
"""
    far = "services:\n  far: {image: far, environment: {C: 4}, volumes: ['./x:/x', './y:/a'], env_file: e.env}\n"
    web = imported(tmp_path, text, "web", {"sub/far.yaml": far}).keys
    assert web["environment"] == {"C": "4", "B": "3"}
    assert web["volumes"] == ["./sub/x:/x", "./own:/a"]
    assert web["env_file"] == ["./sub/e.env"]
    plain = imported(tmp_path, text, "plain", {"sub/far.yaml": far}).keys
    assert plain == {
        "image": "i",
        "environment": {"A": "9", "B": "2"},
        "volumes": ["./a:/a", "./b:/b"],
        "command": "new",
    }


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("web", "a cycle"),
        ("nope", "compose.yaml has no service 'nope'"),
        ("{service: a, file: gone.yaml}", "there is no gone.yaml"),
        ("{file: '${X}.yaml', service: a}", "does not name a service that can be followed"),
    ],
)
def test_what_cannot_be_extended_is_told(extends: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n  web: {{image: i, extends: {extends}}}\n", encoding="utf-8")
    problems = Problems()
    read_compose(tmp_path / "compose.yaml", "compose.yaml", tmp_path, "", problems)
    assert message in str(problems.errors[0])
    assert problems.errors[0].place is not None
    assert problems.errors[0].place.line == 2


def test_include_brings_services_with_paths_of_their_own_file(tmp_path: Path) -> None:
    found = read(tmp_path, "include: [sub/c.yaml]\nservices: {web: {image: i}}\n", {
        "sub/c.yaml": "services: {db: {image: d, volumes: ['./d:/d', 'v:/v']}}\nvolumes: {v: {}}\n"
    })  # fmt: skip
    assert services(found) == ["db", "web"]
    assert from_compose(found, "db", ["db"]).keys["volumes"] == ["./sub/d:/d", "proj_v:/v"]


def test_volumes_have_the_engines_names(tmp_path: Path) -> None:
    rest = "volumes:\n  a:\n  b: {name: bee}\n  c: {external: true}\n  d: {driver: nfs}\n"
    found = service(tmp_path, "volumes: ['a:/a', 'b:/b', 'c:/c', '${V:-a}:/v', 'd:/d']", rest)
    expected = ["proj_a:/a", "bee:/b", "c:/c", "{{ env.V | default('proj_a', true) }}:/v", "proj_d:/d"]
    assert found.keys["volumes"] == expected
    assert "compose's volume a is proj_a" in found.comments["volumes"]
    assert lost(found) == {"compose.yaml:9:7: volumes.d.driver": "a profile cannot say how a volume is made"}


def test_networks_have_the_engines_names_and_the_service_is_an_alias(tmp_path: Path) -> None:
    rest = "networks:\n  a:\n  b: {name: bee, external: true}\n"
    found = service(tmp_path, "networks: {a: {aliases: [x], ipv4_address: 10.0.0.9}, b: null}", rest)
    assert found.keys["networks"] == {
        "proj_a": {"aliases": ["web", "x"], "ipv4_address": "10.0.0.9"},
        "bee": {"aliases": ["web"]},
    }
    assert "docker network create proj_a" in found.comments["networks"]
    assert "bee" not in found.comments["networks"]


def test_the_projects_network_is_carried_where_services_call_each_other(tmp_path: Path) -> None:
    text = "services:\n  web: {image: i, environment: {DB: 'tcp://db:5432'}}\n  db: {image: d}\n  alone: {image: a}\n"
    found = read(tmp_path, text)
    keys = {name: from_compose(found, name, services(found)).keys for name in services(found)}
    assert keys["web"]["networks"] == {"proj_default": {"aliases": ["web"]}}
    assert keys["db"]["networks"] == {"proj_default": {"aliases": ["db"]}}
    assert "networks" not in keys["alone"]
    assert "to be found by name" in from_compose(found, "alone", services(found)).comments[""]


def test_the_network_of_another_service_is_that_of_its_container(tmp_path: Path) -> None:
    text = """\
services:
  web: {image: i}
  side: {image: s, network_mode: 'service:web', pid: 'service:named', volumes_from: ['web:ro', 'container:c']}
  named: {image: n, container_name: '${P}-n'}
"""
    side = imported(tmp_path, text, "side")
    assert side.keys["network_mode"] == "container:{{ user }}-{{ project }}-web"
    assert side.keys["pid"] == "container:{{ env.P | default('') }}-n"
    assert side.keys["volumes_from"] == ["{{ user }}-{{ project }}-web:ro", "c"]
    assert side.keys["depends_on"] == ["web"]
    assert imported(tmp_path, text).keys["container_name"] == "{{ user }}-{{ project }}-web"


def test_conditions_of_depends_on(tmp_path: Path) -> None:
    text = """\
services:
  web: {image: i, depends_on: {a: {condition: service_healthy}, b: {condition: service_completed_successfully}}}
  a: {image: a}
  b: {image: b}
"""
    found = imported(tmp_path, text)
    expected = {"a": {"condition": "service_healthy"}, "b": {"condition": "service_started"}}
    assert found.keys["depends_on"] == expected
    assert list(lost(found).values()) == ["service_completed_successfully cannot be waited for"]


def test_secrets_and_configs_of_files_are_read_only_mounts(tmp_path: Path) -> None:
    rest = "secrets: {a: {file: ./a.txt}, t: {environment: MY_TOKEN}}\nconfigs: {c: {file: c.json}, d: {content: x}}\n"
    found = service(tmp_path, "secrets: [a, t]\nconfigs: [c, {source: d, target: /etc/d}]", rest)
    assert found.keys["volumes"] == ["./a.txt:/run/secrets/a:ro", "./c.json:/c:ro"]
    assert list(lost(found).values()) == [
        "the file /run/secrets/t with the value of MY_TOKEN is not made",
        "the file /etc/d is not made",
    ]


def test_numbers_are_told_where_yaml_versions_differ(tmp_path: Path) -> None:
    found = service(tmp_path, "environment: {A: 0755, B: 1e3, C: 1.10}")
    assert found.keys["environment"] == {"A": "493", "B": "1000", "C": "1.1"}
    assert "compose reads 0755 as 493" in found.comments["environment"]


def test_a_file_elsewhere_has_its_paths_moved(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    text = "services:\n  web: {image: i, volumes: ['./a:/a', '../b:/b', '${D:-./d}:/d'], build: ctx, env_file: e}\n"
    (tmp_path / "deploy" / "compose.yaml").write_text(text, encoding="utf-8")
    path = tmp_path / "deploy" / "compose.yaml"
    found = read_compose(path, "deploy/compose.yaml", tmp_path, "", Problems())
    assert found is not None
    assert found.project == "deploy"
    keys = from_compose(found, "web", ["web"]).keys
    assert keys["volumes"] == ["./deploy/a:/a", "./b:/b", "{{ env.D | default('./deploy/d', true) }}:/d"]
    assert (keys["build"], keys["env_file"]) == ("./deploy/ctx", ["./deploy/e"])


def test_every_key_is_a_profiles_or_turned_into_one() -> None:
    other = {"deploy", "secrets", "configs"}
    assert set(TABLE) - other <= set(Profile.model_fields)
    assert not (set(TABLE) - other) & set(NOT_CARRIED)


def _corpus() -> list[Path]:
    return sorted(CORPUS.glob("*.yaml")) or [Path("absent")]


@pytest.mark.parametrize("path", _corpus(), ids=lambda path: path.stem)
def test_every_service_of_the_corpus_imports_and_loads(path: Path, tmp_path: Path) -> None:
    if not path.is_file():
        pytest.skip("the corpus is not beside this checkout")
    problems = Problems()
    found = read_compose(path, path.name, path.parent, "", problems)
    assert found is not None
    assert not problems.errors, problems.errors
    made = {name: from_compose(found, name, services(found), NOT_CARRIED) for name in services(found)}
    profiles = {name: dict(one.keys) for name, one in made.items()}
    if path.name in NO_IMAGE:
        assert all(any("neither image nor build" in text for text in lost(one).values()) for one in made.values())
        profiles = {name: {"image": "x", **keys} for name, keys in profiles.items()}
    config = loaded(tmp_path, profiles, corpus_environment(path, tmp_path))
    assert set(config.resolved) == set(found.services)


def corpus_environment(path: Path, folder: Path) -> dict[str, str]:
    """A value for each variable that a file of the corpus reads without a default, and the files it names."""
    import re

    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"- (\./\S+\.env|\./\.env)\s", text):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    names = re.findall(r"\$\{(\w+)\}", text)
    values = {"PORT": "8123", "CACHE": f"{folder}/cache", "PATH": f"{folder}/data", "IMAGE": "x/y"}
    return {name: next((v for end, v in values.items() if name.endswith(end)), "val") for name in names} | {
        "HOME": "/home/ana"
    }


@pytest.mark.parametrize("path", _corpus(), ids=lambda path: path.stem)
def test_what_is_exported_of_the_corpus_and_read_by_compose_comes_back(path: Path, tmp_path: Path) -> None:
    """A fixed point: the profiles, as a Compose file, as Compose writes it anew, are the profiles again."""
    if not path.is_file():
        pytest.skip("the corpus is not beside this checkout")
    if problem := compose_problem():
        pytest.skip(problem)
    found = read_compose(path, path.name, path.parent, "", Problems())
    assert found is not None
    env = corpus_environment(path, tmp_path)
    more = {"image": "x"} if path.name in NO_IMAGE else {}
    once = {name: {**more, **from_compose(found, name, services(found), NOT_CARRIED).keys} for name in services(found)}
    wanted = loaded(tmp_path, once, env).wanted
    exported = to_compose("p", list(wanted.values())).document
    (tmp_path / "exported.yaml").write_text(dump_for_others([exported]), encoding="utf-8")
    # The plug-in may be one of this home.
    shell = {name: value for name, value in env.items() if name != "HOME"}
    told = compose("-f", "exported.yaml", "config", cwd=str(tmp_path), env=shell).stdout
    again = read(tmp_path, told, project="p")
    twice = {name: dict(from_compose(again, name, services(again), NOT_CARRIED).keys) for name in services(again)}
    # Secrets are passed through by name, so the shell that comes back has them.
    given = {name: "val" for one in wanted.values() for name, value in one.spec.environment.items() if value == SECRET}
    returned = loaded(tmp_path, twice, {**given, **env}).wanted
    assert set(returned) == set(wanted)
    for name, one in wanted.items():
        assert options(returned[name], name) == options(one, name)


def options(wanted: Wanted, service: str) -> dict[str, Any]:
    """What an engine is told. In a Compose file its own network has a name, and in others a service has its own."""
    found = {"container_name": wanted.spec.container_name, **plain(expand(wanted.spec))}
    if not found.get("networks"):
        found["network_mode"] = found.get("network_mode") or "bridge"
    for joined in found.get("networks", {}).values():
        joined["aliases"] = sorted({*joined.get("aliases", []), service})
    return found
