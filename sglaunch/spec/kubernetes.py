"""What a profile says of the cluster it may be exported to. No part of a ContainerSpec: no engine is told it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct, field


class Kubernetes(Struct, frozen=True):
    """Under the words of the Kubernetes API, in its own shapes.

    `service`: the type of the Service. `gpu_resource`: the device plug-in's name, "" for the accelerator's usual one.
    `patch`: merged into the pod template last, as `kubectl patch` would (null removes, named entries merge by name).
    """

    context: str = ""
    namespace: str = ""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    service: str = "ClusterIP"
    gpu_resource: str = ""
    patch: Mapping[str, Any] = field(default_factory=dict)
