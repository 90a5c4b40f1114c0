"""Profiles with a server as Kubernetes manifests: a Deployment, or a LeaderWorkerSet over several nodes, and a Service;
pure.

Secrets are referred to by name and never written; what makes them is told as a loss.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sglaunch.convert import leaving
from sglaunch.convert.merge_patch import patched
from sglaunch.convert.pod import PodDraft
from sglaunch.convert.pod_options import write_options
from sglaunch.convert.pod_server import PULL_SECONDS, key_secret, ports, start_seconds, write_server
from sglaunch.errors import Problem
from sglaunch.plain import Struct
from sglaunch.spec.container import Wanted, expand
from sglaunch.spec.kubernetes import Kubernetes
from sglaunch.spec.reference import HUB, parse

NAME_LABEL, PART_LABEL = "app.kubernetes.io/name", "app.kubernetes.io/part-of"
LWS_NAME, LWS_INDEX = "leaderworkerset.sigs.k8s.io/name", "leaderworkerset.sigs.k8s.io/worker-index"
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_MAX_SERVICE = 63
# A StatefulSet labels its pods with its name and a hash of up to ten characters, and a group's is named NAME-0.
_MAX_SET = 52
_NO_SERVER = (
    "a container without server lives by its writable layer, by stop and start and by attach; a pod has none of these, "
    "for a pod that stopped is gone"
)


class Manifests(Struct, frozen=True):
    """The documents, and remarks to stand above them; what Kubernetes does otherwise; and what it refuses, where the
    documents are not to be used."""

    documents: tuple[Mapping[str, Any], ...]
    remarks: tuple[str, ...]
    losses: tuple[Problem, ...]
    refusals: tuple[Problem, ...]


def to_kubernetes(profiles: Sequence[Wanted], here: Sequence[str]) -> Manifests:
    """The manifests of every profile. `here`: folders of this machine that no node has (home, project)."""
    documents: list[Mapping[str, Any]] = []
    remarks: list[str] = []
    losses: list[Problem] = []
    refusals: list[Problem] = []
    for wanted in profiles:
        if wanted.spec.server is None:
            hint = "write server: {model: ...}, or leave the profile out"
            refusals.append(leaving.problem(wanted, "server", f"{wanted.profile}: {_NO_SERVER}", hint))
            continue
        one, lost = leaving.settled(wanted)
        draft = PodDraft(one, expand(one.spec), tuple(here))
        documents += _documents(draft)
        remarks += _remarks(draft)
        losses += [*lost, *draft.losses, *_losses(draft)]
        refusals += draft.refusals
    return Manifests(tuple(documents), tuple(remarks), tuple(losses), tuple(refusals))


def _documents(draft: PodDraft) -> list[Mapping[str, Any]]:
    wanted, name = draft.wanted, draft.spec.container_name
    settings, server = wanted.settings, wanted.spec.server
    assert server is not None
    _check_name(draft)
    _check_image(draft)
    _check_restart(draft)
    draft.container["name"] = "sglang"
    write_options(draft)
    entries = ports(draft, server)
    write_server(draft, server)
    _check_rights(draft)
    _place(draft, settings.kubernetes)
    labels = {NAME_LABEL: name, PART_LABEL: _label_value(wanted.project)}
    template = patched(draft.template(labels), settings.kubernetes.patch)
    several = settings.nodes > 1
    workload = _leader_worker_set(draft, labels, template) if several else _deployment(draft, labels, template)
    selector = {LWS_NAME: name, LWS_INDEX: "0"} if several else {NAME_LABEL: name}
    service = {"type": settings.kubernetes.service, "selector": selector, "ports": entries}
    # The headless Service of a LeaderWorkerSet, by which its pods find each other, has the set's own name.
    called = f"{name}-leader" if several else name
    return [workload, _object("v1", "Service", _metadata(draft, labels, called), service)]


def _object(version: str, kind: str, metadata: dict[str, Any], spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _metadata(draft: PodDraft, labels: Mapping[str, str], name: str) -> dict[str, Any]:
    namespace = draft.wanted.settings.kubernetes.namespace
    return {"name": name, **({"namespace": namespace} if namespace else {}), "labels": dict(labels)}


def _deployment(draft: PodDraft, labels: dict[str, str], template: dict[str, Any]) -> dict[str, Any]:
    """Recreate: on a node that is full the new pod would wait for the devices that the old one holds."""
    spec = {
        "replicas": draft.wanted.settings.replicas,
        "strategy": {"type": "Recreate"},
        "progressDeadlineSeconds": int(start_seconds(draft)) + PULL_SECONDS,
        "selector": {"matchLabels": {NAME_LABEL: draft.spec.container_name}},
        "template": template,
    }
    return _object("apps/v1", "Deployment", _metadata(draft, labels, draft.spec.container_name), spec)


def _leader_worker_set(draft: PodDraft, labels: dict[str, str], template: dict[str, Any]) -> dict[str, Any]:
    """One template serves leader and workers: each is told its rank. A group starts and restarts as one, since a rank
    that comes back alone finds nobody who would let it in."""
    spec = {
        "replicas": draft.wanted.settings.replicas,
        "startupPolicy": "LeaderCreated",
        "leaderWorkerTemplate": {
            "size": draft.wanted.settings.nodes,
            "restartPolicy": "RecreateGroupOnPodRestart",
            "workerTemplate": template,
        },
    }
    kind = "LeaderWorkerSet"
    return _object("leaderworkerset.x-k8s.io/v1", kind, _metadata(draft, labels, draft.spec.container_name), spec)


def _place(draft: PodDraft, kubernetes: Kubernetes) -> None:
    """Where pods go; and what every one says: no variables of Services, of which `SGLANG_PORT` ends a server."""
    draft.pod["enableServiceLinks"] = False
    draft.pod["automountServiceAccountToken"] = False
    if kubernetes.node_selector:
        draft.pod["nodeSelector"] = {**draft.pod.get("nodeSelector", {}), **kubernetes.node_selector}
    if kubernetes.tolerations:
        draft.pod["tolerations"] = [dict(one) for one in kubernetes.tolerations]
    if kubernetes.image_pull_secrets:
        draft.pod["imagePullSecrets"] = [{"name": name} for name in kubernetes.image_pull_secrets]


def _check_name(draft: PodDraft) -> None:
    name, settings = draft.spec.container_name, draft.wanted.settings
    room = _MAX_SET - len(f"-{settings.replicas - 1}") if settings.nodes > 1 else _MAX_SERVICE
    if _SERVICE_NAME.fullmatch(name) and len(name) <= room:
        return
    cleaned = re.sub(r"-+", "-", re.sub(r"[^a-z0-9]", "-", name.lower())).strip("-")
    proposed = (cleaned if re.match("[a-z]", cleaned) else f"sgl-{cleaned}")[:room].rstrip("-")
    message = f"{name} is no name of a Service: lower case, digits and -, a letter first, at most {room}"
    draft.insist("container_name", message, f"write container_name: {proposed}")


def _check_image(draft: PodDraft) -> None:
    if draft.wanted.build is None:
        return
    reference = parse(draft.spec.image)
    if reference.registry == HUB and reference.repository.startswith("library/"):
        message = f"{draft.spec.image} is built here, and no node could pull it"
        draft.insist("build", message, "write image: registry/name:tag, then `sglaunch build` and `sglaunch push`")
    else:
        draft.tell("build", "a cluster builds no images", "`sglaunch build` and `sglaunch push` first")


def _check_restart(draft: PodDraft) -> None:
    policy = draft.spec.restart
    if policy in ("always", "unless-stopped"):
        return
    message = f"{policy}: the pods of a server are always restarted"
    draft.refuse("restart", message, "write restart: always, or remove it")


def _check_rights(draft: PodDraft) -> None:
    context = draft.container.get("securityContext", {})
    added = context.get("capabilities", {}).get("add", [])
    if context.get("allowPrivilegeEscalation") is False and (context.get("privileged") or "SYS_ADMIN" in added):
        message = "no-new-privileges excludes privileged and SYS_ADMIN in a pod"
        draft.insist("security_opt", message, "remove one of the two")


def _label_value(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text)[:63].strip("-_.") or "project"


def _remarks(draft: PodDraft) -> Iterator[str]:
    """The Secrets that the documents refer to and do not hold."""
    if names := leaving.secrets(draft.spec, draft.wanted.secret_names):
        yield f"The Secret {draft.spec.container_name} is not in this file; it holds {', '.join(names)}."
    server = draft.wanted.spec.server
    if server is not None and server.api_key:
        yield f"The Secret {key_secret(draft)} is not in this file; it holds server.yaml, with the API key."


def _value(wanted: Wanted, name: str) -> str:
    """Where a shell finds a secret; printf is its own, so that the value stands in no process's arguments."""
    file = wanted.secret_files.get(name)
    return f"$(cat {shlex.quote(file)})" if file else f"${name}"


