"""`sglaunch start`, `stop`, `restart`: what is there, as it is; edits of the files are not applied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sglaunch.commands.asking import answer, consent, reporter
from sglaunch.commands.plan import show_plan
from sglaunch.config.load import identify
from sglaunch.engine import host
from sglaunch.engine.observe import observe
from sglaunch.pipeline import Common, act, connect, request
from sglaunch.plan.observation import Observation, Project
from sglaunch.plan.removing import plan_restart, plan_start, plan_stop
from sglaunch.plan.steps import Plan

_PLANS: dict[str, Callable[[Observation, Project, Collection[str]], Plan]] = {
    "start": plan_start,
    "stop": plan_stop,
    "restart": plan_restart,
}
_DONE = {"start": "started", "stop": "stopped", "restart": "restarted", "none": "nothing to do"}


def run(common: Common, verb: str, profiles: Sequence[str], *, dry_run: bool = False) -> int:
    """Starts, stops or restarts the containers of the named profiles."""
    identity = identify(request(common))
    engine = connect(common, identity.engine)
    project = Project(identity.project, str(identity.file), host.owner())
    plan = _PLANS[verb](observe(engine, project.name), project, profiles)
    if dry_run:
        return show_plan(common, plan)
    done = act(plan, engine, consent(common, ("[s]top", "[k]eep"), "s", "say --yes to stop it"), reporter(common))
    answer(common, done, [f"{one.container}  {_DONE.get(one.action, one.action)}" for one in done.containers])
    return 0
