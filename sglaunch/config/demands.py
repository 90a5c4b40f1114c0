"""What others' files ask of the host beyond a plain container, and what of mine they would be handed; pure.

Such lines run on a user's machine with the user's rights, so they are shown and agreed to once (`sglaunch trust`).
Others' is what the project layer says, and what the local file and `.env` say where they came with the repository.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from sglaunch.config.expansions import CACHES
from sglaunch.config.files import PERSONAL, PROJECT, SITE
from sglaunch.config.load import Demand
from sglaunch.config.node import Node
from sglaunch.errors import BUILTIN
from sglaunch.plain import Struct, field
from sglaunch.spec.accelerator import rights
from sglaunch.spec.build import is_remote
from sglaunch.spec.server import NO_PROXIES, PROXIES
from sglaunch.spec.values import MASK, looks_secret, parse_flag

_Found = Iterator[tuple[str, Node, str]]
"""The path of a value, the value, and what it asks."""
_CODE = ("image", "build", "entrypoint", "command", "working_dir", "healthcheck")
_USUAL = ("lmsysorg/sglang", "docker.io/lmsysorg/sglang", ["sleep", "infinity"])
"""Images, whatever their tag, and a command that a built-in profile has too: no choice of others."""
_NOT_HANDED = (*_CODE, "dns", "logging")
_CODE_VARIABLES = re.compile(r"LD_.*|PATH|PYTHON(PATH|HOME|STARTUP)|(BASH_)?ENV|PERL5LIB")
_CODE_FOLDERS = re.compile(
    r"/|/root(/\.(bash|local|profile|python|zsh).*)?|/(bin|etc|lib|lib64|opt|sbin|sgl-workspace|usr)(/.*)?"
)
"""What decides which code runs, beside the command: variables, and folders of the container that a mount hides."""
_PUBLIC = re.compile(rf"{'|'.join((*PROXIES, *NO_PROXIES))}|SGL(ANG)?_.*|USER|LOGNAME|HOME|LANG|LC_.*|TZ|TERM")
"""Variables of the caller's shell that everybody may know."""
_LOCAL_LOGS = ("json-file", "local", "k8s-file", "none")
_LOG_OPTIONS = re.compile(r"max-.*|compress|mode|labels.*|env.*|tag")
_OF_SHELL = "the variable of your shell"


class Others(Struct, frozen=True):
    """What others wrote: the layers, and by name, as Node.reads has it, the values that templates of mine may read.

    `folder` is the project's. `real_path` takes a host path to one without symbolic links, so that no link in the
    project leads out of it unseen. `passed`: by path of an env_file, the names in it that take the caller's value.
    """

    folder: str
    real_path: Callable[[str], str]
    layers: frozenset[str] = frozenset({PROJECT})
    values: frozenset[str] = frozenset()
    passed: Mapping[str, Collection[str]] = field(default_factory=dict)

    def wrote(self, node: Node) -> Node | None:
        """The first part of a value that is theirs."""
        return next((part for part in _parts(node) if part.origin.layer in self.layers), None)

    def gave(self, node: Node) -> str:
        """Which values of theirs a template of mine made it of, in words; "" for none."""
        names = {name for part in _parts(node) for name in part.reads & self.values}
        return f" (from {', '.join(sorted(names))} of the project)" if names else ""

    def outside(self, path: str) -> str:
        """How a host path outside the project is shown; "" for one inside."""
        real = self.real_path(path)
        if real == self.folder or real.startswith(f"{self.folder.rstrip('/')}/"):
            return ""
        return path if real == path else f"{path} -> {real}"


def demands(merged: Node, others: Others) -> list[Demand]:
    """Every demand of a profile, in its order."""
    found: list[Demand] = []
    code = list(_code(merged, others))
    chosen = ", ".join(dict.fromkeys(text for text, _ in code))
    for path, node, text in _all(merged, others):
        key, made = path.partition(".")[0], others.gave(node)
        if key != "caches" and (theirs := others.wrote(node)) is not None:
            found.append(Demand(path, text, theirs.origin.place))
        elif key not in _CODE and made:
            found.append(Demand(path, f"{text}{made}", node.origin.place, mixed=True))
        elif code and _is_handed(key, node, others):
            found.append(Demand(path, f"{text}, for the project's {chosen}", code[0][1].origin.place, mixed=True))
    for key in _CODE:
        value = merged.get(key)
        if value is not None and others.wrote(value) is None and (made := others.gave(value)):
            words = " ".join(MASK if part.secret else str(part.value) for part in _parts(value))
            found.append(Demand(key, f"{words}{made}", value.origin.place, mixed=True))
    return [*found, *_variables(merged, others, tuple(one.path for one in found))]


