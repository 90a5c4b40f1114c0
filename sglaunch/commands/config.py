"""`sglaunch config` and `validate`: the merged spec, where each value comes from, and whether all files are right."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from sglaunch.commands.asking import columns, show, show_json
from sglaunch.config.candidates import explain
from sglaunch.config.document import dump
from sglaunch.config.load import Config, Resolved, load
from sglaunch.config.profile import NOT_CARRIED, Profile
from sglaunch.config.suggest import nearest
from sglaunch.errors import UsageError
from sglaunch.plan.options import effect_of
from sglaunch.project import Common, enforce, load_config, request
from sglaunch.report.clean import clean
from sglaunch.report.data import config_data, spec_data
from sglaunch.report.explained import explained_data, explained_lines
from sglaunch.report.problems import SCHEMA_VERSION, warning_lines
from sglaunch.report.progress import say
from sglaunch.spec.columns import table


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
    narrow = room - 2 if (room := columns()) is not None else None
    for name, one in config.wanted.items():
        lines.append(f"{name}:")
        rows = [[path, f"{origin} ({origin.layer})"] for path, origin in sorted(one.origins.items())]
        lines += [f"  {line}" for line in table(rows, narrow)]
    return lines


def _one_key(common: Common, config: Config, profile: str, key: str, *, origins: bool) -> int:
    resolved = config.resolved[profile]
    found = explain(resolved, key, spec_data(resolved.wanted))
    if found is None:
        raise _unknown(profile, key, resolved)
    effect = effect_of(key)
    if common.json:
        show_json(explained_data(key, found, effect))
    elif origins:
        show(explained_lines(key, found, effect, columns()))
    else:
        value = found.value
        plain = value if isinstance(value, str) else json.dumps(value)
        show([clean(plain)] if not isinstance(value, dict | list) else dump(value).splitlines())
    return 0


def _unknown(profile: str, key: str, resolved: Resolved) -> UsageError:
    """A key that nobody knows, or an entry that nothing has."""
    first = re.split(r"[.\[]", key, maxsplit=1)[0]
    if first in NOT_CARRIED:
        return UsageError(f"{first} is not carried by sglaunch", NOT_CARRIED[first])
    known = {*Profile.model_fields, *resolved.wanted.origins}
    hint = nearest(key, known) or (nearest(first, Profile.model_fields) if first not in Profile.model_fields else "")
    if hint or first in Profile.model_fields:
        return UsageError(
            f"{profile} has no value {key!r}", hint or f"`sglaunch config {profile} {first}` shows what it has"
        )
    return UsageError(f"{profile} has no value {key!r}", "docs/reference.md lists the keys")


def validate(common: Common, profiles: Sequence[str]) -> int:
    """Checks every file and profile; touches no engine."""
    config = load(request(common), profiles, everything=not profiles)
    enforce(config, common)
    if common.json:
        show_json({"schema_version": SCHEMA_VERSION, "profiles": list(config.resolved), "errors": []})
        return 0
    for line in warning_lines(config.warnings):
        say(line)
    names = ", ".join(config.resolved) or "no profile is declared"
    show([f"{config.file.name}: all right ({names})"])
    return 0
