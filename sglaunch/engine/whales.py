"""The containers of python-on-whales, which spells the options of an engine. Its only user.

Its import costs more than all else that a creation does here: it brings every component and their models. So it comes
as late as it can, beside what waits anyway (`expect`), and by a side door: the package's own file, which imports all of
its components, is not run, only what containers need. Where a release knows no such door, it is imported as a whole.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

_PACKAGE = "python_on_whales"
_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"


class Failed(Exception):
    """The engine's program ended with an error; the words are its own."""


class Missing(Exception):
    """There is no such program."""


def call(command: Sequence[str], method: str, *words: object, **arguments: object) -> None:
    """Runs a method of its containers. Its exception holds the whole command line: only the engine's text leaves."""
    containers, no_program, failed = _imported()
    try:
        getattr(containers(command), method)(*words, **arguments)
    except no_program:
        raise Missing from None
    except failed as error:
        raise Failed(error.stderr or error.stdout or "") from None


def expect() -> None:
    """Begins with the import in a thread: something is to be created, and something else is waited for before."""
    if _PACKAGE not in sys.modules:
        threading.Thread(target=_imported, daemon=True).start()


_importing = threading.Lock()


def _imported() -> tuple[Any, Any, Any]:
    with _importing:
        return _import()


@functools.cache
def _import() -> tuple[Any, Any, Any]:
    before = os.environ.get(_PLUGINS)
    # Looking for plug-ins of pydantic reads the metadata of everything that is installed.
    os.environ[_PLUGINS] = "__all__"
    try:
        try:
            return _side_door()
        except (ImportError, AttributeError):
            for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
                del sys.modules[name]
            return _front_door()
    finally:
        if before is None:
            del os.environ[_PLUGINS]
        else:
            os.environ[_PLUGINS] = before


def _side_door() -> tuple[Any, Any, Any]:
    if _PACKAGE not in sys.modules:
        found = importlib.util.find_spec(_PACKAGE)
        if found is None:
            raise ImportError(_PACKAGE)
        sys.modules[_PACKAGE] = importlib.util.module_from_spec(found)
    # This order, as the components import each other.
    from python_on_whales.client_config import ClientConfig, ClientNotFoundError
    from python_on_whales.components.container.cli_wrapper import ContainerCLI
    from python_on_whales.exceptions import DockerException

    def containers(command: Sequence[str]) -> Any:
        return ContainerCLI(ClientConfig(client_call=list(command)))  # type: ignore[no-untyped-call]

    return containers, ClientNotFoundError, DockerException


def _front_door() -> tuple[Any, Any, Any]:
    from python_on_whales import ClientNotFoundError, DockerClient, DockerException

    def containers(command: Sequence[str]) -> Any:
        return DockerClient(client_call=list(command)).container

    return containers, ClientNotFoundError, DockerException
