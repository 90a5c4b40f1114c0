"""The machine an engine runs on: this one, or a server reached by ssh, where a profile means what it would mean there.

What a server is asked goes over one shared connection: `ssh` of a folder of ours stands first on PATH, so that docker's
own calls share it too.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sglaunch.convert import from_smi
from sglaunch.convert.to_create import CDI_KIND
from sglaunch.engine import gpus, host, ports
from sglaunch.engine.cli import Cli
from sglaunch.engine.secrets import runtime_folder
from sglaunch.errors import EngineError, Failure
from sglaunch.plan.observation import NVIDIA, Driver, Gpu
from sglaunch.recall import witness
from sglaunch.spec.labels import Owner

SSH_SECONDS = 30.0
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
_LONGEST_SOCKET = 100
# The answer of host.has_gpu: a node, else what NVML lists; `cdi` where devices are described.
_ABOUT = rf"""
printf '%s\n' "$(id -un)" "$(id -u)" "$(id -g)" "$HOME" "$(uname -n)"
found=
for node in {" ".join(host.GPU_NODES)}; do [ -e "$node" ] && found=gpu; done
[ "$found" ] || case $(nvidia-smi --query-gpu=uuid --format=csv,noheader 2>/dev/null) in *GPU-*) found=gpu ;; esac
for folder in {" ".join(host.CDI_FOLDERS)}; do
    grep -Eqs '(^|[ {{,"])kind"?: *"?{re.escape(CDI_KIND)}' "$folder"/* && found="$found cdi"
done
echo $found
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null
"""


_MARK = "-- processes"
_DEVICES = rf"""
list() {{ nvidia-smi "$1" --format=csv,noheader,nounits; }}
list --query-gpu={from_smi.GPU_FIELDS} 2>/dev/null || exit 0
echo "{_MARK}"
list --query-compute-apps={from_smi.PROCESS_FIELDS} 2>/dev/null || true
"""


_DRIVER = "nvidia-smi -q -i 0 2>/dev/null || true"


class Machine:
    """This machine."""

    name = ""
    """How a server is called; "" for this machine."""
    user, port = "", 0
    """Of a server, as whom and where it is asked, where its address says so."""

    def facts(self) -> Mapping[str, Any]:
        """user, uid, gid, home, hostname."""
        return host.facts()

    def owner(self) -> Owner:
        """Who we are there."""
        return host.owner()

    def hostname(self) -> str:
        """The machine's name for others."""
        return host.hostname()

    def has_gpu(self, *, cdi: bool) -> bool:
        """Whether it shows NVIDIA devices."""
        return host.has_gpu(cdi=cdi)

    def devices(self, accelerator: str = NVIDIA) -> tuple[tuple[Gpu, ...] | None, str]:
        """Its devices of an accelerator, or None and why they cannot be counted."""
        if accelerator == NVIDIA:
            return gpus.devices()
        from sglaunch.engine import vendors

        return vendors.devices(accelerator)

    def driver(self) -> Driver:
        """NVIDIA's driver."""
        return gpus.driver()

    def exist(self, paths: Iterable[str]) -> dict[str, bool]:
        """Of some paths whether they exist."""
        return {path: witness.exists(path) for path in paths}

    def real_paths(self, paths: Iterable[str]) -> dict[str, str]:
        """Paths without symbolic links."""
        return {path: host.real_path(path) for path in paths}

    def listening(self) -> list[tuple[int, str]]:
        """Ports and socket inodes that somebody listens on."""
        return list(ports.listening_sockets())

    def holder(self, inode: str) -> str:
        """The process of a socket, as far as it may be seen."""
        return ports.process_of(inode)

    def private_folder(self) -> str:
        """The user's folder for files that hold secrets."""
        return str(host.private_folder())

    def make_folder(self, path: str) -> None:
        """A folder with its parents, as the user."""
        host.make_folder(path)

    def write_private(self, path: str, text: str) -> None:
        """A new file of mode 0600."""
        host.write_private(path, text)

    def forget_private(self, path: str) -> None:
        """Removes a file of the private folder."""
        host.forget_private(path)


class Server(Machine):
    """A machine that ssh reaches. One call asks for everything that does not change meanwhile."""

    def __init__(self, url: str) -> None:
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        self.name = parts.hostname or ""
        self.user, self.port = parts.username or "", parts.port or 0
        person = ("-l", parts.username) if parts.username else ()
        port = ("-p", str(parts.port)) if parts.port else ()
        self._ssh = Cli((*_shared(), *person, *port, "-T", "--", self.name), "ssh")

    def _run(self, script: str, *words: str, data: str = "") -> str:
        command = shlex.join(["sh", "-c", script, "sh", *words])
        done = self._ssh.run(command, timeout=SSH_SECONDS, data=data.encode())
        if done.returncode != 0:
            said = (done.stderr.strip().splitlines() or [f"ssh ended with status {done.returncode}"])[-1]
            hint = f"try `ssh {self.name} true`: it must work without a question; see ~/.ssh/config and your key"
            raise EngineError(Failure("ssh", f"{self.name}: {said}", hint, done.stderr.strip()))
        return done.stdout

    @functools.cached_property
    def _about(self) -> list[str]:
        return self._run(_ABOUT).splitlines()

    def facts(self) -> Mapping[str, Any]:
        user, uid, gid, home, hostname = self._about[:5]
        ids = {"user": user, "uid": int(uid), "gid": int(gid)}
        return {**ids, "home": home, "account_home": home, "hostname": hostname}

    def owner(self) -> Owner:
        facts = self.facts()
        return Owner(facts["uid"], facts["user"])

    def hostname(self) -> str:
        return self.name

    def has_gpu(self, *, cdi: bool) -> bool:
        found = self._about[5].split()
        return "gpu" in found or (cdi and "cdi" in found)

    def devices(self, accelerator: str = NVIDIA) -> tuple[tuple[Gpu, ...] | None, str]:
        if accelerator != NVIDIA:
            from sglaunch.engine import vendors

            provider = vendors.PROVIDERS[accelerator]
            found, problem = provider.devices(self._run(provider.script, *vendors.ROOTS))
            return found, f"{self.name}: {problem}" if problem else ""
        told = self._run(_DEVICES)
        listed, mark, running = told.partition(_MARK)
        if not mark:
            return None, f"{self.name} has no nvidia-smi that answers"
        return from_smi.devices(listed, running), ""

    def driver(self) -> Driver:
        return from_smi.driver(self._run(_DRIVER))

    def exist(self, paths: Iterable[str]) -> dict[str, bool]:
        asked = sorted(set(paths))
        script = 'for path; do if [ -e "$path" ]; then echo 1; else echo 0; fi; done'
        told = self._run(script, *asked).split() if asked else []
        return {path: found == "1" for path, found in zip(asked, told, strict=True)}

    def real_paths(self, paths: Iterable[str]) -> dict[str, str]:
        asked = sorted(set(paths))
        script = 'for path; do realpath -m -- "$path" 2>/dev/null || printf "%s\\n" "$path"; done'
        told = self._run(script, *asked).splitlines() if asked else []
        return dict(zip(asked, told, strict=True))

    def listening(self) -> list[tuple[int, str]]:
        return list(ports.sockets_of(self._about[6:]))

    def holder(self, inode: str) -> str:
        return f"a process of {self.name}"

    def private_folder(self) -> str:
        return f"{self.facts()['home']}/.local/state/sglaunch/secrets"

    def make_folder(self, path: str) -> None:
        self._run('mkdir -p -- "$1"', path)

    def write_private(self, path: str, text: str) -> None:
        script = 'umask 077; set -C; mkdir -p -- "$(dirname -- "$1")" && cat >"$1"'
        self._run(script, path, data=text)

    def forget_private(self, path: str) -> None:
        if str(Path(path).parent) == self.private_folder():
            self._run('rm -f -- "$1"', path)


class Distant(Machine):
    """A machine of which only the engine can be asked (`tcp://`)."""

    def __init__(self, url: str) -> None:
        from urllib.parse import urlsplit

        self.name = urlsplit(url).hostname or url

    def facts(self) -> Mapping[str, Any]:
        """Nobody can be asked who one is there: user and uid are those of here, and home is none."""
        return {**host.facts(), "hostname": self.name}

    def hostname(self) -> str:
        return self.name

    def has_gpu(self, *, cdi: bool) -> bool:
        return True

    def devices(self, accelerator: str = NVIDIA) -> tuple[tuple[Gpu, ...] | None, str]:
        return None, f"the devices of {self.name} are not counted from here"

    def driver(self) -> Driver:
        return Driver()

    def exist(self, paths: Iterable[str]) -> dict[str, bool]:
        return {}

    def real_paths(self, paths: Iterable[str]) -> dict[str, str]:
        return {path: path for path in paths}

    def listening(self) -> list[tuple[int, str]]:
        return []

    def make_folder(self, path: str) -> None:
        raise self._unable(f"make {path}")

    def write_private(self, path: str, text: str) -> None:
        raise self._unable("keep server.api_key")

    def _unable(self, what: str) -> EngineError:
        hint = "use ssh:// for this engine, or make it there yourself"
        return EngineError(Failure("distant", f"nobody can be asked to {what} on {self.name}", hint))


@functools.cache
def machine(url: str) -> Machine:
    """The machine behind an engine's address; this one for none and for a socket."""
    if url.startswith("ssh://"):
        return Server(url)
    return Distant(url) if url.startswith(("tcp://", "http://", "https://")) else Machine()


def _shared() -> tuple[str, ...]:
    """An ssh that shares its connection, first on PATH for what docker calls itself."""
    folder = runtime_folder() / "bin"
    shim = folder / "ssh"
    socket = f"{runtime_folder()}/ssh-%C"
    sharing = ("-o", "ControlMaster=auto", "-o", f"ControlPath={socket}", "-o", "ControlPersist=60")
    options = (*_OPTIONS, *(sharing if len(socket) + 40 < _LONGEST_SOCKET else ()))
    others = [each for each in os.environ.get("PATH", os.defpath).split(":") if each != str(folder)]
    real = next((f"{each}/ssh" for each in others if os.access(f"{each}/ssh", os.X_OK)), "")
    if not real:
        raise EngineError(Failure("cli-missing", "there is no program ssh on PATH", "install openssh-client"))
    text = f'#!/bin/sh\nexec {shlex.join([real, *options])} "$@"\n'
    folder.mkdir(mode=0o700, exist_ok=True)
    if not shim.exists() or shim.read_text(encoding="utf-8") != text:
        shim.write_text(text, encoding="utf-8")
        shim.chmod(0o700)
    os.environ["PATH"] = ":".join([str(folder), *others])
    return (str(shim),)
