"""Reads from the socket of a local Docker what its program would print: a request takes a tenth of a process.

Requests are those of the program, of the version of the API that it speaks; its answers are the same JSON. On any doubt
`Unread` is raised, and the program is asked. What is read here is asked of the witness, so that it can be asked again.
"""

from __future__ import annotations

import json

from sglaunch.engine.wire import Connection, Unconnected, quoted
from sglaunch.recall import witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sglaunch.recall.witness import Question

OK, NOT_FOUND = 200, 404
KINDS = ("labelled", "container", "image")
_ABSENT = b"no such"
_CONNECTIONS = 2
_AT_ONCE = 32
"""Requests on their way on one connection: few enough that neither side waits for the other to read."""


class Unread(Exception):
    """The socket gave no good answer."""


class Reader:
    """A local engine by its socket and the version of its API."""

    def __init__(self, place: str, version: str) -> None:
        self._about = (place, version)

    def list_ids(self, label: str) -> list[str]:
        """Ids of the containers, running or not, that carry a label: `NAME` or `NAME=VALUE`; "" for all."""
        question = ("labelled", *self._about, label)
        ids: tuple[str, ...] = self._read([question])[question]
        return list(ids)

    def inspect(self, names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """As engine.cli.Cli.inspect: a reference with `:` or `@` is an image, all else a container."""
        kinds = {name: "image" if ":" in name or "@" in name else "container" for name in names}
        questions = {name: (kind, *self._about, name) for name, kind in kinds.items()}
        read = self._read(list(questions.values()))
        try:
            found = {name: json.loads(read[question] or b"null") for name, question in questions.items()}
            return {
                name: data
                for name, data in found.items()
                # The beginning of an id will do for the engine: `a` is not a container called a.
                if data is not None
                and (kinds[name] == "image" or name in (data["Name"].removeprefix("/"), data["Id"]))
                and data["Id"]
            }
        except (ValueError, LookupError, AttributeError, TypeError):
            raise Unread("an answer of another form") from None

    def _read(self, questions: Sequence[Question]) -> dict[Question, Any]:
        read = _raw(questions)
        for question, answer in read.items():
            witness.note(question, _settled(question, answer))
        return read


def answers(questions: Sequence[Question]) -> dict[Question, Any]:
    """What several questions of KINDS are answered now, as the witness has it. Raises Unread."""
    return {question: _settled(question, answer) for question, answer in _raw(questions).items()}


def _raw(questions: Sequence[Question]) -> dict[Question, Any]:
    """The answers: ids for lists, and the JSON text of one thing, None where it is not."""
    found = {}
    places = dict.fromkeys(question[1] for question in questions)
    for place in places:
        asked = [question for question in questions if question[1] == place]
        for question, (status, body) in zip(asked, _get(place, [_path(one) for one in asked]), strict=True):
            # A 404 of something between us and the engine tells nothing.
            if status != OK and (status != NOT_FOUND or _ABSENT not in body.lower()):
                raise Unread(f"status {status}")
            found[question] = _read_answer(question, body if status == OK else None)
    return found


def _path(question: Question) -> str:
    kind, _, version, about = question
    if kind in ("container", "image"):
        return f"/v{version}/{kind}s/{quoted(about)}/json"
    filters = {"label": [about]} if about else {}
    return f"/v{version}/containers/json?all=1&filters={quoted(json.dumps(filters))}"


def _read_answer(question: Question, body: bytes | None) -> Any:
    if question[0] in ("container", "image"):
        return body
    try:
        found = json.loads(body or b"")
        if isinstance(found, list):
            return tuple(str(one["Id"]) for one in found)
    except (ValueError, TypeError, KeyError):
        pass
    raise Unread("a list of another form")


def _settled(question: Question, answer: Any) -> Any:
    """The answer without what changes while nothing does: sessions within a container, and its healthcheck's log."""
    if question[0] != "container" or answer is None:
        return answer
    if b'"ExecIDs":[' not in answer and b'"Health":{' not in answer:
        return answer
    data = json.loads(answer)
    data["ExecIDs"] = None
    state = data.get("State") or {}
    if isinstance(state.get("Health"), dict):
        state["Health"] = state["Health"].get("Status")
    return data


def _get(place: str, paths: Sequence[str]) -> list[tuple[int, bytes]]:
    """Status and body of several GETs, over connections that are kept open."""
    found: dict[int, tuple[int, bytes]] = {}
    connections: list[Connection] = []
    try:
        connections += (Connection(place) for _ in range(min(_CONNECTIONS, len(paths))))
        for start in range(0, len(paths), _AT_ONCE * _CONNECTIONS):
            numbers = range(start, min(start + _AT_ONCE * _CONNECTIONS, len(paths)))
            shares = [numbers[one :: len(connections)] for one in range(len(connections))]
            for connection, share in zip(connections, shares, strict=True):
                connection.ask([paths[number] for number in share])
            for connection, share in zip(connections, shares, strict=True):
                found.update(zip(share, connection.answers(len(share)), strict=True))
    except (Unconnected, OSError, EOFError, ValueError, LookupError) as error:
        raise Unread(str(error)) from None
    finally:
        for connection in connections:
            connection.close()
    return [found[number] for number in range(len(paths))]
