"""The schemas of Kubernetes and of LeaderWorkerSet, by which manifests are checked offline and strictly.

Those of Kubernetes come in a package; that of LeaderWorkerSet is its own project's text, read from the Go module proxy
once and kept by Go.
"""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

VERSIONS = ("1.30", "1.36")
"""The oldest that has every field written (appArmorProfile), and a recent one."""

_LWS = "sigs.k8s.io/lws@v0.9.0"
_CRD = "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml"
_DOWNLOAD_SECONDS = 60


def check(documents: Iterable[Mapping[str, Any]]) -> None:
    """Raises what is wrong. A document of a kind that only LeaderWorkerSet has is checked where its schema is."""
    for document in documents:
        if document["kind"] == "LeaderWorkerSet":
            if not lws_problem():
                jsonschema.validate(document, _lws_schema())
            continue
        for version in VERSIONS:
            kubernetes_validate.validate(json.loads(json.dumps(document)), version, strict=True)


def documents(text: str) -> list[dict[str, Any]]:
    """What a manifest holds, as kubectl's YAML 1.1 reads it."""
    return list(yaml.safe_load_all(text))


@functools.cache
def lws_folder() -> tuple[str, str]:
    """Where the module's files are, and why they are not; one of them is empty."""
    if shutil.which("go") is None:
        return "", "there is no go command to fetch the schema of LeaderWorkerSet with"
    try:
        done = subprocess.run(
            ["go", "mod", "download", "-json", _LWS],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
            cwd="/",
        )
        told = json.loads(done.stdout or "{}")
    except (subprocess.TimeoutExpired, ValueError) as error:
        return "", f"go mod download {_LWS}: {error}"
    problem = told.get("Error") or ("" if told.get("Dir") else done.stderr.strip() or "it told no folder")
    return (told.get("Dir", ""), "") if not problem else ("", f"go mod download {_LWS}: {problem}")


def lws_problem() -> str:
    """Why the schema of LeaderWorkerSet cannot be had; "" where it can."""
    return lws_folder()[1]


@functools.cache
def _lws_schema() -> dict[str, Any]:
    text = Path(lws_folder()[0], _CRD).read_text(encoding="utf-8")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    (version,) = (one for one in yaml.load(text, loader)["spec"]["versions"] if one["name"] == "v1")
    schema = version["schema"]["openAPIV3Schema"]
    # The server adds these to every object.
    schema["properties"]["metadata"] = {"type": "object"}
    return _closed(schema)


def _closed(schema: Any) -> Any:
    """A CRD says nothing of unknown fields, which the server rejects."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict) and not open_ended:
        closed["additionalProperties"] = False
    return closed
