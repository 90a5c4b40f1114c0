"""What a command is about: the options every command has, the project they lead to, its engine, the site's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sglaunch.config.files import FILE_VARIABLE, find_project, project_files
from sglaunch.config.load import Config, Identity, Request, load
from sglaunch.config.recalled import recall, recall_identity
from sglaunch.engine import detect, trusted
from sglaunch.engine import host as host_facts
from sglaunch.engine.client import EngineClient
from sglaunch.engine.last_engine import read_last_engine
from sglaunch.engine.machine import Machine
from sglaunch.errors import EngineError, Failure, Problem, Refused, UsageError
from sglaunch.plain import Struct
from sglaunch.plan.capabilities import NERDCTL
from sglaunch.plan.observation import Project
from sglaunch.recall import witness

ENGINE_VARIABLE, CONTEXT_VARIABLE = "SGLAUNCH_ENGINE", "SGLAUNCH_CONTEXT"


class Common(Struct, frozen=True):
    """The options every command has, as plain values."""

    directory: Path
    file: str | None = None
    engine: str | None = None
    context: str | None = None
    json: bool = False
    yes: bool = False
    quiet: bool = False
    plain: bool = False
    overrides: tuple[str, ...] = ()


def project_file(common: Common, *, new: bool = False) -> Path:
    """The project this command is about. Files that somebody may have planted are refused until they are trusted.

    `new`: where there is none, the path that one would have.
    """
    file, planted = found_project(common, new=new)
    known = trusted.agreed(file) if planted else frozenset()
    missing = [text for text in planted if trusted.fingerprint(text) not in known]
    if missing:
        raise Refused("; ".join(missing), "look at it, then `sglaunch trust`; or see -C and -f")
    return file


def found_project(common: Common, *, new: bool = False) -> tuple[Path, list[str]]:
    """The project file, and which of the project's files others could have written."""
    if not witness.ask("is-folder", str(common.directory)):
        raise UsageError(f"{common.directory}: no such folder", "see -C")
    file = find_project(common.directory, common.file or witness.env(FILE_VARIABLE), new=new)
    return file, trusted.planted(project_files(file))


def request(common: Common, file: Path | None = None) -> Request:
    """What the configuration is given of the world; `file`: a project file that was found before."""

    def there(configured: Mapping[str, str]) -> tuple[str, Mapping[str, Any]]:
        machine = machine_of(common, configured)
        if machine.name:
            witness.spoil("another machine is asked")
        return machine.name, machine.facts() if machine.name else {}

    return Request(file or project_file(common), host_facts.facts(), witness.Environment(), common.overrides, there)


def machine_of(common: Common, configured: Mapping[str, str]) -> Machine:
    """The machine that containers run on."""
    return detect.machine_of(choice_of(common, configured))


def load_config(common: Common, profiles: Sequence[str] = (), *, texts: bool = False) -> Config:
    """The project and the named profiles. Nothing named and nothing declared is an error that lists what there is.

    `texts`: with the merged text of each profile, which is not remembered.
    """
    asked = request(common)
    config = load(asked, profiles) if texts else recall(asked, profiles, _about(common))
    if not config.resolved:
        hint = f"name one: {', '.join(config.names)}; or declare profiles in {config.file.name}"
        raise UsageError("no profile is declared here", hint)
    return config


def identity_of(common: Common) -> Identity:
    """What can be known of the project without its profiles being right."""
    return recall_identity(request(common), _about(common))


def _about(common: Common) -> list[str | None]:
    """The options that have a say in which machine is asked for its facts."""
    return [common.engine, common.context]


def project_of(config: Config, engine: EngineClient) -> Project:
    """Whose containers these are."""
    return Project(config.project, str(config.file), engine.machine.owner())


def connect(common: Common, configured: Mapping[str, str], file: Path | None = None) -> EngineClient:
    """The engine: named on the command line, in the environment, in a file; else the first that answers.

    `file`: the project file, whose containers may be on another engine (`EngineClient.other`).
    """
    last = read_last_engine(str(file)) if file is not None else ""
    engine = detect.connect(choice_of(common, configured), last)
    engine.other = last if last != engine.identity else ""
    return engine


def engine_warnings(engine: EngineClient) -> list[Problem]:
    """Why this may be the wrong engine for the project."""
    name = engine.capabilities.name
    hint = f"--engine {name} says that this is meant"
    found = [Problem(f"{reason}; {name} is used", hint=hint) for reason in engine.passed_over]
    if engine.other:
        found.append(Problem(f"{_other_text(engine)}, which does not see those containers", hint=_other_hint(engine)))
    return found


def require_last_engine(common: Common, engine: EngineClient) -> None:
    """Refuses an engine that is not the project's last one, unless the command line names it."""
    if _is_unnamed_other(common, engine):
        raise Refused(_other_text(engine), _other_hint(engine))


def require_answer(common: Common, engine: EngineClient) -> None:
    """For a look that found nothing: that is no answer where the project's containers are on another engine."""
    if _is_unnamed_other(common, engine):
        message = f"no container of this project here; {_other_text(engine)}"
        raise EngineError(Failure("other-engine", message, _other_hint(engine)))


def _is_unnamed_other(common: Common, engine: EngineClient) -> bool:
    return bool(engine.other) and not common.context and common.engine in (None, "auto")


def _other_text(engine: EngineClient) -> str:
    return f"this project last used {engine.other}; this command uses {engine.identity}"


def _other_hint(engine: EngineClient) -> str:
    """How to name this engine and, where a flag can, the other one."""
    here, there = engine.capabilities.name, engine.other.split()[0]
    other = f"--engine {there}" if there != here else "the context, DOCKER_HOST or `engine:` of the last command"
    return f"--engine {here} (or --context) uses this one, {other} the last one"


def choice_of(common: Common, configured: Mapping[str, str]) -> detect.Choice:
    """What was asked of the engine; the command line beats the environment, that beats the files."""
    name = common.engine or witness.env(ENGINE_VARIABLE) or configured.get("name") or "auto"
    if name not in ("auto", *detect.ORDER):
        raise UsageError(f"unknown engine {name!r}", f"write one of auto, {', '.join(detect.ORDER)}")
    context = common.context or witness.env(CONTEXT_VARIABLE) or configured.get("context", "")
    host = "" if common.context else configured.get("host", "")
    if any(value.startswith("-") for value in (context, host)):
        raise UsageError(
            "an engine's context or host cannot start with -", "check --context, SGLAUNCH_CONTEXT and engine:"
        )
    if name == NERDCTL and (context or host):
        raise UsageError("nerdctl has no context and no host", "log in there, or write namespace and address")
    more = {key: configured.get(key, "") for key in ("namespace", "address", "binary")}
    return detect.Choice(name, context, host, sudo=configured.get("sudo") == "true", **more)


def enforce(config: Config, common: Common) -> None:
    """Refuses what the site forbids: every line to blame at once. Links are followed on the machine of the engine."""
    if not config.policy.origins:
        return
    from sglaunch.plan.policy import host_paths_of, violations

    wanted = config.wanted.values()
    paths = {path for one in wanted for path in host_paths_of(one, config.policy)}
    real = machine_of(common, config.engine).real_paths(paths)
    problems = [problem for one in wanted for problem in violations(one, config.policy, real)]
    if problems:
        message = f"the site's policy refuses {'this' if len(problems) == 1 else 'these'}"
        raise Refused(message, "change the profile, or ask who keeps the site file", problems, config.sources)
