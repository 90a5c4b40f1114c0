"""`sglaunch doctor`: what of this machine, and of a profile's needs, stands in the way, each with its fix."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sglaunch.commands.asking import show, show_json
from sglaunch.convert.to_create import CDI_KIND
from sglaunch.doctor.examine import examine
from sglaunch.doctor.facts import Engine, Facts, Profile
from sglaunch.doctor.finding import FAIL, Finding
from sglaunch.engine import detect, health, host
from sglaunch.engine.gpus import devices, driver
from sglaunch.errors import Problem, Refused, UsageError
from sglaunch.pipeline import Run
from sglaunch.plain import asdict, replace
from sglaunch.plan.capabilities import DOCKER
from sglaunch.plan.choices import Choices
from sglaunch.plan.steps import REFUSE
from sglaunch.project import Common, choice_of, enforce, load_config, project_of
from sglaunch.report.clean import clean
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.spec.container import wants_nvidia
from sglaunch.spec.reference import HUB_HOST, parse

_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


def run(common: Common, profile: str | None = None) -> int:
    """Status 1 if anything fails. Without a profile the project's files are not needed."""
    choice = choice_of(common, _configured(common, profile))
    asked = health.candidates(choice)
    engines = [
        Engine(name, path, found.capabilities if found else Engine(name).capabilities, found.problem if found else None)
        for name, path, found in asked
    ]
    taken = detect.programs(choice)
    used = next((one for one in asked if one[2] and one[2].problem is None and one[2].program in taken), None)
    chosen = engines[asked.index(used)] if used is not None else None
    facts = _facts(engines, chosen, used[2] if used is not None else None, choice)
    if profile is not None and used is not None and used[2] is not None:
        facts = _with_profile(facts, common, profile, used[2], choice)
    findings = examine(facts)
    if common.json:
        data = [asdict(one) | {"message": clean(one.message), "fix": one.fix or None} for one in findings]
        show_json({"schema_version": SCHEMA_VERSION, "findings": data})
    else:
        show([line for finding in findings for line in _lines(finding)])
    return 1 if any(finding.status == FAIL for finding in findings) else 0


def _lines(finding: Finding) -> list[str]:
    lines = [f"{_MARKS[finding.status]}  {finding.check}: {clean(finding.message)}"]
    return [*lines, f"      fix: {finding.fix}"] if finding.fix else lines


def _configured(common: Common, profile: str | None) -> dict[str, str]:
    """The engine that a project's files name; there need not be a project, but for a profile."""
    try:
        return dict(load_config(common, [profile] if profile else []).engine)
    except UsageError:
        if profile is not None:
            raise
        return {}


def _facts(
    engines: list[Engine], chosen: Engine | None, found: detect.Candidate | None, choice: detect.Choice
) -> Facts:
    if chosen is None or found is None:
        return Facts(health.shell_user(), engines, family=health.family(), systemd=health.has_systemd())
    engine = chosen.capabilities
    machine = detect.machine_of(choice)
    gpu_nodes = machine.has_gpu(cdi=engine.gpus == "cdi")
    if machine.name:
        return Facts(
            machine.owner().name,
            engines,
            chosen,
            gpu_nodes=gpu_nodes,
            token=health.has_token(str(host.facts()["home"])),
            server=machine.name,
        )
    told = health.info(found.command, engine)
    root = health.data_root(told, engine)
    gpus, gpu_problem = devices()
    proxy, no_proxy = health.proxy()
    cni, elsewhere = health.cni()
    home = str(host.facts()["home"])
    return Facts(
        user=health.shell_user(),
        engines=engines,
        chosen=chosen,
        family=health.family(),
        systemd=health.has_systemd(),
        root=os.geteuid() == 0,
        data_root=root,
        disk_free=health.free(root),
        shm=health.size("/dev/shm"),
        devices=len(gpus or ()),
        driver_cuda=driver().cuda if gpus else (),
        gpu_problem=gpu_problem,
        gpu_nodes=gpu_nodes,
        toolkit=health.has_toolkit(told),
        cdi_hook=health.has_cdi_hook(),
        cdi=host.cdi_devices(CDI_KIND),
        cgroup_driver=str(told.get("CgroupDriver") or ""),
        char_links=health.has_char_links(),
        cni=cni,
        cni_elsewhere=elsewhere,
        raises_limits=health.raises_limits(engine),
        hard_limits=health.hard_limits(engine),
        caches=health.foreign_caches(home),
        proxy=proxy,
        no_proxy=no_proxy,
        daemon_proxy=str(told.get("HttpProxy") or told.get("HttpsProxy") or "") if engine.name == DOCKER else None,
        token=health.has_token(home),
        registry=health.registry_problem(HUB_HOST),
    )


def _with_profile(facts: Facts, common: Common, profile: str, found: detect.Candidate, choice: detect.Choice) -> Facts:
    """The profile as `up` would plan it, without acting."""
    config = load_config(common, [profile])
    refused: Sequence[Problem] = ()
    try:
        enforce(config, common)
    except Refused as error:
        refused = error.problems()
    wanted = config.wanted[profile]
    engine = detect.client(found, choice)
    looking = Run(config, engine, project_of(config, engine), [wanted])
    plan, seen = looking.plan(Choices())
    planned = [one for one in plan.containers if one.profile == profile]
    image = wanted.spec.image
    here = seen.images.get(image) is not None
    mirrored = parse(image).registry in wanted.settings.mirrors
    stopped = [Problem(one.reason) for one in planned if one.action == REFUSE]
    stopped += [Problem(one.shortage[0], path="gpus") for one in planned if one.shortage]
    need = Profile(
        profile,
        image,
        here,
        problems=(*refused, *stopped, *(problem for one in planned for problem in one.problems)),
        warnings=(*wanted.warnings, *(warning for one in planned for warning in one.warnings)),
        gpus=wants_nvidia(wanted),
        pulls=not here and wanted.build is None and not mirrored,
        checked=bool(seen.local[image].required if here else seen.required.get(image)),
        ulimits={name: limit.hard for name, limit in wanted.spec.ulimits.items()},
    )
    name = health.registry_of(image)
    registry = facts.registry if name == HUB_HOST else health.registry_problem(name)
    return replace(facts, profile=need, registry=registry)
