"""One run of the stages: files, layers, rendered, lengthened, merged, validated, spec; every Problem of it at once."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, cast

from sglaunch.config.building import hide_base, with_image
from sglaunch.config.demands import Others, demands, mirror_demands
from sglaunch.config.document import parse_value
from sglaunch.config.expansions import Surroundings
from sglaunch.config.files import (
    COMMAND_LINE,
    DOTENV,
    LOCAL,
    LOCAL_FILE,
    PROJECT,
    Files,
    is_foreign,
    project_files,
    read_layers,
)
from sglaunch.config.keys import check_keys
from sglaunch.config.layers import Stack, read_stack
from sglaunch.config.lint import lint, lint_names
from sglaunch.config.load import Config, Demand, Identity, Request, Resolved
from sglaunch.config.lockfile import with_pins
from sglaunch.config.merge import merge
from sglaunch.config.named_files import NamedFiles
from sglaunch.config.node import Node, Problems
from sglaunch.config.policy import read_policy
from sglaunch.config.profile import validate
from sglaunch.config.render import RULE_FACTS, Context, render, render_vars
from sglaunch.config.shorthand import lengthen
from sglaunch.config.shorthand_paths import Paths
from sglaunch.config.specify import SERVICE, SHARING, default_name, specify, with_containers
from sglaunch.errors import ConfigError, Place, Problem, UsageError
from sglaunch.plain import replace
from sglaunch.recall import witness
from sglaunch.spec.dependencies import dependency_order
from sglaunch.spec.values import parse_flag

_VARS = "vars"


class Loader:
    """One run: the problems and the files it has read."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.problems = Problems()
        self.files: Files = read_layers(request.project_file, request.env, str(request.facts["home"]), self.problems)
        self.stack: Stack = read_stack(self.files, self.problems)
        self.lock = self.files.lock(self.problems)
        self.server = ""
        self.named = NamedFiles(self.files, request.env, self.problems)
        self.dotenv = self.named.dotenv(self.files.folder / DOTENV, required=False)
        self.env: Mapping[str, str] = ChainMap(cast(MutableMapping[str, str], request.env), self.dotenv)

    def load(self, profiles: Sequence[str], everything: bool) -> Config:
        project = self.project_name()
        config = Config(
            project,
            self.files.folder,
            self.files.project_file,
            self.stack.known(),
            self.stack.declared(),
            self.engine(),
            sources=self.files.lines,
            quoted=self.files.quoted,
            pins=self.lock.pins,
        )
        self.server, there = ("", {}) if self.problems.errors else self.request.there(self.engine())
        facts = {**self.request.facts, **there}
        account = {**facts, "home": facts.pop("account_home", facts["home"])}
        facts |= {"project": project, "project_dir": str(self.files.folder)}
        if self.stack.policy is not None:
            context = Context({name: account[name] for name in RULE_FACTS}, {}, is_rule=True)
            rules = render(self.stack.policy, context, self.problems, "policy")
            config.policy = read_policy(rules, self.problems)
        names = self._names(profiles, everything)
        for name in names:
            resolved = self._profile(name, facts)
            if resolved is not None:
                config.resolved[name] = resolved
        self._dependencies(names, config, facts)
        containers = {name: one.wanted.spec.container_name for name, one in config.resolved.items()}
        for name, one in config.resolved.items():
            spec = with_containers(one.wanted.spec, containers)
            config.resolved[name] = replace(one, wanted=replace(one.wanted, spec=spec))
        lint_names(config.resolved, self.problems)
        if self.problems.errors:
            raise ConfigError(sorted(self.problems.errors, key=_by_place), self.files.lines)
        config.warnings = sorted(self.problems.warnings, key=_by_place)
        config.demands = self._demands(config)
        return config

    def identity(self) -> Identity:
        """See load.identify."""
        is_read = any(text.layer == PROJECT for text in self.files.texts)
        if self.stack.broken or (self.problems.errors and not is_read):
            raise ConfigError(sorted(self.problems.errors, key=_by_place), self.files.lines)
        names = self.stack.known()
        return Identity(
            self.project_name(),
            self.files.project_file,
            names,
            self.stack.declared(),
            self.engine(),
            frozenset(name for name in names if self.says_unprotected(name)),
            {name: self.says_needed(name) for name in names},
        )

    def _demands(self, config: Config) -> tuple[Demand, ...]:
        """What the project asks of the host, each once."""
        others = self._others()
        asked = [one for each in config.resolved.values() for one in demands(each.text, others)]
        found: dict[str, Demand] = {}
        for one in (*mirror_demands(self.stack.mirrors, others), *asked):
            found.setdefault(one.remembered, one)
        if any(one.mixed for one in found.values()) and not any(map(is_foreign, project_files(config.file))):
            return tuple(replace(one, own=one.mixed) for one in found.values())
        return tuple(found.values())

    def _others(self) -> Others:
        """The project layer, and the files beside it that came with the repository."""
        layers, values = {PROJECT}, {"project"} if self.stack.project else set()
        if any(text.layer == LOCAL for text in self.files.texts) and is_foreign(self.files.folder / LOCAL_FILE):
            layers.add(LOCAL)
        values |= {f"{_VARS}.{name}" for name, node in self._vars().items() if node.origin.layer in layers}
        if self.dotenv and is_foreign(self.files.folder / DOTENV):
            values |= {f"env.{name}" for name in self.dotenv if name not in self.request.env}
        folder = _real(str(self.files.folder))
        return Others(folder, _real, frozenset(layers), frozenset(values), self.named.passed)

    def project_name(self) -> str:
        """What `project` says, else the folder's name."""
        node = self.stack.project
        return str(node.value) if node else self.files.folder.name or "project"

    def _names(self, profiles: Sequence[str], everything: bool) -> list[str]:
        """The named profiles, else default_profiles, else every declared one."""
        for name in profiles:
            if not self.stack.knows(name) and not self.problems.errors:
                message, hint = self.stack.unknown(name)
                raise UsageError(message, hint)
        names = list(dict.fromkeys(profiles))
        defaults = self.stack.default_profiles
        if defaults is not None:
            for item in defaults.value:
                if not self.stack.knows(item.value):
                    self.problems.error(item, "default_profiles", *self.stack.unknown(str(item.value)))
        if not names and defaults is not None:
            names = [str(item.value) for item in defaults.value if self.stack.knows(item.value)]
        if not names or everything:
            names = list(dict.fromkeys([*names, *self.stack.declared()]))
        return [name for name in names if self.stack.knows(name)]

    def says_unprotected(self, profile: str) -> bool:
        """Whether the nearest `protect` of a profile is a plain false; a profile that does not load is protected."""
        written = [text.get("protect") for text in self.stack.texts(profile, Problems())]
        return parse_flag(next((node.value for node in reversed(written) if node is not None), True)) is False

    def says_needed(self, profile: str) -> frozenset[str]:
        """What every `depends_on` of a profile names, as far as it can be read."""
        written = [text.get("depends_on") for text in self.stack.texts(profile, Problems())]
        return frozenset(name for node in written if node is not None for name in _names_in(node))

    def engine(self) -> dict[str, str]:
        node = self.stack.engine
        if node is None:
            return {}
        return {key: inner.written() for key, inner in node.items()} if node.is_map else {"name": node.written()}

    def _profile(self, name: str, facts: Mapping[str, Any]) -> Resolved | None:
        before = len(self.problems.errors)
        texts = self.stack.texts(name, self.problems)
        if not texts:
            return None
        facts = {**facts, "profile": name}
        context = render_vars(self._vars(), Context(facts, self.env), self.problems)
        own_home = str(self.request.facts["home"])
        paths = Paths(str(facts["home"]), str(facts["project_dir"]), self.files.folders, self.server, own_home)
        overrides = self._overrides()
        texts = [hide_base(text) for text in [*texts, *overrides]]
        longs = [lengthen(render(text, context, self.problems), paths, self.problems) for text in texts]
        if len(self.problems.errors) > before and any(not long.is_map for long in longs):
            return None
        for long in longs:
            check_keys(long, self.problems)
        merged = merge(longs, self.problems)
        merged = merged.with_value({key: node for key, node in merged.items() if key != "extends"})
        merged = with_image(merged, default_name(facts))
        failed = len(self.problems.errors) > before
        profile = validate(merged, self.problems)
        if profile is None or failed:
            return None
        around = Surroundings(
            facts,
            self.env,
            str(self.files.project_file),
            self.named.env_files(profile, merged),
            self.named.secret_files(profile, merged),
        )
        warned = len(self.problems.warnings)
        wanted = with_pins(specify(profile, merged, around, self.problems), self.lock)
        wanted = replace(wanted, settings=replace(wanted.settings, mirrors=self._mirrors()))
        lint(wanted, merged, self.problems)
        self.named.warn_tracked(merged)
        return Resolved(replace(wanted, warnings=tuple(self.problems.warnings[warned:])), merged, longs)

    def _mirrors(self) -> dict[str, tuple[str, ...]]:
        return {
            registry: tuple(str(host.value) for host in node.value) for registry, node in self.stack.mirrors.items()
        }

    def _vars(self) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        for layer in self.stack.layers:
            for key, node in layer.vars.items() if layer.vars is not None else ():
                merged[key] = node
        for steps, node in self._set():
            if steps[0] == _VARS and len(steps) == 2:
                merged[steps[1]] = node
        return merged

    def _overrides(self) -> list[Node]:
        """Each `--set path=value` as a text of the nearest layer."""
        texts = []
        for steps, value in self._set():
            node = value
            for step in reversed(steps):
                node = Node({step: replace(node, key=value.origin.place)}, value.origin)
            if steps[0] != _VARS or len(steps) != 2:
                texts.append(node)
        return texts

    def _set(self) -> Iterable[tuple[list[str], Node]]:
        """Path and value of each --set; `vars.NAME` is a variable, all else a key of every profile."""
        for override in self.request.overrides:
            path, found, value = override.partition("=")
            steps = [step for step in path.split(".") if step]
            if not found or not steps:
                raise UsageError(f"--set {path}: must be path=value", "for example --set environment.NAME=value")
            yield steps, parse_value(value, f"--set {path}", COMMAND_LINE, self.problems)

    def _dependencies(self, names: Sequence[str], config: Config, facts: Mapping[str, Any]) -> None:
        """Loads what profiles depend on; unknown names and cycles are problems at the name that closes them."""
        invalid = {name for name in names if name not in config.resolved}

        def node(profile: str, needed: str) -> Node:
            return config.resolved[profile].text.at(("depends_on", needed))

        def needs(profile: str) -> Iterator[str]:
            if profile not in config.resolved and profile not in invalid:
                loaded = self._profile(profile, facts)
                if loaded is not None:
                    config.resolved[profile] = loaded
            resolved = config.resolved.get(profile)
            for needed in resolved.wanted.settings.depends_on if resolved is not None else ():
                if self.stack.knows(needed):
                    yield needed
                    continue
                text = config.resolved[profile].text
                key = next((key for key in SHARING if _names_service(text.get(key), needed)), "")
                place = text.get(key) or node(profile, needed)
                self.problems.error(place, key or f"depends_on.{needed}", *self.stack.unknown(needed))

        def report(path: Sequence[str], needed: str) -> None:
            cycle = " -> ".join([*path[path.index(needed) :], needed])
            self.problems.error(node(path[-1], needed), "depends_on", f"a cycle: {cycle}", "remove one of them")

        dependency_order(names, needs, report)


def _names_service(node: Node | None, profile: str) -> bool:
    """Whether a value is `service:PROFILE`, or a list that has it."""
    texts = () if node is None else node.value if node.is_list else (node,)
    return any(f"{one.value}:".startswith(f"{SERVICE}{profile}:") for one in texts)


def _names_in(node: Node) -> Iterable[str]:
    """Of a list its texts, of a mapping its keys."""
    return [str(item.value) for item in node.value] if node.is_list else [name for name, _ in node.items()]


def _real(path: str) -> str:
    return str(witness.ask("real", path))


def _by_place(problem: Problem) -> tuple[str, int, int]:
    place = problem.place or Place("")
    return (place.file, place.line, place.column)
