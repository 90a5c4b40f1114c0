"""A container's own layer as an image, with every secret blanked.

`docker commit -c 'ENV X='` blanks the image's configuration and still keeps the container's whole environment beside it
(ContainerConfig; in `docker save`, and in `docker inspect` of an API before 1.45). So the committed image, which has no
name, is loaded again under its name with a configuration of our own: its layers are there already, and only a few
hundred bytes travel. Then the committed one is removed.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Mapping
from typing import Any

from sglaunch.engine.cli import Cli
from sglaunch.errors import EngineError
from sglaunch.plan.capabilities import DOCKER
from sglaunch.plan.consent import SNAPSHOTS
from sglaunch.spec.labels import PREFIX, SNAPSHOT

_TELLING = "1.44"
"""The last API that tells of it."""


def take(
    cli: Cli, container: str, image: str, secrets: Collection[str], whose: Mapping[str, str], *, blanks: bool = True
) -> None:
    """Commits a container as `image`; variables named in `secrets` are empty in it, the labels `whose` say whose it is.

    Where a commit can change neither (`blanks` false), it holds no variables of the container and no labels at all.
    """
    if not blanks:
        cli.text("commit", container, image, timeout=None)
        return
    found = cli.inspect([container], size=False)[container]
    config = found.get("Config") or {}
    labels = {str(key): str(value) for key, value in (config.get("Labels") or {}).items()}
    committed = cli.text("commit", *_changes(config, labels, secrets, whose), container, timeout=None).strip()
    try:
        data = cli.inspect([committed], size=False)[committed]
        if not _leaks(cli, committed, data):
            cli.text("tag", committed, image)
            return
        cli.text("load", timeout=None, data=_archive(data, image))
    except BaseException:  # Ctrl-C among them: what is half made would stay
        cli.run("rmi", committed)
        raise
    # Never by an id that has the name too: some engines would remove both.
    cli.run("rmi", committed)


def _changes(
    config: Mapping[str, Any], labels: Mapping[str, str], secrets: Collection[str], whose: Mapping[str, str]
) -> list[str]:
    """Dockerfile lines for `commit --change`."""
    present = {line.partition("=")[0] for line in config.get("Env") or []}
    lines = [f"ENV {name}=" for name in sorted(present & set(secrets))]
    lines += [f"LABEL {name}=" for name in sorted(labels) if name.startswith(PREFIX)]
    lines += [f"LABEL {name}={json.dumps(value)}" for name, value in whose.items()]
    return [word for line in lines for word in ("--change", line)]


def _leaks(cli: Cli, committed: str, data: Mapping[str, Any]) -> bool:
    """Whether the image keeps the container's environment beside its own, told or not."""
    if "ContainerConfig" not in data and cli.name == DOCKER:
        before = 2 if cli.command[0] == "sudo" else 0  # `sudo -n`, which keeps no variables
        command = (*cli.command[:before], "env", f"DOCKER_API_VERSION={_TELLING}", *cli.command[before:])
        try:
            data = Cli(command, cli.name, typed=cli.typed).inspect([committed], size=False)[committed]
        except EngineError:
            return True
    return bool((data.get("ContainerConfig") or {}).get("Env"))


def _archive(data: Mapping[str, Any], image: str) -> bytes:
    """What `docker load` takes: a manifest and a configuration, for layers that the engine has."""
    layers = data["RootFS"]["Layers"]
    created = data.get("Created", "")
    config = {
        "architecture": data.get("Architecture", ""),
        "os": data.get("Os", "linux"),
        "created": created,
        "config": data.get("Config") or {},
        "rootfs": {"type": "layers", "diff_ids": layers},
        "history": [{"created": created, "created_by": "sglaunch snapshot"} for _ in layers],
    }
    text = json.dumps(config).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image], "Layers": [f"{n}/layer.tar" for n in range(len(layers))]}]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for file, content in ((name, text), ("manifest.json", json.dumps(manifest).encode())):
            entry = tarfile.TarInfo(file)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def listed(cli: Cli, project: str, *, blanks: bool = True) -> list[tuple[str, str, str]]:
    """Name, age and size of the snapshots of a project, newest first; without labels, of containers named after it."""
    labelled = ("--filter", f"label={SNAPSHOT}.project={project}") if blanks else ()
    form = "{{.Repository}}:{{.Tag}}\t{{.CreatedSince}}\t{{.Size}}"
    rows = cli.text("image", "ls", *labelled, "--format", form).splitlines()
    cells = (row.split("\t") for row in rows if row.count("\t") == 2)
    # Podman's word for what no registry gave.
    found = [(name.removeprefix("localhost/"), age, size) for name, age, size in cells]
    named = f"{SNAPSHOTS}/", f"-{project.lower()}-"
    return found if blanks else [one for one in found if one[0].startswith(named[0]) and named[1] in one[0]]
