"""What the options of a run line say of each other, once all are read; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.convert.draft import Draft
from sglaunch.convert.run_line import Given
from sglaunch.spec.values import parse_size


def settle(draft: Draft, at: Mapping[str, Given]) -> None:
    """What flags say of each other, once all are read: what engines refuse together, and networks with addresses."""
    _settle_networks(draft)
    _settle_pairs(draft, at)
    if "logging" in draft.keys:
        draft.keys["logging"] = dict(sorted(draft.keys["logging"].items()))
    for key in [key for key, value in draft.keys.items() if value in ({}, []) and key not in ("entrypoint", "command")]:
        del draft.keys[key]


def _settle_networks(draft: Draft) -> None:
    networks: dict[str, dict[str, Any]] = draft.keys.get("networks", {})
    first = next(iter(networks), "")
    for given, key, text in draft.attached:
        if not first or "{{" in first:
            hint = "write networks: {NAME: {...}}"
            message = (
                "belongs to a network that has a name, and none is given" if not first else "needs the network's name"
            )
            draft.lose(given, message, hint)
        elif key == "aliases":
            networks[first].setdefault("aliases", []).append(text)
        else:
            networks[first][key] = text
    if networks and not any(networks.values()):
        draft.keys["networks"] = list(networks)
    elif networks:
        draft.keys["networks"] = {name: more or None for name, more in networks.items()}


def _settle_pairs(draft: Draft, at: Mapping[str, Given]) -> None:
    keys = draft.keys

    def drop(key: str, message: str, hint: str = "") -> None:
        draft.lose(at[key], message, hint)
        del keys[key]

    if keys.get("ipc") == "host" and "shm_size" in keys:
        drop("shm_size", "has no effect beside --ipc=host, which shares the host's /dev/shm")
    if keys.get("auto_remove") and keys.get("restart", "no") != "no":
        drop("auto_remove", "engines refuse it beside --restart")
    if keys.get("uts") == "host" and "hostname" in keys:
        drop("hostname", "engines refuse it beside --uts=host")
    if "cpus" in keys and ("cpu_quota" in keys or "cpu_period" in keys):
        drop("cpus", "engines refuse it beside --cpu-quota and --cpu-period")
    if "memswap_limit" in keys and "mem_limit" not in keys:
        drop("memswap_limit", "engines refuse it without --memory", "write mem_limit, too")
    if "memswap_limit" in keys and _is_less(keys["memswap_limit"], keys["mem_limit"]):
        drop("memswap_limit", "is smaller than --memory; it is memory and swap together")
    if keys.get("network_mode") == "host" and "ports" in keys:
        draft.remark("ports", "no effect with network_mode: host")
    if keys.get("healthcheck", {}).get("disable") and len(keys["healthcheck"]) > 1:
        keys["healthcheck"] = {"disable": True}


def _is_less(swap: Any, memory: Any) -> bool:
    if "{{" in f"{swap}{memory}" or str(swap) == "-1":
        return False
    return parse_size(swap) < parse_size(memory)
