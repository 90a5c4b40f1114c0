"""JSON Schema (2020-12) of the files people write, from the models of a profile and the tables of the layers; pure.

The models describe the long form; `schema_forms` says what may be written for it. Tags (`!override`, `!reset`) are no
part of JSON: an editor is told of them by its own settings. No keyword is used that draft 7 reads otherwise, since
editors know that one best.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.config.examples import EXAMPLES
from sglaunch.config.files import LOCAL, PERSONAL, PROJECT, SITE
from sglaunch.config.layers import (
    ENGINE_KEYS,
    ENGINES,
    MIRROR,
    OWN_KEYS,
    OWN_MACHINE,
    PROFILE_NAME,
    REGISTRY,
    SHARED_KEYS,
)
from sglaunch.config.merge import REPLACE, rule_for
from sglaunch.config.node import join
from sglaunch.config.policy import RULES, Rule, Rules
from sglaunch.config.profile import NOT_CARRIED, Profile
from sglaunch.config.schema_forms import (
    ANYTHING,
    FORMS,
    NULL,
    SIZE,
    TEMPLATE,
    TEXT,
    Schema,
    any_of,
    entry,
    list_of,
    mapping,
    matching,
    nullable,
)
from sglaunch.spec.policy import DENIABLE

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PROFILE = "profile"
KINDS = (PROJECT, PROFILE, SITE, PERSONAL, LOCAL)
SCHEMA_FILE = ".sglaunch.schema.json"
"""Beside sglaunch.yaml, to be checked in with it: the one place that is right for everybody who has the repository,
online or not."""
MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
"""The first line of a file, by which editors find its schema."""

_PROFILE_REF: Schema = {"$ref": "#/$defs/profile"}
_IGNORED: Schema = {"^x-": ANYTHING}
_TITLES = {
    PROJECT: "sglaunch.yaml",
    PROFILE: "a profile of sglaunch: profiles/NAME.yaml",
    SITE: "the site's settings of sglaunch: /etc/sglaunch/config.yaml",
    PERSONAL: "personal settings of sglaunch: ~/.config/sglaunch/config.yaml",
    LOCAL: "sglaunch.local.yaml",
}


def schema(kind: str) -> Schema:
    """The schema of one kind of file; `kind` is one of KINDS."""
    head = {"$schema": DIALECT, "title": _TITLES[kind]}
    if kind == PROFILE:
        return {**head, **_profile()}
    keys = {key: _described(key, _layer_key(key, kind)) for key in (*SHARED_KEYS, *OWN_KEYS.get(kind, ()))}
    return {**head, **_open(keys), "$defs": {"profile": _profile()}}


def _open(properties: Mapping[str, Schema]) -> Schema:
    """These keys, and those that begin with x-; null is nothing written."""
    return {**entry(properties), "patternProperties": _IGNORED}


def _profile() -> Schema:
    """A profile's text. Nothing is required of it: any layer may write the rest."""
    long = Profile.model_json_schema()
    found = {"extends": _described("extends", TEXT)}
    for key, one in long["properties"].items():
        found[key] = {**_described(key, _written(one, key, long["$defs"])), "description": one["description"]}
    refused = {key: {"not": ANYTHING, "doNotSuggest": True, "description": _refusal(key)} for key in NOT_CARRIED}
    made = _open(found)
    return {**made, "properties": {**made["properties"], **refused}}


def _refusal(key: str) -> str:
    return f"is not carried by sglaunch; {NOT_CARRIED[key]}"


def _described(key: str, one: Schema) -> Schema:
    text = _LAYER_WORDS.get(key, "")
    examples = list(EXAMPLES.get(key, ()))
    return {**({"description": text} if text else {}), **one, **({"examples": examples} if examples else {})}


