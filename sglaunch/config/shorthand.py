"""Compose's short forms to one long form per key, before the merge; pure.

Keyed sequences become mappings under what identifies an entry (a volume under its container path, a port under
`30000/tcp`), so that merging them is merging mappings. `~` and relative host paths resolve here, against the home and
against the folder of the file that wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from sglaunch.config.node import Node, Problems, join
from sglaunch.config.shorthand_build import build
from sglaunch.config.shorthand_kubernetes import kubernetes
from sglaunch.config.shorthand_mounts import devices, tmpfs, volumes
from sglaunch.config.shorthand_paths import Paths
from sglaunch.config.shorthand_server import gpus, server
from sglaunch.config.shorthand_values import Scope, read_here, text_of, texts, words, wrong
from sglaunch.config.suggest import nearest
from sglaunch.spec.values import parse_port

PORT_KEYS = ("target", "published", "host_ip", "protocol", "mode", "name", "app_protocol")
_ASSIGNMENT = re.compile(r"[^=\s][^=]*")


Lengthen = Callable[[Node, str, Scope], Node]


def lengthen(body: Node, paths: Paths, problems: Problems) -> Node:
    """A profile's text in long form. A value that cannot be read stays as it is, with a problem at its place."""
    scope = Scope(paths, problems)
    result: dict[str, Node] = {}
    for key, node in body.items():
        result[key] = lengthen_key(key, node, scope)
    moved = result.get("volumes")
    if moved is not None and moved.is_map:
        _move_tmpfs(result, moved)
    return body.with_value(result)


def lengthen_key(key: str, node: Node, scope: Scope) -> Node:
    """One profile key in long form; null and `!reset` mean removal and have no long form."""
    if node.value is None or node.tag == "reset" or key not in TABLE:
        return node
    return TABLE[key](node, key, scope)


def _move_tmpfs(body: dict[str, Node], mounts: Node) -> None:
    """`type: tmpfs` under volumes is the key `tmpfs` in other words."""
    kept: dict[str, Node] = {}
    moved: dict[str, Node] = {}
    for target, mount in mounts.items():
        (kept if mount.get("options") is None else moved)[target] = mount
    if not moved:
        return
    body["volumes"] = mounts.with_value(kept)
    beside = dict(body["tmpfs"].items()) if "tmpfs" in body else {}
    options = {target: mount.value["options"] for target, mount in moved.items()}
    body["tmpfs"] = body.get("tmpfs", mounts).with_value({**options, **beside})


def assignments(separator: str = "=") -> Lengthen:
    """`[A=b, C]` or `{A: b, C: null}` as a mapping of text; a bare name is null."""

    def run(node: Node, path: str, scope: Scope) -> Node:
        if node.is_map:
            return node.with_value({key: text_of(inner, join(path, key), scope) for key, inner in node.items()})
        if not node.is_list:
            return wrong(node, path, scope, f"a mapping, or a list of NAME{separator}value")
        result: dict[str, Node] = {}
        for item in node.value:
            if not item.is_scalar or item.value is None:
                wrong(item, path, scope, f"NAME{separator}value")
                continue
            if not _ASSIGNMENT.match(item.written()):
                scope.problems.error(item, path, f"{item.written()!r} has no name", f"write NAME{separator}value")
                continue
            name, found, value = item.written().partition(separator)
            if name in result:
                scope.problems.error(item, join(path, name), "is set twice in one list", "remove one of the two")
            result[name] = item.with_value(value if found else None)
        return node.with_value(result)

    return run


def healthcheck(node: Node, path: str, scope: Scope) -> Node:
    if not node.is_map:
        return wrong(node, path, scope, "a mapping")
    test = node.get("test")
    if test is None or test.value is None or test.tag == "reset":
        return node
    if test.is_scalar:
        line = (test.with_value("CMD-SHELL"), text_of(test, path, scope))
    else:
        line = texts(test, f"{path}.test", scope).value
    return node.with_value({**node.value, "test": test.with_value(line)})


def hosts(node: Node, path: str, scope: Scope) -> Node:
    """`[name:ip, name=ip]` or `{name: ip}` as name -> list of addresses."""
    result: dict[str, tuple[Node, ...]] = {}
    if node.is_map:
        for name, inner in node.items():
            result[name] = texts(inner, join(path, name), scope).value
    elif node.is_list:
        for item in node.value:
            match = re.fullmatch(r"([^:=\s]+)[:=](\S+)", item.written() if item.is_scalar else "")
            if match is None:
                scope.problems.error(item, path, f"{item.written()!r} is not a host", "write name:address")
                continue
            result[match[1]] = (*result.get(match[1], ()), item.with_value(match[2].strip("[]")))
    else:
        return wrong(node, path, scope, "a mapping, or a list of name:address")
    return node.with_value({name: node.with_value(addresses) for name, addresses in result.items()})


def ports(node: Node, path: str, scope: Scope) -> Node:
    """Short and long ports as `30000/tcp` -> list of {port, ip}."""
    if not node.is_list:
        return wrong(node, path, scope, 'a list such as ["30000:30000"]')
    result: dict[str, Node] = {}
    for item in node.value:
        try:
            bindings = parse_port(_long_port(item, path, scope) if item.is_map else item.written())
        except ValueError as error:
            scope.problems.error(item, path, str(error))
            continue
        for key, binding in bindings:
            entry = item.with_value({"port": item.with_value(binding.port), "ip": item.with_value(binding.ip)})
            result[key] = item.with_value((*(result[key].value if key in result else ()), entry))
    return node.with_value(result)


