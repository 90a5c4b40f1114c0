"""Pulls, builds and pushes: what one step of each takes, and what is said of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

from sglaunch.engine import context, pulled
from sglaunch.engine.logins import login
from sglaunch.engine.protocol import Engine, Tell
from sglaunch.engine.registry import manifest, refused, tags
from sglaunch.engine.secrets import environment, private_files
from sglaunch.errors import EngineError, Failure
from sglaunch.plain import replace
from sglaunch.plan.steps import Step
from sglaunch.spec.build import Build
from sglaunch.spec.labels import BUILT
from sglaunch.spec.reference import nearest_tags, parse

TRANSIENT = ("broken-off", "no-route", "registry")
"""Kinds of failure that another try may not have."""

PUSH_TRIES = 3
PUSH_PAUSE = 2.0
"""Seconds before the second try; each further one waits twice as long."""


def pull(step: Step, engine: Engine, tell: Tell) -> str:
    """Through the mirrors first. What a mirror gave gets the written name, and keeps no other."""
    platform = str(step.values.get("platform", ""))
    tried: list[str] = []
    name = parse(step.target).full if engine.capabilities.needs_registry else step.target
    for source in (*step.values.get("mirrors", ()), step.target):
        try:
            engine.pull(name if source == step.target else source, platform, tell)
        except EngineError as error:
            tried.append(f"{source}: {error.message}")
            if source == step.target:
                raise _with_mirrors(_explained(error, source, engine), tried[:-1]) from None
            continue
        if source != step.target and "@" not in step.target:
            engine.tag(source, name)
            engine.discard(source)
        pulled.remember(engine.identity, step.target)
        return f"from {source}" if source != step.target else ""
    return ""


def _explained(error: EngineError, image: str, engine: Engine) -> EngineError:
    """What can be told of this registry and of this machine: whose login it was, and which tags are near."""
    found, reference = error.failure, parse(image)
    if found.kind == "auth":
        return EngineError(replace(refused(reference.registry, login(reference.registry)), detail=found.detail))
    if found.kind == "tag-missing":
        near = nearest_tags(reference.tag, engine.tags(reference.name))
        where = "here"
        if not near:
            with contextlib.suppress(EngineError):
                near, where = nearest_tags(reference.tag, tags(reference)), "there"
        if near:
            message = f"the registry has no image {reference.familiar}"
            return EngineError(
                replace(found, message=message, hint=f"did you mean {' or '.join(near)}, which is {where}?")
            )
    return error


def _with_mirrors(error: EngineError, tried: list[str]) -> EngineError:
    if not tried:
        return error
    found = error.failure
    return EngineError(Failure(found.kind, f"{found.message} (before: {'; '.join(tried)})", found.hint, found.detail))


def push(step: Step, engine: Engine, tell: Tell, pause: Callable[[float], None] = time.sleep) -> str:
    """The digest that the registry has it under. What may pass is tried again."""
    for tried in range(1, PUSH_TRIES + 1):
        try:
            return engine.push(step.target, tell) or _digest_there(step.target)
        except EngineError as error:
            if error.failure.kind not in TRANSIENT or tried == PUSH_TRIES:
                raise _explained(error, step.target, engine) from None
            pause(PUSH_PAUSE * 2 ** (tried - 1))
    return ""


def _digest_there(image: str) -> str:
    """What the registry says that it has now, for engines that do not tell."""
    try:
        return manifest(parse(image)).digest
    except EngineError:
        return ""


def build(step: Step, engine: Engine) -> str:
    """One call of the builder; what it was made from is kept, so that the next change can be named."""
    wanted: Build = step.values["build"]
    with private_files(_texts(wanted)) as files, _passed(wanted):
        engine.build(wanted, step.target, step.labels, files)
    context.remember(step.labels[BUILT], step.values.get("files") or {})
    return ""


def _texts(wanted: Build) -> Mapping[str, str]:
    """Secrets that are values, and under "" the Dockerfile that is text."""
    values = {name: one.value.reveal() for name, one in wanted.secrets.items() if one.value is not None}
    return {**({"": wanted.inline} if wanted.inline else {}), **values}


def _passed(wanted: Build) -> contextlib.AbstractContextManager[None]:
    """Arguments passed through are told by name alone; `.env` may have given their values."""
    return environment({name: value for name in wanted.passed if (value := wanted.args[name]) is not None})
