"""A spec to the words of python-on-whales' create and update calls, by the option table; pure.

Secret values are not in them: `secrets` is handed to the client, which gives them to the engine outside the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sglaunch.plain import Struct, field, replace
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.options import BY_FIELD, OPTIONS
from sglaunch.spec.container import ContainerSpec
from sglaunch.spec.values import Device, Gpus, Healthcheck, NetworkAttachment, Secret

CDI_KIND = "nvidia.com/gpu"
_DOCKER = Capabilities()
_EMPTY: tuple[Any, ...] = ("", (), {})


class CreateCall(Struct, frozen=True):
    """The image, the command's words, the keyword arguments, and the environment that must not be seen in them."""

    image: str
    command: tuple[str, ...]
    arguments: Mapping[str, Any]
    secrets: Mapping[str, Secret] = field(default_factory=dict)


def create_call(spec: ContainerSpec, labels: Mapping[str, str], engine: Capabilities = _DOCKER) -> CreateCall:
    """What creates the container of an expanded spec, in the words of an engine."""
    if spec.gpus is not None and engine.gpus == "cdi":
        named = {name: Device(name) for name in _cdi_names(spec.gpus)}
        spec = replace(spec, gpus=None, devices={**spec.devices, **named})
    arguments: dict[str, Any] = {"labels": dict(labels)}
    for option in OPTIONS:
        value = getattr(spec, option.field)
        if option.argument and not _unset(value) and not (option.field == "restart" and value == "no"):
            arguments[option.argument] = option.spell(value)
    words, entrypoint = _process(spec)
    if entrypoint is not None:
        arguments["entrypoint"] = entrypoint
    if spec.healthcheck is not None:
        arguments.update(_healthcheck(spec.healthcheck))
    arguments.update(_network(spec, engine))
    relabelled = [(m.source, target, ",".join(_modes(m))) for target, m in spec.volumes.items() if m.selinux]
    if relabelled:
        arguments["volumes"] = relabelled
    values = {name: value for name, value in spec.environment.items() if isinstance(value, str)}
    if values:
        arguments["envs"] = values
    secrets = {name: value for name, value in spec.environment.items() if isinstance(value, Secret)}
    return CreateCall(spec.image, words, arguments, secrets)


def _unset(value: Any) -> bool:
    """Zero is a value: a grace of none, or "not limited"."""
    return value is None or value is False or value in _EMPTY


def update_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """New values of live options, under profile words, as the update call's words."""
    arguments = {}
    for name, value in values.items():
        live = BY_FIELD[name].live
        assert live is not None
        arguments[live.argument] = live.spell(value)
    return arguments


def connect_words(attachment: NetworkAttachment) -> list[str]:
    """How a container joins a further network, as words of `network connect`."""
    words = [f"--alias={alias}" for alias in attachment.aliases]
    words += [f"--ip={attachment.ipv4_address}"] * bool(attachment.ipv4_address)
    words += [f"--ip6={attachment.ipv6_address}"] * bool(attachment.ipv6_address)
    return words


def _process(spec: ContainerSpec) -> tuple[tuple[str, ...], str | None]:
    """Engines take one word as entrypoint: the rest of it goes before the command. "" resets the image's."""
    command = spec.command or ()
    if spec.entrypoint is None:
        return command, None
    if not spec.entrypoint:
        return command, ""
    return (*spec.entrypoint[1:], *command), spec.entrypoint[0]


def _healthcheck(check: Healthcheck) -> dict[str, Any]:
    if check.disable:
        return {"healthcheck": False}
    values = {
        "health_cmd": check.test or None,
        "health_interval": _seconds(check.interval),
        "health_timeout": _seconds(check.timeout),
        "health_retries": check.retries,
        "health_start_period": _seconds(check.start_period),
    }
    return {name: value for name, value in values.items() if value is not None}


def _seconds(value: float | None) -> float | None:
    """python-on-whales writes a number with `s`, and cuts a timedelta to whole seconds: numbers keep fractions."""
    return int(value) if value is not None and value.is_integer() else value


def _cdi_names(gpus: Gpus) -> list[str]:
    """The devices by the names of the Container Device Interface, which the NVIDIA toolkit writes."""
    if not gpus.ids:
        return [f"{CDI_KIND}=all"] if gpus.count == -1 else [f"{CDI_KIND}={number}" for number in range(gpus.count)]
    return [f"{CDI_KIND}={identity}" for identity in gpus.ids]


def _network(spec: ContainerSpec, engine: Capabilities) -> dict[str, Any]:
    """The first network at create and the others by connect, since older Docker refuses several; else all of them."""
    if not engine.connects and len(spec.networks) > 1:
        return {"networks": list(spec.networks)}
    if spec.network_mode:
        return {"networks": [spec.network_mode]}
    for name, attachment in spec.networks.items():
        arguments: dict[str, Any] = {"networks": [name]}
        if attachment.aliases:
            arguments["network_aliases"] = list(attachment.aliases)
        if attachment.ipv4_address:
            arguments["ip"] = attachment.ipv4_address
        if attachment.ipv6_address:
            arguments["ip6"] = attachment.ipv6_address
        return arguments
    return {}


def _modes(mount: Any) -> list[str]:
    modes = ["ro"] if mount.read_only else []
    return [*modes, mount.selinux, *([mount.propagation] if mount.propagation else [])]
