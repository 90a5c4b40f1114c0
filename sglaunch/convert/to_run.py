"""A profile as a shell line of its engine, which makes the same container without sglaunch; pure.

The words are those of the create call under the names of the table of flags, so nothing is spelled twice. A secret is
named and never written: the engine's program takes its value from the shell that runs the line.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sglaunch.convert import leaving
from sglaunch.convert.flags import OF_FIELD
from sglaunch.convert.to_create import CreateCall, connect_words, create_call
from sglaunch.errors import Problem
from sglaunch.plain import Struct, replace
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.options import OPTIONS
from sglaunch.spec.container import ContainerSpec, Wanted, expand
from sglaunch.spec.server import KEY_TARGET
from sglaunch.spec.values import Mount, format_size

# Words of the create call that several fields fill, or of which one field fills several.
JOINT: Mapping[str, str] = {
    "labels": "--label",
    "envs": "--env",
    "entrypoint": "--entrypoint",
    "volumes": "--volume",
    "networks": "--network",
    "network_aliases": "--network-alias",
    "ip": "--ip",
    "ip6": "--ip6",
    "healthcheck": "--no-healthcheck",
    "health_cmd": "--health-cmd",
    "health_interval": "--health-interval",
    "health_timeout": "--health-timeout",
    "health_retries": "--health-retries",
    "health_start_period": "--health-start-period",
}
NAMES: Mapping[str, str] = {
    **{option.argument: OF_FIELD[option.field][0].name for option in OPTIONS if option.argument},
    **JOINT,
}
"""The flag of each word of the create call."""

_SIZES = {option.argument for option in OPTIONS if option.show is format_size}
_SECONDS = ("health_interval", "health_timeout", "health_start_period")
_PULLS = ("always", "never")


class ShellLine(Struct, frozen=True):
    """`lines` to paste, and what they cannot say."""

    lines: tuple[str, ...]
    losses: tuple[Problem, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def to_run(wanted: Wanted, program: Sequence[str], engine: Capabilities, private: str) -> ShellLine:
    """The lines for one profile.

    `program`: the engine's program with its global options. `private`: a folder of the user's own, for the file that an
    API key needs.
    """
    wanted, losses = leaving.settled(wanted)
    wanted, cards = leaving.every_card(wanted)
    spec = expand(wanted.spec)
    key = _key_file(wanted, private)
    if key:
        spec = replace(spec, volumes={**spec.volumes, KEY_TARGET: Mount("bind", key, read_only=True)})
    call = create_call(spec, spec.labels, engine)
    further = list(spec.networks.items())[1:] if engine.connects else []
    verb = ["create"] if further else ["run", "--detach"]
    policy = wanted.settings.pull_policy
    flags = [*_flags(call, spec, wanted), *([("--pull", policy)] if policy in _PULLS else [])]
    lines = [*_folders(spec), *_key_lines(wanted, key), *_values(wanted)]
    tail = [call.image, *call.command]
    lines.append(_joined([shlex.join([*program, *verb]), *(shlex.join(flag) for flag in flags), shlex.join(tail)]))
    for name, attachment in further:
        words = ["network", "connect", *connect_words(attachment), name, spec.container_name]
        lines.append(shlex.join([*program, *words]))
    if further:
        lines.append(shlex.join([*program, "start", spec.container_name]))
    losses += [*cards, *leaving.consent(wanted), *leaving.chosen_gpus(wanted), *_losses(wanted, shlex.join(program))]
    return ShellLine(tuple(lines), tuple(losses))


def _joined(parts: Sequence[str]) -> str:
    return " \\\n  ".join(parts)


def words(arguments: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The create call's words as flags with their values, a tuple for each use of a flag."""
    for argument, value in arguments.items():
        name = NAMES[argument]
        if isinstance(value, bool):
            yield (name,)
        elif argument == "cpuset_cpus":
            yield name, ",".join(value)
        elif argument == "mounts":
            yield from ((name, ",".join(fields)) for fields in value)
        elif isinstance(value, Mapping):
            yield from ((name, f"{key}={inner}") for key, inner in value.items())
        elif isinstance(value, list):
            yield from ((name, ":".join(item) if isinstance(item, tuple) else str(item)) for item in value)
        elif argument in _SIZES:
            yield name, format_size(value)
        else:
            yield name, f"{value}s" if argument in _SECONDS else str(value)


