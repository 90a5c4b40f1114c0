"""A pod template that is being written, with what Kubernetes refuses and what it does otherwise; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sglaunch.convert import leaving
from sglaunch.errors import Problem
from sglaunch.plain import Struct, field
from sglaunch.spec.container import ContainerSpec, Wanted
from sglaunch.spec.values import SIZE_UNITS

_KEYS = (
    *("name", "image", "imagePullPolicy", "command", "args", "workingDir", "env", "ports", "resources"),
    *("startupProbe", "readinessProbe", "livenessProbe", "securityContext", "tty", "stdin", "volumeMounts"),
)
_MAX_LABEL = 63
_EXPANDED = re.compile(r"\$(?=[$(])")
PATCH = "write it under kubernetes.patch"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A name by RFC 1123: of a pod's host name, a namespace, a volume."""
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""A name of most objects."""


def literal(text: str) -> str:
    """Text that Kubernetes leaves as it is: `$(NAME)` is expanded, and `$$` becomes `$` (expand.go of its core)."""
    return _EXPANDED.sub("$$", text)


def quantity(size: int) -> str:
    """Bytes as the shortest exact quantity: 34359738368 is `32Gi`. Older servers take text alone."""
    for unit in "ptgmk":
        if size and size % SIZE_UNITS[unit] == 0:
            return f"{size // SIZE_UNITS[unit]}{unit.upper()}i"
    return str(size)


class PodDraft(Struct):
    """`wanted` is the profile, `spec` its expanded spec. `here`: folders of this machine that no node has."""

    wanted: Wanted
    spec: ContainerSpec
    here: tuple[str, ...] = ()
    container: dict[str, Any] = field(default_factory=dict)
    pod: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    refusals: list[Problem] = field(default_factory=list)
    losses: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, message: str, hint: str) -> None:
        """What cannot be had. What only the built-in layer asks gives way, and is told."""
        if leaving.is_written(self.wanted, path):
            self.refusals.append(leaving.problem(self.wanted, path, message, hint))
        else:
            self.losses.append(leaving.problem(self.wanted, path, f"{message}; left out", hint))

    def insist(self, path: str, message: str, hint: str) -> None:
        """What cannot be had, whoever asked for it."""
        self.refusals.append(leaving.problem(self.wanted, path, message, hint))

    def tell(self, path: str, message: str, hint: str = "") -> None:
        """What is otherwise there."""
        self.losses.append(leaving.problem(self.wanted, path, message, hint))

    def comes_from(self, short: str, path: str) -> bool:
        """Whether a value was expanded from a short word such as accelerator, and has no line of its own."""
        origin = self.wanted.origins.get(path)
        return origin is not None and origin == self.wanted.origins.get(short)

    def security(self, key: str, value: Any) -> None:
        self.container.setdefault("securityContext", {})[key] = value

    def pod_security(self, key: str, value: Any) -> None:
        self.pod.setdefault("securityContext", {})[key] = value

    def capability(self, change: str, name: str) -> None:
        """`change` is add or drop. Kubernetes writes no CAP_."""
        context = self.container.setdefault("securityContext", {})
        names = context.setdefault("capabilities", {}).setdefault(change, [])
        if (word := name.upper().removeprefix("CAP_")) not in names:
            names.append(word)

    def resource(self, kind: str, name: str, amount: str) -> None:
        """`kind` is limits or requests."""
        self.container.setdefault("resources", {}).setdefault(kind, {})[name] = amount

    def mount(self, target: str, source: Mapping[str, Any], **how: Any) -> None:
        """A volume of the pod at a path of the container, named after the path."""
        volumes = self.pod.setdefault("volumes", [])
        taken = {one["name"] for one in volumes}
        base = re.sub(r"[^a-z0-9]+", "-", target.lower()).strip("-")[: _MAX_LABEL - 4].strip("-") or "root"
        names = (base, *(f"{base}-{number}" for number in range(1, len(volumes) + 1)))
        name = next(name for name in names if name not in taken)
        volumes.append({"name": name, **source})
        self.container.setdefault("volumeMounts", []).append({"name": name, "mountPath": target, **how})

    def template(self, labels: Mapping[str, str]) -> dict[str, Any]:
        """The pod template, in the order people read one."""
        ordered = {key: self.container[key] for key in _KEYS if key in self.container}
        assert len(ordered) == len(self.container)
        metadata: dict[str, Any] = {"labels": dict(labels)}
        metadata |= {"annotations": dict(self.annotations)} if self.annotations else {}
        pod = {key: value for key, value in self.pod.items() if key != "volumes"}
        volumes = {"volumes": self.pod["volumes"]} if "volumes" in self.pod else {}
        return {"metadata": metadata, "spec": {**pod, "containers": [ordered], **volumes}}
