"""What options of a container mean, in one spelling each, so that rules compare meanings and not words; pure.

`spelled` returns the canonical text of a value. `given` lists what a container has of an option, whichever option it is
written as: a privileged container has every capability, and `networks: [host]` is the host's network.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping

from sglaunch.plain import Struct, defaults_of, replace
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.mounts import VOLUME_NAME
from sglaunch.spec.reference import HUB, names_registry, parse
from sglaunch.spec.values import Secret, parse_duration, parse_flag, parse_size, parse_swap

ALL = "all"
SHM = "/dev/shm"
_ALL_CAPABILITIES, _ALL_DEVICES = "ALL", "a *:* rwm"
_NETWORK_MODES = ("host", "none", "bridge", "private", "slirp4netns", "pasta")
_UNCONFINED = ("unconfined", "disable", "true", "false")
_VISIBLE = "NVIDIA_VISIBLE_DEVICES"
# The root or working directory of a process. The engine runs as root and in /, so its answer is not the caller's.
_OF_PROCESS = re.compile(r"/proc/[^/]+(?:/task/[^/]+)?/(?:root|cwd)(?=/|$)")
_GPU_NODE = re.compile(r"/dev/(?:nvidia|davinci)(\d+)")
_GPU_MAJOR = re.compile(r"a .*|c (?:195|\*):.*")


class Given(Struct, frozen=True):
    """A canonical value and the path it is written at. `written`: not a default. `why`: how another option gives it."""

    path: str
    text: str
    written: bool = True
    why: str = ""


def clean(path: str) -> str:
    """A host path without `..`, doubled slashes and the detour through the root folder of a process."""
    path = posixpath.normpath(re.sub("^/+", "/", path))
    while match := _OF_PROCESS.match(path):
        path = path[match.end() :] or "/"
    return path


def within(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def touches(path: str, folder: str) -> bool:
    """Whether `path` gives something of `folder`: it is in it, or contains it."""
    return within(path, folder) or within(folder, path)


def places(path: str, real: Mapping[str, str]) -> set[str]:
    """A host path as it is written and without links."""
    return {clean(path), clean(real.get(clean(path), path))}


def host_paths(spec: ContainerSpec) -> Iterator[tuple[str, str]]:
    """Path of the value and host path of every bind and device."""
    for target, mount in spec.volumes.items():
        # Engines read a volume whose name is a path as a bind.
        if mount.type == "bind" or (mount.source and not VOLUME_NAME.fullmatch(mount.source)):
            yield f"volumes.{target}", mount.source
    for target, device in spec.devices.items():
        if device.path.startswith("/"):
            yield f"devices.{target}", device.path


def spelled(option: str, text: str) -> str:
    """The canonical text of an option's value. Raises ValueError for what cannot be one."""
    kind = type(defaults_of(ContainerSpec).get(option))
    if kind is bool and not isinstance(parse_flag(text), bool):
        raise ValueError(f"{text!r} is neither true nor false; write one of the two")
    return str(parse_flag(text)).lower() if kind is bool else _SPELLINGS.get(option, str.strip)(text)


def _account(text: str) -> str:
    """A user or group by number where that is known: `root` and `+0` are 0."""
    return "0" if text == "root" else str(int(text)) if re.fullmatch(r"[+-]?\d+", text) else text


def _user(text: str) -> str:
    name, _, group = text.strip().partition(":")
    return f"{_account(name or '0')}{f':{_account(group)}' if group else ''}"


def _capability(text: str) -> str:
    return text.strip().upper().removeprefix("CAP_")


def _security(text: str) -> str:
    """`name=value`: the colon is an older separator, and `no-new-privileges` alone means true."""
    name, _, value = (part.strip() for part in re.sub(r"^([^:=]*)[:=]", r"\1\n", text).partition("\n"))
    value = {"1": "true", "t": "true", "0": "false", "f": "false"}.get(value.lower(), value) or "true"
    return f"{name.lower()}={value.lower() if value.lower() in _UNCONFINED else value}"


def _namespace(text: str) -> str:
    text = re.sub(r"ns:/proc/(?:1|self)/ns/\w+$", "host", text.strip())
    return "bridge" if text == "default" else text


def _device(text: str) -> str:
    return clean(text) if text.strip().startswith("/") else text.strip()


def _device_rule(text: str) -> str:
    kind, *rest = text.split() or [""]
    numbers, permissions = [*rest, "*:*", "rwm"][:2] if len(rest) < 2 else rest[:2]
    return f"{kind} {numbers} {''.join(one for one in 'rwm' if one in permissions)}"


