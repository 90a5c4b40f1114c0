"""`server` and `gpus` to one long form each; pure."""

from __future__ import annotations

import re

from sglaunch.config.node import Node, join
from sglaunch.config.shorthand_values import Scope, resolved, texts, words, wrong
from sglaunch.config.suggest import nearest
from sglaunch.spec.server import FIELD_FLAGS, flag_word

GPU_KEYS = ("count", "ids", "device_ids", "min_free", "idle", "capabilities", "driver", "options")


def gpus(node: Node, path: str, scope: Scope) -> Node:
    """`all`, `2`, `[0, 3]`, UUIDs, or Compose's mapping as {count, ids, min_free, capabilities}; `count` -1 is all."""
    if node.is_list and len(node.value) == 1 and node.value[0].is_map:
        node = node.value[0]
    if node.is_map:
        return _gpu_mapping(node, path, scope)
    if node.is_list:
        if any(not item.is_scalar for item in node.value):
            return wrong(node, path, scope, "one mapping, or a list of GPU ids")
        return node.with_value({"ids": _ids(node, path, scope)})
    written = node.written()
    if written == "all" or re.fullmatch(r"\d+", written):
        return node.with_value({"count": node.with_value(-1 if written == "all" else int(written))})
    if re.fullmatch(r"(GPU|MIG)-[\w/-]+", written):
        return node.with_value({"ids": node.with_value((node,))})
    message = f"{written!r} is not a GPU request"
    scope.problems.error(node, path, message, "write all, a number, a list of ids such as [0, 3], or a GPU's UUID")
    return node


def _ids(node: Node, path: str, scope: Scope) -> Node:
    """A list of ids; one with a comma, as schedulers put into variables (`"4,5"`), is several."""
    listed = texts(node, path, scope)
    if not listed.is_list:
        return listed
    parts = ((item, part.strip()) for item in listed.value for part in item.written().split(","))
    return listed.with_value(tuple(item.with_value(part) for item, part in parts if part))


def _gpu_mapping(node: Node, path: str, scope: Scope) -> Node:
    result = {}
    for key, inner in node.items():
        if key not in GPU_KEYS:
            scope.problems.error(inner.key, join(path, key), "unknown key of gpus", nearest(key, GPU_KEYS))
        elif key == "count":
            result["count"] = inner.with_value(-1) if inner.value == "all" else inner
        elif key in ("ids", "device_ids"):
            result["ids"] = _ids(inner, join(path, key), scope)
        elif key == "capabilities":
            listed = texts(inner, join(path, key), scope)
            result[key] = listed.with_value(tuple(item for item in listed.value if item.value != "gpu"))
        elif key in ("min_free", "idle"):
            result[key] = inner
    if not result.keys() & {"count", "ids"}:
        result["count"] = node.with_value(-1)
    return node.with_value(result)


def server(node: Node, path: str, scope: Scope) -> Node:
    """The launcher as words, a model path absolute, the flags under their profile words."""
    if not node.is_map:
        return wrong(node, path, scope, "a mapping with model: and what else the server needs")
    result = dict(node.items())
    launcher, model, args = result.get("launcher"), result.get("model"), result.get("args")
    if launcher is not None and launcher.value is not None:
        result["launcher"] = words(launcher, f"{path}.launcher", scope)
    if model is not None and isinstance(model.value, str) and re.match(r"[~/]|\.{1,2}/", model.value):
        result["model"] = resolved(model, f"{path}.model", scope)
    if args is not None and args.value is not None:
        result["args"] = _flags(args, f"{path}.args", scope)
    return node.with_value(result)


def _flags(args: Node, path: str, scope: Scope) -> Node:
    if not args.is_map:
        return wrong(args, path, scope, "a mapping such as {tp: 4, trust-remote-code: true}")
    result: dict[str, Node] = {}
    for written, value in args.items():
        word = flag_word(written)
        if word in FIELD_FLAGS:
            field = FIELD_FLAGS[word]
            message = "belongs to server.api_key: in args every user would see it" if field == "api_key" else ""
            message = message or f"is a field of its own: server.{field}"
            scope.problems.error(value.key, join(path, written), message, f"write it as server.{field}")
        elif word in result:
            scope.problems.error(
                value.key, join(path, written), f"is the flag {word} again, in another spelling", "remove one"
            )
        else:
            result[word] = value
    return args.with_value(result)