def _long_port(item: Node, path: str, scope: Scope) -> str:
    for key, inner in item.items():
        if key not in PORT_KEYS:
            scope.problems.error(inner.key, join(path, key), "unknown key of a port", nearest(key, PORT_KEYS))
        elif not inner.is_scalar:
            wrong(inner, join(path, key), scope, "text or a number")
    values = {key: inner.written() for key, inner in item.items() if inner.is_scalar}
    if not values.get("target"):
        raise ValueError("a port needs target: the container's port")
    ip = values.get("host_ip", "")
    ip = f"[{ip}]" if ":" in ip else ip
    front = f"{ip}:" if ip else ""
    host = f"{values['published']}:" if values.get("published") else ":" if ip else ""
    return f"{front}{host}{values['target']}/{values.get('protocol', 'tcp')}"


def ulimits(node: Node, path: str, scope: Scope) -> Node:
    if not node.is_map:
        return wrong(node, path, scope, "a mapping of name: limit")
    result = {}
    for name, inner in node.items():
        if inner.is_scalar and inner.value is not None:
            result[name] = inner.with_value({"soft": inner, "hard": inner})
        else:
            result[name] = inner
    return node.with_value(result)


def names(fill: Mapping[str, str] | None = None) -> Lengthen:
    """`[a, b]` or `{a: {...}}` as a mapping; a bare name has the given entries, or none."""

    def run(node: Node, path: str, scope: Scope) -> Node:
        def empty(item: Node) -> Node:
            return item.with_value({key: item.with_value(value) for key, value in (fill or {}).items()})

        if node.is_map:
            return node.with_value({key: empty(i) if i.value is None else i for key, i in node.items()})
        if not node.is_list:
            return wrong(node, path, scope, "a list of names or a mapping")
        result: dict[str, Node] = {}
        for item in node.value:
            if item.is_map:
                result.update(run(item, path, scope).value)
            elif isinstance(item.value, str) and item.value:
                result[item.value] = empty(item)
            else:
                wrong(item, path, scope, "a name")
        return node.with_value(result)

    return run


def secret_env(node: Node, path: str, scope: Scope) -> Node:
    """Names, or `{NAME: {file: path}}`, as a mapping; file paths absolute."""
    node = names()(node, path, scope)
    result = {}
    for name, entry in node.items():
        file = entry.get("file")
        if not entry.is_map or (file is None and entry.value) or set(entry.value) - {"file"}:
            hint = "write the variable's name alone, or NAME: {file: path}"
            scope.problems.error(entry, join(path, name), "a secret's value does not stand in a file like this", hint)
        elif file is not None and isinstance(file.value, str):
            result[name] = entry.with_value({"file": read_here(file, join(path, name), scope)})
            continue
        result[name] = entry
    return node.with_value(result) if node.is_map else node


def env_file(node: Node, path: str, scope: Scope) -> Node:
    """`file`, `[file, {path, required}]` as a list of {path, required}; paths absolute."""
    items = node.value if node.is_list else (node,)
    result = []
    for item in items:
        entry = item if item.is_map else item.with_value({"path": text_of(item, path, scope)})
        file = entry.get("path")
        if file is None or not isinstance(file.value, str):
            scope.problems.error(item, path, "an env_file needs a path")
            continue
        result.append(entry.with_value({**entry.value, "path": read_here(file, path, scope)}))
    return node.with_value(tuple(result))


def restart(node: Node, path: str, scope: Scope) -> Node:
    """`false` is `no`, which YAML 1.1 readers would have made of it."""
    return node.with_value("no") if node.value is False else text_of(node, path, scope)


def logging(node: Node, path: str, scope: Scope) -> Node:
    options = node.get("options")
    if options is None or options.value is None:
        return node
    return node.with_value({**node.value, "options": assignments()(options, f"{path}.options", scope)})


TEXT_KEYS = (
    *("container_name", "image", "network_mode", "ipc", "pid", "uts", "userns_mode", "cgroup", "user", "working_dir"),
    *("hostname", "stop_signal", "cpuset", "runtime", "platform", "pull_policy", "accelerator", "hub", "recreate"),
    "gpu_update",
)

_BUILD: Mapping[str, Lengthen] = {
    "args": assignments(),
    "labels": assignments(),
    "extra_hosts": hosts,
    "secrets": names(),
    **dict.fromkeys(("tags", "cache_from", "cache_to", "platforms", "ssh"), texts),
    **dict.fromkeys(("target", "network", "dockerfile", "dockerfile_inline"), text_of),
}

TABLE: Mapping[str, Lengthen] = {
    **dict.fromkeys(TEXT_KEYS, text_of),
    "environment": assignments(),
    "labels": assignments(),
    "annotations": assignments(),
    "sysctls": assignments(),
    "extra_hosts": hosts,
    "volumes": lambda node, path, scope: volumes(node, path, scope.paths, scope.problems),
    "tmpfs": lambda node, path, scope: tmpfs(node, path, scope.problems),
    "devices": lambda node, path, scope: devices(node, path, scope.problems),
    "ports": ports,
    "ulimits": ulimits,
    "secret_env": secret_env,
    "env_file": env_file,
    "command": words,
    "entrypoint": words,
    "shell": words,
    "healthcheck": healthcheck,
    "dns": texts,
    "dns_search": texts,
    "dns_opt": texts,
    "cap_add": texts,
    "cap_drop": texts,
    "group_add": texts,
    "security_opt": texts,
    "device_cgroup_rules": texts,
    "volumes_from": texts,
    "caches": texts,
    "networks": names(),
    "depends_on": names({"condition": "started"}),
    "gpus": gpus,
    "server": server,
    "restart": restart,
    "build": lambda node, path, scope: build(node, path, scope, _BUILD),
    "logging": logging,
    "kubernetes": kubernetes,
}
