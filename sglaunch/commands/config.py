"""`sglaunch config` and `validate`: the merged spec, where each value comes from, and whether all files are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sglaunch.commands.asking import show, show_json
from sglaunch.config.candidates import candidates
from sglaunch.config.document import dump
from sglaunch.config.load import Config, load
from sglaunch.config.suggest import nearest
from sglaunch.errors import UsageError
from sglaunch.project import Common, enforce, load_config, request
from sglaunch.report.clean import clean
from sglaunch.report.data import config_data, spec_data
from sglaunch.report.problems import SCHEMA_VERSION, warning_lines
from sglaunch.report.progress import say


def run(common: Common, profile: str | None, key: str | None, *, origins: bool = False) -> int:
    """Prints the specs, or one value. With `origins`, file:line and layer of each, and every candidate of a key."""
    config = load_config(common, [profile] if profile else [], texts=True)
    if not common.json:
        for line in warning_lines(config.warnings):
            say(line)
    if profile and key:
        return _one_key(common, config, profile, key, origins=origins)
    if common.json:
        show_json(config_data(config.wanted, config.warnings))
    elif origins:
        show(_origin_lines(config))
    else:
        shown = {name: spec_data(one) for name, one in config.wanted.items() if not profile or name == profile}
        show(dump({"profiles": shown}).splitlines())
    return 0


def _origin_lines(config: Config) -> list[str]:
    lines = []
    for name, one in config.wanted.items():
        lines.append(f"{name}:")
        width = max(map(len, one.origins), default=0)
        lines += [f"  {path:<{width}}  {origin} ({origin.layer})" for path, origin in sorted(one.origins.items())]
    return lines


def _one_key(common: Common, config: Config, profile: str, key: str, *, origins: bool) -> int:
    found = candidates(config.resolved[profile].text, key)
    spec: Any = spec_data(config.wanted[profile])
    if not found and key not in spec:
        raise UsageError(f"{profile} has no value {key!r}", nearest(key, config.resolved[profile].wanted.origins))
    value = found[0][1] if found else spec[key]
    if common.json:
        listed = [{"value": v, "origin": str(o), "layer": o.layer} for o, v in found]
        show_json({"schema_version": SCHEMA_VERSION, "key": key, "value": value, "candidates": listed})
    elif origins:
        show([f"{'->' if number == 0 else '  '} {v}   {o} ({o.layer})" for number, (o, v) in enumerate(found)])
    else:
        show([clean(str(value))] if not isinstance(value, dict | list) else dump(value).splitlines())
    return 0


def validate(common: Common, profiles: Sequence[str]) -> int:
    """Checks every file and profile; touches no engine."""
    config = load(request(common), profiles, everything=not profiles)
    enforce(config)
    if common.json:
        show_json({"schema_version": SCHEMA_VERSION, "profiles": list(config.resolved), "errors": []})
        return 0
    for line in warning_lines(config.warnings):
        say(line)
    names = ", ".join(config.resolved) or "no profile is declared"
    show([f"{config.file.name}: all right ({names})"])
    return 0
