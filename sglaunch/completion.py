"""What a shell offers when somebody presses TAB. The only user of argcomplete.

The shell runs `sglaunch` itself for it, so every heavy library stays out, files are read at a glance, and an engine has
a second to answer. Nothing is ever printed but completions.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from argcomplete import autocomplete
from argcomplete.completers import DirectoriesCompleter, FilesCompleter, SuppressCompleter
from argcomplete.shell_integration import shellcode

from sglaunch.glance import profiles

SHELLS = ("bash", "zsh", "fish")
# As engine/detect and project have them; to import those would take longer than a person waits.
# A test holds them equal.
ENGINES = ("docker", "nerdctl", "podman")
ENGINE_VARIABLE = "SGLAUNCH_ENGINE"
ENGINE_SECONDS = 1.0
# Where completions are set up before zsh's own start.
_ZSH_START = "whence compdef >/dev/null || { autoload -Uz compinit && compinit -i; }\n"

Completer = Callable[..., Iterable[str]]


def script(shell: str) -> str:
    """What a start-up file of a shell evaluates; `shell` is one of SHELLS."""
    text: str = shellcode(["sglaunch"], shell=shell, complete_arguments=["-o", "nospace"])
    if shell == "zsh":
        first, _, rest = text.partition("\n")
        text = f"{first}\n{_ZSH_START}{rest}"
    return text.strip() + "\n"


def complete(parser: argparse.ArgumentParser) -> None:
    """Answers the shell that asks (argcomplete's protocol in the environment), and ends the process."""
    try:
        _assign(parser)
        autocomplete(parser, always_complete_options=False, default_completer=SuppressCompleter())
    except Exception:  # whatever went wrong, a shell in the middle of a line is told nothing of it
        os._exit(1)


def _assign(parser: argparse.ArgumentParser) -> None:
    """Every argument its completer, by the word that the help shows for it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                _assign(inner)
        elif completer := _BY_OPTION.get(action.dest) or _BY_WORD.get(str(action.metavar)):
            action.completer = completer  # type: ignore[attr-defined]  # where argcomplete looks for it


def _profiles(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Those that are not on the line already; none where the command takes no further one."""
    given = vars(parsed_args)
    if given.get("profile"):
        return []
    used = given.get("profiles") or ()
    folder = Path(given.get("directory", ".")).expanduser()
    return [name for name in profiles(folder, given.get("file")) if name.startswith(prefix) and name not in used]


def _keys(prefix: str, **_: object) -> Iterable[str]:
    from sglaunch.config.examples import PROFILE_KEYS

    return [key for key in PROFILE_KEYS if key.startswith(prefix)]


def _containers(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """Of the engine that was named, else of the first one here; it has a second."""
    from sglaunch.engine.cli import Cli

    given = vars(parsed_args)
    named = given.get("engine") or os.environ.get(ENGINE_VARIABLE)
    program = next((one for one in (named, *ENGINES) if one in ENGINES and shutil.which(one)), None)
    context = given.get("context")
    if program is None:
        return []
    words = [program, *(["--context", context] if context and program == "docker" else [])]
    listed = ""
    with contextlib.suppress(Exception):  # whatever an engine does, the shell goes on
        listed = Cli(words, program).run("ps", "-a", "--format", "{{.Names}}", timeout=ENGINE_SECONDS).stdout
    return [name for name in listed.split() if name.startswith(prefix)]


def _engines(**_: object) -> Iterable[str]:
    return ("auto", *ENGINES)


_BY_OPTION: Mapping[str, Completer] = {"engine": _engines}
_BY_WORD: Mapping[str, Completer] = {
    "PROFILE": _profiles,
    "KEY": _keys,
    "CONTAINER": _containers,
    "FILE": FilesCompleter(),
    "SOURCE": FilesCompleter(),
    "DIR": DirectoriesCompleter(),
}
