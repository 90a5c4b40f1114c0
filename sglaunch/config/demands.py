"""What a checked-in project file asks of the host beyond a plain container; pure.

Such lines run on a user's machine with the user's rights, so they are shown and agreed to once (`sglaunch trust`).
What the built-in, site, personal and local layers and the command line ask needs no trust: they are not the project's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from sglaunch.config.files import PROJECT
from sglaunch.config.node import Node
from sglaunch.errors import Place
from sglaunch.plain import Struct
from sglaunch.spec.accelerator import rights
from sglaunch.spec.values import looks_secret, parse_flag

_Outside = Callable[[str], str]
"""How a host path outside the project is shown; "" for one inside."""
_HOST_NAMESPACES = ("pid", "userns_mode")
_LISTS = ("cap_add", "security_opt", "device_cgroup_rules", "volumes_from")


class Demand(Struct, frozen=True):
    """One line: the path of the value, what it asks, and where it stands. `text` is what trust is given to."""

    path: str
    text: str
    place: Place

    def __str__(self) -> str:
        return f"{self.place}: {self.path}: {self.text}"

    @property
    def remembered(self) -> str:
        """Trust is given to what is asked, wherever in the file it stands."""
        return f"{self.path}: {self.text}"


def demands(merged: Node, project_folder: str, real_path: Callable[[str], str]) -> list[Demand]:
    """Every demand of a profile's project layer, in the order of the profile.

    `real_path` takes a host path to one without symbolic links, so that no link in the project leads out of it unseen.
    """

    def outside(path: str) -> str:
        real = real_path(path)
        if real == project_folder or real.startswith(f"{project_folder.rstrip('/')}/"):
            return ""
        return path if real == path else f"{path} -> {real}"

    return [
        Demand(path, text, node.origin.place)
        for path, node, text in _all(merged, outside)
        if node.origin.layer == PROJECT
    ]


def mirror_demands(mirrors: Mapping[str, Node]) -> list[Demand]:
    """Images come from where a project's mirrors say, and keep their names for everybody on the machine."""
    return [
        Demand(f"registry_mirrors.{registry}", f"images of {registry} from {', '.join(map(str, hosts.plain()))}", place)
        for registry, hosts in mirrors.items()
        if hosts.origin.layer == PROJECT and hosts.value and (place := hosts.origin.place)
    ]


def _all(merged: Node, outside: _Outside) -> Iterator[tuple[str, Node, str]]:
    for key, node in merged.items():
        if key == "privileged" and parse_flag(node.value) is True:
            yield key, node, "all devices and capabilities of the host"
        elif key == "accelerator" and (asked := rights(str(node.value), pinned=_is_pinned(merged))):
            yield key, node, f"{node.value}: {asked}"
        elif (key in _HOST_NAMESPACES and node.value) or (key == "runtime" and node.value):
            yield key, node, str(node.value)
        elif key in _LISTS and node.value:
            yield key, node, ", ".join(map(str, node.plain()))
        elif key in ("devices", "secret_env"):
            for name, inner in node.items():
                file = inner.get("file") if key == "secret_env" else inner.get("path")
                yield f"{key}.{name}", inner, str(file.value) if file is not None else "the variable of your shell"
        elif key == "volumes":
            yield from _binds(node, outside)
        elif key == "env_file":
            yield from _env_files(node, outside)
        elif key == "environment":
            yield from _environment(node)
        elif key == "server":
            yield from _model(node, outside)
        elif key == "build":
            yield from _build(node, outside)


def _is_pinned(merged: Node) -> bool:
    """Whether `gpus` asks for a part of the cards."""
    gpus = merged.get("gpus")
    count, ids = (gpus.get(key) if gpus is not None else None for key in ("count", "ids"))
    return bool(ids is not None and ids.value) or (count is not None and count.value not in (-1, 0))


def _build(build: Node, outside: _Outside) -> Iterator[tuple[str, Node, str]]:
    """A build reads its context, and what its secrets name; it may write caches."""
    context, secrets, ssh, cache = (build.get(key) for key in ("context", "secrets", "ssh", "cache_to"))
    if context is not None and str(context.value).startswith("/") and (shown := outside(str(context.value))):
        yield "build.context", context, f"{shown} (read)"
    for name, entry in secrets.items() if secrets is not None else ():
        file = entry.get("file")
        yield f"build.secrets.{name}", entry, str(file.value) if file is not None else "the variable of your shell"
    for key, node in (("ssh", ssh), ("cache_to", cache)):
        if node is not None and node.value:
            yield f"build.{key}", node, ", ".join(map(str, node.plain()))


def _model(server: Node, outside: _Outside) -> Iterator[tuple[str, Node, str]]:
    model = server.get("model")
    if model is not None and str(model.value).startswith("/") and (shown := outside(str(model.value))):
        yield "server.model", model, f"{shown} (read)"


def _environment(variables: Node) -> Iterator[tuple[str, Node, str]]:
    """Secrets of the caller's shell, by name or by template."""
    for name, value in variables.items():
        if value.secret or (value.value is None and looks_secret(name)):
            yield f"environment.{name}", value, "a secret of your shell"


def _binds(volumes: Node, outside: _Outside) -> Iterator[tuple[str, Node, str]]:
    for target, mount in volumes.items():
        source, kind, read_only = mount.get("source"), mount.get("type"), mount.get("read_only")
        if kind is None or kind.value != "bind" or source is None or not (shown := outside(str(source.value))):
            continue
        mode = "read" if read_only is not None and parse_flag(read_only.value) is True else "read and write"
        yield f"volumes.{target}", mount, f"{shown} ({mode})"


def _env_files(files: Node, outside: _Outside) -> Iterator[tuple[str, Node, str]]:
    for entry in files.value if files.is_list else ():
        path = entry.get("path")
        if path is not None and (shown := outside(str(path.value))):
            yield "env_file", entry, shown
