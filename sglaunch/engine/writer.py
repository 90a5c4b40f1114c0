"""Tells the socket of a local Docker to do what its program would: without a process for each call.

What has no options of its own, such as a start, is one request. A creation has many: its request is the one that the
program itself makes of the words that python-on-whales spells, heard once (recording.py), remembered with everything
that it depends on, and told to the engine with the container's own name, labels and variables in it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sglaunch.convert.to_create import CreateCall
from sglaunch.engine import trace, whales
from sglaunch.engine.explain import failure
from sglaunch.engine.secrets import env_file
from sglaunch.engine.wire import Connection, Unconnected, quoted
from sglaunch.plain import replace
from sglaunch.recall import door, witness
from sglaunch.spec.values import Secret

NOT_FOUND = 404
_WRONG = 400
REQUESTS: Mapping[str, tuple[str, str, Collection[int]]] = {
    "start": ("POST", "{}/start", ()),
    "stop": ("POST", "{}/stop", ()),
    "restart": ("POST", "{}/restart", ()),
    "unpause": ("POST", "{}/unpause", ()),
    "rename": ("POST", "{}/rename?name={}", ()),
    "rm": ("DELETE", "{}", (NOT_FOUND,)),
    "rm --volumes": ("DELETE", "{}?v=1", (NOT_FOUND,)),
}
"""Verb of the program -> method, path behind `/containers/`, and what is no failure: one that is gone is removed."""
_NAME, _BLANK = "sglaunch-recorded", "x"
_LOST = "error during connect: the engine ended the connection before it answered"
_DOWN = "Cannot connect to the Docker daemon at unix://{}: {}"
_READ = ("DOCKER_DEFAULT_PLATFORM", "DOCKER_CONFIG")
"""What the program reads of its environment for a creation, beside what makes it speak to another engine."""
_OF_A_FILE = "seccomp="
"""Of security_opt: a file that the program reads, but for these words."""
_NO_FILE = ("seccomp=unconfined", "seccomp=builtin")


class Writer:
    """A local engine by its socket and the version of its API. `program`: Docker's; `config`: the file it reads."""

    def __init__(self, place: str, version: str, program: str, config: str) -> None:
        self._place, self._version, self._program, self._config = place, version, program, config
        self._recording = threading.Lock()
        self._requests: dict[str, Any] = {}

    def call(self, verb: str, *words: str) -> None:
        """What has no options: a verb of REQUESTS with a container, and what further words it takes."""
        trace.tell((self._program, *verb.split(), *words))
        method, form, fine = REQUESTS[verb]
        self._send(method, f"{self._containers}/{form.format(*map(quoted, words))}", fine=fine)

    def create(self, call: CreateCall) -> bool:
        """Creates a container; False, with nothing done, where only the program itself can tell what to ask for."""
        request = self._request(call)
        if request is None:
            return False
        path, body, variables = request
        texts = {**call.arguments.get("envs", {}), **{name: text.reveal() for name, text in call.secrets.items()}}
        own = {"Labels": call.arguments["labels"], "Env": [f"{name}={texts[name]}" for name in variables]}
        if trace.is_heard():
            trace.tell((self._program, *whales.creation(call, ["SECRETS"] if call.secrets else [])))
        sent = path.replace(f"name={_NAME}", f"name={quoted(call.arguments['name'])}")
        self._send("POST", sent, json.dumps({**body, **own}).encode())
        return True

    def knows(self, call: CreateCall) -> bool:
        """Whether what a creation asks for is remembered."""
        return self._remembered(self._about(_blank(call))) is not None

    @property
    def _containers(self) -> str:
        return f"/v{self._version}/containers"

    def _send(self, method: str, path: str, body: bytes = b"", fine: Collection[int] = ()) -> None:
        """One request, however long its answer takes. Its failure is the engine's own words."""
        witness.spoil("the engine was told")
        try:
            connection = Connection(self._place, patient=True)
        except Unconnected as error:
            raise failure(_DOWN.format(self._place, error), "docker") from None
        try:
            connection.send(method, path, body)
            ((status, said),) = connection.answers(1)
        except (OSError, EOFError, ValueError):
            raise failure(_LOST, "docker") from None
        finally:
            connection.close()
        if status >= _WRONG and status not in fine:
            raise failure(f"Error response from daemon: {_message(said)}", "docker")

    def _request(self, call: CreateCall) -> Any:
        """Path, JSON and the names of the variables in their order; None where what is asked for is not known."""
        blank = _blank(call)
        about = self._about(blank)
        with self._recording:
            found = self._remembered(about)
            if found is None and not _reads_a_file(call):
                with witness.Trace() as asked:
                    self._look()
                found = self._recorded(blank)
                if found is not None:
                    door.keep(about, asked, found)
                    self._requests[repr(about)] = found
        return found

    def _about(self, blank: CreateCall) -> list[str]:
        options = repr(sorted(blank.arguments.items()))
        return [
            "request",
            self._version,
            self._program,
            blank.image,
            options,
            repr(blank.command),
            repr(sorted(blank.secrets)),
        ]

    def _remembered(self, about: Sequence[str]) -> Any:
        known = repr(about)
        if known not in self._requests and (entry := door.entry(about)) is not None and entry.holds():
            self._requests[known] = entry.value
        return self._requests.get(known)

    def _look(self) -> None:
        """At what the program's request depends on beside its words."""
        witness.ask("stamp", self._program)
        witness.file(self._config)
        for name in _READ:
            witness.env(name)

    def _recorded(self, blank: CreateCall) -> Any:
        """Labels and variables must stand where they are replaced, and nowhere else."""
        from sglaunch.engine import recording

        with env_file(blank.secrets) as files:
            request = recording.request((self._program,), whales.creation(blank, files), self._version)
        if request is None:
            return None
        method, path, body = request
        variables = [text.removesuffix(f"={_BLANK}") for text in body.get("Env") or ()]
        expected = {*blank.arguments.get("envs", {}), *blank.secrets}
        as_asked = (method, path.split("?")[0]) == ("POST", f"{self._containers}/create")
        if not as_asked or body.get("Labels") != blank.arguments["labels"] or sorted(variables) != sorted(expected):
            return None
        return path, {**body, "Labels": {}, "Env": []}, variables


def _blank(call: CreateCall) -> CreateCall:
    """The same but for the texts that say nothing of what the others mean: its name, and values."""
    arguments = {**call.arguments, "name": _NAME}
    for key in ("labels", "envs"):
        arguments |= {key: dict.fromkeys(arguments[key], _BLANK)} if key in arguments else {}
    return replace(call, arguments=arguments, secrets=dict.fromkeys(call.secrets, Secret(_BLANK)))


def _reads_a_file(call: CreateCall) -> bool:
    """Whether the program puts a file's text into its request, which would be remembered as it is now."""
    words = map(str, call.arguments.get("security_options", ()))
    return any(word.startswith(_OF_A_FILE) and word not in _NO_FILE for word in words)


def _message(said: bytes) -> str:
    """What the engine says is wrong; its answer as it is, where it is of another form."""
    try:
        return str(json.loads(said)["message"])
    except (ValueError, LookupError, TypeError):
        return said.decode(errors="replace")
