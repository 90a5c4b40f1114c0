"""A patch of a pod template, merged as `kubectl patch` does (strategic merge); pure.

Mappings merge key by key, null removes, lists are replaced; but those whose entries have a name of their own merge
entry by entry (patchMergeKey in the API of Kubernetes), so that a patch need not repeat the container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMED_BY = {
    **dict.fromkeys(("containers", "initContainers", "volumes", "env", "imagePullSecrets"), "name"),
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "hostAliases": "ip",
}


def patched(base: Any, patch: Any, key: str = "") -> Any:
    """`base` with the patch on it; `key` is where both stand."""
    if isinstance(patch, Mapping):
        merged = dict(base) if isinstance(base, Mapping) else {}
        for name, value in patch.items():
            if value is None:
                merged.pop(name, None)
            else:
                merged[name] = patched(merged.get(name), value, name)
        return merged
    named_by = _NAMED_BY.get(key)
    if named_by is None or not isinstance(base, list) or not all(_has(item, named_by) for item in patch):
        return patch
    merged_list = list(base)
    for item in patch:
        found = next((n for n, one in enumerate(merged_list) if one.get(named_by) == item[named_by]), None)
        if found is None:
            merged_list.append(patched({}, item))
        else:
            merged_list[found] = patched(merged_list[found], item)
    return merged_list


def _has(item: Any, name: str) -> bool:
    return isinstance(item, Mapping) and name in item