def _written(long: Schema, path: str, definitions: Mapping[str, Any]) -> Schema:
    """What may be written for a value of the models."""
    if "$ref" in long:
        long = definitions[str(long["$ref"]).rpartition("/")[2]]
    if "anyOf" in long:
        return any_of(*(_written(one, path, definitions) for one in long["anyOf"] if one != NULL))
    kind = long.get("type")
    if kind == "object" and "properties" in long:
        keys = long["properties"]
        # A value that layers make together may be written in parts.
        whole = path.endswith("[]") or rule_for(path) == REPLACE
        found = entry(
            {key: _nested(one, join(path, key), definitions) for key, one in keys.items()},
            long.get("required", ()) if whole else (),
        )
    elif kind == "object":
        values = long.get("additionalProperties", ANYTHING)
        inner = _written(values, join(path, "*"), definitions) if isinstance(values, dict) else ANYTHING
        found = mapping(inner) if path in FORMS or not inner else mapping(nullable(inner))
    elif kind == "array":
        found = list_of(_written(long["items"], path + "[]", definitions))
    else:
        found = {key: value for key, value in long.items() if key in _KEPT}
        found = found if kind == "string" and set(found) == {"type"} else any_of(found, TEMPLATE)
    return FORMS[path](found) if path in FORMS else found


def _nested(one: Schema, path: str, definitions: Mapping[str, Any]) -> Schema:
    return {"description": one["description"], **_written(one, path, definitions)}


def _layer_key(key: str, layer: str) -> Schema:
    mirror: Schema = {"type": "string", "pattern": f"^{MIRROR}$"}
    rows: Mapping[str, Schema] = {
        "defaults": {"allOf": [_PROFILE_REF, {"not": {"required": ["extends"]}}]},
        "profiles": {
            "type": "object",
            "patternProperties": {**_IGNORED, f"^(?!x-){PROFILE_NAME}$": any_of(_PROFILE_REF, NULL)},
            "additionalProperties": False,
        },
        "vars": mapping(ANYTHING),
        "engine": _engine(layer),
        "registry_mirrors": {
            "type": "object",
            "patternProperties": {f"^{REGISTRY}$": any_of(mirror, list_of(mirror), NULL)},
            "additionalProperties": False,
        },
        "policy": _policy(RULES),
        "project": {"type": "string", "pattern": r"\S"},
        "default_profiles": list_of(TEXT),
    }
    return rows[key]


def _engine(layer: str) -> Schema:
    """In a checked-in file a name alone."""
    name: Schema = {"enum": list(ENGINES)}
    if layer not in OWN_MACHINE:
        return name
    rows = {key: {"type": "string", "pattern": "^(?!-)"} for key in ENGINE_KEYS}
    return any_of(name, {**entry({**rows, "name": name, "sudo": {"type": "boolean"}}), "required": []})


def _policy(rules: Rules) -> Schema:
    """Texts in it may be templates too."""
    found: dict[str, Schema] = {}
    for key, rule in rules.items():
        if isinstance(rule, Rule):
            found[key] = {"description": rule.description, **POLICY_FORMS[rule.field]}
        else:
            found[key] = _policy(rule)
    return _open(found)


_FOLDERS = list_of(matching("^/"))
_DENIED = "|".join(DENIABLE)
# Field of Policy -> what may be written for it.
POLICY_FORMS: Mapping[str, Schema] = {
    "name_pattern": TEXT,
    "name_example": TEXT,
    "labels": list_of(TEXT),
    "allow_mounts": _FOLDERS,
    "deny_mounts": _FOLDERS,
    "deny": list_of(matching(f"^({_DENIED})(=|$)")),
    "images": list_of(TEXT),
    "max_gpus": any_of({"type": "integer", "minimum": 0}, TEMPLATE),
    "max_shm": SIZE,
}
_KEPT = ("type", "enum", "const", "pattern", "minimum", "minLength")
_LAYER_WORDS = {
    "extends": "the profile beneath; null for none",
    "defaults": "options for every profile",
    "profiles": "the profiles, by name: what `sglaunch up NAME` makes",
    "vars": "values for templates: {{ vars.NAME }}",
    "engine": "what runs the containers",
    "registry_mirrors": "by registry, the mirrors that are asked before it",
    "policy": "what the site allows; it guards against mistakes",
    "project": "name of the project; without it, that of the folder",
    "default_profiles": "what a command without names means; without it, every profile declared here",
}
