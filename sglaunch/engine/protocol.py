"""The calls sglaunch needs of an engine. The real client and the test twin pass one contract suite."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from sglaunch.convert.to_create import CreateCall
from sglaunch.engine.machine import Machine
from sglaunch.plan.capabilities import Capabilities
from sglaunch.spec.build import Build
from sglaunch.spec.startup import Progress
from sglaunch.spec.values import NetworkAttachment

Tell = Callable[[Progress, float], None]
"""Hears where something is, and after how many seconds."""


class Follow(Protocol):
    """A log that is followed."""

    def __iter__(self) -> Iterator[str]: ...
    def close(self) -> None: ...


class Engine(Protocol):
    """A call is one engine process or request. Failures are EngineError with a kind of engine/explain.py."""

    capabilities: Capabilities
    machine: Machine

    def every_id(self) -> list[str]:
        """Ids of all containers of the engine, of whomever."""
        ...

    def list_ids(self, project: str | None) -> list[str]:
        """Ids of the containers that carry our labels: of one project, or of all with None."""
        ...

    def inspect(self, names: Sequence[str], *, size: bool) -> dict[str, Mapping[str, Any]]:
        """Inspect data of every container or image named; what does not exist is left out."""
        ...

    @property
    def identity(self) -> str:
        """What tells this engine from others of the same user."""
        ...

    def publishing(self, ports: Collection[int]) -> dict[int, str]:
        """Of some TCP ports of the host those that a running container has, with its name, and its owner if ours."""
        ...

    def changed_paths(self, container: str) -> list[str]:
        """`A /path`, `C /path`, `D /path` of each path that differs from the image."""
        ...

    def pull(self, image: str, platform: str, tell: Tell) -> None:
        """Pulls an image; `tell` hears how far it is."""
        ...

    def push(self, image: str, tell: Tell) -> str:
        """Pushes an image; the digest that the registry has it under, "" where the engine does not tell."""
        ...

    def build(self, build: Build, image: str, labels: Mapping[str, str], files: Mapping[str, str]) -> None:
        """Builds an image, the builder's own output on stderr. `files`: see convert/to_build."""
        ...

    def tag(self, image: str, name: str) -> None:
        """Gives an image a further name."""
        ...

    def discard(self, image: str) -> None:
        """Takes a name from an image, and removes it with its last name; never one that a container was made of."""
        ...

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository that are here."""
        ...

    def labelled_images(self, label: str) -> list[str]:
        """Ids of the images that carry a label, `NAME` or `NAME=VALUE`."""
        ...

    def expect(self, calls: Sequence[CreateCall]) -> None:
        """Containers are to be created in a moment: what that needs may be made ready meanwhile. No engine process."""
        ...

    def create(self, call: CreateCall) -> None:
        """Creates a container; never pulls."""
        ...

    def connect(self, container: str, network: str, attachment: NetworkAttachment) -> None:
        """Joins a container to a further network."""
        ...

    def start(self, container: str) -> None: ...

    def stop(self, container: str) -> None:
        """Stops it, with the container's own grace."""
        ...

    def restart(self, container: str) -> None: ...

    def unpause(self, container: str) -> None: ...

    def update(self, container: str, values: Mapping[str, Any]) -> None:
        """Changes options of a live container; values under profile words."""
        ...

    def rename(self, container: str, to: str) -> None: ...

    def remove(self, container: str, *, volumes: bool = False) -> None:
        """Removes a stopped container; one that is gone is no error. `volumes`: also those that were made for it
        without a name, else they stay."""
        ...

    def remove_volume(self, volume: str) -> bool:
        """Removes a volume; False where a container uses it. One that is gone is no error."""
        ...

    def snapshot(self, container: str, image: str, secrets: Collection[str], labels: Mapping[str, str]) -> None:
        """The container's own layer as an image; the variables named are empty in it, and it has further labels."""
        ...

    def snapshots(self, project: str) -> list[tuple[str, str, str]]:
        """Name, age and size of a project's snapshots, newest first."""
        ...

    def follow(self, container: str, since: str) -> Follow:
        """The log from a time on (RFC 3339), as it grows; it ends when the container does."""
        ...

    def probe_inside(self, container: str, port: int, path: str, timeout: float) -> int:
        """The status of a GET from inside the container, 0 where nothing answers or nothing there can ask."""
        ...

    def denied_devices(self, container: str) -> list[str] | None:
        """NVIDIA's device nodes in a running container that it may not open; None where nothing in it can check."""
        ...

    def log_tail(self, container: str, lines: int, since: str = "") -> list[str]:
        """The last log lines, stdout and stderr, of those written since a time (RFC 3339)."""
        ...
