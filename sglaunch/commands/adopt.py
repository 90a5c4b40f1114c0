"""`sglaunch adopt`: a running container under management as it is; nothing is done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sglaunch.adoption import adoptable, inspect, take
from sglaunch.commands.asking import show, show_json, teller, warn_of_engine
from sglaunch.commands.saving import agree, read_text, save
from sglaunch.config.layers import check_profile_name
from sglaunch.config.load import Identity, identify
from sglaunch.config.writing import with_profiles
from sglaunch.convert.imported import Imported
from sglaunch.convert.to_profile import profile_name
from sglaunch.engine.adopted import sweep
from sglaunch.engine.last_engine import record_engine
from sglaunch.engine.lock import DEFAULT_TIMEOUT, hold
from sglaunch.errors import ConsentNeeded, SglaunchError
from sglaunch.pipeline import prepare
from sglaunch.plain import replace
from sglaunch.plan.choices import Choices
from sglaunch.plan.steps import value_text
from sglaunch.project import Common, connect, project_file, request
from sglaunch.report.clean import clean
from sglaunch.report.data import plan_data
from sglaunch.report.problems import SCHEMA_VERSION, problem_data, warning_lines
from sglaunch.report.progress import say


def run(common: Common, name: str, profile: str | None = None) -> int:
    """Records a container as that of a profile, and writes the profile after it where there is none of that name.
    Where there is no project file, it writes one.

    Then the plan is shown: what the files ask beyond what the container is.
    """
    identity = identify(request(common, project_file(common, new=True)))
    engine = connect(common, identity.engine, identity.file)
    warn_of_engine(common, engine)
    name = str(inspect(engine, name)[0].get("Name") or name).removeprefix("/")
    profile = profile or profile_name(name)
    check_profile_name(profile)
    with hold([name], engine.identity, f"adopt {name}", DEFAULT_TIMEOUT, teller(common)):
        found = adoptable(common, identity, engine, name, profile)
        if profile in identity.declared:
            _agree(common, name, found.doubts)
        else:
            _write(common, identity, found.profile, found.doubts)
        take(found)
        record_engine(str(identity.file), engine.identity)
    sweep(engine)
    _tell(common, found.profile, profile, name)
    return 0


def _agree(common: Common, name: str, reasons: tuple[str, ...]) -> None:
    if reasons and not agree(common, [*reasons, f"{name} would be taken"], "take it?", "[t]ake"):
        raise ConsentNeeded(f"{name} is as it was", "run the command again to take it")


def _write(common: Common, identity: Identity, found: Imported, reasons: tuple[str, ...]) -> None:
    """The profile put into the project file. Under the name of a built-in one it begins anew."""
    if found.name in identity.names:
        found = replace(found, keys={"extends": None, **found.keys})
    before = read_text(identity.file)
    save(common, identity.file, before, with_profiles(before or "", [found], identity.file.name), reasons)


def _tell(common: Common, found: Imported, profile: str, name: str) -> None:
    """What is lost, and what the files ask beyond what the container is."""
    plan, problem = _plan(common, profile)
    if common.json:
        losses = [problem_data(one) for one in found.losses]
        told: dict[str, Any] = {"profile": profile, "container": name, "losses": losses}
        show_json({"schema_version": SCHEMA_VERSION, **told, "plan": plan})
        return
    for line in warning_lines(found.losses):
        say(line)
    show([clean(f"{name} is the container of profile {profile} now; nothing was done to it")])
    if problem is not None:
        say(f"the plan: {clean(str(problem))}")
    changes = [change for one in plan or () for change in one["changes"]]
    rows = (
        f"  {one['field']}  {value_text(one['old'])} -> {value_text(one['new'])}  {one['origin'] or ''}"
        for one in changes
    )
    show([clean(row.rstrip()) for row in rows])
    if changes:
        show([f"these differ: `sglaunch plan {profile}` tells more, and `sglaunch up {profile}` asks before it acts"])


def _plan(common: Common, profile: str) -> tuple[Sequence[Mapping[str, Any]] | None, SglaunchError | None]:
    """The plan's data; none, with the reason, where files or engine do not let it be made."""
    try:
        plan, _ = prepare(common, [profile]).plan(Choices())
    except SglaunchError as error:
        return None, error
    data: Sequence[Mapping[str, Any]] = plan_data(plan)["containers"]
    return data, None
