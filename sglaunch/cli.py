"""The parser, the options every command shares, the error boundary and the exit status.

Only this module sees the parser: parsed arguments end here as plain keywords of a command. Commands are imported when
they run, so that `--help` and a typing error cost nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sglaunch.errors import SglaunchError, UsageError

if TYPE_CHECKING:
    from sglaunch.pipeline import Common

_EPILOG = """exit status: 0 done; 1 the engine or the container failed; 2 usage or configuration error, nothing touched;
3 consent needed and not given, or a check found something; 4 refused: policy, trust, or not ours; 130 interrupted.
exec, shell and an attached up: the command's own.
"""
Command = Callable[[argparse.Namespace], int]
_AddVerb = Callable[[str, str, str, Command], argparse.ArgumentParser]


class _Parser(argparse.ArgumentParser):
    """Errors are ours, so that they have one form and one boundary."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see `{self.prog} --help`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; every exception ends here."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for name in (signal.SIGTERM, signal.SIGHUP):
        # What a killed terminal or a service manager sends is taken back as Ctrl-C is.
        # nohup has SIGHUP ignored, and only the main thread may set a handler.
        with contextlib.suppress(ValueError):
            if signal.getsignal(name) is signal.SIG_DFL:
                signal.signal(name, signal.default_int_handler)
    wants_json = "--json" in (words[: words.index("--")] if "--" in words else words)
    try:
        try:
            status = _dispatch(words)
            sys.stdout.flush()
        except SglaunchError as error:
            return _report(error, wants_json)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; Python would complain of it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _bug(error)
    return status


def _dispatch(words: Sequence[str]) -> int:
    parsed = _parser().parse_args(words)
    command: Command | None = getattr(parsed, "command", None)
    if getattr(parsed, "verbose", False):
        from sglaunch.commands.asking import tell_calls

        tell_calls()
    if command is None:
        _parser().print_help()
        return UsageError.status
    return command(parsed)


def _parser() -> _Parser:
    shared, for_logs = _shared_options("-f"), _shared_options()
    parser = _Parser(
        prog="sglaunch",
        description="Containers for SGLang, declared in checked-in files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("--version", action="store_const", const=_version, dest="command", help="print the version")
    verbs = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)

    def verb(name: str, summary: str, example: str, command: Command) -> argparse.ArgumentParser:
        made = verbs.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[for_logs if name == "logs" else shared],
        )
        made.set_defaults(command=command)
        return made

    _making_verbs(verb)
    _entering_verbs(verb)
    _looking_verbs(verb)
    return parser


def _making_verbs(verb: _AddVerb) -> None:
    verb("init", "write a commented sglaunch.yaml for this folder", "sglaunch init", _init)
    up = verb("up", "make it so: create, start, update or recreate; then enter the shell", "sglaunch up dev", _up)
    _profiles(up, "*")
    up.add_argument("-d", "--no-attach", action="store_true", help="do not enter the shell")
    up.add_argument("--no-start", action="store_true", help="create, and leave it stopped")
    recreate = up.add_mutually_exclusive_group()
    recreate.add_argument("--force-recreate", action="store_true", help="a new container though nothing changed")
    recreate.add_argument("--no-recreate", action="store_true", help="keep what is there; tell what is pending")
    up.add_argument("--remove-orphans", action="store_true", help="remove containers whose profile is gone")
    _acting(up)
    up.add_argument("--no-wait", action="store_true", help="return before a server answers")
    _wait_timeout(up)
    up.add_argument("--wait-gpus", action="store_true", help="where too few GPUs are free, wait until there are enough")
    up.add_argument("--pull", choices=("always", "missing", "never"), help="instead of each profile's pull_policy")
    _overrides(up)
    _dry_run(up)
    for name, summary, count, command in (
        ("down", "stop and remove what this project runs", "*", _down),
        ("rm", "stop and remove the containers of the named profiles", "+", _down),
        ("start", "start stopped containers as they are", "+", _lifecycle("start")),
        ("stop", "stop containers and keep them", "+", _lifecycle("stop")),
        ("restart", "stop and start; edits are not applied", "+", _lifecycle("restart")),
        ("pull", "pull the images of the profiles", "*", _pull),
    ):
        made = verb(name, summary, f"sglaunch {name} dev", command)
        _profiles(made, count)
        _dry_run(made)
        if name != "pull":
            _acting(made)


def _entering_verbs(verb: _AddVerb) -> None:
    _profiles(verb("shell", "a shell in the running container", "sglaunch shell dev", _shell), None)
    run = verb("exec", "run a command in the running container", "sglaunch exec dev -- python3 -V", _exec)
    _profiles(run, None)
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")
    _profiles(verb("attach", "attach to the main process", "sglaunch attach dev", _attach), None)
    logs = verb("logs", "show the log of a container", "sglaunch logs -f -n 100 server", _logs)
    _profiles(logs, None)
    logs.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    logs.add_argument("-n", "--tail", type=_count, metavar="N", help="only the last N lines")


