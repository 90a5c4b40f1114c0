"""Every option of a spec as words of the engine's create call: the table walks the spec, so that none is forgotten."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from builders import make_spec
from create_cases import CREATE_CASES as TABLE
from python_on_whales import DockerClient

from sglaunch.convert.to_create import connect_words, create_call, update_arguments
from sglaunch.plain import names_of
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.values import NetworkAttachment, Secret

# Not arguments of their own: words of the command, labels, and what is expanded before.
APART = {"image", "command", "entrypoint", "server", "labels"}


def arguments(**options: Any) -> dict[str, Any]:
    """What the options add to the arguments of a spec without any."""
    call = create_call(make_spec(**options), {"a": "b"})
    bare = create_call(make_spec(), {"a": "b"}).arguments
    return {name: value for name, value in call.arguments.items() if name not in bare or bare[name] != value}


@pytest.mark.parametrize(("field", "value", "expected"), TABLE)
def test_an_option_becomes_its_arguments(field: str, value: Any, expected: dict[str, Any]) -> None:
    assert arguments(**{field: value}) == expected


def test_every_argument_is_one_that_the_library_takes() -> None:
    known = set(inspect.signature(DockerClient().container.create).parameters)
    assert {name for _, _, expected in TABLE for name in expected} | {"labels", "entrypoint", "pull"} <= known


def test_the_table_names_every_option() -> None:
    names = set(names_of(ContainerSpec))
    assert {field for field, _, _ in TABLE} | APART == names


@pytest.mark.parametrize("field", names_of(ContainerSpec))
def test_an_option_that_is_unset_is_not_sent(field: str) -> None:
    """What is not sent keeps the engine's or the image's own default."""
    assert set(create_call(make_spec(command=None), {}).arguments) == {"labels", "name"}
    if field not in ("container_name", "image"):
        assert arguments(**{field: getattr(ContainerSpec("n", "i"), field)}) == {}


PROCESSES: dict[str, tuple[dict[str, Any], tuple[str, ...], Any]] = {
    "the image's own": ({"command": None}, (), None),
    "a command": ({"command": ("a", "b c")}, ("a", "b c"), None),
    "an entrypoint": ({"command": None, "entrypoint": ("e",)}, (), "e"),
    "both": ({"command": ("a",), "entrypoint": ("e",)}, ("a",), "e"),
    "an entrypoint of several words": ({"command": ("a",), "entrypoint": ("e", "-x", "--")}, ("-x", "--", "a"), "e"),
    "no entrypoint, whatever the image's": ({"command": ("a",), "entrypoint": ()}, ("a",), ""),
}


@pytest.mark.parametrize("case", PROCESSES)
def test_entrypoint_and_command_run_as_written(case: str) -> None:
    """Engines take one word as entrypoint: its other words go before the command."""
    options, words, entrypoint = PROCESSES[case]
    call = create_call(make_spec(**options), {})
    assert (call.command, call.arguments.get("entrypoint")) == (words, entrypoint)


def test_the_labels_are_those_of_the_plan() -> None:
    call = create_call(make_spec(labels={"team": "eval"}), {"team": "eval", "sglaunch.profile": "dev"})
    assert call.arguments["labels"] == {"team": "eval", "sglaunch.profile": "dev"}


def test_secrets_are_handed_over_beside_the_arguments() -> None:
    call = create_call(make_spec(environment={"T": Secret("hf_0123"), "A": "1"}), {})
    assert call.secrets == {"T": Secret("hf_0123")}
    assert call.arguments["envs"] == {"A": "1"}
    assert "hf_0123" not in repr(call)
    assert "T" not in repr(call.arguments["envs"])


# update, connect


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"restart": "always"}, {"restart": "always"}),
        ({"mem_limit": 5, "memswap_limit": 10}, {"memory": 5, "memory_swap": 10}),
        ({"mem_reservation": 5}, {"memory_reservation": 5}),
        ({"cpus": 1.5, "cpu_shares": 1, "cpu_quota": 2, "cpu_period": 3}, None),
        ({"cpuset": "0-3"}, {"cpuset_cpus": "0-3"}),
        ({"pids_limit": -1}, {"pids_limit": -1}),
    ],
)
def test_new_values_of_live_options_become_the_words_of_update(
    values: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    """update takes the CPUs of a set as text, where create takes a list."""
    assert update_arguments(values) == (values if expected is None else expected)


@pytest.mark.parametrize(
    ("attachment", "words"),
    [
        (NetworkAttachment(), []),
        (NetworkAttachment(("a", "b")), ["--alias=a", "--alias=b"]),
        (NetworkAttachment((), "10.0.0.2", "fd00::2"), ["--ip=10.0.0.2", "--ip6=fd00::2"]),
    ],
)
def test_a_further_network_is_joined_under_every_alias_and_address(
    attachment: NetworkAttachment, words: list[str]
) -> None:
    assert connect_words(attachment) == words
