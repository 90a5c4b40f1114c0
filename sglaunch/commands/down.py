"""`sglaunch down` and `rm`: stop and remove what this project runs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.acting import Answer, carry_out
from sglaunch.commands.asking import answer, conduct, warn, warn_of_engine
from sglaunch.commands.plan import show_plan
from sglaunch.engine.last_engine import record_engine
from sglaunch.engine.lock import DEFAULT_TIMEOUT
from sglaunch.errors import UsageError
from sglaunch.pipeline import check, down_plan
from sglaunch.plan.observation import Project, foreign
from sglaunch.plan.steps import REMOVE, REPAIR, Plan
from sglaunch.project import Common, connect, identity_of, require_last_engine

_DONE = {REMOVE: "removed", REPAIR: "repaired"}


def run(
    common: Common,
    profiles: Sequence[str],
    *,
    dry_run: bool = False,
    snapshot: bool = False,
    lock_timeout: float = DEFAULT_TIMEOUT,
) -> int:
    """Removes the containers of the named profiles, or every one of the project, orphans included.

    Works with files that do not load: what was made must be removable. Profiles that cannot be read are protected.
    """
    identity = identity_of(common)
    engine = connect(common, identity.engine, identity.file)
    require_last_engine(common, engine)
    warn_of_engine(common, engine)
    # Where everything is agreed to beforehand, nobody is told what would be lost.
    measured = dry_run or snapshot or not common.yes
    project = Project(identity.project, str(identity.file), engine.machine.owner())

    present: set[str] = set()

    def look(answer: Answer) -> Plan:
        nonlocal present
        if answer is Answer.KEEP:
            return Plan()
        saving = answer is Answer.SNAPSHOT
        plan, seen = down_plan(
            engine,
            project,
            profiles,
            identity.unprotected,
            identity.needed,
            snapshot=saving,
            measured=measured,
        )
        present = {one.name for one in seen.containers if not foreign(one, project)}
        if not dry_run:
            check(plan)
        return plan

    plan = look(Answer.SNAPSHOT if snapshot else Answer.AGREE)
    missing = [name for name in profiles if name not in {one.profile for one in plan.containers}]
    unknown = [name for name in missing if name not in identity.names]
    if unknown:
        from sglaunch.config.suggest import unknown_profile

        raise UsageError(*unknown_profile(unknown[0], identity.names))
    if dry_run:
        return show_plan(common, plan)
    command = " ".join(["down", *profiles])
    done = carry_out(look, engine, conduct(common, command, snapshot=snapshot, lock_timeout=lock_timeout), plan)
    if present <= {one.container for one in done.containers} and not engine.other:
        record_engine(project.config_file, "")
    warn(common, done)
    kept = bool(plan.containers) and not done.containers
    words = ["kept as it is"] if kept else [f"{one.container}  {_DONE[one.action]}" for one in done.containers]
    words = words or ["nothing to remove"]
    answer(common, done, [] if common.quiet else words)
    return 0
