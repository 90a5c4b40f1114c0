"""`deploy`, `gpus` and `devices` of a compose service: what a swarm's words ask of one engine; pure."""

from __future__ import annotations

from typing import Any

from sglaunch.convert.compose_service import Service
from sglaunch.convert.found import Found

_LIMITS = {"cpus": "cpus", "memory": "mem_limit", "pids": "pids_limit"}
_CONDITIONS = {"any": "always", "none": "no"}
_SWARM = "is for a swarm, and compose leaves it aside too"


def deploy(service: Service, found: Found) -> None:
    """Resources and the restart policy; the rest is a swarm's."""
    for key, item in found.entries():
        if key == "resources":
            _resources(service, item)
        elif key == "restart_policy":
            _restart_policy(service, item)
        elif key == "replicas":
            if item.value != 1:
                service.notes.lose(item, "a profile is one container", "write one profile for each")
        elif not key.startswith("x-") and item.value is not None:
            service.notes.lose(item, _SWARM)


def _resources(service: Service, found: Found) -> None:
    for key, item in found.entries():
        for word, value in item.entries():
            if word == "devices":
                requests(service, value)
            elif key == "limits" and word in _LIMITS:
                service.keys[_LIMITS[word]] = service.texts.scalar(value)
            elif key == "reservations" and word == "memory":
                service.keys["mem_reservation"] = service.texts.scalar(value)
            elif value.value is not None:
                service.notes.lose(value, _SWARM, "write cpu_shares for a weight" if word == "cpus" else "")


def _restart_policy(service: Service, found: Found) -> None:
    """It beats `restart`, as in Compose."""
    condition, attempts = found.get("condition"), found.get("max_attempts")
    word = condition.text() if condition is not None else "any"
    policy = _CONDITIONS.get(word, word)
    times = f":{attempts.text()}" if attempts is not None and policy == "on-failure" else ""
    service.keys["restart"] = f"{policy}{times}"
    for key, item in found.entries():
        if key not in ("condition", "max_attempts") and item.value is not None:
            service.notes.lose(item, _SWARM)


def gpus(service: Service, found: Found) -> None:
    """`all`, or requests as under `deploy`."""
    if found.is_scalar:
        service.keys["gpus"] = service.texts.scalar(found)
    else:
        requests(service, found)


def requests(service: Service, found: Found) -> None:
    """Device requests. Those of `driver: cdi` are devices by name."""
    for item in found.items():
        driver, ids = item.get("driver"), item.get("device_ids")
        capabilities = item.get("capabilities")
        words = [one.text() for one in capabilities.items()] if capabilities is not None else ["gpu"]
        if driver is not None and driver.text() == "cdi":
            named = [service.texts.scalar(one) for one in ids.items()] if ids is not None else []
            service.keys["devices"] = [*service.keys.get("devices", ()), *named]
            if not named:
                service.notes.lose(item, "names no device", "write device_ids: [nvidia.com/gpu=all]")
        elif (driver is not None and driver.text() not in ("nvidia", "")) or "gpu" not in words:
            service.notes.lose(item, "is no request for NVIDIA devices", "write devices, or accelerator")
        elif "gpus" in service.keys:
            service.notes.lose(item, "is a second request for GPUs", "write one gpus with all of them")
        else:
            service.keys["gpus"] = _gpus(service, item, [word for word in words if word != "gpu"])


def _gpus(service: Service, item: Found, capabilities: list[str]) -> Any:
    count, ids, options = item.get("count"), item.get("device_ids"), item.get("options")
    if options is not None and options.value not in ({}, []):
        service.notes.lose(options, "are not carried")
    if ids is not None:
        wanted: Any = [service.texts.scalar(one) for one in ids.items()]
        return {"ids": wanted, "capabilities": capabilities} if capabilities else wanted
    asked: Any = "all" if count is None or count.value == -1 else service.texts.scalar(count)
    if asked != "all":
        service.notes.remark("gpus", "a number takes idle ones; compose takes the first ones")
    return {"count": asked, "capabilities": capabilities} if capabilities else asked


def devices(service: Service, found: Found) -> None:
    """Short and long forms as they are."""
    service.keys["devices"] = [*service.keys.get("devices", ()), *service.texts.tree(found)]
