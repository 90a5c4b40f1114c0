"""The real engine behind the protocol.

Looking goes through the engine's program or its socket alone, and what only one call needs is imported by it, so that
a command that changes nothing pays for neither.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sglaunch.convert.from_ps import publishers
from sglaunch.convert.to_create import CreateCall, connect_words, update_arguments
from sglaunch.engine.cli import Cli, Stream
from sglaunch.engine.explain import failure
from sglaunch.engine.machine import Machine
from sglaunch.engine.protocol import Tell
from sglaunch.engine.reader import Reader, Unread
from sglaunch.errors import EngineError
from sglaunch.plan.capabilities import Capabilities
from sglaunch.spec.build import Build
from sglaunch.spec.labels import OWNER, PROFILE, PROJECT
from sglaunch.spec.values import NetworkAttachment

if TYPE_CHECKING:
    from sglaunch.engine.writer import Writer


_LATER = 5.0
"""Seconds beyond its own limit that a probe inside a container may take until it is given up."""


class EngineClient:
    """An engine by its command line: the program with what stands before it and its global options."""

    def __init__(
        self,
        command: Sequence[str] = ("docker",),
        capabilities: Capabilities | None = None,
        identity: str = "",
        machine: Machine | None = None,
        *,
        reader: Reader | None = None,
        writer: Callable[[], Writer] | None = None,
    ) -> None:
        self.machine = machine or Machine()
        self.passed_over: tuple[str, ...] = ()
        """Why engines that come first were not taken."""
        self.other = ""
        """The identity of the engine that the project last used, if it is not this one."""
        self.capabilities = capabilities or Capabilities()
        self._command, self._identity = list(command), identity or " ".join(command)
        can = self.capabilities
        self._reader, self._make_writer = reader, writer
        self.cli = Cli(command, can.name, typed=can.typed_inspect, native=can.hides_environment)

    @functools.cached_property
    def _writer(self) -> Writer | None:
        return self._make_writer() if self._make_writer is not None else None

    def expect(self, calls: Sequence[CreateCall]) -> None:
        from sglaunch.engine import whales

        whales.expect([call for call in calls if self._writer is None or not self._writer.knows(call)])

    @property
    def identity(self) -> str:
        return self._identity

    def publishing(self, ports: Collection[int]) -> dict[int, str]:
        filters = [word for port in sorted(ports) for word in ("--filter", f"publish={port}/tcp")]
        form = "\t".join(("{{.Names}}", "{{.Ports}}", self.capabilities.label_form.format(OWNER)))
        told = self.cli.text("ps", *(filters if self.capabilities.filters_ports else ()), "--format", form)
        return {port: name for port, name in publishers(told).items() if port in ports}

    def changed_paths(self, container: str) -> list[str]:
        return self.cli.text("diff", container).splitlines()

    def every_id(self) -> list[str]:
        return self._listed("")

    def list_ids(self, project: str | None) -> list[str]:
        return self._listed(f"{PROJECT}={project}" if project is not None else PROFILE)

    def _listed(self, label: str) -> list[str]:
        """By the socket, where it answers; else the program says what is wrong, if anything is."""
        if self._reader is not None:
            with contextlib.suppress(Unread):
                return self._reader.list_ids(label)
        said = self.cli.text("ps", "-aq", "--no-trunc", *(["--filter", f"label={label}"] if label else []))
        if not re.fullmatch(r"[\w\s-]*", said):
            raise failure("a list of containers of another form", self.capabilities.name)
        return said.split()

    def inspect(self, names: Sequence[str], *, size: bool) -> dict[str, Mapping[str, Any]]:
        # Measuring a layer is a walk over its files: that is told by the program, with its own patience.
        if self._reader is not None and not size:
            with contextlib.suppress(Unread):
                return self._reader.inspect(names)
        return self.cli.inspect(names, size=size)

    def pull(self, image: str, platform: str, tell: Tell) -> None:
        from sglaunch.engine import transfer

        transfer.run(self.cli, "pull", *(["--platform", platform] if platform else []), image, tell=tell)

    def push(self, image: str, tell: Tell) -> str:
        from sglaunch.engine import transfer

        return transfer.run(self.cli, "push", image, tell=tell).digest

    def build(self, build: Build, image: str, labels: Mapping[str, str], files: Mapping[str, str]) -> None:
        from sglaunch.convert.to_build import build_words

        self.cli.to_stderr(*build_words(build, image, labels, self.capabilities.builder, files))

    def tag(self, image: str, name: str) -> None:
        self.cli.text("tag", image, name)

    def discard(self, image: str) -> None:
        self.cli.text("rmi", image)

    def tags(self, repository: str) -> list[str]:
        # Podman would list every name of the same images, too.
        names = self.cli.text("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        pairs = [name.removeprefix(self.capabilities.local_prefix).rpartition(":") for name in names]
        return [tag for name, _, tag in pairs if name == repository]

    def labelled_images(self, label: str) -> list[str]:
        return self.cli.text("image", "ls", "-q", "--no-trunc", "--filter", f"label={label}").split()

    def create(self, call: CreateCall) -> None:
        if self._writer is not None and self._writer.create(call):
            return
        from sglaunch.engine import whales
        from sglaunch.engine.secrets import env_file

        with env_file(call.secrets) as files:
            self.cli.text(*whales.creation(call, files), timeout=None)

    def connect(self, container: str, network: str, attachment: NetworkAttachment) -> None:
        # python-on-whales takes one alias.
        self.cli.text("network", "connect", *connect_words(attachment), network, container)

    def start(self, container: str) -> None:
        try:
            self._told("start", container)
        except EngineError:
            if not self._runs(container):
                raise

    def _told(self, verb: str, *words: str) -> None:
        """A call without options, however long it takes."""
        if self._writer is not None:
            self._writer.call(verb, *words)
        else:
            self.cli.text(verb, *words, timeout=None)

    def _runs(self, container: str) -> bool:
        found = self.inspect([container], size=False).get(container) or {}
        state = found.get("State") or {}
        return bool(state.get("Running")) and not state.get("Paused")

    def stop(self, container: str) -> None:
        self._told("stop", container)

    def restart(self, container: str) -> None:
        self._told("restart", container)

    def unpause(self, container: str) -> None:
        self._told("unpause", container)

    def update(self, container: str, values: Mapping[str, Any]) -> None:
        from sglaunch.engine import whales

        self.cli.text(*whales.change(container, update_arguments(values)), timeout=None)

    def rename(self, container: str, to: str) -> None:
        self._told("rename", container, to)

    def remove(self, container: str, *, volumes: bool = False) -> None:
        if self._writer is not None:
            self._writer.call("rm --volumes" if volumes else "rm", container)
            return
        done = self.cli.run("rm", *(["--volumes"] if volumes else []), container, timeout=None)
        if done.returncode != 0 and "no such container" not in done.stderr.lower():
            raise failure(done.stderr, self.capabilities.name)

    def remove_volume(self, volume: str) -> bool:
        done = self.cli.run("volume", "rm", volume, timeout=None)
        if done.returncode == 0 or re.search("no such volume|not found", done.stderr, re.IGNORECASE):
            return True
        if re.search("in use|being used", done.stderr):
            return False
        raise failure(done.stderr, self.capabilities.name)

    def snapshot(self, container: str, image: str, secrets: Collection[str], labels: Mapping[str, str]) -> None:
        from sglaunch.engine import snapshot

        snapshot.take(self.cli, container, image, secrets, labels, blanks=self.capabilities.blanks)

    def snapshots(self, project: str) -> list[tuple[str, str, str]]:
        from sglaunch.engine import snapshot

        return snapshot.listed(self.cli, project, blanks=self.capabilities.blanks)

    def follow(self, container: str, since: str) -> Stream:
        return self.cli.stream("logs", "--follow", *(["--since", since] if since else []), container)

    def probe_inside(self, container: str, port: int, path: str, timeout: float) -> int:
        from sglaunch.engine.probe import INSIDE

        words = ("sh", "-c", INSIDE, "sh", str(port), path, str(math.ceil(timeout)))
        try:
            status = self.cli.run("exec", container, *words, timeout=timeout + _LATER).stdout.strip()
        except EngineError:
            # A container that is stuck: whether the engine is, too, is told by whatever is asked of it next.
            return 0
        return int(status) if status.isdecimal() else 0

    def denied_devices(self, container: str) -> list[str] | None:
        from sglaunch.engine.probe import DENIED_DEVICES

        done = self.cli.run("exec", container, "sh", "-c", DENIED_DEVICES)
        return done.stdout.split() if done.returncode == 0 else None

    def exec_(self, *words: str) -> int:
        """`exec` in this terminal: its status is the command's, where it does not replace this process altogether."""
        if self.capabilities.exec_status:
            self.cli.become("exec", *words)
        return self.cli.told_status("exec", *words)

    def log_tail(self, container: str, lines: int, since: str = "") -> list[str]:
        done = self.cli.run("logs", "--tail", str(lines), *(["--since", since] if since else []), container)
        return (done.stdout + done.stderr).splitlines()[-lines:] if done.returncode == 0 else []
