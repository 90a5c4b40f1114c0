"""A profile as a shell line: python-on-whales' own words, and what a line cannot say."""

from __future__ import annotations

import shlex
import subprocess
from typing import Any

import pytest
from builders import at, make_spec, make_wanted
from create_cases import CREATE_CASES
from hypothesis import given, settings
from hypothesis import strategies as st
from python_on_whales import DockerClient
from python_on_whales.components.container import cli_wrapper

from sglaunch.convert.flags import FLAGS
from sglaunch.convert.to_create import create_call
from sglaunch.convert.to_run import JOINT, NAMES, to_run, words
from sglaunch.plan.capabilities import known
from sglaunch.plan.options import OPTIONS
from sglaunch.spec.container import Readiness
from sglaunch.spec.server import Server
from sglaunch.spec.values import Gpus, Mount, NetworkAttachment, Secret, parse_size

DOCKER = known("docker", "")


def line(*program: str, **options: Any) -> list[str]:
    """The words of the last line, as a shell reads them."""
    made = to_run(make_wanted(**options), program or ("docker",), DOCKER, "/private")
    return shlex.split(made.text.replace("\\\n", " "), comments=True)


def said(**options: Any) -> list[str]:
    return [str(loss) for loss in to_run(make_wanted(**options), ("docker",), DOCKER, "/private").losses]


@pytest.mark.parametrize(("field", "value", "_"), CREATE_CASES)
def test_the_flags_are_those_of_the_create_call(
    monkeypatch: pytest.MonkeyPatch, field: str, value: Any, _: dict[str, Any]
) -> None:
    """What python-on-whales would run, asked of itself; a size may be written in another unit."""
    call = create_call(make_spec(**{field: value}), {"team": "x"})
    ran: list[str] = []
    monkeypatch.setattr(cli_wrapper, "run", lambda command: ran.extend(map(str, command)) or "id")
    DockerClient(client_call=["true"]).container.create(call.image, list(call.command), pull="never", **call.arguments)
    flags = ran[ran.index("create") + 1 : len(ran) - 1 - len(call.command)]
    at_pull = flags.index("--pull")
    theirs = flags[:at_pull] + flags[at_pull + 2 :]
    ours = [word for flag in words(call.arguments) for word in flag]
    assert sorted(map(same, ours)) == sorted(map(same, theirs))


def same(word: str) -> str:
    """One form for what has two: a size, and `-p`."""
    try:
        return str(parse_size(word))
    except ValueError:
        return {"-p": "--publish"}.get(word, word)


def test_every_word_of_the_create_call_has_a_flag_of_the_table() -> None:
    assert {option.argument for option in OPTIONS if option.argument} | set(JOINT) == set(NAMES)
    assert set(NAMES.values()) <= set(FLAGS)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_a_shell_reads_every_word_as_it_was(command: list[str]) -> None:
    assert line(command=tuple(command))[-len(command) :] == command


@pytest.mark.parametrize("text", ["a b", "it's", '"', "$HOME", "`id`", "a\nb", "\\", "!x", "#no", "*", "é", "~"])
def test_a_real_shell_does_too(text: str) -> None:
    made = to_run(make_wanted(command=(text,)), ("docker",), DOCKER, "/private")
    script = made.text.replace("docker run", "printf '%s\\n' run")
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.endswith(f"\n{text}\n")


def test_one_option_stands_in_each_line() -> None:
    made = to_run(make_wanted(tty=True, user="1"), ("sudo", "docker", "--context", "gpu1"), DOCKER, "/private")
    assert made.text == (
        "sudo docker --context gpu1 run --detach \\\n  --name ana-eval-dev \\\n  --user 1 \\\n  --tty \\\n"
        "  img:1 sleep infinity"
    )


def test_a_secret_is_named_and_its_value_stays_here() -> None:
    options: dict[str, Any] = {
        "environment": {"T": Secret("hf_0123"), "ABSENT": None, "F": Secret("of-file"), "A": "1"},
        "secret_names": frozenset({"T", "ABSENT", "F"}),
        "secret_files": {"F": "/home/ana/my token"},
    }
    made = to_run(make_wanted(**options), ("docker",), DOCKER, "/private")
    assert "hf_0123" not in made.text + str(made.losses)
    assert "of-file" not in made.text + str(made.losses)
    words_of = line(**options)
    assert [words_of[n + 1] for n, word in enumerate(words_of) if word == "-e"] == ["ABSENT", "F", "T"]
    assert made.lines[0] == "export F=\"$(cat '/home/ana/my token')\""
    assert [loss.path for loss in made.losses] == ["environment.T", "environment.ABSENT"], "the file's value is at hand"