def _lines(wanted: Wanted, names: Sequence[str]) -> str:
    """What writes NAME=value lines of secrets in a shell."""
    of_files = leaving.of_files(wanted)
    told = " ".join(f'{name}="{_value(wanted, name)}"' for name in names if name not in of_files)
    parts = [shlex.join(["cat", *wanted.env_files])] if of_files else []
    parts += [f"printf '%s\\n' {told}"] if told else []
    return parts[0] if len(parts) == 1 else f"{{ {'; '.join(parts)}; }}"


def _losses(draft: PodDraft) -> Iterator[Problem]:
    wanted, name = draft.wanted, draft.spec.container_name
    kubernetes = wanted.settings.kubernetes
    where = f" -n {kubernetes.namespace}" if kubernetes.namespace else ""
    if names := leaving.secrets(draft.spec, wanted.secret_names):
        message = f"the Secret {name} is yours to make; it holds {', '.join(names)}"
        hint = f"`{_lines(wanted, names)} | kubectl{where} create secret generic {name} --from-env-file=/dev/stdin`"
        yield leaving.problem(wanted, f"environment.{names[0]}", message, hint)
    server = wanted.spec.server
    if server is not None and server.api_key:
        secret = key_secret(draft)
        message = f"the Secret {secret} is yours to make; it holds the file that SGLang reads its key from"
        line = f'printf \'api-key: "%s"\\n\' "{_value(wanted, server.api_key)}"'
        hint = f"`{line} | kubectl{where} create secret generic {secret} --from-file=server.yaml=/dev/stdin`"
        yield leaving.problem(wanted, "server.api_key", message, hint)
    if kubernetes.context:
        message = f"{kubernetes.context}: a manifest names no cluster"
        yield leaving.problem(wanted, "kubernetes.context", message, f"`kubectl --context {kubernetes.context} apply`")
    if wanted.settings.nodes > 1:
        message = "several nodes need the LeaderWorkerSet controller, 0.6 or newer, in the cluster"
        yield leaving.problem(wanted, "nodes", message, "see lws.sigs.k8s.io for its installation")
    if wanted.settings.depends_on:
        names_text = ", ".join(wanted.settings.depends_on)
        message = f"{names_text}: nothing is started in order in a cluster"
        yield leaving.problem(wanted, "depends_on", message, "a server must bear that others come later")
    yield from leaving.consent(wanted)
