"""`sglaunch pull` and `images`: the images of the profiles, each once; the snapshots taken of containers."""

from __future__ import annotations

from collections.abc import Sequence

from sglaunch.commands.asking import answer, reporter, show, show_json
from sglaunch.commands.plan import show_plan
from sglaunch.config.load import identify
from sglaunch.engine.apply import apply
from sglaunch.pipeline import prepare
from sglaunch.plan.reconcile import plan_pull
from sglaunch.project import Common, connect, request
from sglaunch.report.clean import clean, table
from sglaunch.report.problems import SCHEMA_VERSION


def pull(common: Common, profiles: Sequence[str], *, dry_run: bool = False) -> int:
    """Pulls the images of the named profiles, or of all."""
    prepared = prepare(common, profiles)
    plan = plan_pull(prepared.wanted, "asked")
    if dry_run:
        return show_plan(common, plan)
    apply(plan, prepared.engine, reporter(common))
    answer(common, plan, [f"{step.target}  pulled" for step in plan.steps("pull")])
    return 0


def snapshots(common: Common) -> int:
    """Lists the images that --snapshot made of this project's containers, newest first."""
    identity = identify(request(common))
    found = connect(common, identity.engine).snapshots(identity.project)
    if common.json:
        images = [{"image": name, "created": age, "size": size} for name, age, size in found]
        show_json({"schema_version": SCHEMA_VERSION, "images": images})
    else:
        show(table([["IMAGE", "CREATED", "SIZE"], *([clean(cell) for cell in row] for row in found)]))
    return 0
