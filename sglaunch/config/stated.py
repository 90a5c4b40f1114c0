"""The spec that the keys of a profile make by themselves: nothing beneath them, no layer over them. Pure.

For containers that were not made from a file: what is read off them becomes a spec by the same stages as a profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.config.building import with_image
from sglaunch.config.document import dump, parse
from sglaunch.config.expansions import Surroundings
from sglaunch.config.files import PROJECT
from sglaunch.config.lint import lint
from sglaunch.config.merge import merge
from sglaunch.config.node import Problems
from sglaunch.config.profile import validate
from sglaunch.config.render import Context, render
from sglaunch.config.shorthand import lengthen
from sglaunch.config.shorthand_paths import Paths
from sglaunch.config.specify import default_name, specify
from sglaunch.errors import ConfigError
from sglaunch.spec.container import Wanted


def stated(keys: Mapping[str, Any], source: str, facts: Mapping[str, Any], env: Mapping[str, str], file: str) -> Wanted:
    """What the keys ask. `source` names them in problems, `facts` are those of the engine's machine and the profile,
    `env` holds the values of what they pass through. Raises ConfigError."""
    problems = Problems()
    text = parse(dump(dict(keys)), source, PROJECT, problems)
    if text is not None and text.is_map:
        paths = Paths(str(facts["home"]), str(facts["project_dir"]))
        long = lengthen(render(text, Context(facts, env), problems), paths, problems)
        merged = with_image(merge([long], problems), default_name(facts))
        profile = validate(merged, problems)
        if profile is not None and not problems.errors:
            wanted = specify(profile, merged, Surroundings(facts, env, file), problems)
            lint(wanted, merged, problems)
            if not problems.errors:
                return wanted
    raise ConfigError(problems.errors)
