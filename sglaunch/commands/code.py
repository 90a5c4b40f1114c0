"""`sglaunch code`: the running container in VS Code, on this machine or through ssh."""

from __future__ import annotations

import os
import shlex
import shutil

from sglaunch.commands.asking import show, show_json
from sglaunch.commands.enter import find
from sglaunch.convert.to_vscode import SshHost, attached_uri
from sglaunch.engine.cli import Cli
from sglaunch.engine.client import EngineClient
from sglaunch.plan.capabilities import DOCKER
from sglaunch.project import Common
from sglaunch.report.problems import SCHEMA_VERSION
from sglaunch.report.progress import say

PROGRAMS = ("code", "cursor", "codium")
# What says that a window can be opened from here: a desktop, WSL's Windows, or VS Code's own terminal.
_DESKTOPS = ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "VSCODE_IPC_HOOK_CLI")


def run(common: Common, profile: str, *, only_print: bool = False, host: str | None = None) -> int:
    """Opens it where a window can be opened, and prints its address elsewhere. `host`: the machine in an ssh config."""
    run, container = find(common, profile)
    engine = run.engine
    (data,) = engine.inspect([container.name], size=False).values()
    folder = str((data.get("Config") or {}).get("WorkingDir") or "/")
    over = _host(engine, host)
    uri = attached_uri(container.name, folder, over)
    program = next(filter(shutil.which, PROGRAMS), None)
    # Over ssh the window belongs to the machine at the other end; an engine far away has one here.
    opens = not os.environ.get("SSH_CONNECTION") and any(os.environ.get(name) for name in _DESKTOPS)
    if common.json:
        where = over.name if over else None
        answer = {"container": container.name, "folder": folder, "host": where, "uri": uri}
        show_json({"schema_version": SCHEMA_VERSION, **answer})
        return 0
    if engine.capabilities.name != DOCKER and not common.quiet:
        say(f'VS Code asks docker unless its settings say "dev.containers.dockerPath": "{engine.capabilities.name}"')
    if opens and program and not only_print:
        say(f"opening {container.name}:{folder} in {program}")
        Cli((program,), program).become("--folder-uri", uri)
    show([uri])
    if over is not None and not common.quiet:
        say(f"on your own machine: code --folder-uri {shlex.quote(uri)}")
        if host is None:
            say(f"where its ssh config calls this one something else than {over.name}: --host NAME")
    return 0


def _host(engine: EngineClient, named: str | None) -> SshHost | None:
    """Where the container runs, seen from the machine of VS Code; None for the same one."""
    if named:
        user, found, name = named.rpartition("@")
        return SshHost(name, user if found else "")
    machine = engine.machine
    if machine.name:
        return SshHost(machine.name, machine.user, machine.port)
    return SshHost(machine.hostname()) if os.environ.get("SSH_CONNECTION") else None