def _flags(call: CreateCall, spec: ContainerSpec, wanted: Wanted) -> Iterator[tuple[str, ...]]:
    """Every flag, the name first. Variables that are secret, or passed through and not set here, stand by name."""
    yield from words(call.arguments)
    named = [name for name, value in spec.environment.items() if value is None or name in call.secrets]
    yield from (("-e", name) for name in sorted({*named, *leaving.secrets(spec, wanted.secret_names)}))


def _folders(spec: ContainerSpec) -> list[str]:
    """Folders that up makes as the user, where a bind of a missing one would fail."""
    sources = [mount.source for mount in spec.volumes.values() if mount.type == "bind" and mount.create_host_path]
    return [shlex.join(["mkdir", "-p", *sources])] if sources else []


def _key_file(wanted: Wanted, private: str) -> str:
    """Where the file of an API key shall lie; not under a name that `up` gives one."""
    server = wanted.spec.server
    if server is None or not server.api_key:
        return ""
    return posixpath.join(private, f"{wanted.spec.container_name}.yaml")


def _key_lines(wanted: Wanted, path: str) -> list[str]:
    """printf is the shell's own: the key is in no process's arguments. The folder may not be there yet."""
    if not path or wanted.spec.server is None:
        return []
    name = wanted.spec.server.api_key
    value = f'"${{{name}:?is the key of the server}}"'
    if name in wanted.secret_files:
        value = f'"$(cat {shlex.quote(wanted.secret_files[name])})"'
    folder = shlex.quote(posixpath.dirname(path))
    return [f"(umask 077; mkdir -p {folder}; printf 'api-key: \"%s\"\\n' {value} > {shlex.quote(path)})"]


def _values(wanted: Wanted) -> list[str]:
    """Secrets that lie in files go into the shell's variables, where `-e NAME` finds them."""
    return [f'export {name}="$(cat {shlex.quote(file)})"' for name, file in wanted.secret_files.items()]


def _losses(wanted: Wanted, program: str) -> Iterator[Problem]:
    of_files = leaving.of_files(wanted)
    for name in leaving.secrets(wanted.spec, wanted.secret_names):
        if name not in wanted.secret_files and name not in of_files:
            message = f"{name} is secret, and its value stays here: the line takes it from the shell that runs it"
            yield leaving.problem(wanted, f"environment.{name}", message, f"export {name}=... there")
    if of_files:
        message = f"{', '.join(of_files)}: the line takes them from the shell that runs it"
        files = "; ".join(f". {shlex.quote(file)}" for file in wanted.env_files)
        yield leaving.problem(wanted, "env_file", message, f"`set -a; {files}; set +a` there")
    if wanted.settings.depends_on:
        names = ", ".join(wanted.settings.depends_on)
        yield leaving.problem(wanted, "depends_on", f"nothing starts {names} before", "run their lines first")
    yield from leaving.readiness(wanted, f"`{program} logs -f {wanted.spec.container_name}` shows where its start is")
    if wanted.build is not None:
        yield leaving.problem(wanted, "build", "the line does not build the image", "`sglaunch build` makes it")
    if wanted.settings.pull_policy not in ("missing", *_PULLS):
        message = f"{wanted.settings.pull_policy}: the line pulls what is missing"
        yield leaving.problem(wanted, "pull_policy", message)
    if wanted.settings.mirrors:
        yield Problem("registry_mirrors are not asked", hint="set them in the engine")
