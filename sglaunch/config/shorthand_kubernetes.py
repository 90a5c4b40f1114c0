"""`kubernetes` to one long form; pure. Its shapes are those of the Kubernetes API, so little is to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sglaunch.config.node import Node
from sglaunch.config.shorthand_values import Scope, text_of, texts, wrong

_Lengthen = Callable[[Node, str, Scope], Node]
_TABLE: Mapping[str, _Lengthen] = {
    "image_pull_secrets": texts,
    **dict.fromkeys(("context", "namespace", "service", "gpu_resource"), text_of),
}


def kubernetes(node: Node, path: str, scope: Scope) -> Node:
    """Names as text, and the values of a node selector too: labels are text to Kubernetes, `true` and `1` included."""
    if not node.is_map:
        return wrong(node, path, scope, "a mapping such as {namespace: llm}")
    result = {}
    for key, inner in node.items():
        below = f"{path}.{key}"
        if inner.value is None or inner.tag == "reset":
            result[key] = inner
        elif key == "node_selector" and inner.is_map:
            result[key] = inner.with_value({k: text_of(i, f"{below}.{k}", scope) for k, i in inner.items()})
        else:
            result[key] = _TABLE[key](inner, below, scope) if key in _TABLE else inner
    return node.with_value(result)
