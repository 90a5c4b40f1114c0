"""The layers as documents: their shape, and the stack of texts that makes a profile.

For a profile P that extends Q the stack is stack(Q), then P's own text layer by layer. The built-in of the same name
lies beneath P unless P says `extends`, whatever it says. `defaults` enter once, above the built-in text (layer 1, which
every other layer beats) and beneath the rest of the chain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from sglaunch.config.document import parse
from sglaunch.config.files import LAYERS, LOCAL, PERSONAL, PERSONAL_FILE, PROJECT, SITE, Files
from sglaunch.config.node import Node, Problems, join
from sglaunch.config.suggest import nearest, unknown_profile
from sglaunch.errors import BUILTIN, UsageError
from sglaunch.plain import Struct, field

SHARED_KEYS = ("defaults", "profiles", "vars", "engine", "registry_mirrors")
OWN_KEYS = {SITE: ("policy",), PROJECT: ("project", "default_profiles")}
ENGINES = ("auto", "docker", "nerdctl", "podman")
ENGINE_KEYS = ("name", "host", "context", "namespace", "address", "binary", "sudo")
OWN_MACHINE = (SITE, PERSONAL)
"""The layers that may say where the engine is, and which program is run for it: none that a repository can hold."""
PROFILE_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_NAME_HINT = "letters, digits, _ . and -, beginning with a letter or digit"
REGISTRY = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?"
MIRROR = rf"{REGISTRY}(?:/[a-z0-9._/-]+)?"


class Layer(Struct):
    """One layer: its vars, defaults and profile texts, as written."""

    name: str
    vars: Node | None = None
    defaults: Node | None = None
    profiles: dict[str, Node] = field(default_factory=dict)


class Stack(Struct):
    """The layers of a project, and what only one of them says. `broken`: its file, or an engine, is not readable."""

    layers: list[Layer]
    project: Node | None = None
    default_profiles: Node | None = None
    engine: Node | None = None
    policy: Node | None = None
    mirrors: dict[str, Node] = field(default_factory=dict)
    broken: bool = False

    def layer(self, name: str) -> Layer:
        return self.layers[LAYERS.index(name)]

    def knows(self, name: str) -> bool:
        """Whether a layer declares a profile of this name."""
        return any(name in layer.profiles for layer in self.layers)

    def known(self) -> list[str]:
        """Every profile name of every layer."""
        return sorted({name for layer in self.layers for name in layer.profiles})

    def declared(self) -> list[str]:
        """The profiles that the project or the local layer declares, in written order."""
        return list(dict.fromkeys([*self.layer(PROJECT).profiles, *self.layer(LOCAL).profiles]))

    def texts(self, profile: str, problems: Problems) -> list[Node]:
        """The texts that make a profile, lowest first; empty when it cannot be made (the problems say why)."""
        chain = self._chain(profile, problems)
        if not chain:
            return []
        lowest = chain[-1]
        beneath = self.layer(BUILTIN).profiles.get(lowest) if self._extends(lowest) is None else None
        texts = [beneath] if beneath is not None else []
        texts += [layer.defaults for layer in self.layers if layer.defaults is not None]
        for name in reversed(chain):
            texts += [layer.profiles[name] for layer in self.layers[1:] if name in layer.profiles]
        return texts

    def _chain(self, profile: str, problems: Problems) -> list[str]:
        """P, what P extends, and so on up."""
        chain: list[str] = []
        name, by = profile, None
        while True:
            if name in chain:
                path = " -> ".join([*chain[chain.index(name) :], name])
                itself = "the built-in of the same name lies beneath anyway; remove extends"
                hint = itself if chain == [name] else "remove one of them"
                problems.error(by, f"profiles.{chain[-1]}.extends", f"a cycle: {path}", hint)
                return []
            if not self.knows(name):
                problems.error(by, f"profiles.{chain[-1]}.extends" if chain else "", *self.unknown(name))
                return []
            chain.append(name)
            by = self._extends(name)
            if by is None or by.value is None:
                return chain
            name = str(by.value)

    def unknown(self, name: str) -> tuple[str, str]:
        """The message and the hint for a profile name that no layer declares."""
        return unknown_profile(name, self.known())

    def _extends(self, profile: str) -> Node | None:
        """The nearest `extends` of a profile; None when no layer writes one."""
        found = None
        for layer in self.layers[1:]:
            text = layer.profiles.get(profile)
            found = (text.get("extends") if text is not None else None) or found
        return found


def check_profile_name(name: str) -> None:
    """Raises UsageError where no profile can have this name; keys that begin with x- are nobody's."""
    if not re.fullmatch(PROFILE_NAME, name) or name.startswith("x-"):
        raise UsageError(f"{name!r} is not a profile name", _NAME_HINT)