def _looking_verbs(verb: _AddVerb) -> None:
    plan = verb("plan", "what up would do, and which line says so", "sglaunch plan --check", _plan)
    _profiles(plan, "*")
    plan.add_argument("--check", action="store_true", help="exit status 3 when something is pending")
    _overrides(plan)
    ps = verb("ps", "list this project's containers", "sglaunch ps -a", _ps)
    ps.add_argument("-a", "--all", action="store_true", help="those that do not run, too")
    ps.add_argument("--all-projects", action="store_true", help="every project and owner on this engine")
    wait = verb("wait", "wait until a running server answers", "sglaunch wait server", _wait)
    _profiles(wait, "*")
    _wait_timeout(wait)
    gpus = verb("gpus", "who holds which GPU of this machine", "sglaunch gpus --watch", _gpus)
    gpus.add_argument("--watch", action="store_true", help="again every two seconds, until Ctrl-C")
    verb("trust", "agree to what this project's files ask of the host", "sglaunch trust", _trust)
    verb("images", "list the snapshots of this project's containers", "sglaunch images", _images)
    config = verb("config", "print the merged spec", "sglaunch config dev image --origins", _config)
    config.add_argument("profile", nargs="?", metavar="PROFILE")
    config.add_argument("key", nargs="?", metavar="KEY", help="a path such as server.args.tp")
    config.add_argument("--origins", action="store_true", help="file, line and layer of each value")
    _overrides(config)
    validate = verb("validate", "check every file and profile", "sglaunch validate", _validate)
    _profiles(validate, "*")
    _overrides(validate)


def _shared_options(*file_flags: str) -> _Parser:
    """Valid before and after the command. SUPPRESS keeps one place from resetting what the other set.

    After `logs`, -f is --follow, as with docker; `file_flags` leaves it out there.
    """
    shared = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = shared.add_argument_group("options of every command")
    group.add_argument("-C", dest="directory", metavar="DIR", help="as if started in DIR")
    group.add_argument(*file_flags, "--file", dest="file", metavar="FILE", help="the project file")
    group.add_argument("--engine", metavar="NAME", help="auto or docker")
    group.add_argument("--context", metavar="NAME", help="docker context")
    group.add_argument("--json", action="store_true", help="the answer as one JSON document")
    group.add_argument("--yes", action="store_true", help="agree to recreate and remove")
    group.add_argument("--quiet", action="store_true", help="no progress")
    group.add_argument("--verbose", action="store_true", help="each engine command line, secrets masked")
    return shared


def _profiles(parser: argparse.ArgumentParser, count: str | None) -> None:
    if count is None:
        parser.add_argument("profile", metavar="PROFILE")
    else:
        parser.add_argument("profiles", nargs=count, metavar="PROFILE")


def _overrides(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="e.g. environment.A=1")
    parser.add_argument("--image", metavar="IMAGE", help="the same as --set image=IMAGE")


def _acting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--snapshot", action="store_true", help="save what would be lost as an image first, and go on")
    wait = "how long to wait for another sglaunch (300)"
    parser.add_argument("--lock-timeout", type=_seconds, metavar="SECONDS", help=wait)


def _dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="print the plan and change nothing")


def _count(text: str) -> str:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of lines")
    return text


def _wait_timeout(parser: argparse.ArgumentParser) -> None:
    what = "how long to wait for an answer, instead of each profile's own limit"
    parser.add_argument("--wait-timeout", type=_seconds, metavar="SECONDS", help=what)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return seconds


def _acted(parsed: argparse.Namespace) -> dict[str, Any]:
    """The keywords of a verb that acts; what was not said is the verb's own default."""
    timeout = {} if parsed.lock_timeout is None else {"lock_timeout": parsed.lock_timeout}
    return {"dry_run": parsed.dry_run, "snapshot": parsed.snapshot, **timeout}


def _common(parsed: argparse.Namespace) -> Common:
    from sglaunch.pipeline import Common

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
        overrides=(*given.get("set", ()), *image),
    )


def _version(_: argparse.Namespace) -> int:
    from importlib.metadata import version

    sys.stdout.write(f"sglaunch {version('sglaunch')}\n")
    return 0


def _init(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import init

    return init.run(_common(parsed))


def _up(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import up
    from sglaunch.plan.choices import Choices

    choices = Choices(
        force_recreate=parsed.force_recreate,
        no_recreate=parsed.no_recreate,
        start=not parsed.no_start,
        wait=not parsed.no_wait,
        remove_orphans=parsed.remove_orphans,
    )
    attach = not parsed.no_attach
    return up.run(
        _common(parsed),
        parsed.profiles,
        choices,
        attach=attach,
        pull=parsed.pull,
        wait_timeout=parsed.wait_timeout,
        wait_gpus=parsed.wait_gpus,
        **_acted(parsed),
    )


def _down(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import down

    return down.run(_common(parsed), parsed.profiles, **_acted(parsed))


def _plan(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import plan
    from sglaunch.plan.choices import Choices

    return plan.run(_common(parsed), parsed.profiles, Choices(), check=parsed.check)


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


def _validate(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import config

    return config.validate(_common(parsed), parsed.profiles)


def _pull(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import images

    return images.pull(_common(parsed), parsed.profiles, dry_run=parsed.dry_run)


def _images(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import images

    return images.snapshots(_common(parsed))


def _wait(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import wait

    return wait.run(_common(parsed), parsed.profiles, timeout=parsed.wait_timeout)


def _gpus(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import gpus

    return gpus.run(_common(parsed), watch=parsed.watch)


def _trust(parsed: argparse.Namespace) -> int:
    from sglaunch.commands import trust

    return trust.run(_common(parsed))


def _report(error: SglaunchError, wants_json: bool) -> int:
    """An error as text on stderr, or as the JSON answer on stdout."""
    import json

    from sglaunch.report.problems import error_lines, errors_data

    if wants_json:
        sys.stdout.write(json.dumps(errors_data(error), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write("\n".join(error_lines(error)) + "\n")
    return error.status


def _bug(error: Exception) -> int:
    """Versions and traceback go to a file that only the user can read; the terminal names it."""
    from sglaunch.report.bug import write

    where = write(error)
    kept = f"please report it with {where}" if where else "and its report could not be written"
    sys.stderr.write(f"sglaunch has a bug: {type(error).__name__}; {kept}\n")
    return SglaunchError.status
