"""`sglaunch start`, `stop`, `restart`: what is there, as it is; edits of the files are not applied."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.acting import Answer, carry_out
from sglaunch.commands.asking import answer, conduct, warn_of_engine
from sglaunch.commands.plan import show_plan
from sglaunch.engine.lock import DEFAULT_TIMEOUT
from sglaunch.engine.observe import observe
from sglaunch.pipeline import check
from sglaunch.plain import replace
from sglaunch.plan.observation import Project
from sglaunch.plan.removing import plan_restart, plan_start, plan_stop
from sglaunch.plan.steps import Plan
from sglaunch.project import Common, connect, identity_of, require_last_engine

_DONE = {"start": "started", "stop": "stopped", "restart": "restarted", "none": "nothing to do", "repair": "repaired"}


def run(
    common: Common,
    verb: str,
    profiles: Sequence[str],
    *,
    dry_run: bool = False,
    snapshot: bool = False,
    lock_timeout: float = DEFAULT_TIMEOUT,
) -> int:
    """Starts, stops or restarts the containers of the named profiles."""
    identity = identity_of(common)
    engine = connect(common, identity.engine, identity.file)
    require_last_engine(common, engine)
    warn_of_engine(common, engine)
    project = Project(identity.project, str(identity.file), engine.machine.owner())

    def look(answer: Answer) -> Plan:
        if answer is Answer.KEEP:
            return Plan()
        plan = planned(snapshot=answer is Answer.SNAPSHOT)
        check(plan)
        return plan

    def planned(*, snapshot: bool = False) -> Plan:
        seen = observe(engine, project.name)
        if verb == "stop":
            return plan_stop(seen, project, profiles, identity.needed, snapshot=snapshot)
        return (plan_start if verb == "start" else plan_restart)(seen, project, profiles, identity.needed)

    if dry_run:
        return show_plan(common, planned())
    command = " ".join([verb, *profiles])
    acting = conduct(common, command, snapshot=snapshot, lock_timeout=lock_timeout)
    done = carry_out(look, engine, replace(acting, project=project.config_file))
    answer(common, done, [f"{one.container}  {_DONE.get(one.action, one.action)}" for one in done.containers])
    return 0
