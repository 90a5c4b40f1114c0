"""Plans, containers and specs as the JSON answers of the user contract (schema version 1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sglaunch.errors import Problem
from sglaunch.plain import names_of
from sglaunch.plan.observation import ObservedContainer
from sglaunch.plan.options import show
from sglaunch.plan.steps import ContainerPlan, Plan
from sglaunch.report.clean import clean
from sglaunch.report.problems import SCHEMA_VERSION, problem_data
from sglaunch.spec.build import Build
from sglaunch.spec.canonical import SECRET_VALUE, plain
from sglaunch.spec.container import Wanted, open_to_others
from sglaunch.spec.startup import READY
from sglaunch.spec.values import MASK


def plan_data(plan: Plan) -> dict[str, Any]:
    """The answer of `plan --json` and of every verb that acts."""
    return {
        "schema_version": SCHEMA_VERSION,
        "containers": [_container_plan(one) for one in plan.containers],
        "warnings": [str(warning) for warning in plan.warnings],
    }


def _container_plan(one: ContainerPlan) -> dict[str, Any]:
    changes = [
        {
            "field": change.field,
            "old": change.old,
            "new": change.new,
            "origin": str(change.origin) if change.origin else None,
            "layer": change.origin.layer if change.origin else None,
            "effect": change.effect,
        }
        for change in one.changes
    ]
    return {
        "profile": one.profile,
        "container": one.container,
        "action": one.action,
        "reason": clean(one.reason) or None,
        "changes": changes,
        "steps": [{"op": step.op, "target": step.target, "cause": step.cause} for step in one.steps],
        "consent": list(one.consent),
        "warnings": [str(warning) for warning in one.warnings],
        "problems": [problem_data(problem) for problem in one.problems],
    }


def endpoints_data(wanted: Sequence[Wanted], answers: Mapping[str, str], hostname: str) -> list[dict[str, Any]]:
    """Where servers answer: the URL on this host, the one for other machines if they may come in, and the model."""
    found = []
    for one in wanted:
        address = answers.get(one.spec.container_name)
        if one.spec.server is None or not address:
            continue
        outside = address.startswith("127.0.0.1:") and open_to_others(one.spec)
        found.append(
            {
                "profile": one.profile,
                "container": one.spec.container_name,
                "url": f"http://{address}",
                "host_url": f"http://{hostname}:{address.rpartition(':')[2]}" if outside else None,
                "model": one.spec.server.model,
            }
        )
    return found


def containers_data(
    containers: Sequence[ObservedContainer], states: Mapping[str, str], moved: Collection[str]
) -> dict[str, Any]:
    """The answer of `ps --json`. `states`: id -> what a server said when it was asked. `moved`: ids of containers whose
    image's name means another image by now."""
    found = [{**_container(one, states.get(one.id, "")), "image_moved": one.id in moved} for one in containers]
    return {"schema_version": SCHEMA_VERSION, "containers": found}


def _container(one: ObservedContainer, state: str) -> dict[str, Any]:
    applied = one.applied
    return {
        "profile": clean(applied.profile) if applied else None,
        "container": clean(one.name),
        "project": clean(applied.project) if applied else None,
        "owner": clean(applied.owner.name) if applied else None,
        "state": one.status,
        "health": one.health or None,
        "ready": ready(one, state),
        "phase": state or None,
        "image": clean(one.image_ref),
        "gpus": gpus(one),
        "devices": list(devices(one)),
        "ports": list(one.ports),
        "created": one.created or None,
        "started": one.started or None,
        "exit_code": one.exit_code if one.status in ("exited", "dead") else None,
    }


def ready(one: ObservedContainer, state: str = "") -> bool | None:
    """Whether it answers: a server when asked, another as the engine's own probe tells; None where nothing tells."""
    if state:
        return state == READY
    return one.health == "healthy" if one.health and one.status == "running" else None


def gpus(one: ObservedContainer) -> str | None:
    """The GPUs a container was made with, as asked."""
    spec = one.applied.spec if one.applied else None
    return str(show("gpus", spec["gpus"])) if spec and "gpus" in spec else None


def devices(one: ObservedContainer) -> tuple[str, ...]:
    """The UUIDs a counted request was given."""
    given = one.applied.assigned.get("gpus", ()) if one.applied else ()
    return tuple(clean(str(uuid)) for uuid in given) if isinstance(given, list | tuple) else ()


def config_data(wanted: Mapping[str, Wanted], warnings: Sequence[Problem]) -> dict[str, Any]:
    """The answer of `config --json`."""
    shared = [warning for warning in warnings if not any(warning in one.warnings for one in wanted.values())]
    profiles = {
        name: {
            "spec": spec_data(one),
            "origins": {path: str(origin) for path, origin in sorted(one.origins.items())},
            "warnings": [str(warning) for warning in one.warnings],
        }
        for name, one in wanted.items()
    }
    return {"schema_version": SCHEMA_VERSION, "profiles": profiles, "warnings": [str(one) for one in shared]}


def spec_data(one: Wanted) -> dict[str, Any]:
    """A spec for people and programs: sizes as written, secrets as stars, a silent pass-through as null."""
    data = {"container_name": one.spec.container_name, **plain(one.spec)}
    environment = {name: _masked(value) for name, value in data.get("environment", {}).items()}
    for name, value in one.spec.environment.items():
        if value is None:
            environment[name] = None
    if environment:
        data["environment"] = dict(sorted(environment.items()))
    if one.build is not None:
        data["build"] = _build(one.build)
    return {name: show(name, value) if name in ("shm_size", "mem_limit") else value for name, value in data.items()}


def _build(build: Build) -> dict[str, Any]:
    """What is written of it, with absolute paths; values of secrets are stars."""
    found = {name: value for name in names_of(build) if (value := getattr(build, name))}
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
    found.pop("passed", None)
    if build.secrets:
        found["secrets"] = {name: {"file": one.file} if one.file else MASK for name, one in build.secrets.items()}
    return found


def _masked(value: Any) -> Any:
    return MASK if value == SECRET_VALUE else value
