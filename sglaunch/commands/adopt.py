"""`sglaunch adopt`: a running container under management as it is; nothing is done to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sglaunch.commands.asking import show, show_json, teller
from sglaunch.commands.import_container import imported, inspect
from sglaunch.commands.saving import agree, read_text, save
from sglaunch.config.layers import is_profile_name
from sglaunch.config.load import Identity, identify, load
from sglaunch.config.stated import stated
from sglaunch.config.writing import with_profiles
from sglaunch.convert.from_inspect import container as observed
from sglaunch.convert.imported import Imported
from sglaunch.convert.to_profile import profile_name
from sglaunch.engine import host
from sglaunch.engine.adopted import Adoption, adopt, adoptions, labels_for, sweep
from sglaunch.engine.client import EngineClient
from sglaunch.engine.lock import DEFAULT_TIMEOUT, hold
from sglaunch.engine.observe import observe
from sglaunch.engine.whose import evidence
from sglaunch.errors import ConfigError, ConsentNeeded, Refused, SglaunchError, UsageError
from sglaunch.pipeline import prepare
from sglaunch.plan.adopting import adopted_labels, doubts, refusal
from sglaunch.plan.choices import Choices
from sglaunch.plan.observation import ObservedContainer, Project
from sglaunch.plan.steps import value_text
from sglaunch.project import Common, connect, request
from sglaunch.report.clean import clean
from sglaunch.report.data import plan_data
from sglaunch.report.problems import SCHEMA_VERSION, problem_data, warning_lines
from sglaunch.report.progress import say
from sglaunch.spec.values import MASK


def run(common: Common, name: str, profile: str | None = None) -> int:
    """Records a container as that of a profile, and writes the profile after it where there is none of that name.

    Then the plan is shown: what the files ask beyond what the container is.
    """
    identity = identify(request(common))
    engine = connect(common, identity.engine)
    name = str(inspect(engine, name)[0].get("Name") or name).removeprefix("/")
    profile = profile or profile_name(name)
    if not is_profile_name(profile):
        hint = "letters, digits, _ . and -, beginning with a letter or digit"
        raise UsageError(f"{profile!r} is not a profile name", hint)
    with hold([name], engine.identity, f"adopt {name}", DEFAULT_TIMEOUT, teller(common)):
        found = _take(common, identity, engine, name, profile)
    sweep(engine)
    _tell(common, found, profile, name)
    return 0


def _take(common: Common, identity: Identity, engine: EngineClient, name: str, profile: str) -> Imported:
    project = Project(identity.project, str(identity.file), engine.machine.owner())
    data, image = inspect(engine, name)
    one = observed(data, labels_for(data, adoptions()))
    whose = evidence(data, image, engine)
    reason, hint = refusal(one, whose, project, profile, observe(engine, project.name).containers)
    other = _named(common, name, profile)
    if reason or other:
        raise Refused(reason or f"{name} is the name that profile {other} gives its container", hint or f"--as {other}")
    found = replace(imported(engine, data, image), name=profile)
    labels = _labels(identity, engine, one, found, project)
    reasons = doubts(one, whose)
    if profile in identity.declared:
        _agree(common, one.name, reasons)
    else:
        _write(common, identity, found, reasons)
    try:
        adopt(Adoption(one.id, str(data.get("Created") or ""), engine.identity, labels))
    except OSError as error:
        raise UsageError(f"the adoption cannot be recorded: {error}", "see XDG_STATE_HOME") from None
    return found


def _named(common: Common, name: str, profile: str) -> str:
    """Another profile whose container has this name, as far as the files load."""
    try:
        wanted = load(request(common), [], everything=True).wanted
    except ConfigError:
        return ""
    return next((one for one, it in wanted.items() if it.spec.container_name == name and one != profile), "")


def _agree(common: Common, name: str, reasons: tuple[str, ...]) -> None:
    if reasons and not agree(common, [*reasons, f"{name} would be taken"], "take it?", "[t]ake"):
        raise ConsentNeeded(f"{name} is as it was", "run the command again to take it")


def _labels(
    identity: Identity, engine: EngineClient, one: ObservedContainer, found: Imported, project: Project
) -> Mapping[str, str]:
    """What the labels of the container would be, had it been made from the keys that were read off it."""
    facts = {**host.facts(), **engine.machine.facts()}
    facts |= {"project": project.name, "project_dir": str(identity.file.parent), "profile": found.name}
    # What the command holds of secrets is known to nobody, and no part of the record.
    hidden = dict.fromkeys(re.findall(r"\benv\.(\w+)", repr(found.keys)), MASK)
    secret = {key: one.env[key].reveal() for key in found.keys.get("secret_env", ()) if key in one.env}
    try:
        wanted = stated(found.keys, f"<container {one.name}>", facts, {**hidden, **secret}, str(identity.file))
    except ConfigError as error:
        message = f"container {one.name} cannot be said in a profile: {error}"
        raise UsageError(message, f"see `sglaunch import --container {one.name}`") from None
    devices = engine.machine.devices()[0] if wanted.spec.gpus is not None and wanted.spec.gpus.count > 0 else None
    return adopted_labels(wanted, one.image_id, engine.capabilities, host.salt(), devices or (), owner=project.owner)


def _write(common: Common, identity: Identity, found: Imported, reasons: tuple[str, ...]) -> None:
    """The profile put into the project file. Under the name of a built-in one it begins anew."""
    if found.name in identity.names:
        found = replace(found, keys={"extends": None, **found.keys})
    before = read_text(identity.file) or ""
    save(common, identity.file, before, with_profiles(before, [found], identity.file.name), reasons)


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