def test_variables_of_files_are_read_by_the_shell_that_runs_the_line() -> None:
    options: dict[str, Any] = {
        "environment": {"A": Secret("1"), "B": "2"},
        "env_files": {"/p/my vars.env": True, "/p/b.env": False},
        "origins": {"environment.A": at(9), "env_file": at(9), "environment.B": at(3)},
    }
    (loss,) = to_run(make_wanted(**options), ("docker",), DOCKER, "/private").losses
    assert str(loss) == (
        "sglaunch.yaml:9:5: env_file: A: the line takes them from the shell that runs it; "
        "`set -a; . '/p/my vars.env'; . /p/b.env; set +a` there"
    )


def test_folders_that_up_makes_are_made_first() -> None:
    volumes = {"/c": Mount("bind", "/home/a b/c", create_host_path=True), "/d": Mount("bind", "/data")}
    made = to_run(make_wanted(volumes=volumes), ("docker",), DOCKER, "/private")
    assert made.lines[0] == "mkdir -p '/home/a b/c'"


def test_several_networks_are_joined_before_the_start() -> None:
    networks = {"a": NetworkAttachment(("x",)), "b": NetworkAttachment((), "10.0.0.2")}
    made = to_run(make_wanted(networks=networks), ("docker",), DOCKER, "/private")
    assert made.lines[0].startswith("docker create \\\n")
    assert made.lines[1:] == ("docker network connect --ip=10.0.0.2 b ana-eval-dev", "docker start ana-eval-dev")


def test_podman_gets_its_gpus_by_name() -> None:
    made = to_run(make_wanted(gpus=Gpus(-1)), ("podman",), known("podman", ""), "/private")
    assert "--device nvidia.com/gpu=all" in made.text
    assert "--gpus" not in made.text


@pytest.mark.parametrize(("policy", "flag"), [("always", ["--pull", "always"]), ("never", ["--pull", "never"])])
def test_the_pull_policies_that_an_engine_knows_are_said(policy: str, flag: list[str]) -> None:
    words_of = line(pull_policy=policy)
    assert words_of[words_of.index("--pull") :][:2] == flag
    assert "--pull" not in line()
    assert any("daily" in loss for loss in said(pull_policy="daily"))


LOSSES: dict[str, tuple[dict[str, Any], str]] = {
    "an automatic port": ({"command": None, "server": Server("m", port=0)}, "server.port: auto is chosen by up"),
    "a number of GPUs": ({"gpus": Gpus(2)}, "gpus: up takes 2 idle devices"),
    "free memory": ({"gpus": Gpus(2, min_free=1)}, "gpus.min_free"),
    "what comes before": ({"depends_on": ("db",)}, "depends_on: nothing starts db before"),
    "the wait": (
        {"command": None, "server": Server("m"), "readiness": Readiness(30000)},
        "server.ready: up waits until the server answers; `docker logs -f ana-eval-dev`",
    ),
    "consent": ({"origins": {"protect": at(4)}}, "sglaunch.yaml:4:5: protect: work in the container's own layer"),
    "a shell": ({"origins": {"attach": at(4)}}, "sglaunch.yaml:4:5: attach: nobody is led into a shell"),
}


@pytest.mark.parametrize("case", LOSSES)
def test_what_a_line_cannot_say_is_told_with_its_place(case: str) -> None:
    options, expected = LOSSES[case]
    assert [loss for loss in said(**options) if expected in loss]


def test_nothing_is_lost_of_what_only_the_built_in_layer_asks() -> None:
    assert said(origins={"protect": at(4, "built-in"), "recreate": at(5, "built-in")}) == []


def test_hints_name_the_engine_of_the_line() -> None:
    server = make_wanted(command=None, server=Server("m"), readiness=Readiness(30000))
    losses = to_run(server, ("sudo", "podman"), known("podman", ""), "/private").losses
    assert any("`sudo podman logs -f ana-eval-dev`" in loss.hint for loss in losses)


def test_an_automatic_port_is_the_usual_one() -> None:
    assert line(command=None, server=Server("m", port=0))[-2:] == ["--port", "30000"]


def test_the_file_of_an_api_key_is_written_by_the_shell() -> None:
    options: dict[str, Any] = {"command": None, "server": Server("m", api_key="KEY"), "environment": {"KEY": None}}
    made = to_run(make_wanted(**options, secret_names=frozenset({"KEY"})), ("docker",), DOCKER, "/private")
    assert made.lines[0].startswith('(umask 077; mkdir -p /private; printf \'api-key: "%s"\\n\' "${KEY:?')
    assert made.lines[0].endswith("> /private/ana-eval-dev.yaml)")
    assert "source=/private/ana-eval-dev.yaml,target=/run/sglaunch/server.yaml,readonly" in made.text
