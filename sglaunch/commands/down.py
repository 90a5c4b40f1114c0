"""`sglaunch down` and `rm`: stop and remove what this project runs, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.commands.asking import answer, consent, reporter, warn
from sglaunch.commands.plan import show_plan
from sglaunch.config.load import identify
from sglaunch.engine import host
from sglaunch.errors import UsageError
from sglaunch.pipeline import Common, act, connect, down_plan, request
from sglaunch.plan.observation import Project

FLAGS = "say --yes to remove it, or write protect: false in its profile"


def run(common: Common, profiles: Sequence[str], *, dry_run: bool = False) -> int:
    """Removes the containers of the named profiles, or every one of the project, orphans included.

    Works with files that do not load: what was made must be removable. Profiles that cannot be read are protected.
    """
    identity = identify(request(common))
    engine = connect(common, identity.engine)
    project = Project(identity.project, str(identity.file), host.owner())
    plan = down_plan(engine, project, profiles, identity.unprotected)
    missing = [name for name in profiles if name not in {one.profile for one in plan.containers}]
    unknown = [name for name in missing if name not in identity.names]
    if unknown:
        raise UsageError(f"unknown profile {unknown[0]!r}", f"profiles here: {', '.join(identity.names)}")
    if dry_run:
        return show_plan(common, plan)
    done = act(plan, engine, consent(common, ("[r]emove", "[k]eep"), "r", FLAGS), reporter(common))
    warn(common, done)
    kept = bool(plan.containers) and not done.containers
    words = ["kept as it is"] if kept else [f"{one.container}  removed" for one in done.containers]
    words = words or ["nothing to remove"]
    answer(common, done, [] if common.quiet else words)
    return 0