def mirror_demands(mirrors: Mapping[str, Node], others: Others) -> list[Demand]:
    """Images come from where a project's mirrors say, and keep their names for everybody on the machine."""
    return [
        Demand(f"registry_mirrors.{registry}", f"images of {registry} from {', '.join(map(str, hosts.plain()))}", place)
        for registry, hosts in mirrors.items()
        if hosts.value and others.wrote(hosts) is not None and (place := hosts.origin.place)
    ]


def _is_handed(key: str, node: Node, others: Others) -> bool:
    """Whether something of mine is for any project. What my local file and the command line say is for this one."""
    if key == "caches" or (node.origin.layer in (SITE, PERSONAL) and key not in _NOT_HANDED):
        return True
    return node.origin.layer == BUILTIN and key in ("secret_env", "environment")


def _code(merged: Node, others: Others) -> Iterator[tuple[str, Node]]:
    """What others chose of the code that runs in the container, in words without what changes often, and where."""
    server, shell, health = (merged.get(key) for key in ("server", "shell", "healthcheck"))
    args = server.get("args") if server is not None else None
    chosen = {
        **{key: merged.get(key) for key in _CODE},
        "healthcheck": health.get("test") if health is not None else None,
        "server.launcher": server.get("launcher") if server is not None else None,
        "trust-remote-code": args.get("trust-remote-code") if args is not None else None,
        "shell": shell if shell is not None and (len(shell.plain()) > 1 or "/" in str(shell.plain())) else None,
    }
    for key, pattern in (("environment", _CODE_VARIABLES), ("volumes", _CODE_FOLDERS)):
        chosen.update({f"{key}.{name}": node for name, node in _items(merged, key) if pattern.fullmatch(name)})
    for key, node in chosen.items():
        if node is None or not node.value or (_repository(node.value) if key == "image" else node.plain()) in _USUAL:
            continue
        theirs = others.wrote(node) or (node if others.gave(node) else None)
        if theirs is not None:
            yield f"image {_repository(node.value)}" if key == "image" else key, theirs


def _repository(image: Any) -> str:
    """An image's name without tag and digest."""
    name = str(image).partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def _all(merged: Node, others: Others) -> _Found:
    for key, node in merged.items():
        if key == "accelerator" and (asked := rights(str(node.value), pinned=_is_pinned(merged))):
            yield key, node, f"{node.value}: {asked}"
        elif key in _READERS and node.value:
            yield from _READERS[key](key, node, others)


def _privileged(key: str, node: Node, _: Others) -> _Found:
    if parse_flag(node.value) is True:
        yield key, node, "all devices and capabilities of the host"


def _is_pinned(merged: Node) -> bool:
    """Whether `gpus` asks for a part of the cards."""
    gpus = merged.get("gpus")
    count, ids = (gpus.get(key) if gpus is not None else None for key in ("count", "ids"))
    return bool(ids is not None and ids.value) or (count is not None and count.value not in (-1, 0))


def _any_value(key: str, node: Node, _: Others) -> _Found:
    yield key, node, str(node.value)


def _namespace(key: str, node: Node, _: Others) -> _Found:
    if _is_shared(node):
        yield key, node, str(node.value)


def _each(key: str, node: Node, _: Others) -> _Found:
    for item in node.value:
        yield key, item, str(item.value)


def _networks(key: str, node: Node, _: Others) -> _Found:
    if (host := node.get("host")) is not None:
        yield f"{key}.host", host, "the host's network"


def _caches(key: str, node: Node, _: Others) -> _Found:
    for item in node.value:
        yield f"{key}.{item.value}", item, f"~/{CACHES[item.value]} (read and write)"


def _devices(key: str, node: Node, _: Others) -> _Found:
    for name, device in node.items():
        yield f"{key}.{name}", device, str(device.at(("path",)).value)


def _secrets(key: str, node: Node, _: Others) -> _Found:
    for name, entry in node.items():
        file = entry.get("file")
        yield f"{key}.{name}", entry, str(file.value) if file is not None else _OF_SHELL


def _is_shared(node: Node) -> bool:
    """The host's namespace, a container's, or one by path; that of a profile of the project is none of others."""
    return node.value == "host" or (":" in str(node.value) and not str(node.value).startswith("service:"))


def _logging(key: str, logging: Node, _: Others) -> _Found:
    """Where a log leaves the engine's own files."""
    driver = logging.get("driver")
    if driver is not None and driver.value and driver.value not in _LOCAL_LOGS:
        yield f"{key}.driver", driver, str(driver.value)
    for name, option in _items(logging, "options"):
        if not _LOG_OPTIONS.fullmatch(name):
            yield f"{key}.options.{name}", option, str(option.value)


