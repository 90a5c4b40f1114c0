"""Logins at registries, as docker and podman keep them; read for asking a registry, never asked for nor stored."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sglaunch.engine.cli import Cli
from sglaunch.errors import EngineError
from sglaunch.plain import Struct
from sglaunch.spec.reference import HUB
from sglaunch.spec.values import Secret

_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", HUB)
_TOKEN_USER = "<token>"  # noqa: S105 - docker's word for "the secret is a token"
_HELPER_SECONDS = 20.0


class Login(Struct, frozen=True):
    """`where`: the file or helper that has it. `is_token`: the password is an identity token, for OAuth."""

    user: str
    password: Secret
    where: str
    is_token: bool = False


def login(registry: str) -> Login | None:
    """The first that is found; a file that cannot be read has none."""
    keys = _HUB_KEYS if registry == HUB else (registry, f"https://{registry}", f"https://{registry}/v1/")
    for file in _files():
        config = _read(file)
        for key in keys:
            found = _of_helper(config, key) or _of_file(config, key, str(file))
            if found is not None:
                return found
    return None


def _files() -> Iterator[Path]:
    config, home = os.environ.get("DOCKER_CONFIG"), Path.home()
    yield (Path(config) if config else home / ".docker") / "config.json"
    if os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(os.environ["REGISTRY_AUTH_FILE"])
    if os.environ.get("XDG_RUNTIME_DIR"):
        yield Path(os.environ["XDG_RUNTIME_DIR"], "containers", "auth.json")
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config", "containers", "auth.json")


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _of_file(config: Mapping[str, Any], key: str, where: str) -> Login | None:
    auths = config.get("auths")
    entry = auths.get(key) if isinstance(auths, dict) else None
    if not isinstance(entry, dict):
        return None
    if isinstance(entry.get("identitytoken"), str):
        return Login(_TOKEN_USER, Secret(entry["identitytoken"]), where, is_token=True)
    try:
        user, found, password = base64.b64decode(str(entry.get("auth", ""))).decode().partition(":")
    except ValueError:
        return None
    return Login(user, Secret(password.strip("\0")), where) if found else None


def _of_helper(config: Mapping[str, Any], key: str) -> Login | None:
    """What docker-credential-NAME has for a registry; one that fails has nothing."""
    helpers = config.get("credHelpers")
    name = (helpers.get(key) if isinstance(helpers, dict) else None) or config.get("credsStore")
    if not isinstance(name, str) or not name or "/" in name:
        return None
    program = f"docker-credential-{name}"
    try:
        done = Cli((program,), "docker").run("get", data=key.encode(), timeout=_HELPER_SECONDS)
        found = json.loads(done.stdout) if done.returncode == 0 else {}
    except (EngineError, ValueError):
        return None
    user, password = (found.get(part) for part in ("Username", "Secret")) if isinstance(found, dict) else (None, None)
    if not isinstance(user, str) or not isinstance(password, str) or not password:
        return None
    return Login(user, Secret(password), program, is_token=user == _TOKEN_USER)
