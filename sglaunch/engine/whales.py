"""python-on-whales, which spells the options of an engine. Its only user.

Its import costs more than all else that a creation does here: it brings every component and their models. So it comes
as late as it can, beside what waits anyway (`expect`), and by a side door: the package's own file, which imports all of
its components, is not run, only what containers need. Where a release knows no such door, it is imported as a whole.

And what it spelled is remembered: the words of a creation depend on the options alone, so the same ones need it once.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sglaunch.convert.to_create import CreateCall
from sglaunch.engine.interrupts import held
from sglaunch.recall import door, witness

_PACKAGE = "python_on_whales"
_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"
_NOTE = ("sh", "-c", 'printf "%s\\0" "$@" >"$0"')
_MARK = "\x1f"


Containers = Callable[[Sequence[str]], Any]
"""What python-on-whales does with the containers of the engine that a command line calls."""


def creation(call: CreateCall, env_files: Sequence[str]) -> list[str]:
    """The words that create a container, after those of the program and its global options."""
    arguments, values = _marked(call, env_files)
    words = _remembered(arguments) or _spelled(arguments)
    return [*(_filled(word, values) for word in words), *call.command]


def change(container: str, options: Mapping[str, Any]) -> list[str]:
    """The words that change options of a container in place."""
    arguments = {"container": f"{_MARK}0{_MARK}", **options}
    words = _remembered(arguments, "update") or _spelled(arguments, "update")
    return [_filled(word, {"0": container}) for word in words]


def expect(calls: Iterable[CreateCall]) -> None:
    """Begins with the import in a thread, if one of these creations needs it: other things are waited for before."""
    if _PACKAGE in sys.modules:
        return
    asked = (_marked(call, [""] if call.secrets else [])[0] for call in calls)
    if not all(map(_remembered, asked)):
        threading.Thread(target=_imported, daemon=True).start()


def _marked(call: CreateCall, env_files: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The options with a mark for each text that says nothing of how they are spelled, and the text of each mark.

    Such are the name, the image, and values of variables and labels.
    """
    values: dict[str, str] = {}

    def mark(text: str) -> str:
        values[str(len(values))] = text
        return f"{_MARK}{len(values) - 1}{_MARK}"

    arguments: dict[str, Any] = {"image": mark(call.image), "pull": "never", **call.arguments}
    arguments |= {"name": mark(arguments["name"])} if "name" in arguments else {}
    for key in ("labels", "envs"):
        arguments |= {key: {name: mark(text) for name, text in arguments[key].items()}} if key in arguments else {}
    return arguments | ({"env_files": [mark(path) for path in env_files]} if env_files else {}), values


def _filled(word: str, values: Mapping[str, str]) -> str:
    head, mark, number = word[:-1].rpartition(_MARK)
    return head + values[number] if word.endswith(_MARK) and mark and number in values else word


def _remembered(arguments: Mapping[str, Any], method: str = "create") -> list[str] | None:
    entry = door.entry([method, repr(sorted(arguments.items()))])
    return [str(word) for word in entry.value] if entry is not None else None


def _spelled(arguments: Mapping[str, Any], method: str = "create") -> list[str]:
    """What a program is called with that does nothing but note it."""
    about = [arguments["image"], ()] if method == "create" else [arguments["container"]]
    options = {name: value for name, value in arguments.items() if name not in ("image", "container")}
    with tempfile.NamedTemporaryFile(prefix="sglaunch-") as noted:
        with witness.asking(), held():
            getattr(_imported()((*_NOTE, noted.name)), method)(*about, **options)
        words = noted.read().decode().split("\0")[:-1]
    with witness.Trace() as nothing:
        pass
    door.keep([method, repr(sorted(arguments.items()))], nothing, words)
    return words


_importing = threading.Lock()


def _imported() -> Containers:
    with _importing:
        return _import()


@functools.cache
def _import() -> Containers:
    before = os.environ.get(_PLUGINS)
    # Looking for plug-ins of pydantic reads the metadata of everything that is installed.
    os.environ[_PLUGINS] = "__all__"
    try:
        try:
            return _side_door()
        except (ImportError, AttributeError):
            for name in [name for name in list(sys.modules) if name.partition(".")[0] == _PACKAGE]:
                del sys.modules[name]
            return _front_door()
    finally:
        if before is None:
            del os.environ[_PLUGINS]
        else:
            os.environ[_PLUGINS] = before


def _side_door() -> Containers:
    if _PACKAGE not in sys.modules:
        found = importlib.util.find_spec(_PACKAGE)
        if found is None:
            raise ImportError(_PACKAGE)
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(found)
    # This order, as the components import each other.
    from python_on_whales.client_config import ClientConfig
    from python_on_whales.components.container.cli_wrapper import ContainerCLI

    def containers(command: Sequence[str]) -> Any:
        return ContainerCLI(ClientConfig(client_call=list(command)))  # type: ignore[no-untyped-call]  # it has no types

    return containers


def _front_door() -> Containers:
    from python_on_whales import DockerClient

    def containers(command: Sequence[str]) -> Any:
        return DockerClient(client_call=list(command)).container

    return containers
