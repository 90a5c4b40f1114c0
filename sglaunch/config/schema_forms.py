"""The forms that people may write, as JSON Schema: what `shorthand.TABLE` lengthens, row by row beside it; pure.

A row takes the schema of the long form and gives that of everything the loader reads. A value that is no text may also
be a template (`"{{ vars.count }}"`); `null`, which removes, is added where the schema is put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sglaunch.config.entries import FLAG_PATTERN, SIZE_PATTERN
from sglaunch.config.shorthand import PORT_KEYS, TEXT_KEYS
from sglaunch.config.shorthand_mounts import DEVICE_KEYS
from sglaunch.spec.mounts import PROPAGATIONS, VOLUME_TYPES

Schema = dict[str, Any]
Form = Callable[[Schema], Schema]

ANYTHING: Schema = {}
NULL: Schema = {"type": "null"}
TEXT: Schema = {"type": "string"}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
TEMPLATE: Schema = {"type": "string", "pattern": r"\{\{"}
_FLAG: Schema = {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": FLAG_PATTERN}, TEMPLATE]}
_NUMBER: Schema = {"type": ["number", "boolean"]}


def any_of(*schemas: Schema) -> Schema:
    """One of these; a union within is opened, what is there twice is there once."""
    found: list[Schema] = []
    for schema in schemas:
        for one in schema["anyOf"] if set(schema) == {"anyOf"} else [schema]:
            if one not in found:
                found.append(one)
    return found[0] if len(found) == 1 else {"anyOf": found}


def nullable(schema: Schema) -> Schema:
    """The schema or null, under the same description and examples."""
    told: Schema = {key: schema[key] for key in ("description", "examples") if key in schema}
    return {**told, **any_of({key: value for key, value in schema.items() if key not in told}, NULL)}


def list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def mapping(values: Schema) -> Schema:
    """Keys of the writer's choice."""
    return {"type": "object", "additionalProperties": values}


def entry(properties: Mapping[str, Schema], required: Iterable[str] = ()) -> Schema:
    """These keys and no others; null is no value."""
    found: Schema = {"type": "object", "properties": {key: nullable(one) for key, one in properties.items()}}
    return {**found, "additionalProperties": False, **({"required": list(required)} if required else {})}


def matching(pattern: str) -> Schema:
    return any_of({"type": "string", "pattern": pattern}, TEMPLATE)


SIZE = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": SIZE_PATTERN}, TEMPLATE]}
TEXTS = any_of(SCALAR, list_of(SCALAR))
WORDS = any_of(SCALAR, list_of(SCALAR))
ASSIGNMENTS = any_of(
    mapping({"type": ["string", "number", "boolean", "null"]}),
    list_of(any_of(matching(r"^[^=\s]"), _NUMBER)),
)
_HOSTS = any_of(mapping(TEXTS), list_of(matching(r"^[^:=\s]+[:=]\S+$")))
_SOURCE_TARGET = {"source": SCALAR, "target": SCALAR}


def _fixed(schema: Schema) -> Form:
    """A form that the long one says nothing of."""
    return lambda _: schema


def _text(long: Schema) -> Schema:
    """Any scalar is its text; of a few words or a pattern only those, or a template that gives one."""
    return SCALAR if long == TEXT else any_of(long, TEMPLATE)


def _names(long: Schema) -> Schema:
    """`[a, b]`, `{a: {...}, b: }`, or a list of both."""
    entries = mapping(any_of(long["additionalProperties"], NULL))
    return any_of(entries, list_of(any_of({"type": "string", "minLength": 1}, entries)))


