"""The schemas take what the loader takes, in every form, and refuse what it refuses: unknown keys and wrong kinds.

Every project that the other tests of this room load is checked too: see conftest.py.
"""

from __future__ import annotations

import copy
import json
import os
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from schemas import complaints, of_data
from test_merging import CASES

from sglaunch.config.document import dump, parse
from sglaunch.config.entries import Strict
from sglaunch.config.examples import BESIDE, EXAMPLES
from sglaunch.config.files import LOCAL, PERSONAL, PROJECT, SITE
from sglaunch.config.layers import OWN_KEYS, SHARED_KEYS
from sglaunch.config.load import Request, load
from sglaunch.config.node import Problems
from sglaunch.config.policy import RULES, Rule
from sglaunch.config.profile import NOT_CARRIED, Profile
from sglaunch.config.schema import KINDS, MODELINE, POLICY_FORMS, PROFILE, SCHEMA_FILE, schema
from sglaunch.config.schema_forms import FORMS
from sglaunch.config.shorthand import TABLE
from sglaunch.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent.parent
FACTS = {"user": "ana", "uid": 1000, "gid": 1000, "home": "/home/ana", "hostname": "gpu1"}
BLOCK = re.compile(r"^(<!-- wrong -->\n\n)?```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
KIND_OF_FILE = {"sglaunch.yaml": PROJECT, "sglaunch.local.yaml": LOCAL, "/etc/sglaunch/config.yaml": SITE}
COUNT = int(os.environ.get("SGLAUNCH_TEST_MUTATIONS", "200"))


def loads(folder: Path, text: str) -> bool:
    """Whether the loader takes a project file."""
    file = folder / "sglaunch.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        load(Request(file, FACTS, {"PATH": "/bin"}), [], everything=True)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_a_schema_for_editors_that_know_the_newest_draft_or_an_older_one(kind: str) -> None:
    made = json.loads(json.dumps(schema(kind)))
    jsonschema.Draft202012Validator.check_schema(made)
    jsonschema.Draft7Validator.check_schema(made)


@pytest.mark.parametrize("path", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda path: str(path.name))
def test_a_built_in_profile_is_right(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8"), PROFILE) == []


@pytest.mark.parametrize(
    "path", [ROOT / "sglaunch.yaml.example", *sorted((ROOT / "tests/cases/mutated").glob("*.yaml"))], ids=str
)
def test_a_project_file_is_right(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8"), PROJECT) == []


def test_every_block_of_the_documents_is_right() -> None:
    """A page says of a block that shows a mistake that it is wrong."""
    blocks = [
        (path, wrong, block)
        for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
        for wrong, block in BLOCK.findall(path.read_text(encoding="utf-8"))
    ]
    assert blocks
    for path, wrong, block in blocks:
        first = block.splitlines()[0].removeprefix("# ")
        if first == "compose.yaml":
            continue
        kind = KIND_OF_FILE.get(
            first, PROFILE if first.startswith("profiles/") or "reference" in path.name else PERSONAL
        )
        assert bool(complaints(block, kind)) == bool(wrong), f"{path}: {block}"


@pytest.mark.parametrize("case", CASES)
def test_what_the_merge_takes_is_right(case: str) -> None:
    for text in CASES[case][:2]:
        assert complaints(text, PROFILE) == []


@pytest.mark.parametrize("key", [key for key in EXAMPLES if key in (*Profile.model_fields, "extends")])
def test_an_example_of_a_key_loads_and_is_right(key: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n", encoding="utf-8")
    for example in EXAMPLES[key]:
        profile: dict[str, Any] = {"extends": None, "image": "x", **BESIDE.get(key, {}), key: example}
        if key == "extends" and example is not None:
            profile.pop("image")
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        (home / ".hf-token").write_text("t", encoding="utf-8")
        others = {"server": {"server": {"model": "a/b"}}, "x": profile}
        text = dump({"vars": {"tag": "v1"}, "profiles": others})
        file = tmp_path / "sglaunch.yaml"
        file.write_text(text, encoding="utf-8")
        load(Request(file, {**FACTS, "home": str(home)}, {}), ["x"])
        assert complaints(text, PROJECT) == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != PROFILE])
def test_an_example_of_a_layer_is_right(kind: str) -> None:
    keys = (*SHARED_KEYS, *OWN_KEYS.get(kind, ()))
    assert set(schema(kind)["properties"]) == set(keys)
    for key in keys:
        for example in EXAMPLES.get(key, ()):
            assert of_data({key: example}, kind) == []


# Kind -> what the loader refuses, and so does the schema.
WRONG: dict[str, tuple[str, ...]] = {
    PROJECT: (
        "profile: {}",
        "image: x",
        "services: {a: {image: x}}",
        "policy: {}",
        "project: 7",
        "project: ''",
        "default_profiles: a",
        "default_profiles: [1]",
        "engine: dokcer",
        "engine: {host: tcp://x}",
        "profiles: []",
        "profiles: {a: 1}",
        "profiles: {'a b': {}}",
        "defaults: {extends: dev}",
        "vars: []",
        "registry_mirrors: {docker.io: 7}",
        "registry_mirrors: {docker.io: 'https://mirror'}",
        "registry_mirrors: {'https://docker.io': mirror}",
    ),
    LOCAL: ("engine: {hots: x}", "engine: {sudo: 'yes'}", "engine: {host: -x}", "engine: {name: dokcer}"),
    SITE: (
        "policy: []",
        "policy: {image: x}",
        "policy: {labels: team}",
        "policy: {mounts: {allow: [data]}}",
        "policy: {deny: [privilegd]}",
        "policy: {max_gpus: many}",
        "policy: {max_shm: lots}",
        "project: x",
    ),
    PERSONAL: ("policy: {}", "project: x"),
    PROFILE: (
        "shm_sise: 1g",
        *(f"{key}: {{}}" for key in NOT_CARRIED),
        "shm_size: lots",
        "shm_size: [1]",
        "image: x/UPPER",
        "image: [x]",
        "privileged: 'maybe'",
        "privileged: 1",
        "tty: []",
        "cpus: many",
        "cpus: true",
        "pids_limit: 1.5",
        "restart: sometimes",
        "restart: true",
        "pull_policy: often",
        "recreate: never",
        "accelerator: tpu",
        "hub: github",
        "caches: [pip]",
        "caches: pip",
        "working_dir: here",
        "environment: x",
        "environment: {A: [1]}",
        "environment: ['=x']",
        "environment: [{A: 1}]",
        "labels: 7",
        "command: {a: b}",
        "command: [[a]]",
        "command: [null]",
        "shell: {}",
        "volumes: {/data: x}",
        "volumes: ['./data']",
        "volumes: [7]",
        "volumes: [{source: x, target: /x}]",
        "volumes: [{type: bind, source: x}]",
        "volumes: [{type: nfs, source: x, target: /x}]",
        "volumes: [{type: bind, source: x, target: /x, ro: true}]",
        "volumes: [{type: bind, source: x, target: /x, bind: {made: true}}]",
        "volumes: [{type: bind, source: x, target: /x, bind: x}]",
        "volumes: [{type: volume, source: [x], target: /x}]",
        "volumes: [{type: bind, source: x, target: /x, read_only: maybe}]",
        "tmpfs: [{a: b}]",
        "tmpfs: [relative]",
        "ports: 80",
        "ports: [eighty]",
        "ports: [{published: 80}]",
        "ports: [{target: 80, to: 81}]",
        "ports: [0]",
        "devices: /dev/fuse",
        "devices: [fuse]",
        "devices: [{source: /dev/fuse, mode: r}]",
        "ulimits: [nofile]",
        "ulimits: {nofile: {soft: 1}}",
        "ulimits: {nofile: many}",
        "extra_hosts: [name]",
        "secret_env: {A: secret}",
        "secret_env: {A: {value: secret}}",
        "secret_env: [7]",
        "env_file: [{required: true}]",
        "env_file: [{path: .env, needed: true}]",
        "gpus: some",
        "gpus: {amount: 2}",
        "gpus: {count: some}",
        "gpus: {count: -2}",
        "gpus: [[0]]",
        "gpus: true",
        "networks: {a: {alias: x}}",
        "networks: x",
        "depends_on: {a: {condition: sometime}}",
        "healthcheck: curl",
        "healthcheck: {tset: x}",
        "healthcheck: {interval: often}",
        "logging: json-file",
        "logging: {options: 7}",
        "build: [.]",
        "build: {contxt: .}",
        "build: {tags: [x/UPPER]}",
        "server: org/model",
        "server: {modle: x}",
        "server: {model: ''}",
        "server: {port: http}",
        "server: {args: [tp]}",
        "server: {ready: {time: 5m}}",
        "server: {ready: {path: health}}",
        "attach: 'never'",
        "extends: [dev]",
    ),
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in WRONG.items() for text in texts])
def test_what_is_wrong_is_refused(kind: str, text: str) -> None:
    assert complaints(text, kind)


@pytest.mark.parametrize("text", WRONG[PROFILE])
def test_the_loader_refuses_it_as_well(text: str, tmp_path: Path) -> None:
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    image = "" if text.startswith(("image", "extends")) else "    image: x\n"
    assert not loads(tmp_path, f"profiles:\n  a:\n{image}{lines}")


VALUES: tuple[Any, ...] = (
    *("x", "7", "", "a=b", "/x", "./x:/x", "80:80", "32g", "90s", "all", "auto", "true", "-1", "NAME", "a:1.2.3.4"),
    *("{{ 1 }}", "{{ user }}", "{{ uid == 1000 }}", "{{ 'a' ~ '/b' }}", "unless-stopped", "host", "dev", "a b"),
    *(0, 1, 7, -1, 1.5, 30000, True, False, None, [], {}, ["x"], [7], [True], [None], ["A=1"], ["/x"], [[]]),
    *({"a": "b"}, {"a": 1}, {"a": None}, {"a": {}}, {"a": ["b"]}, {"soft": 1, "hard": 2}, {"target": 80}),
    *({"type": "volume", "target": "/v"}, {"path": ".env"}, {"source": "/dev/fuse"}, {"count": "all"}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value."""
    if path:
        yield path
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(profile: dict[str, Any], random_: random.Random) -> dict[str, Any]:
    """One or two values replaced, taken away, or moved under another key of the same mapping."""
    made = copy.deepcopy(profile)
    for _ in range(random_.randint(1, 2)):
        if not made:
            break
        *above, last = random_.choice(list(places(made)))
        owner = made
        for step in above:
            owner = owner[step]
        kind = random_.random()
        if kind < 0.1:
            del owner[last]
        elif kind < 0.2 and not above:
            owner[random_.choice(list(Profile.model_fields))] = copy.deepcopy(owner[last])
        else:
            owner[last] = copy.deepcopy(random_.choice(VALUES))
    return made


def rich() -> dict[str, Any]:
    """A profile with every key."""
    (tree,) = [parse((ROOT / "tests/cases/mutated/rich.yaml").read_text(encoding="utf-8"), "rich", PROJECT, Problems())]
    assert tree is not None
    profiles = tree.plain()["profiles"]
    # What the files of other tests need is not here; what excludes something else is in the other half.
    left = {"extends", "depends_on", "server", "auto_remove", "env_file", "build", "ports"}
    examples = {key: listed[-1] for key, listed in EXAMPLES.items() if key in Profile.model_fields and key not in left}
    return {**examples, **profiles["a"], "image": "x", "secret_env": ["TOK"], "depends_on": []}


@pytest.mark.parametrize("first", range(0, COUNT, 50))
def test_what_the_loader_takes_the_schema_takes(first: int, tmp_path: Path) -> None:
    """Conftest checks it; here are the projects, most of them taken after the change."""
    (tmp_path / ".env").write_text("A=1\n", encoding="utf-8")
    taken = 0
    whole = rich()
    serving = {"image": "x", "server": {"model": "a/b", "port": 1, "args": {"tp": 1}, "ready": {"timeout": "5m"}}}
    building = {"build": {"context": ".", "args": ["A=1"], "tags": ["a"], "secrets": ["TOK"], "labels": {"a": "b"}}}
    for seed in range(first, min(first + 50, COUNT)):
        random_ = random.Random(seed)
        kept = {key: whole[key] for key in random_.sample(sorted(whole), 8)}
        base = random_.choice(({"image": "x", **kept}, serving, building))
        taken += loads(tmp_path, dump({"profiles": {"a": changed(base, random_)}}))
    assert taken > 5


def nested(model: type[Strict], path: str) -> Iterator[tuple[str, str | None]]:
    for name, field in model.model_fields.items():
        here = f"{path}{name}"
        yield here, field.description
        for one in Strict.__subclasses__():
            if one.__name__ in str(field.annotation):
                keyed = "*." if "dict" in str(field.annotation) else ""
                yield from nested(one, f"{here}.{keyed}")


def test_every_nested_key_is_described() -> None:
    assert [path for path, description in nested(Profile, "") if not description] == []


def test_every_short_form_has_its_row() -> None:
    """What a nested row covers has none of its own; annotations are refused."""
    covered = {path.partition(".")[0] for path in FORMS}
    assert set(TABLE) - covered == {"annotations"}
    paths = {path for path, _ in nested(Profile, "")}
    assert {path.removesuffix(".*") for path in FORMS} <= paths


def test_every_key_has_an_example() -> None:
    assert {*Profile.model_fields, "extends", *SHARED_KEYS} - set(EXAMPLES) == {"defaults", "profiles"}


def test_every_rule_of_a_policy_has_its_form() -> None:
    def fields(rules: Mapping[str, Any]) -> Iterator[str]:
        for rule in rules.values():
            yield from [rule.field] if isinstance(rule, Rule) else fields(rule)

    assert set(fields(RULES)) == set(POLICY_FORMS)


def test_the_line_of_a_file_names_the_file_beside_it() -> None:
    assert f"# yaml-language-server: $schema={SCHEMA_FILE}" == MODELINE
