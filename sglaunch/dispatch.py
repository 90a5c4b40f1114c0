"""What each command word does: the keywords of a command, made of what was parsed.

A command is imported when it runs, so that `--help` and a typing error cost nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sglaunch.errors import UsageError
from sglaunch.parser import Command

if TYPE_CHECKING:
    from sglaunch.project import Common


def _acted(parsed: argparse.Namespace) -> dict[str, Any]:
    """The keywords of a verb that acts; what was not said is the verb's own default."""
    timeout = {} if parsed.lock_timeout is None else {"lock_timeout": parsed.lock_timeout}
    return {"dry_run": parsed.dry_run, "snapshot": parsed.snapshot, **timeout}


def _common(parsed: argparse.Namespace) -> Common:
    from sglaunch.project import Common

    given = vars(parsed)
    image = [f"image={given['image']}"] if given.get("image") else []
    return Common(
        directory=Path(given.get("directory", ".")).expanduser().absolute(),
        file=given.get("file"),
        engine=given.get("engine"),
        context=given.get("context"),
        json=given.get("json", False),
        yes=given.get("yes", False),
        quiet=given.get("quiet", False),
        plain=given.get("plain", False),
        overrides=(*given.get("set", ()), *image),
    )


def _version(_: argparse.Namespace) -> int:
    from importlib.metadata import version

    sys.stdout.write(f"sglaunch {version('sglaunch')}\n")
    return 0


def _init(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import init

    return init.run(_common(parsed))


def _import(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import import_

    if parsed.container:
        if parsed.sources or parsed.service:
            raise UsageError("--container is a source itself", "name one source")
        return import_.container(_common(parsed), parsed.container, name=parsed.name, write=parsed.write)
    return import_.run(_common(parsed), parsed.sources, name=parsed.name, write=parsed.write, services=parsed.service)


def _up(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import up
    from sglaunch.plan.choices import Choices

    choices = Choices(
        force_recreate=parsed.force_recreate,
        no_recreate=parsed.no_recreate,
        start=not parsed.no_start,
        wait=not parsed.no_wait,
        remove_orphans=parsed.remove_orphans,
        build=parsed.build,
    )
    attach = not parsed.no_attach
    return up.run(
        _common(parsed),
        parsed.profiles,
        choices,
        attach=attach,
        pull=parsed.pull,
        frozen=parsed.frozen,
        wait_timeout=parsed.wait_timeout,
        wait_gpus=parsed.wait_gpus,
        **_acted(parsed),
    )


def _adopt(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import adopt

    return adopt.run(_common(parsed), parsed.container, parsed.profile)


def _down(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import down

    return down.run(_common(parsed), parsed.profiles, **_acted(parsed))


def _plan(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import plan
    from sglaunch.plan.choices import Choices

    return plan.run(_common(parsed), parsed.profiles, Choices(), check=parsed.check, frozen=parsed.frozen)


def _ps(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import ps

    return ps.run(_common(parsed), everything=parsed.all, all_projects=parsed.all_projects)


def _shell(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import enter

    return enter.shell(_common(parsed), parsed.profile)


def _exec(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import enter

    words = parsed.words[1:] if parsed.words[:1] == ["--"] else parsed.words
    return enter.exec_(_common(parsed), parsed.profile, words)


def _attach(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import enter

    return enter.attach(_common(parsed), parsed.profile)


def _logs(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import enter

    return enter.logs(_common(parsed), parsed.profile, follow=parsed.follow, tail=parsed.tail)


def _lifecycle(verb: str) -> Command:
    def command(parsed: argparse.Namespace) -> int:
        from sglaunch.commands import lifecycle

        return lifecycle.run(_common(parsed), verb, parsed.profiles, **_acted(parsed))

    return command


def _config(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import config

    return config.run(_common(parsed), parsed.profile, parsed.key, origins=parsed.origins)


def _export(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import export

    return export.run(_common(parsed), parsed.format, parsed.profiles)


def _schema(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import schema

    return schema.run(parsed.kind)


def _completion(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import completion

    return completion.run(parsed.shell)


def _code(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import code

    return code.run(_common(parsed), parsed.profile, only_print=parsed.print, host=parsed.host)


def _validate(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import config

    return config.validate(_common(parsed), parsed.profiles)


def _transfer(verb: str) -> Command:
    def command(parsed: argparse.Namespace) -> int:
        from sglaunch.commands import images

        verbs = {"pull": images.pull, "build": images.build, "push": images.push}
        return verbs[verb](_common(parsed), parsed.profiles, dry_run=parsed.dry_run)

    return command


def _images(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import images

    return images.images(_common(parsed))


def _prune(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import images

    return images.prune(_common(parsed), parsed.images, dry_run=parsed.dry_run)


def _outdated(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import freshness

    return freshness.outdated(_common(parsed), parsed.profiles)


def _lock(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import freshness

    return freshness.lock(_common(parsed), parsed.profiles)


def _wait(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import wait

    return wait.run(_common(parsed), parsed.profiles, timeout=parsed.wait_timeout)


def _gpus(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import gpus

    return gpus.run(_common(parsed), watch=parsed.watch)


def _doctor(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import doctor

    return doctor.run(_common(parsed), parsed.profile)


def _trust(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import trust

    return trust.run(_common(parsed))


COMMANDS: Mapping[str, Command] = {
    "--version": _version,
    "rm": _down,
    "init": _init,
    "import": _import,
    "up": _up,
    "adopt": _adopt,
    "down": _down,
    "plan": _plan,
    "ps": _ps,
    "shell": _shell,
    "exec": _exec,
    "attach": _attach,
    "logs": _logs,
    "config": _config,
    "export": _export,
    "validate": _validate,
    "schema": _schema,
    "completion": _completion,
    "code": _code,
    "images": _images,
    "prune": _prune,
    "outdated": _outdated,
    "lock": _lock,
    "wait": _wait,
    "gpus": _gpus,
    "doctor": _doctor,
    "trust": _trust,
    **{verb: _transfer(verb) for verb in ("pull", "build", "push")},
    **{verb: _lifecycle(verb) for verb in ("start", "stop", "restart")},
}
"""What each command word does."""
