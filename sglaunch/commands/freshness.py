"""`sglaunch outdated` and `lock`: what the registries have, asked without pulling."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sglaunch.commands.asking import show, show_json
from sglaunch.config.lockfile import LOCK_FILE, write_lock
from sglaunch.engine.freshness import ask, platforms
from sglaunch.errors import EngineError, Failure
from sglaunch.pipeline import Run, prepare
from sglaunch.plan.freshness import Freshness, Remote, freshness
from sglaunch.plan.observation import Observation
from sglaunch.project import Common, load_config
from sglaunch.report.clean import clean
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.report.progress import say
from sglaunch.spec.container import Wanted

FOUND_OLD = 3


def outdated(common: Common, profiles: Sequence[str]) -> int:
    """Says which images are behind; status 3 when one is."""
    prepared = prepare(common, profiles)
    seen = prepared.observe()
    tags = [prepared.config.wanted[one.profile] for one in prepared.wanted]
    with ThreadPoolExecutor() as pool:
        remotes = list(pool.map(lambda one: _asked(one, prepared, seen), tags))
    asked = zip(prepared.wanted, remotes, tags, strict=True)
    found = [freshness(one, seen, remote, tag.spec.image) for one, remote, tag in asked]
    if common.json:
        show_json({"schema_version": SCHEMA_VERSION, "images": [_data(one) for one in found]})
    else:
        show([clean(line) for one in found for line in _lines(one)])
    problems = [one.problem for one in found if one.problem]
    if any(one.is_old for one in found):
        return FOUND_OLD
    if problems:
        raise EngineError(Failure("registry", "; ".join(dict.fromkeys(problems)), "try again, or see registry_mirrors"))
    return 0


def _asked(one: Wanted, prepared: Run, seen: Observation) -> Remote | None:
    if one.build is not None:
        return None
    here = next((each.spec.image for each in prepared.wanted if each.profile == one.profile), one.spec.image)
    return ask(one, seen.local.get(here), prepared.engine.capabilities.platform)


def _data(one: Freshness) -> dict[str, object]:
    return {
        "profile": one.profile,
        "image": one.image,
        "old": list(one.old),
        "newer": one.newer or None,
        "next": list(one.next),
        "problem": one.problem or None,
    }


def _lines(one: Freshness) -> list[str]:
    lines = [f"{one.profile}  {text}; `{todo}`" for text, todo in zip(one.old, one.next, strict=True)]
    if one.newer:
        lines.append(f"{one.profile}  {one.image}: a newer release is {one.newer}")
    if one.problem:
        lines.append(f"{one.profile}  {one.image}: {one.problem}")
    return lines or [f"{one.profile}  {one.image} is up to date"]


def lock(common: Common, profiles: Sequence[str]) -> int:
    """Writes what each tag names now, for every platform it is for; other profiles' pins stay when some are named."""
    config = load_config(common, profiles)
    wanted = [one for one in config.wanted.values() if _can_be_pinned(one)]
    with ThreadPoolExecutor() as pool:
        found = dict(zip([one.profile for one in wanted], pool.map(platforms, wanted), strict=True))
    kept = {name: pins for name, pins in config.pins.items() if profiles and name in config.names}
    for one in config.wanted.values():
        kept.pop(one.profile, None)
    pins = {**kept, **{one.profile: {one.spec.image: found[one.profile]} for one in wanted}}
    path = config.folder / LOCK_FILE
    _write(path, write_lock(pins))
    if common.json:
        show_json({"schema_version": SCHEMA_VERSION, "file": str(path), "profiles": pins})
    else:
        show([f"{one.profile}  {one.spec.image}  {', '.join(sorted(found[one.profile]))}" for one in wanted])
        for one in config.wanted.values():
            if one not in wanted:
                why = "is built here" if one.build is not None else "names a digest"
                say(f"{one.profile}: not in it: its image {why}")
        say(f"wrote {LOCK_FILE}")
    return 0


def _can_be_pinned(one: Wanted) -> bool:
    return one.build is None and "@" not in one.spec.image


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        raise EngineError(
            Failure("folder", f"{path} cannot be written: {error.strerror}", "check its folder")
        ) from None
