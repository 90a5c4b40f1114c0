"""`sglaunch wait`: until the named profiles' running containers answer."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.commands.asking import reporter, show, show_json
from sglaunch.errors import UsageError
from sglaunch.pipeline import mine, prepare, wait
from sglaunch.plan.steps import NONE, ContainerPlan, Plan
from sglaunch.project import Common
from sglaunch.report.data import endpoints_data
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.report.text import endpoint_lines


def run(common: Common, profiles: Sequence[str], *, timeout: float | None = None) -> int:
    """Changes nothing; fails as `up` does when one of them does not come up."""
    prepared = prepare(common, profiles, wait_timeout=timeout)
    prepared.wanted = [one for one in prepared.wanted if not profiles or one.profile in profiles]
    silent = [one.profile for one in prepared.wanted if one.settings.readiness is None]
    if silent and profiles:
        raise UsageError(f"nothing tells when {silent[0]} is ready", "it has neither server nor healthcheck")
    seen = prepared.observe()
    found = {one.profile: mine(seen, prepared.project, one.profile, reading=True) for one in prepared.wanted}
    plan = Plan(tuple(ContainerPlan(name, container.name, NONE) for name, container in found.items()))
    answers = wait(prepared, plan, reporter(common))
    hostname = prepared.engine.machine.hostname()
    if common.json:
        show_json(
            {
                "schema_version": SCHEMA_VERSION,
                "endpoints": endpoints_data(prepared.wanted, answers, hostname),
            }
        )
    else:
        lines = endpoint_lines(prepared.wanted, answers, hostname)
        show(lines or [f"{container.name}  ready" for container in found.values()])
    return 0