def read_stack(files: Files, problems: Problems) -> Stack:
    """Parses every text and checks the shape of each layer."""
    stack = Stack([Layer(name) for name in LAYERS])
    for text in files.texts:
        before = len(problems.errors)
        root = parse(text.text, text.name, text.layer, problems)
        if root is None:
            stack.broken |= text.layer == PROJECT and not text.profile and len(problems.errors) > before
            continue
        layer = stack.layer(text.layer)
        if not root.is_map:
            problems.error(root, "", f"the file must be a mapping, found {root.kind}")
        elif text.profile:
            _add_profile(layer, text.profile, root, problems)
        else:
            _read_document(stack, layer, root, problems)
    return stack


def _read_document(stack: Stack, layer: Layer, root: Node, problems: Problems) -> None:
    allowed = (*SHARED_KEYS, *OWN_KEYS.get(layer.name, ()))
    if layer.name == PROJECT and root.get("services") is not None and root.get("profiles") is None:
        problems.error(root.value["services"].key, "services", "this is a compose file", "see `sglaunch import`")
        return
    for key, node in root.items():
        if key.startswith("x-"):
            continue
        if key not in allowed:
            owner = next((name for name, keys in OWN_KEYS.items() if key in keys), None)
            hint = f"only the {owner} layer has {key}" if owner else _key_hint(key, allowed)
            problems.error(node.key, key, f"unknown key in the {layer.name} layer", hint)
        elif node.value is not None:
            _READERS[key](stack, layer, node, problems)


def _key_hint(key: str, allowed: Iterable[str]) -> str:
    hint = nearest(key, allowed)
    return hint if hint.startswith("did") else f"{hint}; a profile's options stand under profiles: NAME:"


def _read_vars(_: Stack, layer: Layer, node: Node, problems: Problems) -> None:
    layer.vars = _mapping(node, "vars", problems)


def _read_defaults(_: Stack, layer: Layer, node: Node, problems: Problems) -> None:
    layer.defaults = _mapping(node, "defaults", problems)
    if (extends := node.get("extends")) is not None:
        problems.error(extends.key, "defaults.extends", "defaults cannot extend a profile", "write it in each profile")


def _read_profiles(_: Stack, layer: Layer, node: Node, problems: Problems) -> None:
    profiles = _mapping(node, "profiles", problems)
    for name, text in profiles.items() if profiles is not None else ():
        if not name.startswith("x-"):
            _add_profile(layer, name, text, problems)


def _read_project(stack: Stack, _: Layer, node: Node, problems: Problems) -> None:
    if isinstance(node.value, str) and node.value.strip():
        stack.project = node
    else:
        problems.error(node, "project", f"must be a name, found {node.kind}")


def _read_default_profiles(stack: Stack, _: Layer, node: Node, problems: Problems) -> None:
    if node.is_list and all(isinstance(item.value, str) for item in node.value):
        stack.default_profiles = node
    else:
        problems.error(node, "default_profiles", "must be a list of profile names", "for example [dev]")


def _read_policy(stack: Stack, _: Layer, node: Node, problems: Problems) -> None:
    stack.policy = _mapping(node, "policy", problems)