def _container_path(text: str) -> str:
    return posixpath.normpath(text.strip())


def _size(text: str) -> str:
    return str(parse_swap(text))


def _number(text: str) -> str:
    return f"{float(text):g}"


_SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "user": _user,
    "group_add": lambda text: _account(text.strip()),
    "cap_add": _capability,
    "cap_drop": _capability,
    "security_opt": _security,
    "devices": _device,
    "device_cgroup_rules": _device_rule,
    **dict.fromkeys(("network_mode", "networks", "ipc", "pid", "uts", "userns_mode", "cgroup"), _namespace),
    **dict.fromkeys(("volumes", "tmpfs", "working_dir"), _container_path),
    **dict.fromkeys(("shm_size", "mem_limit", "mem_reservation", "memswap_limit"), _size),
    **dict.fromkeys(("cpus", "cpu_shares", "cpu_quota", "cpu_period", "pids_limit"), _number),
    "stop_grace_period": lambda text: f"{parse_duration(text):g}",
    "stop_signal": lambda text: text.strip().upper().removeprefix("SIG"),
    "sysctls": lambda text: text.strip().replace("/", "."),
    "ports": lambda text: text.strip() if "/" in text else f"{text.strip()}/tcp",
    "logging_driver": lambda text: text.strip().lower(),
}
_BY_PRIVILEGED: Mapping[str, tuple[str, ...]] = {
    "cap_add": (_ALL_CAPABILITIES,),
    "devices": ("/dev",),
    "device_cgroup_rules": (_ALL_DEVICES,),
    "security_opt": ("seccomp=unconfined", "apparmor=unconfined", "label=disable"),
}


def given(option: str, spec: ContainerSpec, real: Mapping[str, str], accelerator: str = "") -> Iterator[Given]:
    """What an expanded spec gives of an option. `real`: host paths without links."""
    value = getattr(spec, option)
    if option == "gpus":
        each = list(gpus(spec, real, accelerator))
        number = str(len({one.text for one in each}))
        yield from (one if one.text == ALL else replace(one, text=number) for one in each)
    elif option == "devices":
        for target, device in spec.devices.items():
            yield from (Given(f"devices.{target}", place) for place in sorted(places(_device(device.path), real)))
    elif option in ("network_mode", "networks"):
        named = [("network_mode", spec.network_mode)] if spec.network_mode else []
        for path, name in (*named, *((f"networks.{name}", name) for name in spec.networks)):
            text = _namespace(name)
            is_mode = text in _NETWORK_MODES or ":" in text
            is_own = path.partition(".")[0] == option or is_mode == (option == "network_mode")
            yield Given(path, text, is_own)
    elif option == "user" and not value:
        yield Given(option, "0", written=False, why="the image's own user counts, root unless the image names another")
    elif isinstance(value, Mapping | tuple):
        yield from (
            Given(f"{option}.{item}" if isinstance(value, Mapping) else option, spelled(option, item)) for item in value
        )
    elif value not in (None, ""):
        text = str(value) if isinstance(value, Struct) else spelled(option, str(value))
        yield Given(option, text, value != defaults_of(ContainerSpec).get(option))
    if spec.privileged:
        for text in _BY_PRIVILEGED.get(option, ()):
            yield Given("privileged", text, why=f"a privileged container has {text}")


def is_meant(option: str, text: str, rule: str, spec: ContainerSpec, real: Mapping[str, str]) -> bool:
    """Whether a canonical value gives the one that a rule names: it is the same, or includes it."""
    if option in ("cap_add", "cap_drop") and text == _ALL_CAPABILITIES:
        # Engines take what is dropped out of ALL, but not out of single capabilities, nor from a privileged container.
        dropped = () if spec.privileged or option == "cap_drop" else map(_capability, spec.cap_drop)
        return rule not in dropped
    if option == "device_cgroup_rules" and text.startswith("a *:*"):
        return set(rule[rule.rindex(" ") :]) <= set(text[text.rindex(" ") :])
    if option == "devices" and rule.startswith("/"):
        return text.startswith("/") and any(touches(text, place) for place in places(rule, real))
    if option == "devices" and text.endswith(f"={ALL}"):
        return rule.partition("=")[0] == text.partition("=")[0]
    return text == rule or text.startswith(f"{rule}:")


