"""Reads from the socket of a local Docker what its program would print: a request takes a tenth of a process.

Requests are those of the program, of the version of the API that it speaks; its answers are the same JSON. On any doubt
`Unread` is raised, and the program is asked. What is read here is asked of the witness, so that it can be asked again.
"""

from __future__ import annotations

import json
import socket

from sglaunch.recall import witness

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO, Any

    from sglaunch.recall.witness import Question

OK, NOT_FOUND = 200, 404
TIMEOUT = 60.0
KINDS = ("labelled", "named", "container", "image")
_CONNECTIONS = 2
_AT_ONCE = 32
"""Requests on their way on one connection: few enough that neither side waits for the other to read."""
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@")
_ID = 64


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
        images = [name for name in names if ":" in name or "@" in name]
        ids = {name: name for name in names if name not in images and _is_id(name)}
        others = tuple(name for name in names if name not in images and name not in ids)
        if others:
            question = ("named", *self._about, *others)
            ids.update(self._read([question])[question])
        questions = {name: ("container", *self._about, ids[name]) for name in names if name in ids}
        questions |= {name: ("image", *self._about, name) for name in images}
        read = self._read(list(dict.fromkeys(questions.values())))
        found = {name: read[question] for name, question in questions.items()}
        try:
            return {name: json.loads(body) for name, body in found.items() if body is not None}
        except ValueError:
            raise Unread("an answer that is not JSON") from None

    def _read(self, questions: Sequence[Question]) -> dict[Question, Any]:
        read = _raw(questions)
        for question, answer in read.items():
            witness.note(question, _settled(question, answer))
        return read


def answers(questions: Sequence[Question]) -> dict[Question, Any]:
    """What several questions of KINDS are answered now, as the witness has it. Raises Unread."""
    return {question: _settled(question, answer) for question, answer in _raw(questions).items()}


def _raw(questions: Sequence[Question]) -> dict[Question, Any]:
    """The answers: ids for lists, (name, id) pairs for names, and JSON text of one thing, None where it is not."""
    found = {}
    places = dict.fromkeys(question[1] for question in questions)
    for place in places:
        asked = [question for question in questions if question[1] == place]
        for question, (status, body) in zip(asked, _get(place, [_path(one) for one in asked]), strict=True):
            if status not in (OK, NOT_FOUND):
                raise Unread(f"status {status}")
            found[question] = _read_answer(question, body if status == OK else None)
    return found


def _path(question: Question) -> str:
    kind, _, version, *rest = question
    if kind in ("container", "image"):
        return f"/v{version}/{kind}s/{_quoted(rest[0])}/json"
    filters = {"label": [rest[0]]} if kind == "labelled" and rest[0] else {}
    return f"/v{version}/containers/json?all=1&filters={_quoted(json.dumps(filters))}"


def _read_answer(question: Question, body: bytes | None) -> Any:
    kind, _, _, *rest = question
    if kind in ("container", "image"):
        return body
    if body is None:
        raise Unread("no list")
    try:
        listed = json.loads(body)
        if kind == "labelled":
            return tuple(str(one["Id"]) for one in listed)
        names = {str(name).removeprefix("/"): str(one["Id"]) for one in listed for name in one["Names"] or ()}
    except (ValueError, TypeError, KeyError):
        raise Unread("a list of another form") from None
    return tuple((name, names[name]) for name in rest if name in names)


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


def _is_id(name: str) -> bool:
    return len(name) == _ID and not set(name) - set("0123456789abcdef")


def _quoted(text: str) -> str:
    return "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in text.encode())


def _get(place: str, paths: Sequence[str]) -> list[tuple[int, bytes]]:
    """Status and body of several GETs, over connections that are kept open."""
    found: dict[int, tuple[int, bytes]] = {}
    connections = [_Connection(place) for _ in range(min(_CONNECTIONS, len(paths)))]
    try:
        for start in range(0, len(paths), _AT_ONCE * _CONNECTIONS):
            numbers = range(start, min(start + _AT_ONCE * _CONNECTIONS, len(paths)))
            shares = [numbers[one :: len(connections)] for one in range(len(connections))]
            for connection, share in zip(connections, shares, strict=True):
                connection.send([paths[number] for number in share])
            for connection, share in zip(connections, shares, strict=True):
                found.update(zip(share, connection.answers(len(share)), strict=True))
    except (OSError, ValueError, LookupError) as error:
        raise Unread(str(error)) from None
    finally:
        for connection in connections:
            connection.close()
    return [found[number] for number in range(len(paths))]


class _Connection:
    """HTTP/1.1 as far as an engine's answers need it (RFC 9112): no dependency of ours is as light as a few lines."""

    def __init__(self, place: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT)
        try:
            with witness.asking():
                self._socket.connect(place)
        except OSError as error:
            self._socket.close()
            raise Unread(str(error)) from None
        self._file: IO[bytes] = self._socket.makefile("rb")

    def send(self, paths: Sequence[str]) -> None:
        requests = (f"GET {path} HTTP/1.1\r\nHost: docker\r\nUser-Agent: sglaunch\r\n\r\n" for path in paths)
        self._socket.sendall("".join(requests).encode("ascii"))

    def answers(self, count: int) -> Iterator[tuple[int, bytes]]:
        for _ in range(count):
            status = int(self._file.readline().split()[1])
            headers = dict(self._headers())
            if headers.get(b"transfer-encoding") == b"chunked":
                yield status, b"".join(self._chunks())
            else:
                yield status, self._exactly(int(headers[b"content-length"]))

    def _headers(self) -> Iterator[tuple[bytes, bytes]]:
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            yield name.lower(), value.strip().lower()

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._file.readline().partition(b";")[0], 16):
            yield self._exactly(size)
            self._file.readline()
        while self._file.readline().strip():
            pass

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise ValueError("the answer is cut short")
        return data

    def close(self) -> None:
        self._file.close()
        self._socket.close()
