"""A configuration that was loaded before, as long as everything that it depended on is as it was; else loaded anew.

Secrets are kept as where they stand in what is read again anyway: a variable, or a piece of a file. A configuration
with a secret that stands nowhere as it is (a template made it) is not remembered, nor one with mistakes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sglaunch.config.codec import decode, encode
from sglaunch.config.load import Config, Identity, Request, identify, load
from sglaunch.recall import door
from sglaunch.recall.witness import MAX_FILE, Trace

if TYPE_CHECKING:
    from sglaunch.config.node import Node

_Loaded = TypeVar("_Loaded", Config, Identity)


def recall(request: Request, profiles: Sequence[str], about: Sequence[Any]) -> Config:
    """As load.load. `about`: what else the request depends on, as plain data."""
    name = ["configuration", list(profiles), *_about(request), *about]
    return _recalled(name, lambda: load(request, profiles))


def recall_identity(request: Request, about: Sequence[Any]) -> Identity:
    """As load.identify."""
    return _recalled(["identity", *_about(request), *about], lambda: identify(request))


def _about(request: Request) -> list[Any]:
    return [str(request.project_file), dict(request.facts), list(request.overrides)]


def _recalled(name: Sequence[Any], load_anew: Callable[[], _Loaded]) -> _Loaded:
    entry = door.entry(name)
    if entry is not None:
        with Trace() as trace:
            holds = entry.holds()
        if holds:
            return cast(_Loaded, _opened(entry.value, trace))
    with Trace() as trace:
        found = load_anew()
    _keep(name, trace, found)
    return found


def _keep(name: Sequence[Any], trace: Trace, found: Config | Identity) -> None:
    if isinstance(found, Config) and any(_hides(each.text) for each in found.resolved.values()):
        return
    try:
        value = encode(found, lambda secret: _place(secret, trace))
    except ValueError:
        return
    door.keep(name, trace, value)


def _hides(text: Node) -> bool:
    """Whether a secret became part of what is no secret by type: outside of `environment` it would be kept as text."""
    return any(_holds_secret(node) for key, node in text.items() if key != "environment")


def _holds_secret(node: Node) -> bool:
    inner = [each for _, each in node.items()] if node.is_map else node.value if node.is_list else ()
    return node.secret or any(map(_holds_secret, inner))


def _place(secret: str, trace: Trace) -> list[Any]:
    """Where a value stands in what was asked. Raises ValueError where it does not stand as it is."""
    for question, answer in trace.answers.items():
        if question[0] == "env" and answer == secret:
            return [list(question), 0, -1]
    data = secret.encode(errors="surrogateescape")
    for question, answer in trace.answers.items():
        if question[0] == "file" and answer.content is not None and (start := answer.content.find(data)) >= 0:
            return [list(question), start, start + len(data)]
    raise ValueError("a secret stands nowhere")


def _opened(value: Any, trace: Trace) -> Any:
    def secret(place: Any) -> str:
        question, start, end = place
        answer = trace.answers[tuple(question)]
        return str(answer) if end < 0 else answer.content[start:end].decode(errors="surrogateescape")

    found = decode(value, secret, Path)
    if isinstance(found, Config):
        found.sources = {
            name: trace.answers["file", str(path), MAX_FILE].content.decode("utf-8-sig").splitlines()
            for name, path in found.quoted.items()
        }
    return found