def _read_mirrors(stack: Stack, _: Layer, node: Node, problems: Problems) -> None:
    """By registry: a nearer layer's mirrors of a registry replace all of a lower one; null is none."""
    mirrors = _mapping(node, "registry_mirrors", problems)
    for registry, inner in mirrors.items() if mirrors is not None else ():
        path = join("registry_mirrors", registry)
        if not re.fullmatch(REGISTRY, registry):
            problems.error(inner.key, path, f"{registry!r} is no registry", "for example docker.io")
        hosts = inner.value if inner.is_list else () if inner.value is None else (inner,)
        for host in hosts:
            if not isinstance(host.value, str) or not re.fullmatch(MIRROR, host.value):
                problems.error(host, path, "must be a host or a list of hosts", "for example docker.m.daocloud.io")
        stack.mirrors[registry] = inner.with_value(tuple(hosts))


def _mapping(node: Node, key: str, problems: Problems) -> Node | None:
    if node.is_map:
        return node
    problems.error(node, key, f"must be a mapping, found {node.kind}")
    return None


def _read_engine(stack: Stack, layer: Layer, node: Node, problems: Problems) -> None:
    """A name keeps what a lower layer says of that engine. No command acts on an engine that is not a valid one."""
    before, below = len(problems.errors), stack.engine
    _check_engine(layer, node, problems)
    stack.broken |= len(problems.errors) > before
    name = below.get("name") if below is not None and below.is_map else None
    keeps = below is not None and below.is_map and (name is None or name.value == node.value)
    stack.engine = node.with_value({**below.value, "name": node}) if below and keeps and node.is_scalar else node


def _check_engine(layer: Layer, node: Node, problems: Problems) -> None:
    if isinstance(node.value, str):
        if node.value not in ENGINES:
            problems.error(node, "engine", f"unknown engine {node.value!r}", nearest(node.value, ENGINES))
        return
    if layer.name not in OWN_MACHINE:
        hint = f"write one of {', '.join(ENGINES)}; {', '.join(ENGINE_KEYS[1:])} go to {PERSONAL_FILE}"
        problems.error(node, "engine", f"must be a name in the {layer.name} layer, found {node.kind}", hint)
        return
    if not node.is_map:
        problems.error(node, "engine", f"must be a name or a mapping, found {node.kind}")
    for key, value in node.items():
        if key not in ENGINE_KEYS:
            problems.error(value.key, f"engine.{key}", "unknown key", nearest(key, ENGINE_KEYS))
        elif key == "sudo":
            if not isinstance(value.value, bool):
                problems.error(value, "engine.sudo", f"must be true or false, found {value.kind}")
        elif not isinstance(value.value, str) or value.value.startswith("-"):
            problems.error(value, f"engine.{key}", "must be text that does not start with -")
        elif key == "name" and value.value not in ENGINES:
            problems.error(value, "engine.name", f"unknown engine {value.value!r}", nearest(value.value, ENGINES))


def _add_profile(layer: Layer, name: str, node: Node, problems: Problems) -> None:
    path = join("profiles", name)
    place = node.key or node.origin.place
    if not re.fullmatch(PROFILE_NAME, name):
        problems.error(place, path, f"{name!r} is not a profile name", _NAME_HINT)
        return
    if name in layer.profiles:
        first = layer.profiles[name].key or layer.profiles[name].origin.place
        problems.error(place, path, f"declared twice in the {layer.name} layer", f"the other is at {first}")
        return
    if node.value is None:
        node = node.with_value({})
    if not node.is_map:
        problems.error(node, path, f"must be a mapping, found {node.kind}")
        return
    extends = node.get("extends")
    if extends is not None and extends.value is not None and not isinstance(extends.value, str):
        problems.error(extends, f"{path}.extends", f"must be one profile name, found {extends.kind}")
        node = node.with_value({key: value for key, value in node.items() if key != "extends"})
    layer.profiles[name] = node


_READERS: Mapping[str, Callable[[Stack, Layer, Node, Problems], None]] = {
    "vars": _read_vars,
    "defaults": _read_defaults,
    "profiles": _read_profiles,
    "project": _read_project,
    "default_profiles": _read_default_profiles,
    "engine": _read_engine,
    "policy": _read_policy,
    "registry_mirrors": _read_mirrors,
}