def _build(key: str, build: Node, others: Others) -> _Found:
    """A build reads its context, and what its secrets name; it may write caches."""
    context, file, network = (build.get(name) for name in ("context", "dockerfile", "network"))
    folder = str(context.value) if context is not None and context.value else others.folder
    if context is not None and is_remote(folder):
        yield f"{key}.context", context, f"{folder} (fetched)"
    elif context is not None and (shown := others.outside(folder)):
        yield f"{key}.context", context, f"{shown} (read)"
    path = posixpath.join(folder, str(file.value)) if file is not None and file.value else ""
    if file is not None and path and not is_remote(folder) and (shown := others.outside(posixpath.normpath(path))):
        yield f"{key}.dockerfile", file, f"{shown} (read)"
    if network is not None and _is_shared(network):
        yield f"{key}.network", network, str(network.value)
    if (secrets := build.get("secrets")) is not None:
        yield from _secrets(f"{key}.secrets", secrets, others)
    for name, value in _items(build, "args"):
        if value.value is None and not _PUBLIC.fullmatch(name):
            yield f"{key}.args.{name}", value, _OF_SHELL
    for name in ("ssh", "cache_to", "cache_from"):
        listed = build.get(name)
        for item in (listed.value or ()) if listed is not None else ():
            if name != "cache_from" or "type=" in str(item.value):
                yield f"{key}.{name}", item, str(item.value)


def _model(key: str, server: Node, others: Others) -> _Found:
    model = server.get("model")
    if model is not None and str(model.value).startswith("/") and (shown := others.outside(str(model.value))):
        yield f"{key}.model", model, f"{shown} (read)"


def _environment(key: str, variables: Node, others: Others) -> _Found:
    """Variables of the caller's shell, by name, and secrets, by template or in a file of mine."""
    for name, value in variables.items():
        if value.value is not None and looks_secret(name) and others.wrote(value) is None:
            yield f"{key}.{name}", value, "a secret of yours"
        elif value.secret or (value.value is None and looks_secret(name)):
            yield f"{key}.{name}", value, "a secret of your shell"
        elif value.value is None and not _PUBLIC.fullmatch(name):
            yield f"{key}.{name}", value, _OF_SHELL


def _mounts(key: str, volumes: Node, others: Others) -> _Found:
    """Binds outside the project, and volumes of the engine that the project's folder does not give its name to."""
    own = posixpath.basename(others.folder)
    for target, mount in volumes.items():
        source, kind, read_only = mount.get("source"), mount.get("type"), mount.get("read_only")
        if kind is None or source is None:
            continue
        text = str(source.value)
        is_own = kind.value == "volume" and re.match(rf"{re.escape(own)}([-_.]|$)", text)
        shown = f"the volume {text}" if kind.value == "volume" and not is_own else ""
        shown = others.outside(text) if kind.value == "bind" else shown
        mode = "read" if read_only is not None and parse_flag(read_only.value) is True else "read and write"
        if shown:
            yield f"{key}.{target}", mount, f"{shown} ({mode})"


def _env_files(key: str, files: Node, others: Others) -> _Found:
    for entry in files.value if files.is_list else ():
        path = entry.get("path")
        if path is None:
            continue
        if shown := others.outside(str(path.value)):
            yield key, entry, shown
        for name in others.passed.get(str(path.value), ()):
            if not _PUBLIC.fullmatch(name):
                yield f"{key}.{name}", entry, _OF_SHELL


def _variables(merged: Node, others: Others, listed: tuple[str, ...]) -> Iterator[Demand]:
    """Variables of the caller's shell that their templates read, each once, beside values that are listed already."""
    found: set[str] = set()
    for path, node in _paths(merged, ""):
        if node.origin.layer not in others.layers or path.startswith(listed):
            continue
        for read in sorted(node.reads - others.values - found):
            kind, _, name = read.partition(".")
            if kind == "env" and not _PUBLIC.fullmatch(name):
                found.add(read)
                yield Demand(path, f"the variable {name} of your shell", node.origin.place)


def _items(node: Node, key: str) -> Iterator[tuple[str, Node]]:
    inner = node.get(key)
    return inner.items() if inner is not None else iter(())


def _parts(node: Node) -> Iterator[Node]:
    """Every scalar within a value; what is empty is one itself."""
    return (part for _, part in _paths(node, ""))


def _paths(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    """The parts of a value with their paths; an item of a list has that of the list."""
    inner = [(f"{path}.{key}".lstrip("."), part) for key, part in node.items()]
    inner += [(path, part) for part in (node.value if node.is_list else ())]
    if not inner:
        yield path, node
    for below, part in inner:
        yield from _paths(part, below)


_READERS: Mapping[str, Callable[[str, Node, Others], _Found]] = {
    **dict.fromkeys(("pid", "userns_mode", "runtime"), _any_value),
    **dict.fromkeys(("network_mode", "ipc", "uts", "cgroup"), _namespace),
    **dict.fromkeys(("cap_add", "group_add", "security_opt", "device_cgroup_rules", "volumes_from", "dns"), _each),
    "privileged": _privileged,
    "devices": _devices,
    "secret_env": _secrets,
    "networks": _networks,
    "logging": _logging,
    "caches": _caches,
    "volumes": _mounts,
    "env_file": _env_files,
    "environment": _environment,
    "server": _model,
    "build": _build,
}
