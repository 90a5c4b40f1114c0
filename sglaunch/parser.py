"""The commands and their options, as argparse sees them. cli.py makes keywords of what is parsed."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from sglaunch.errors import UsageError

_EPILOG = """exit status: 0 done; 1 the engine or the container failed; 2 usage or
configuration error, nothing touched; 3 consent needed and not given, or a check
found something; 4 refused: policy, trust, or not ours; 130 interrupted.
exec, shell and an attached up: the command's own.
"""
HELP = "help"
"""A word for --help, as git, docker and kubectl have it."""
Command = Callable[[argparse.Namespace], int]
_AddVerb = Callable[[str, str, str], argparse.ArgumentParser]


class Parser(argparse.ArgumentParser):
    """Errors are ours, so that they have one form and one boundary."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see `{self.prog} --help`")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """A word that is no command gets the nearest one, instead of them all."""
        if action.nargs != argparse.PARSER or action.choices is None or value in action.choices:
            super()._check_value(action, value)
            return
        from difflib import get_close_matches

        near = get_close_matches(value, [HELP, *action.choices], 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"unknown command {value!r}", f"{meant}see `{self.prog} --help`")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """What a command does not know is told by the command, whose help says what it does."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


class _Untyped(Parser):
    """Of a command that was not typed: nobody reads its options."""

    def __init__(self) -> None:
        """It has none."""

    def add_argument(self, *_: Any, **__: Any) -> Any:
        """Takes no note of it."""

    def add_mutually_exclusive_group(self, **_: Any) -> Any:
        return self


def spelled_out(words: Sequence[str]) -> Sequence[str]:
    """`help up` as `up --help`, `help` alone as `--help`; other words as they are."""
    if not words or words[0] != HELP:
        return words
    return [*(word for word in words[1:2] if word != HELP), "--help"]


def build(commands: Mapping[str, Command], typed: str = "") -> Parser:
    """The parser of every command; `commands` are called with what was parsed.

    `typed`: the first word, if it is known. Where it is a command, the options of that one alone are made.
    """
    alone = typed if typed in commands and not typed.startswith("-") else ""
    shared, for_logs = _shared_options("-f"), _shared_options()
    parser = Parser(
        prog="sglaunch",
        description="Containers for SGLang, declared in checked-in files.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument(
        "--version", action="store_const", const=commands["--version"], dest="command", help="print the version"
    )
    verbs, untyped = parser.add_subparsers(metavar="COMMAND", parser_class=Parser), _Untyped()

    def verb(name: str, summary: str, example: str) -> argparse.ArgumentParser:
        if alone not in ("", name):
            return untyped
        made = verbs.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[for_logs if name == "logs" else shared],
        )
        made.set_defaults(command=commands[name])
        return made

    _making_verbs(verb)
    _entering_verbs(verb)
    _image_verbs(verb)
    _looking_verbs(verb)
    _editor_verbs(verb)
    return parser


def _making_verbs(verb: _AddVerb) -> None:
    verb("init", "write a commented sglaunch.yaml for this folder", "sglaunch init")
    _import(verb)
    up = verb("up", "make it so: create, start, update or recreate; then enter the shell", "sglaunch up dev")
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
    up.add_argument("--build", action="store_true", help="build the images of profiles that have build, anew")
    _frozen(up)
    _overrides(up)
    _dry_run(up)
    adopt = verb("adopt", "take a running container under management as it is", "sglaunch adopt my-box --as dev")
    adopt.add_argument("container", metavar="CONTAINER", help="its name or id")
    adopt.add_argument(
        "--as", dest="profile", metavar="PROFILE", help="the profile it is of; one is written if need be"
    )
    for name, summary, count in (
        ("down", "stop and remove what this project runs", "*"),
        ("rm", "stop and remove the containers of the named profiles", "+"),
        ("start", "start stopped containers as they are", "+"),
        ("stop", "stop containers and keep them", "+"),
        ("restart", "stop and start; edits are not applied", "+"),
    ):
        made = verb(name, summary, f"sglaunch {name} dev")
        _profiles(made, count)
        _dry_run(made)
        _acting(made)


def _import(verb: _AddVerb) -> None:
    summary = "a docker run command, a compose file or a container as a profile"
    made = verb("import", summary, "sglaunch import 'docker run ...' --as web --write")
    source = "the command in quotes, a file, or - for stdin; or the words of the command after --"
    made.add_argument("sources", nargs="*", metavar="SOURCE", help=source)
    made.add_argument("--as", dest="name", metavar="NAME", default="", help="the profile's name")
    what = "only this service of a compose file; may be given several times"
    made.add_argument("--service", action="append", default=[], metavar="SERVICE", help=what)
    made.add_argument("--container", metavar="CONTAINER", default="", help="a container of the engine, instead")
    made.add_argument("--write", action="store_true", help="put it into sglaunch.yaml, after showing the difference")


def _image_verbs(verb: _AddVerb) -> None:
    for name, summary in (
        ("pull", "pull the images of the profiles"),
        ("build", "build the images of the profiles that have build"),
        ("push", "push the images of the profiles that have build, with their tags"),
    ):
        made = verb(name, summary, f"sglaunch {name} dev")
        _profiles(made, "*")
        _dry_run(made)
    verb("images", "list the images of this project: used, built, snapshots", "sglaunch images")
    outdated = verb(
        "outdated", "ask the registries what is behind; exit status 3 when something is", "sglaunch outdated"
    )
    _profiles(outdated, "*")
    _profiles(verb("lock", "write sglaunch.lock: the digest of each image, for up to take", "sglaunch lock"), "*")
    prune = verb("prune", "remove images this project built and nobody uses", "sglaunch prune")
    prune.add_argument("images", nargs="*", metavar="IMAGE", help="these instead, such as a snapshot")
    _dry_run(prune)


def _entering_verbs(verb: _AddVerb) -> None:
    _profiles(verb("shell", "a shell in the running container", "sglaunch shell dev"), None)
    run = verb("exec", "run a command in the running container", "sglaunch exec dev -- python3 -V")
    _profiles(run, None)
    run.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command and its arguments")
    _profiles(verb("attach", "attach to the main process", "sglaunch attach dev"), None)
    logs = verb("logs", "show the log of a container", "sglaunch logs -f -n 100 server")
    _profiles(logs, None)
    logs.add_argument("-f", "--follow", action="store_true", help="go on as it grows")
    logs.add_argument("-n", "--tail", type=_count, metavar="N", help="only the last N lines")


def _looking_verbs(verb: _AddVerb) -> None:
    plan = verb("plan", "what up would do, and which line says so", "sglaunch plan --check")
    _profiles(plan, "*")
    plan.add_argument("--check", action="store_true", help="exit status 3 when something is pending")
    _frozen(plan)
    _overrides(plan)
    ps = verb("ps", "list this project's containers", "sglaunch ps -a")
    ps.add_argument("-a", "--all", action="store_true", help="those that do not run, too")
    ps.add_argument("--all-projects", action="store_true", help="every project and owner on this engine")
    wait = verb("wait", "wait until a running server answers", "sglaunch wait server")
    _profiles(wait, "*")
    _wait_timeout(wait)
    gpus = verb("gpus", "who holds which GPU of this machine", "sglaunch gpus --watch")
    gpus.add_argument("--watch", action="store_true", help="again every two seconds, until Ctrl-C")
    doctor = verb("doctor", "tell what of this machine stands in the way, each with its fix", "sglaunch doctor server")
    doctor.add_argument("profile", nargs="?", metavar="PROFILE", help="what this one needs, too")
    verb("trust", "agree to what this project's files ask of the host", "sglaunch trust")
    config = verb("config", "print the merged spec", "sglaunch config dev image --origins")
    config.add_argument("profile", nargs="?", metavar="PROFILE")
    config.add_argument("key", nargs="?", metavar="KEY", help="a path such as server.args.tp")
    config.add_argument("--origins", action="store_true", help="file, line and layer of each value")
    _overrides(config)
    export = verb(
        "export", "write profiles in other words: a shell line, Compose, Kubernetes", "sglaunch export run dev"
    )
    export.add_argument("format", choices=("run", "compose", "kubernetes"), help="what to write")
    _profiles(export, "+")
    _overrides(export)
    validate = verb("validate", "check every file and profile", "sglaunch validate")
    _profiles(validate, "*")
    _overrides(validate)


def _editor_verbs(verb: _AddVerb) -> None:
    schema = verb("schema", "print the JSON Schema of a file, for editors", "sglaunch schema > .sglaunch.schema.json")
    kinds = ("project", "profile", "site", "personal", "local")
    schema.add_argument("kind", nargs="?", choices=kinds, default="project", help="of which file (project)")
    completion = verb(
        "completion", "print what makes a shell complete sglaunch", 'eval "$(sglaunch completion bash)"   in ~/.bashrc'
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))
    code = verb("code", "open the running container in VS Code, or print its address", "sglaunch code dev")
    _profiles(code, None)
    code.add_argument("--print", action="store_true", help="print the address, and open nothing")
    code.add_argument("--host", metavar="HOST", help="what your own ssh config calls the machine of the container")


def _shared_options(*file_flags: str) -> Parser:
    """Valid before and after the command. SUPPRESS keeps one place from resetting what the other set.

    After `logs`, -f is --follow, as with docker; `file_flags` leaves it out there.
    """
    shared = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = shared.add_argument_group("options of every command")
    group.add_argument("-C", dest="directory", metavar="DIR", help="as if started in DIR")
    group.add_argument(*file_flags, "--file", dest="file", metavar="FILE", help="the project file")
    group.add_argument("--engine", metavar="NAME", help="auto, docker, podman or nerdctl")
    group.add_argument("--context", metavar="NAME", help="docker context")
    group.add_argument("--json", action="store_true", help="the answer as one JSON document")
    group.add_argument("--yes", action="store_true", help="agree to recreate and remove")
    group.add_argument("--plain", action="store_true", help="no moving lines and no colours, as with TERM=dumb")
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


def _frozen(parser: argparse.ArgumentParser) -> None:
    what = "refuse where sglaunch.lock says nothing of an image, or something else than the files"
    parser.add_argument("--frozen", action="store_true", help=what)


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
