"""The canonical form of a spec: the same text for the same wish, whatever order it was written in and whatever version
reads it, and no secret in it."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from builders import make_spec
from hypothesis import given
from hypothesis import strategies as st

from sglaunch.plain import defaults_of, names_of, replace
from sglaunch.spec.canonical import digest, dump, plain
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.server import Server
from sglaunch.spec.values import (
    Device,
    Gpus,
    Healthcheck,
    Mount,
    NetworkAttachment,
    PortBinding,
    Secret,
    Ulimit,
)

EVERYTHING = ContainerSpec(
    container_name="ana-eval-dev",
    image="lmsysorg/sglang:dev",
    command=("sleep", "infinity"),
    entrypoint=("tini", "--"),
    server=Server("Qwen/Qwen3-8B", port=8000, args={"tp": 8, "lora-paths": ["a", "b"]}),
    environment={"A": "1", "TOKEN": Secret("hf_0123"), "UNSET": None},
    volumes={"/data": Mount("bind", "/srv", read_only=True), "/v": Mount("volume", "v")},
    tmpfs={"/t": "size=1g"},
    volumes_from=("other",),
    ports={"80/tcp": (PortBinding("8000", "127.0.0.1"), PortBinding())},
    network_mode="",
    networks={"n": NetworkAttachment(("a",), "10.0.0.2")},
    extra_hosts={"h": ("::1",)},
    dns=("1.1.1.1",),
    dns_search=("s",),
    dns_opt=("o",),
    ipc="host",
    pid="host",
    uts="host",
    userns_mode="host",
    cgroup="host",
    shm_size=32 << 30,
    gpus=Gpus(ids=("0", "3"), capabilities=("compute",)),
    devices={"/dev/a": Device("/dev/a")},
    device_cgroup_rules=("c 1:1 r",),
    privileged=True,
    cap_add=("SYS_PTRACE",),
    cap_drop=("ALL",),
    security_opt=("seccomp=unconfined",),
    group_add=("video",),
    ulimits={"memlock": Ulimit(-1, -1)},
    sysctls={"net.a": "1"},
    user="1000",
    working_dir="/w",
    hostname="h",
    labels={"team": "eval"},
    tty=True,
    stdin_open=True,
    init=True,
    auto_remove=True,
    stop_signal="SIGINT",
    stop_grace_period=90.0,
    healthcheck=Healthcheck("curl :80", interval=1.5, retries=3),
    read_only=True,
    runtime="nvidia",
    platform="linux/arm64",
    logging_driver="json-file",
    logging_options={"max-size": "10m"},
    restart="always",
    mem_limit=1,
    mem_reservation=2,
    memswap_limit=3,
    cpus=1.5,
    cpu_shares=4,
    cpu_quota=5,
    cpu_period=6,
    cpuset="0-3",
    pids_limit=7,
)


def test_a_spec_with_every_option_has_the_digest_it_had_in_the_first_version() -> None:
    """Containers carry this digest. Where this fails, every `up` after an update would make new containers."""
    assert digest(plain(EVERYTHING)) == "9df9991fe7860d1ab15fd1c873d6a5f6b543e2ab7346420c976a46179fac1b41"


def test_every_option_that_is_set_is_in_it_but_the_name() -> None:
    """A container takes another name in place. `network_mode` and `networks` exclude each other."""
    names = set(names_of(ContainerSpec))
    assert set(plain(EVERYTHING)) == names - {"container_name", "network_mode"}


def test_options_at_their_default_are_left_out() -> None:
    assert plain(ContainerSpec("n", "img")) == {"image": "img"}
    assert plain(ContainerSpec("n", "img", server=Server("m"))) == {"image": "img", "server": {"model": "m"}}


@pytest.mark.parametrize(("name", "default"), defaults_of(ContainerSpec).items())
def test_writing_out_a_default_is_writing_nothing(name: str, default: Any) -> None:
    given = {"container_name": "n", "image": "img", name: default}
    assert plain(ContainerSpec(**given)) == {"image": "img"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"environment": {"TOKEN": Secret("hf_0123")}}, {"environment": {"TOKEN": {"secret": True}}}),
        ({"environment": {"A": None}}, {}),
        ({"environment": {"A": None, "B": ""}}, {"environment": {"B": ""}}),
        ({"ports": {"80/tcp": (PortBinding(),)}}, {"ports": {"80/tcp": [{}]}}),
        ({"networks": {"n": NetworkAttachment()}}, {"networks": {"n": {}}}),
        ({"stop_grace_period": 90.0}, {"stop_grace_period": 90}),
        ({"stop_grace_period": 0.5}, {"stop_grace_period": 0.5}),
        ({"entrypoint": ()}, {"entrypoint": []}),
        ({"healthcheck": Healthcheck()}, {}),
        ({"gpus": Gpus(-1)}, {"gpus": {"count": -1}}),
    ],
)
def test_values_are_plain(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert plain(ContainerSpec("n", "img", **options)) == {"image": "img", **expected}


def test_the_text_is_one_line_of_ascii() -> None:
    text = dump(plain(make_spec(labels={"名": "a\nb\u2028"})))
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["labels"] == {"名": "a\nb\u2028"}


# Properties

names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
words = st.text(max_size=12)
marked = st.text(st.sampled_from("0123456789abcdef"), min_size=12, max_size=20).map(lambda text: f"SECRET-{text}")
environments = st.dictionaries(names, st.one_of(st.none(), words, marked.map(Secret)), max_size=6)
mounts = st.builds(Mount, st.sampled_from(["bind", "volume"]), words, st.booleans(), st.booleans())
values = st.one_of(st.booleans(), st.integers(), words, st.lists(words, max_size=3))
arguments = st.dictionaries(names, values, max_size=5)
specs = st.builds(
    make_spec,
    environment=environments,
    labels=st.dictionaries(names, words, max_size=5),
    volumes=st.dictionaries(names.map(lambda name: f"/{name}"), mounts, max_size=4),
    ports=st.dictionaries(names, st.lists(st.builds(PortBinding, words, words), max_size=2).map(tuple), max_size=3),
    ulimits=st.dictionaries(names, st.builds(Ulimit, st.integers(), st.integers()), max_size=3),
    server=st.one_of(st.none(), st.builds(Server, words, args=arguments)),
    cap_add=st.lists(words, max_size=3).map(tuple),
    shm_size=st.one_of(st.none(), st.integers(min_value=0)),
    stop_grace_period=st.one_of(st.none(), st.floats(min_value=0, max_value=1e6)),
)


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same spec with the entries of every map in another order."""
    if isinstance(value, Mapping):
        entries = [(key, shuffled(inner, chance)) for key, inner in value.items()]
        chance.shuffle(entries)
        return dict(entries)
    if isinstance(value, ContainerSpec | Server):
        return replace(value, **{name: shuffled(getattr(value, name), chance) for name in names_of(value)})
    return value


