"""Which engine answers, and what it can do: the one that was named, else the first of docker, nerdctl and podman.

A program may be another's alias (podman-docker, a link from docker to nerdctl), and one may be there whose daemon is
dead: only what `version` answers tells.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sglaunch.engine import remembered
from sglaunch.engine.cli import Cli
from sglaunch.engine.client import EngineClient
from sglaunch.engine.explain import cli_missing, explain
from sglaunch.engine.machine import Machine, machine
from sglaunch.engine.reader import Reader
from sglaunch.errors import EngineError, Failure
from sglaunch.plain import Struct, replace
from sglaunch.plan.capabilities import DOCKER, NERDCTL, PODMAN, Capabilities, known
from sglaunch.recall import witness

if TYPE_CHECKING:
    from sglaunch.engine.writer import Writer

ORDER = (DOCKER, NERDCTL, PODMAN)
VERSION_TIMEOUT = 20.0
_VERSION = ("version", "--format", "{{json .}}")
# The whole environment that nerdctl's program gets, since it writes it into the container.
_KEPT = ("PATH", "HOME", "USER", "TERM", "LANG", "SUDO_UID", "SUDO_GID", "NERDCTL_TOML", "CNI_PATH", "NETCONFPATH")
_KEPT_PREFIXES = ("XDG_", "CONTAINERD_", "LC_", "ROOTLESSKIT_")
_DOCKER_VARIABLES = ("DOCKER_HOST", "DOCKER_CONTEXT")
_CHANGED_BY = ("DOCKER_API_VERSION", "DOCKER_TLS_VERIFY", "DOCKER_TLS", "DOCKER_CERT_PATH", "DOCKER_CUSTOM_HEADERS")
_TLS_ADDRESS = "tcp://localhost:2376"
"""Docker's default address where a variable asks for TLS (docker/cli, opts.ParseHost)."""
_PLACES = {
    PODMAN: ("CONTAINER_HOST", "CONTAINER_CONNECTION", "CONTAINERS_STORAGE_CONF"),
    NERDCTL: ("CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE", "NERDCTL_TOML"),
}
"""Variables that lead these programs to other containers."""
_ADDED = (b'"proxies"', b'"HttpHeaders"')
"""Keys of docker's file: variables that it gives to every container, and headers of every request."""
_PLUGINS = tuple(f"{folder}/docker" for folder in ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec"))
"""Where docker looks for its plug-ins, beside the user's own folder."""

_INIT_PROGRAMS = {
    PODMAN: ("/usr/libexec/podman/catatonit", "/usr/local/libexec/podman/catatonit", "/usr/lib/podman/catatonit"),
    NERDCTL: (),
}


class Choice(Struct, frozen=True):
    """What was asked of the engine: on the command line, in the environment, in an untracked file."""

    name: str = "auto"
    context: str = ""
    host: str = ""
    namespace: str = ""
    address: str = ""
    binary: str = ""
    sudo: bool = False


class Candidate(Struct, frozen=True):
    """A program that may be an engine: how it is called, and why it is none of use, "" for one that answers.

    `reader`, `writer`: of its socket, where that can stand for the program.
    """

    program: str
    command: tuple[str, ...]
    capabilities: Capabilities
    problem: Failure | None = None
    reader: Reader | None = None
    writer: Callable[[], Writer] | None = None


def connect(choice: Choice, last: str = "") -> EngineClient:
    """The engine. Raises EngineError with what every candidate said, where none answers.

    `last`: the identity of the engine that the project last used. If it does not answer, no other one replaces it.
    """
    machine_of(choice)  # before the first call, so that this one goes over the shared connection too
    tried: list[Candidate] = []
    for program in programs(choice):
        found = ask(program, choice)
        if found.problem is None:
            engine = client(found, choice)
            engine.passed_over = tuple(one.problem.message for one in tried if one.problem is not None)
            return engine
        if last and identity(found, choice) == last:
            hint = f"{found.problem.hint}; the project last used it, so another engine must be named with --engine"
            raise EngineError(replace(found.problem, hint=hint))
        tried.append(found)
    if not tried:
        raise cli_missing(choice.binary or ("docker, nerdctl or podman" if choice.name == "auto" else choice.name))
    first = tried[0].problem
    assert first is not None
    others = "; ".join(f"{one.program}: {one.problem.message}" for one in tried[1:] if one.problem is not None)
    message = f"{first.message} ({others})" if others else first.message
    raise EngineError(Failure(first.kind, message, first.hint, first.detail))


def programs(choice: Choice) -> list[str]:
    """What to ask, in order. Where somebody chose an engine, or a Docker, no other one will do."""
    chosen = choice.host or choice.context or any(witness.env(name) for name in _DOCKER_VARIABLES)
    if choice.name == "auto" and chosen and witness.program(choice.binary or DOCKER):
        return [choice.binary or DOCKER]
    names = [choice.name] if choice.name != "auto" else list(ORDER)
    return [choice.binary or name for name in names if witness.program(choice.binary or name)]


def command_line(choice: Choice) -> tuple[tuple[str, ...], Capabilities]:
    """How the engine is called, and what its kind can do: as far as that can be told without asking it."""
    program = next(iter(programs(choice)), choice.binary or (choice.name if choice.name in ORDER else DOCKER))
    kind = choice.name if choice.name in ORDER else program if program in ORDER else DOCKER
    sudo = ("sudo",) if choice.sudo else ()
    return (*sudo, program, *_options(kind, choice)), replace(known(kind, ""), rootless=_is_rootless(kind, choice, {}))


def ask(program: str, choice: Choice) -> Candidate:
    """One `version` call: whether it answers, and as what."""
    kind = choice.name if choice.name in ORDER else Path(program).name
    command = (*_before(choice, kind), program, *_options(kind, choice))
    aside = choice.host or choice.context or choice.address or choice.sudo
    kept = "" if aside else remembered.key(program, _options(kind, choice), kind)
    told = remembered.recall(kept) if kept else {}
    problem = ""
    if not told:
        done = Cli(command, kind if kind in ORDER else DOCKER).run(*_VERSION, timeout=VERSION_TIMEOUT)
        told = _json(done.stdout)
        problem = (done.stderr or "it said nothing to `version`") if done.returncode != 0 or not told else ""
        if kept and not problem:
            remembered.remember(kept, told)
    found = _read(told) if told or kind not in ORDER else known(kind, "")
    found = replace(found, rootless=_is_rootless(found.name, choice, told))
    if found.name != kind and kind in ORDER:
        command = (*_before(choice, found.name), program, *_options(found.name, choice))
    if problem:
        return Candidate(program, command, found, explain(problem, found.name))
    reader, writer = _socket(program, found, told) if kept else (None, None)
    return Candidate(program, command, found, reader=reader, writer=writer)


def _socket(
    program: str, found: Capabilities, told: Mapping[str, Any]
) -> tuple[Reader | None, Callable[[], Writer] | None]:
    """Of a Docker here whose program speaks to its socket as it is: no wrapper, no TLS, no version of one's own.

    What changes something is told to the program where that would add to it what stands in its own file.
    """
    version = str((told.get("Client") or {}).get("ApiVersion") or "")
    if found.name != DOCKER or found.server or not version or any(list(map(witness.env, _CHANGED_BY))):
        return None, None
    path = witness.program(program)
    if path is None or not witness.ask("is-binary", path):
        return None, None
    place, config = remembered.socket_of(DOCKER), remembered.docker_config()
    adds = witness.env("DOCKER_CONTENT_TRUST") or any(key in (witness.file(config).content or b"") for key in _ADDED)
    return Reader(place, version), None if adds else lambda: _writer(place, version, path, config)


def _writer(place: str, version: str, program: str, config: str) -> Writer:
    from sglaunch.engine.writer import Writer

    return Writer(place, version, program, config)


def client(found: Candidate, choice: Choice) -> EngineClient:
    """The engine behind a candidate."""
    return EngineClient(
        found.command,
        found.capabilities,
        identity(found, choice),
        machine_of(choice),
        reader=found.reader,
        writer=found.writer,
    )


def machine_of(choice: Choice) -> Machine:
    """The machine that an engine runs on, told from its address, its context, or the variables it reads itself."""
    if choice.name == NERDCTL:
        return machine("")
    return machine(choice.host or witness.env("CONTAINER_HOST") if choice.name == PODMAN else _docker_address(choice))


def _docker_address(choice: Choice) -> str:
    """Where docker looks for its engine, "" for its default."""
    host, context = (witness.env(name) for name in _DOCKER_VARIABLES)
    if not choice.host and (choice.context or (not host and (context or _has_context()))):
        return _endpoint(choice.binary or DOCKER, choice.context)
    return choice.host or host


def _has_context() -> bool:
    """Whether `docker context use` chose one."""
    try:
        found = json.loads(witness.file(remembered.docker_config()).content or b"")
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("currentContext", "default") != "default"


@functools.cache
def _endpoint(program: str, context: str) -> str:
    """The address of a context, of the one in use without a name; "" where it cannot be told."""
    if witness.program(program) is None:
        return ""
    words = ("context", "inspect", *([context] if context else []), "--format", "{{.Endpoints.docker.Host}}")
    return Cli((program,), DOCKER).run(*words, timeout=VERSION_TIMEOUT).stdout.strip()


def identity(found: Candidate, choice: Choice) -> str:
    """What tells this engine from others: program, address, and as whom it is asked. Names of one address are equal."""
    kind = found.capabilities.name
    if kind == DOCKER:
        named = choice.context or witness.env("DOCKER_CONTEXT")
        tls = any(witness.env(name) for name in remembered.TLS_VARIABLES)
        address = _docker_address(choice) or named or (_TLS_ADDRESS if tls else f"unix://{remembered.SOCKETS[DOCKER]}")
        path = address.removeprefix("unix://")
        places = [f"unix://{witness.ask('real', path)}" if path != address else address]
    else:
        places = [choice.host, choice.context, choice.namespace, choice.address, *map(witness.env, _PLACES[kind])]
        places += ["rootless"] if found.capabilities.rootless else []
    words = [kind, *places, "sudo" if choice.sudo else ""]
    return re.sub(r"(://[^/@:\s]*):[^/@\s]*@", r"\1@", " ".join(filter(None, words)))


def _before(choice: Choice, kind: str) -> tuple[str, ...]:
    sudo = ("sudo", "-n") if choice.sudo else ()
    if kind != NERDCTL:
        return sudo
    hidden = [name for name in sorted(os.environ) if name not in _KEPT and not name.startswith(_KEPT_PREFIXES)]
    return (*(("env", *(word for name in hidden for word in ("-u", name))) if hidden else ()), *sudo)


def _options(kind: str, choice: Choice) -> list[str]:
    if kind == NERDCTL:
        pairs = {"--namespace": choice.namespace, "--address": choice.address}
    elif kind == PODMAN:
        pairs = {"--url": choice.host, "--connection": choice.context}
    else:
        pairs = {"--host": choice.host, "--context": choice.context}
    return [word for name, value in pairs.items() if value for word in (name, value)]


def _json(text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _read(told: Mapping[str, Any]) -> Capabilities:
    """What answers, and for which platform its machine runs containers."""
    person, server = (told.get(side) or {} for side in ("Client", "Server"))
    found = _recognised(person, server)
    pairs = [f"{one.get('Os')}/{one.get('Arch')}" for one in (server, person) if one.get("Os") and one.get("Arch")]
    platform = next(iter([*pairs, *([str(person["OsArch"])] if person.get("OsArch") else [])]), found.platform)
    return replace(found, platform=platform)


def _recognised(person: Mapping[str, Any], server: Mapping[str, Any]) -> Capabilities:
    """By the shape of the answer: nerdctl lists buildctl, Podman spells APIVersion, Docker has a server."""
    parts = {one.get("Name"): one.get("Version", "") for one in person.get("Components") or [] if isinstance(one, dict)}
    systemd = witness.exists("/run/systemd/system")
    version = str(person.get("Version", "")).lstrip("v")
    if "buildctl" in parts and "ApiVersion" not in person:
        parts = {one.get("Name"): one.get("Version", "") for one in server.get("Components") or []}
        init = witness.program("tini") is not None
        return known(NERDCTL, version, server=str(parts.get("containerd", "")), systemd=systemd, has_init=init)
    if "APIVersion" in person and "ApiVersion" not in person:
        return known(PODMAN, version, systemd=systemd, has_init=_has(_INIT_PROGRAMS[PODMAN], "catatonit"))
    behind = {one.get("Name") for one in server.get("Components") or [] if isinstance(one, dict)}
    behind_podman = "podman" if "Podman Engine" in behind else ""
    return known(DOCKER, str(server.get("Version", "")), server=behind_podman, buildx=_has_buildx())


def _is_rootless(name: str, choice: Choice, told: Mapping[str, Any]) -> bool:
    """Whether a user's own engine answers. Docker names its parts; of an address only the path tells."""
    variables = {DOCKER: _DOCKER_VARIABLES[0], PODMAN: "CONTAINER_HOST"}
    address = (choice.host or witness.env(variables[name])) if name in variables else ""
    if name == DOCKER or address:
        parts = {one.get("Name") for one in (told.get("Server") or {}).get("Components") or [] if isinstance(one, dict)}
        return "rootlesskit" in parts or "/run/user/" in address
    return not choice.sudo and witness.ask("person")[0] != 0


def _has_buildx() -> bool:
    """Whether docker's plug-in is there, looked for where docker does; asking it would be one more process."""
    own = remembered.docker_folder()
    return any(witness.ask("executable", f"{folder}/cli-plugins/docker-buildx") for folder in (own, *_PLUGINS))


def _has(paths: Sequence[str], program: str) -> bool:
    return witness.program(program) is not None or any(map(witness.exists, paths))
