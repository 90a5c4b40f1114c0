"""Our labels: names, encoding, decoding. The spec is cut into pieces: containerd caps a label at 4096 bytes."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct, field
from sglaunch.spec.canonical import digest, dump
from sglaunch.spec.values import Secret

PREFIX = "sglaunch."
PROJECT = PREFIX + "project"
PROFILE = PREFIX + "profile"
OWNER = PREFIX + "owner"
CONFIG = PREFIX + "config"
DIGEST = PREFIX + "digest"
SPEC = PREFIX + "spec."
IMAGE = PREFIX + "image"
SECRETS = PREFIX + "secrets"
ASSIGNED = PREFIX + "assigned"
SNAPSHOT = PREFIX + "snapshot"
BUILT = PREFIX + "built"

SCHEMA_VERSION = 1
CHUNK = 3500
_FINGERPRINT_LENGTH = 16


class Owner(Struct, frozen=True):
    """A user as the engine's host knows them."""

    uid: int
    name: str

    def __str__(self) -> str:
        return f"{self.uid}:{self.name}"


class Applied(Struct, frozen=True):
    """What our labels say of a container: whose it is, and the spec it was made from (None: unreadable)."""

    project: str
    profile: str
    owner: Owner
    config: str
    spec: Mapping[str, Any] | None
    image: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    salt: str = ""
    assigned: Mapping[str, Any] = field(default_factory=dict)


def snapshot_labels(applied: Applied) -> dict[str, str]:
    """What a snapshot image says of the container it was taken of. It must not look like a container of ours itself."""
    known = {"project": applied.project, "profile": applied.profile, "owner": str(applied.owner)}
    return {f"{SNAPSHOT}.{key}": value for key, value in known.items()}


def built_labels(inputs: str, project: str, owner: Owner) -> dict[str, str]:
    """What an image says of its build: a digest of what it was made from, and whose it is."""
    return {BUILT: inputs, f"{BUILT}.project": project, f"{BUILT}.owner": str(owner)}


def fingerprints(values: Mapping[str, Secret], salt: str) -> dict[str, str]:
    """A truncated HMAC per secret: tells that a value changed, and nothing of the value without the salt."""
    key = salt.encode()
    return {
        name: hmac.new(key, value.reveal().encode(), hashlib.sha256).hexdigest()[:_FINGERPRINT_LENGTH]
        for name, value in sorted(values.items())
    }


def encode(applied: Applied) -> dict[str, str]:
    """The labels of a container about to be created."""
    assert applied.spec is not None
    text = dump({"v": SCHEMA_VERSION, "spec": applied.spec})
    labels = {
        PROJECT: applied.project,
        PROFILE: applied.profile,
        OWNER: str(applied.owner),
        CONFIG: applied.config,
        DIGEST: digest(applied.spec),
        IMAGE: applied.image,
    }
    if applied.secrets:
        labels[SECRETS] = dump({"salt": applied.salt, "values": dict(applied.secrets)})
    if applied.assigned:
        labels[ASSIGNED] = dump(applied.assigned)
    for number, start in enumerate(range(0, len(text), CHUNK)):
        labels[f"{SPEC}{number}"] = text[start : start + CHUNK]
    return labels


def decode(labels: Mapping[str, str]) -> Applied | None:
    """What the labels of a container say; None where it is not ours. Unknown things in them are left aside."""
    if not labels.get(PROJECT) or not labels.get(PROFILE):
        return None
    secrets = _json(labels.get(SECRETS, ""))
    values = secrets.get("values")
    return Applied(
        project=labels[PROJECT],
        profile=labels[PROFILE],
        owner=_owner(labels.get(OWNER, "")),
        config=labels.get(CONFIG, ""),
        spec=_spec(labels),
        image=labels.get(IMAGE, ""),
        secrets={str(key): str(value) for key, value in values.items()} if isinstance(values, dict) else {},
        salt=str(secrets.get("salt", "")),
        assigned=_json(labels.get(ASSIGNED, "")),
    )


def _owner(text: str) -> Owner:
    uid, _, name = text.partition(":")
    return Owner(int(uid) if re.fullmatch(r"[0-9]{1,10}", uid) else -1, name)


def _spec(labels: Mapping[str, str]) -> Mapping[str, Any] | None:
    pieces: list[str] = []
    while (piece := labels.get(f"{SPEC}{len(pieces)}")) is not None:
        pieces.append(piece)
    # Labels of the image come along: `docker commit` gives it the pieces of a longer spec, which then follow ours.
    spec = _json("".join(pieces)).get("spec")
    if not isinstance(spec, dict) or digest(spec) != labels.get(DIGEST):
        return None
    gpus = spec.get("gpus")
    if isinstance(gpus, dict) and isinstance(gpus.get("ids"), list):
        # Earlier labels have `4,5` as one id.
        ids = [part for one in gpus["ids"] for part in str(one).split(",")]
        spec = {**spec, "gpus": {**gpus, "ids": ids}}
    return spec


def _json(text: str) -> dict[str, Any]:
    """The object that a text begins with; an empty one where it begins with none."""
    try:
        data = json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
