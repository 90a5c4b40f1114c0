"""Inspect data of a container and of its image, as what was asked of the engine is read from them; pure.

Everything an image brings appears in the container as if it had been given, and engines fill in defaults of their own
(Docker 20.10 and 28, Podman 4.3).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct, field
from sglaunch.plan.capabilities import DOCKER, PODMAN, Capabilities
from sglaunch.spec.labels import decode

SHORT_ID = 12
_HASH = re.compile(r"[0-9a-f]{64}")
_NETWORKS = ("", "default", "bridge", "podman", "nat", "slirp4netns", "pasta", "private")
_PODMAN_ENV = ("TERM=xterm", "container=podman")
_PODMAN_OWN = ("HOME", "HOSTNAME")


class Inspected(Struct, frozen=True):
    """A container and its image. `hostname`: of the engine's machine; `cgroup2`: it has control groups of version 2."""

    data: Mapping[str, Any]
    image: Mapping[str, Any]
    engine: Capabilities = field(default_factory=Capabilities)
    hostname: str = ""
    cgroup2: bool = False

    @property
    def id(self) -> str:
        return str(self.data.get("Id") or "")

    @property
    def name(self) -> str:
        return str(self.data.get("Name") or "").removeprefix("/")

    @property
    def config(self) -> Mapping[str, Any]:
        return self.data.get("Config") or {}

    @property
    def host(self) -> Mapping[str, Any]:
        return self.data.get("HostConfig") or {}

    @property
    def given(self) -> Mapping[str, Any]:
        """What the image brings."""
        return self.image.get("Config") or {}

    @property
    def is_docker(self) -> bool:
        return self.engine.name == DOCKER

    @property
    def is_podman(self) -> bool:
        return self.engine.name == PODMAN

    @property
    def privileged(self) -> bool:
        return bool(self.host.get("Privileged"))

    @property
    def shares_host(self) -> bool:
        """Whether Docker adds `label=disable` by itself."""
        return self.privileged or "host" in (self.host.get("IpcMode"), self.host.get("PidMode"))

    @property
    def network(self) -> str:
        """The network mode, "" for the engine's own."""
        mode = str(self.host.get("NetworkMode") or "")
        return "" if mode in _NETWORKS else mode

    def networks(self) -> dict[str, Mapping[str, Any]]:
        """The networks it was put in by name, the first one first."""
        found = (self.data.get("NetworkSettings") or {}).get("Networks") or {}
        mode = self.network
        if mode in ("host", "none") or mode.startswith(("container:", "ns:")):
            return {}
        names = sorted(found, key=lambda name: name != mode)
        alone = [name for name in names if name not in _NETWORKS]
        return {name: found[name] or {} for name in (names if alone and len(names) > 1 else alone)}

    def words(self, key: str, source: Mapping[str, Any] | None = None) -> list[str] | None:
        """Cmd or Entrypoint. Podman joins the entrypoint with spaces, which cannot be told apart again."""
        value = (self.config if source is None else source).get(key)
        if isinstance(value, str):
            return value.split() if value else None
        return [str(word) for word in value] if value and value != [""] else None

    def own(self, key: str) -> Any:
        """A value of the configuration that the image does not bring; None for one that it does."""
        value = self.config.get(key)
        return None if not value or value == self.given.get(key) else value

    def environment(self) -> dict[str, str]:
        """The variables that neither the image nor the engine brings."""
        brought = set(self.given.get("Env") or [])
        lines = [line for line in self.config.get("Env") or [] if line not in brought]
        if self.is_podman:
            lines = [one for one in lines if one not in _PODMAN_ENV and one.partition("=")[0] not in _PODMAN_OWN]
        return {name: value for name, _, value in sorted(line.partition("=") for line in lines)}

    def label_secrets(self) -> frozenset[str]:
        """The variables that were secret when sglaunch made the container, whatever their names look like."""
        applied = decode(self.config.get("Labels") or {})
        return frozenset(applied.secrets) if applied is not None else frozenset()

    def mounts(self) -> list[Mapping[str, Any]]:
        """Binds and volumes that were asked for: not those of other containers, nor the image's own volumes."""
        binds = {str(one).split(":")[1] for one in self.host.get("Binds") or [] if str(one).count(":") >= 1}
        long = {str(one.get("Target")) for one in self.host.get("Mounts") or []}
        anonymous = set(self.config.get("Volumes") or {}) - set(self.given.get("Volumes") or {})
        asked = {path.rstrip("/") or "/" for path in (*binds, *long, *anonymous)}
        own = set(self.given.get("Volumes") or {})
        found = []
        for mount in self.data.get("Mounts") or []:
            target = str(mount.get("Destination") or "").rstrip("/") or "/"
            hashed = _HASH.fullmatch(str(mount.get("Name") or "")) is not None
            if target in asked and not (hashed and target in own):
                found.append({**mount, "Destination": target, "anonymous": hashed})
        return sorted(found, key=lambda mount: str(mount["Destination"]))

    def modes(self, target: str) -> list[str]:
        """The words after the second colon of a bind that was written short."""
        for bind in self.host.get("Binds") or []:
            parts = str(bind).split(":")
            if len(parts) > 2 and (parts[1].rstrip("/") or "/") == target:
                return parts[2].split(",")
        return []

    def long_mount(self, target: str) -> Mapping[str, Any]:
        """The mount at a path as it was asked for in the long form, nothing where it was not."""
        return next((one for one in self.host.get("Mounts") or [] if one.get("Target") == target), {})
