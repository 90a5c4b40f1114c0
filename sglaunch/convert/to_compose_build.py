"""`build` of a profile in Compose's words; pure."""

from __future__ import annotations

from typing import Any

from sglaunch.spec.build import Build
from sglaunch.spec.values import format_size


def build_of(build: Build) -> dict[str, Any]:
    """What is written of it. An argument that takes the caller's value keeps doing so."""
    found: dict[str, Any] = {"context": build.context}
    texts = {
        "dockerfile": build.dockerfile,
        "dockerfile_inline": build.inline,
        "target": build.target,
        "network": build.network,
    }
    found |= {key: value for key, value in texts.items() if value}
    if build.args:
        found["args"] = {name: None if name in build.passed else value for name, value in build.args.items()}
    lists = {key: list(getattr(build, key)) for key in ("tags", "cache_from", "cache_to", "platforms", "ssh")}
    found |= {key: value for key, value in lists.items() if value}
    found |= {"labels": dict(build.labels)} if build.labels else {}
    found |= {"secrets": list(build.secrets)} if build.secrets else {}
    if build.extra_hosts:
        found["extra_hosts"] = [f"{name}={ip}" for name, addresses in build.extra_hosts.items() for ip in addresses]
    found |= {"shm_size": format_size(build.shm_size)} if build.shm_size is not None else {}
    found |= {"no_cache": True} if build.no_cache else {}
    return found | ({"pull": True} if build.pulls else {})
