"""`sglaunch shell`, `exec`, `attach`, `logs`: into a container by the engine's own program."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from sglaunch.commands import trust
from sglaunch.commands.asking import warn_of_engine
from sglaunch.engine.client import EngineClient
from sglaunch.engine.observe import observe
from sglaunch.errors import UsageError
from sglaunch.pipeline import Run, mine
from sglaunch.plan.observation import ObservedContainer, secret_values
from sglaunch.project import Common, connect, load_config, project_of
from sglaunch.recall import witness
from sglaunch.report.clean import clean_log
from sglaunch.report.progress import moves, say
from sglaunch.spec.container import Settings
from sglaunch.spec.values import masked

# Ctrl-P, the engines' default, is how a shell walks its history; this one nothing uses twice in a row.
DETACH_KEYS = "ctrl-@,ctrl-@"
_FALLBACKS = ("bash", "sh")
_FIND_SHELL = (
    'quiet=$1; shift; wanted=$1; for s in "$@"; do if command -v "$s" >/dev/null 2>&1; then '
    '[ "$s" = "$wanted" ] || [ "$quiet" = 1 ] || echo "sglaunch: this image has no $wanted; this is $s" >&2; '
    'exec "$s"; fi; done; exec sh'
)


def find(common: Common, profile: str, *, reading: bool = False) -> tuple[Run, ObservedContainer]:
    """The project and the container of a profile, running unless it is only read: what `code` is about, too."""
    config = load_config(common, [profile])
    engine = connect(common, config.engine, config.file)
    warn_of_engine(common, engine)
    project = project_of(config, engine)
    container = mine(observe(engine, project.name), project, profile, reading=reading)
    return Run(config, engine, project, list(config.wanted.values())), container


def shell(common: Common, profile: str) -> int:
    """The profile's shell in its running container; the status is the shell's."""
    run, container = find(common, profile)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        hint = f"`sglaunch exec {profile} -- COMMAND` needs none"
        raise UsageError("a shell needs a terminal", hint)
    trust.require(run.config)
    return enter_shell(run.engine, container.name, run.config.wanted[profile].settings)


def enter_shell(engine: EngineClient, container: str, settings: Settings) -> int:
    """Becomes the engine's `exec -it`. A shell of one word may be missing in the image: the next best serves."""
    keys = _detach_keys(engine)
    say(f"entering {container}; `exit` leaves it running{' (Ctrl-@ Ctrl-@ detaches)' if keys else ''}")
    if len(settings.shell) > 1:
        words = list(settings.shell)
    else:
        candidates = dict.fromkeys([settings.shell[0], *_FALLBACKS])
        quiet = "1" if settings.fallback_shell else "0"
        words = ["sh", "-c", _FIND_SHELL, "sh", quiet, *candidates]
    return engine.exec_("-it", *keys, container, *words)


def _detach_keys(engine: EngineClient) -> list[str]:
    """Keys that leave a shell and are nobody's history, where they can be chosen."""
    return ["--detach-keys", DETACH_KEYS] if engine.capabilities.detach_keys else []


def exec_(common: Common, profile: str, command: Sequence[str]) -> int:
    """A command in the running container; the status is the command's."""
    if not command:
        raise UsageError("no command to run", f"`sglaunch exec {profile} -- COMMAND`")
    run, container = find(common, profile)
    terminal = ["-t", *_detach_keys(run.engine)] if sys.stdin.isatty() and sys.stdout.isatty() else []
    return run.engine.exec_("-i", *terminal, container.name, *command)


def attach(common: Common, profile: str) -> int:
    """The main process itself. Where it has no terminal of its own, Ctrl-C leaves instead of stopping it."""
    run, container = find(common, profile)
    if not sys.stdout.isatty():
        raise UsageError("attach needs a terminal", f"`sglaunch logs -f {profile}` needs none")
    if not run.engine.capabilities.attaches:
        hint = f"`sglaunch logs -f {profile}` shows what it writes, `sglaunch shell {profile}` enters it"
        raise UsageError(f"{run.engine.capabilities} cannot attach to what it started detached", hint)
    if run.config.wanted[profile].spec.tty:
        say(f"attached to {container.name}; Ctrl-@ Ctrl-@ detaches, Ctrl-C goes to the process")
        run.engine.cli.become("attach", "--detach-keys", DETACH_KEYS, container.name)
    say(f"attached to {container.name}; Ctrl-C leaves, and it runs on")
    # What it writes from now on is all that an attach without a terminal shows; docker 28's leaves at the third Ctrl-C.
    run.engine.cli.become("logs", "--follow", "--tail", "0", container.name)
    return 0


def logs(common: Common, profile: str, *, follow: bool = False, tail: str | None = None) -> int:
    """The container's log, without what could move the cursor of who reads it."""
    run, container = find(common, profile, reading=True)
    words = ["logs", *(["--follow"] if follow else []), *(["--tail", tail] if tail else []), container.name]
    plain = common.plain or not moves(witness.env("TERM")) or witness.env("NO_COLOR")
    colour = sys.stdout.isatty() and not plain
    values = secret_values(container)
    with contextlib.closing(run.engine.cli.stream(*words)) as lines:
        for line in lines:
            sys.stdout.write(clean_log(masked(line, values), colour=colour))
            sys.stdout.flush()
    return 0