def _volumes(long: Schema) -> Schema:
    bind = {
        "create_host_path": _FLAG,
        "propagation": {"enum": ["", *PROPAGATIONS]},
        "selinux": {"enum": ["", "z", "Z"]},
    }
    written = entry(
        {
            "type": any_of({"enum": list(VOLUME_TYPES)}, TEMPLATE),
            **_SOURCE_TARGET,
            "read_only": _FLAG,
            "bind": entry({key: any_of(one, TEMPLATE) for key, one in bind.items()}),
            "volume": entry({"nocopy": _FLAG}),
            "tmpfs": entry({"size": SIZE, "mode": SCALAR}),
            "consistency": ANYTHING,
        },
        ("type", "target"),
    )
    described = long["additionalProperties"]["properties"]
    for key in ("type", "source", "read_only"):
        written["properties"][key] = {"description": described[key]["description"], **written["properties"][key]}
    return list_of(any_of(matching(r"^/|:/"), written))


def _limit_or(long: Schema) -> Schema:
    return any_of(*long["properties"]["soft"]["anyOf"], long)


def _gpus(long: Schema) -> Schema:
    keys = dict(long["properties"])
    known = {key: any_of(ANYTHING) for key in ("driver", "options")}
    ids = {"ids": TEXTS, "device_ids": TEXTS, "capabilities": TEXTS}
    written = entry({**keys, "count": any_of(keys["count"], {"enum": ["all"]}), **ids, **known})
    short = matching(r"^(all|\d+|(GPU|MIG)-[\w/-]+)$")
    return any_of(short, {"type": "integer", "minimum": 0}, list_of(SCALAR), list_of(written), written)


def _restart(long: Schema) -> Schema:
    return any_of(long, TEMPLATE, {"enum": [False]})


def _image(long: Schema) -> Schema:
    """A number is a name too: an image may be called 5."""
    return any_of(long, TEMPLATE, _NUMBER)


def _tags(long: Schema) -> Schema:
    tag = _image(long["items"])
    return any_of(tag, list_of(tag))


def _env_file(long: Schema) -> Schema:
    return any_of(SCALAR, long["items"], list_of(any_of(SCALAR, long["items"])))


def _build(long: Schema) -> Schema:
    return any_of(SCALAR, long)


_PORT = entry(dict.fromkeys(PORT_KEYS, SCALAR), ("target",))
_DEVICE = entry(dict.fromkeys(DEVICE_KEYS, SCALAR), ("source",))

# Path -> form, as in shorthand.TABLE; `*` is any key of a mapping.
FORMS: Mapping[str, Form] = {
    **dict.fromkeys(TEXT_KEYS, _text),
    "image": _image,
    **dict.fromkeys(
        ("environment", "labels", "sysctls", "logging.options", "build.args", "build.labels"), _fixed(ASSIGNMENTS)
    ),
    **dict.fromkeys(("extra_hosts", "build.extra_hosts"), _fixed(_HOSTS)),
    **dict.fromkeys(("command", "entrypoint", "shell", "server.launcher", "healthcheck.test"), _fixed(WORDS)),
    **dict.fromkeys(
        (
            *("dns", "dns_search", "dns_opt", "cap_add", "cap_drop", "group_add", "security_opt"),
            *("device_cgroup_rules", "volumes_from"),
            *("build.cache_from", "build.cache_to", "build.platforms", "build.ssh"),
        ),
        _fixed(TEXTS),
    ),
    "caches": lambda long: any_of(long["items"], long),
    "build.tags": _tags,
    **dict.fromkeys(("build.target", "build.network", "build.dockerfile", "build.dockerfile_inline"), _text),
    **dict.fromkeys(("networks", "depends_on", "secret_env", "build.secrets"), _names),
    "volumes": _volumes,
    "tmpfs": _fixed(any_of(matching("^/"), list_of(matching("^/")))),
    "devices": _fixed(list_of(any_of(matching("^/|="), _DEVICE))),
    "ports": _fixed(list_of(any_of({"type": "integer", "minimum": 1, "maximum": 65535}, matching(r"\d"), _PORT))),
    "ulimits.*": _limit_or,
    "env_file": _env_file,
    "gpus": _gpus,
    "kubernetes.image_pull_secrets": _fixed(TEXTS),
    "kubernetes.node_selector": _fixed(mapping(nullable(SCALAR))),
    **dict.fromkeys(("kubernetes.context", "kubernetes.gpu_resource"), _text),
    "restart": _restart,
    "build": _build,
}
