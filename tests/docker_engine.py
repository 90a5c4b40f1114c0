"""The real Docker engine, for tests marked `docker`: is there one, small images without a registry, and what it saw.

Every call here uses the environment pytest was started in. So a test may point sglaunch at an engine that is broken or
not there, and still look at the real one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

ENVIRONMENT = dict(os.environ)

PROGRAM = shutil.which("docker")

IMAGE = "sglaunch-test/busybox:1"

CONTENT_LABEL = "sglaunch-test.content"
"""Image label: a digest of what the image was made of."""

_EVENT_BUFFER = 256
"""How many past events an engine keeps."""

_built: set[str] = set()


def docker(*args: str, check: bool = True, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `docker ARGS`; with `check` a failure raises, and says what the engine said."""
    done = subprocess.run(
        ["docker", *args],
        input=stdin or b"",
        capture_output=True,
        timeout=100,
        env=ENVIRONMENT,
        check=False,
    )
    result = subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())
    if check and result.returncode:
        raise RuntimeError(f"docker {' '.join(args)}: exit status {result.returncode}: {result.stderr.strip()}")
    return result


def inspect(name: str) -> dict[str, Any]:
    """What the engine says of a container, image, network or volume."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", name).stdout)
    return found[0]


def containers(project: str) -> list[str]:
    """The ids of every container of a project, stopped ones included, by its label or by its name."""
    by_label = docker("ps", "-aq", "--no-trunc", "--filter", f"label=sglaunch.project={project}").stdout.split()
    by_name = docker("ps", "-aq", "--no-trunc", "--filter", f"name={project}").stdout.split()
    return sorted({*by_label, *by_name})


@functools.cache
def _version() -> tuple[str, str]:
    """The version of the engine, and why there is none; one of them is empty."""
    if shutil.which("docker", path=ENVIRONMENT.get("PATH")) is None:
        return "", "there is no docker command"
    try:
        result = docker("version", "--format", "{{.Server.Version}}", check=False)
    except subprocess.TimeoutExpired as error:
        return "", f"docker version did not answer within {error.timeout:.0f} s"
    version = result.stdout.strip()
    if result.returncode or not version:
        complaint = result.stderr.strip().splitlines() or [f"docker version: exit status {result.returncode}"]
        return "", complaint[0]
    return version, ""


def engine_version() -> str:
    """The version of the engine; empty where none answers."""
    return _version()[0]


def engine_problem() -> str | None:
    """Why no Docker engine can be used; None where one answers. Asked once a run."""
    return _version()[1] or None


@functools.cache
def static_busybox() -> Path | None:
    """The busybox of this machine, if it is a static one: that is all an image needs."""
    path = shutil.which("busybox", path=f"{ENVIRONMENT.get('PATH', os.defpath)}:/bin:/usr/sbin:/sbin")
    if path is None:
        return None
    said = subprocess.run(
        ["ldd", path], capture_output=True, text=True, env={**ENVIRONMENT, "LC_ALL": "C"}, check=False
    )
    static = any(words in said.stdout + said.stderr for words in ("not a dynamic executable", "statically linked"))
    return Path(path) if static else None


def image_problem() -> str | None:
    """Why no test image can be built; None where it can."""
    return None if static_busybox() else "there is no static busybox to make an image of (Debian: busybox-static)"


def build_busybox(tag: str) -> str:
    """Makes an image with a shell and the usual small tools, and returns its id.

    A tag that already names an image of the same content is left alone: its id must not change under another run of
    these tests on the same engine.
    """
    return _import(tag, root_filesystem())


def build_variant(tag: str, text: str) -> str:
    """Makes the same image with one more file, `/variant`, which holds `text`; so its id is another one."""
    return _import(tag, root_filesystem(variant=text))


def build_with(tag: str, files: Mapping[str, str]) -> str:
    """Makes the same image with programs of its own: path -> text. It stays there, for runs beside this one."""
    image = _import(tag, root_filesystem(programs=files))
    _built.discard(image)
    return image


def remove_built(keep: str) -> None:
    """Removes the images that this run built, but for the one tagged `keep` and those that a container still uses."""
    kept = docker("image", "inspect", "--format", "{{.Id}}", keep, check=False).stdout.strip()
    for image in sorted(_built - {kept}):
        # Without --force the engine refuses an image that has several tags, so those go first, one by one.
        tags = docker("image", "inspect", "--format", '{{join .RepoTags " "}}', image, check=False).stdout.split()
        for name in tags or [image]:
            docker("rmi", name, check=False)
    _built.clear()


def _import(tag: str, archive: bytes) -> str:
    content = hashlib.sha256(archive).hexdigest()
    labelled = f'{{{{.Id}}}} {{{{index .Config.Labels "{CONTENT_LABEL}"}}}}'
    known = docker("image", "inspect", "--format", labelled, tag, check=False)
    image, _, found = known.stdout.strip().partition(" ")
    if known.returncode == 0 and found == content:
        return image
    changes = ("ENV PATH=/bin", 'CMD ["/bin/sh"]', f"LABEL {CONTENT_LABEL}={content}")
    options = [word for change in changes for word in ("-c", change)]
    image = docker("import", *options, "-", tag, stdin=archive).stdout.strip()
    _built.add(image)
    return image


def root_filesystem(variant: str = "", programs: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """A tar archive: busybox, a link to it for each of its tools, and the few files a shell looks for.

    The same busybox gives the same bytes.
    """
    busybox = static_busybox()
    if busybox is None:
        raise RuntimeError(image_problem())
    tools = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    files = {
        "bin/busybox": (0o755, busybox.read_bytes()),
        "etc/passwd": (0o644, b"root:x:0:0:root:/root:/bin/sh\n"),
        "etc/group": (0o644, b"root:x:0:\n"),
    }
    files |= {path: (0o755, text.encode()) for path, text in programs.items()}
    if variant:
        files["variant"] = (0o644, variant.encode())

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, mode in {"bin": 0o755, "etc": 0o755, "root": 0o700, "tmp": 0o1777}.items():
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            archive.addfile(folder)
        for name, (mode, data) in files.items():
            file = tarfile.TarInfo(name)
            file.mode, file.size = mode, len(data)
            archive.addfile(file, io.BytesIO(data))
        for tool in sorted({*tools} - {"busybox", *(Path(path).name for path in programs)}):
            link = tarfile.TarInfo(f"bin/{tool}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    return buffer.getvalue()


def image_archive(tag: str, layer: bytes, volumes: Iterable[str] = ()) -> bytes:
    """What `load` of every engine takes: a manifest, a configuration, and one layer."""
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
            "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": ["/bin/sh"], "Volumes": {path: {} for path in volumes}},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": "2026-01-01T00:00:00Z"}],
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": [f"{digest}/layer.tar"]}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in ((name, config), (f"{digest}/layer.tar", layer), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


class EventLog:
    """What the engine did during a `with` block, by its own account: the proof that nothing was touched.

        with EventLog() as log:
            run_sglaunch("up", "-d")
        assert log.actions(project) == []

    The events are those of the whole engine, other projects' included. They are heard as they come, since an engine
    keeps only the newest for who asks later; the end of the block asks for these, so that none is still on its way.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._since = ""
        self._heard: list[str] = []

    def __enter__(self) -> EventLog:
        self._since = self._now()
        self._stream = subprocess.Popen(
            ["docker", "events", "--since", self._since, "--format", "{{json .}}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=ENVIRONMENT,
        )
        self._hearing = threading.Thread(target=self._hear, daemon=True)
        self._hearing.start()
        return self

    def _hear(self) -> None:
        assert self._stream.stdout is not None
        self._heard += self._stream.stdout

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        last: list[str] = []
        try:
            if error is None:
                options = ("--since", self._since, "--until", self._now(), "--format", "{{json .}}")
                last = docker("events", *options).stdout.splitlines()
        finally:
            self._stream.terminate()
            self._stream.wait()
            self._hearing.join()
        heard = [line.rstrip("\n") for line in self._heard]
        if len(last) >= _EVENT_BUFFER and last[0] not in heard:
            raise RuntimeError(f"the engine keeps {_EVENT_BUFFER} events: older ones of this block are lost")
        self.events = [json.loads(line) for line in dict.fromkeys([*heard, *last])]

    def about(self, project: str) -> Iterator[dict[str, Any]]:
        """The events of one project: those of its containers, and those of networks and volumes that name them."""
        ids = set()
        for event in self.events:
            attributes = event["Actor"].get("Attributes") or {}
            if attributes.get("sglaunch.project") == project or project in attributes.get("name", ""):
                ids.add(event["Actor"]["ID"])
        for event in self.events:
            attributes = event["Actor"].get("Attributes") or {}
            if ids & {event["Actor"]["ID"], attributes.get("container", "")}:
                yield event

    def actions(self, project: str) -> list[str]:
        """The events of one project as short text, in order: `container create`, `network connect`, ..."""
        return [f"{event['Type']} {event['Action']}" for event in self.about(project)]

    @staticmethod
    def _now() -> str:
        """The engine's clock, which need not be this machine's."""
        return docker("info", "--format", "{{.SystemTime}}").stdout.strip()


@contextlib.contextmanager
def exported(container: str) -> Iterator[list[str]]:
    """The names in a container's file system, folders with a slash."""
    done = subprocess.run(
        ["docker", "export", container], capture_output=True, env=ENVIRONMENT, timeout=100, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        yield [f"{member.name}/" if member.isdir() else member.name for member in archive]