def gpus(spec: ContainerSpec, real: Mapping[str, str], accelerator: str = "") -> Iterator[Given]:
    """Each GPU that a container gets, under an id, or ALL; a count gives devices that have no id yet."""
    asked = spec.gpus
    if asked is not None:
        ids = [ALL] if asked.count == -1 else asked.ids or [f"#{number}" for number in range(asked.count)]
        yield from (Given("gpus", name) for name in _gpu_ids(",".join(ids)))
    elif _VISIBLE in spec.environment or "nvidia" in spec.runtime:
        # NVIDIA's runtime reads the variable, and can be the engine's default. Where something is requested by `gpus`,
        # the engine sets it.
        value = spec.environment.get(_VISIBLE)
        visible = value.reveal() if isinstance(value, Secret) else value
        if visible is None and "nvidia" in spec.runtime:
            yield Given("runtime", ALL, why=f"the image's own {_VISIBLE} counts, all in CUDA images")
        elif spec.runtime in ("", "nvidia") or "nvidia" in spec.runtime:
            yield from (Given(f"environment.{_VISIBLE}", name) for name in _gpu_ids(visible or ""))
    paths = [(f"devices.{target}", place) for target, one in spec.devices.items() for place in places(one.path, real)]
    # Display nodes are the GPUs of AMD and Intel; of NVIDIA's they are no more than an output.
    is_display = accelerator in ("rocm", "xpu") or any(place == "/dev/kfd" for _, place in paths)
    for path, place in sorted(paths):
        kind, found, name = place.partition("=")
        if found and re.search(r"/(gpu|mig|npu)$", kind):
            yield from (Given(path, one) for one in _gpu_ids(name))
        elif match := _GPU_NODE.fullmatch(place):
            yield Given(path, match[1])
        elif place in ("/", "/dev") or (is_display and place == "/dev/dri"):
            yield Given(path, ALL)
        elif is_display and place.startswith("/dev/dri/renderD"):
            yield Given(path, place)
    if any(_GPU_MAJOR.fullmatch(_device_rule(rule)) for rule in spec.device_cgroup_rules):
        yield Given("device_cgroup_rules", ALL)
    if spec.privileged:
        yield Given("privileged", ALL, why="a privileged container has every device")


def _gpu_ids(text: str) -> list[str]:
    names = (re.sub(r"^(?:[\w.-]+/gpu=)?(?:gpu(?=\d))?", "", name.strip()) for name in text.split(","))
    return [name for name in names if name.lower() not in ("", "none", "void")]


def shared_memory(spec: ContainerSpec, real: Mapping[str, str]) -> Iterator[tuple[str, int | None]]:
    """Path and bytes of what gives a container shared memory; None for no limit."""
    if spec.shm_size is not None:
        yield "shm_size", spec.shm_size or None
    if _namespace(spec.ipc) == "host":
        yield "ipc", None
    for target, options in spec.tmpfs.items():
        if within(_container_path(target), SHM):
            yield f"tmpfs.{target}", _tmpfs_size(options)
    for target, mount in spec.volumes.items():
        is_there = touches(_container_path(target), SHM)
        if is_there or (mount.type == "bind" and any(within(one, SHM) for one in places(mount.source, real))):
            yield f"volumes.{target}", None


def _tmpfs_size(options: str) -> int | None:
    """The largest size that is written; None for percentages, blocks, 0 and nothing, which are no limit of bytes."""
    words = dict.fromkeys(word.strip() for word in options.split(","))
    sizes = [word.partition("=")[2] for word in words if word.startswith(("size=", "nr_blocks="))]
    try:
        found = [parse_size(size) for size in sizes]
    except ValueError:
        return None
    has_blocks = any(word.startswith("nr_blocks=") for word in words)
    return None if has_blocks or not found or 0 in found else max(found)


def image_names(text: str) -> set[str]:
    """An image under its registry, `docker.io` where none is written; the tag `latest` written and left out."""
    try:
        found = parse(text)
    except ValueError:
        return {text}
    name = image_pattern(f"{found.registry}/{found.repository}")
    suffix = f"{f':{found.tag}' if found.tag else ''}{f'@{found.digest}' if found.digest else ''}"
    return {f"{name}{suffix}", name} if suffix == ":latest" else {f"{name}{suffix}"}


def image_pattern(text: str) -> str:
    """A pattern in the spelling of `image_names`. One that begins with * is for every registry."""
    if text.startswith("*"):
        return text
    registry, _, rest = text.partition("/") if names_registry(text) else (HUB, "", text)
    registry = HUB if registry.lower() == f"index.{HUB}" else registry.lower()
    return f"{registry}/{rest.removeprefix('library/') if registry == HUB else rest}"
