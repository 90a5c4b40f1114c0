"""A running container as an address that VS Code opens.

The form is that of the Dev Containers extension (its authors in github.com/microsoft/vscode-remote-release, issue 8764;
the hexadecimal JSON in issues 2514 and 6832): `attached-container+` and the container, then `@` and the machine it is
on where that is not the one VS Code runs on. Remote-SSH spells a host with a user or a port as hexadecimal JSON too.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from sglaunch.plain import Struct

# Of the rest an address would keep the lower case only, or see a part that is none.
_PLAIN_HOST = re.compile(r"[a-z0-9][a-z0-9._-]*")


class SshHost(Struct, frozen=True):
    """A machine as an ssh config calls it; `user` and `port` where the config does not say them."""

    name: str
    user: str = ""
    port: int = 0


def attached_uri(container: str, folder: str, host: SshHost | None = None) -> str:
    """The address of a folder in a container; `host` is where it runs, None for the machine of VS Code itself."""
    authority = f"attached-container+{_hex({'containerName': f'/{container}'})}"
    if host is not None:
        authority += f"@ssh-remote+{_ssh(host)}"
    return f"vscode-remote://{authority}{quote(folder or '/')}"


def _ssh(host: SshHost) -> str:
    if _PLAIN_HOST.fullmatch(host.name) and not host.user and not host.port:
        return host.name
    more: dict[str, Any] = {"user": host.user} if host.user else {}
    return _hex({"hostName": host.name, **more, **({"port": host.port} if host.port else {})})


def _hex(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode().hex()
