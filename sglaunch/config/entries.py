"""The forms of single values and of nested entries of a profile, strictly. With `profile` the only user of pydantic."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr

from sglaunch.spec.reference import is_reference
from sglaunch.spec.values import parse_duration, parse_size, parse_swap

Size = Annotated[int, BeforeValidator(parse_size)]
Swap = Annotated[int, BeforeValidator(parse_swap)]
Duration = Annotated[float, BeforeValidator(parse_duration)]


def _whole(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("must be a whole number")
    return value


def _port(value: object) -> object:
    if value in (0, "0") or not (value == "auto" or isinstance(value, int | float | str)):
        raise ValueError("must be a port from 1 to 65535, or auto")
    return 0 if value == "auto" else _whole(value)


def _limit(value: object) -> object:
    return -1 if value == "unlimited" else _whole(value)


def _restart(value: object) -> object:
    if not re.fullmatch(r"no|always|unless-stopped|on-failure(:\d+)?", str(value)):
        raise ValueError(f"{value!r} is not a restart policy; allowed are no, always, unless-stopped, on-failure[:3]")
    return value


def _pull_policy(value: object) -> object:
    if not re.fullmatch(r"always|missing|if_not_present|never|daily|weekly|build|every_(\d+[smhdw])+", str(value)):
        allowed = "always, missing, never, daily, weekly, every_12h and build"
        raise ValueError(f"{value!r} is not a pull policy; allowed are {allowed}")
    return "missing" if value == "if_not_present" else value


def _image(value: object) -> object:
    if isinstance(value, str) and not is_reference(value):
        hint = "; names are in lower case" if is_reference(value.lower()) else ""
        raise ValueError(f"{value!r} is not an image reference, such as registry/name:tag{hint}")
    return value


def _absolute(value: object) -> object:
    if isinstance(value, str) and value and not value.startswith("/"):
        raise ValueError(f"{value!r} must be an absolute path of the container, such as /workspace")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
Limit = Annotated[int, BeforeValidator(_limit)]
Text = StrictStr
Image = Annotated[Text, BeforeValidator(_image)]
Absolute = Annotated[Text, BeforeValidator(_absolute)]
PullPolicy = Annotated[Text, BeforeValidator(_pull_policy)]
Restart = Annotated[Text, BeforeValidator(_restart)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MountEntry(Strict):
    """A volume under its container path."""

    type: Literal["bind", "volume"]
    source: Text = ""
    read_only: StrictBool = False
    create_host_path: StrictBool = False
    propagation: Literal["", "shared", "slave", "private", "rshared", "rslave", "rprivate"] = ""
    selinux: Literal["", "z", "Z"] = ""
    nocopy: StrictBool = False


class PortEntry(Strict):
    port: Text = ""
    ip: Text = ""


class DeviceEntry(Strict):
    path: Text
    permissions: Text = "rwm"


class UlimitEntry(Strict):
    soft: Limit
    hard: Limit


class HealthcheckEntry(Strict):
    test: list[Text] | None = None
    interval: Duration | None = None
    timeout: Duration | None = None
    retries: Whole | None = None
    start_period: Duration | None = None
    disable: StrictBool = False


class NetworkEntry(Strict):
    aliases: list[Text] = []
    ipv4_address: Text = ""
    ipv6_address: Text = ""


class LoggingEntry(Strict):
    driver: Text = ""
    options: dict[str, Text] = {}


class DependencyEntry(Strict):
    condition: Literal["started", "service_started", "ready", "service_healthy"] = "started"


class EnvFileEntry(Strict):
    path: Text
    required: StrictBool = True


class SecretEntry(Strict):
    file: Text = ""


class GpusEntry(Strict):
    count: Annotated[int, BeforeValidator(_whole), Field(ge=-1)] | None = None
    ids: list[Text] | None = None
    min_free: Size = 0
    idle: StrictBool = False
    capabilities: list[Text] = []


class ReadyEntry(Strict):
    path: Annotated[Text, Field(pattern="^/")] | None = None
    timeout: Duration | None = None
    stall: Duration = 1200.0


class ServerEntry(Strict):
    model: Annotated[Text, Field(min_length=1)]
    host: Text = "0.0.0.0"  # noqa: S104 - inside the container
    port: Annotated[int, BeforeValidator(_port), Field(ge=0, le=65535)] = 30000
    args: dict[str, Any] = {}
    launcher: Annotated[list[Text], Field(min_length=1)] | None = None
    api_key: Text = ""
    ready: ReadyEntry = ReadyEntry()


class BuildSecretEntry(Strict):
    environment: Text = ""
    file: Text = ""


class BuildEntry(Strict):
    context: Text = ""
    dockerfile: Text = ""
    dockerfile_inline: Text = ""
    args: dict[str, Text | None] = {}
    target: Text = ""
    tags: list[Image] = []
    cache_from: list[Text] = []
    cache_to: list[Text] = []
    platforms: list[Text] = []
    secrets: dict[str, BuildSecretEntry] = {}
    ssh: list[Text] = []
    labels: dict[str, Text] = {}
    extra_hosts: dict[str, list[Text]] = {}
    network: Text = ""
    shm_size: Size | None = None
    no_cache: StrictBool = False
    pull: StrictBool = False
