"""`nodes`, `replicas` and `kubernetes` of a profile: what they become, and what excludes them; pure."""

from __future__ import annotations

from collections.abc import Iterator

from sglaunch.config.node import Node, Problems, join
from sglaunch.config.profile import Profile
from sglaunch.spec.kubernetes import Kubernetes
from sglaunch.spec.server import MEETING_FLAGS


def kubernetes_of(profile: Profile, merged: Node, problems: Problems) -> Kubernetes:
    """The settings; a secret in them is a mistake, for an export is a file that is handed on."""
    entry, node = profile.kubernetes, merged.get("kubernetes")
    if entry is None or node is None:
        return Kubernetes()
    for path, inner in _leaves(node, "kubernetes"):
        if inner.secret:
            hint = "write secret_env: it becomes a reference to a Secret of the cluster"
            problems.error(inner, path, "is a secret, and an export is handed on", hint)
    data = entry.model_dump(exclude={"tolerations"})
    tolerations = tuple(one.model_dump(exclude_defaults=True) for one in entry.tolerations)
    return Kubernetes(**{**data, "image_pull_secrets": tuple(entry.image_pull_secrets), "tolerations": tolerations})


def check_nodes(profile: Profile, merged: Node, problems: Problems) -> None:
    """Several machines serve one model: each gets its rank and the meeting place from us, and the sizes must fit."""
    written = merged.get("nodes")
    if written is None:
        return
    if profile.server is None:
        if profile.nodes > 1:
            problems.error(written, "nodes", "is for a profile with server", "remove it, or write server: {model: ...}")
        return
    args = merged.at(("server", "args"))
    for flag in MEETING_FLAGS:
        if (node := args.get(flag)) is not None:
            message = "is written by sglaunch where nodes is, for each machine its own"
            problems.error(node.key or node, f"server.args.{flag}", message, "remove it, or remove nodes")
    given = profile.gpus.count or len(profile.gpus.ids or ()) if profile.gpus is not None else 0
    sizes = {name: value for name in ("tp", "pp") if isinstance(value := profile.server.args.get(name), int)}
    needed = sizes.get("tp", 1) * sizes.get("pp", 1)
    if profile.nodes > 1 and given > 0 and sizes and needed != profile.nodes * given:
        message = f"tp * pp is {needed}, and {profile.nodes} nodes with {given} GPUs each have {profile.nodes * given}"
        problems.error(args.get(next(iter(sizes))), "server.args", message, "change tp, pp, nodes or gpus")


def _leaves(node: Node, path: str) -> Iterator[tuple[str, Node]]:
    if node.is_scalar:
        yield path, node
    for key, inner in node.items():
        yield from _leaves(inner, join(path, key))
    for number, inner in enumerate(node.value if node.is_list else ()):
        yield from _leaves(inner, f"{path}[{number}]")