@given(specs, st.randoms(use_true_random=False))
def test_the_order_of_keys_is_of_no_account(spec: ContainerSpec, chance: random.Random) -> None:
    other = shuffled(spec, chance)
    assert dump(plain(other)) == dump(plain(spec))
    assert digest(plain(other)) == digest(plain(spec))


@given(specs)
def test_the_digest_is_that_of_what_is_read_back(spec: ContainerSpec) -> None:
    assert digest(json.loads(dump(plain(spec)))) == digest(plain(spec))


@given(specs)
def test_no_secret_is_in_it(spec: ContainerSpec) -> None:
    held = [value.reveal() for value in spec.environment.values() if isinstance(value, Secret)]
    shown = dump(plain(spec)) + repr(spec)
    assert not [value for value in held if value in shown]


@given(specs, st.text(min_size=1))
def test_the_value_of_a_secret_is_of_no_account(spec: ContainerSpec, value: str) -> None:
    """What the label keeps of it is a fingerprint, beside the digest."""
    one = replace(spec, environment={**spec.environment, "TOKEN": Secret("a")})
    other = replace(spec, environment={**spec.environment, "TOKEN": Secret(value)})
    assert digest(plain(one)) == digest(plain(other))
    assert digest(plain(one)) != digest(plain(replace(spec, environment={**spec.environment, "TOKEN": value})))


@given(specs, names, words)
def test_another_value_is_another_digest(spec: ContainerSpec, name: str, value: str) -> None:
    other = replace(spec, labels={**spec.labels, name: f"{spec.labels.get(name, '')}{value}!"})
    assert digest(plain(other)) != digest(plain(spec))
