"""`sglaunch export`: profiles in other words, and what those cannot say. Looks at files alone, and asks no engine."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence

from sglaunch.commands.asking import show, show_json
from sglaunch.config.document import dump_for_others
from sglaunch.config.load import Config
from sglaunch.convert.to_compose import to_compose
from sglaunch.convert.to_kubernetes import to_kubernetes
from sglaunch.convert.to_run import to_run
from sglaunch.engine import host
from sglaunch.engine.detect import command_line
from sglaunch.errors import ConfigError, Problem
from sglaunch.plan.gaps import fitted
from sglaunch.plan.order import in_order
from sglaunch.plan.pins import pinned
from sglaunch.project import Common, choice_of, enforce, load_config
from sglaunch.report.problems import SCHEMA_VERSION, loss_lines, problem_data, warning_lines
from sglaunch.report.progress import say
from sglaunch.spec.container import Wanted

_MACHINES = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
_Export = Callable[[Common, Config, Sequence[Wanted]], tuple[str, list[Problem]]]


def run(common: Common, form: str, profiles: Sequence[str]) -> int:
    """Prints the profiles, those they depend on first; on stderr what the format does not say."""
    config = load_config(common, profiles)
    enforce(config, common)
    here = _MACHINES.get(platform.machine(), "linux/amd64")
    found = [pinned(one, here) for one in config.wanted.values()]
    _raise([problem for _, problem in found if problem is not None], config)
    text, losses = FORMATS[form](common, config, in_order([wanted for wanted, _ in found]))
    if common.json:
        told = [problem_data(loss) for loss in losses]
        show_json({"schema_version": SCHEMA_VERSION, "format": form, "text": text, "losses": told})
        return 0
    for line in warning_lines(config.warnings):
        say(line)
    show(text.rstrip("\n").split("\n"))
    for line in loss_lines(losses):
        say(line)
    return 0


def _run(common: Common, config: Config, profiles: Sequence[Wanted]) -> tuple[str, list[Problem]]:
    program, engine = command_line(choice_of(common, config.engine))
    problems: list[Problem] = []
    texts: list[str] = []
    losses: list[Problem] = []
    for wanted in profiles:
        one, refused, left_out = fitted(wanted, engine)
        problems += refused
        made = to_run(one, program, engine, str(host.private_folder()))
        texts.append(made.text)
        losses += [*left_out, *made.losses]
    _raise(problems, config)
    return "\n\n".join(texts), losses


def _compose(_: Common, config: Config, profiles: Sequence[Wanted]) -> tuple[str, list[Problem]]:
    made = to_compose(config.project, profiles)
    return dump_for_others([made.document]), list(made.losses)


def _kubernetes(_: Common, config: Config, profiles: Sequence[Wanted]) -> tuple[str, list[Problem]]:
    made = to_kubernetes(profiles, (str(host.facts()["home"]), str(config.folder)))
    _raise(made.refusals, config)
    remarks = "".join(f"# {remark}\n" for remark in made.remarks)
    return remarks + dump_for_others(made.documents), list(made.losses)


def _raise(problems: Sequence[Problem], config: Config) -> None:
    if problems:
        raise ConfigError(problems, config.sources)


FORMATS: Mapping[str, _Export] = {"run": _run, "compose": _compose, "kubernetes": _kubernetes}
