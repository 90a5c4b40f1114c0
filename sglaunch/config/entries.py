"""The forms of single values and of nested entries of a profile, strictly. With `profile` the only user of pydantic.

Beside what reads a value stands its JSON Schema: what people may write for it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr, WithJsonSchema

from sglaunch.spec.reference import REFERENCE, is_reference
from sglaunch.spec.values import PULL_POLICY, RESTART, check_restart, parse_duration, parse_flag, parse_size, parse_swap

SIZE_PATTERN = r"^\s*\d+(\.\d+)? ?[kmgtpKMGTP]?([iI]?[bB])?\s*$"
FLAG_PATTERN = r"^([tT][rR][uU][eE]|[yY]([eE][sS])?|[oO][nN]|[fF][aA][lL][sS][eE]|[nN][oO]?|[oO][fF][fF])$"
_DURATION = r"^\s*(\d+(\.\d+)?|(\d+(\.\d+)?(h|ms|us|µs|ns|m|s|d))+)\s*$"
_WHOLE = r"^\s*[-+]?\d+\s*$"


def _number_or(pattern: str, minimum: int | None = None, *words: str) -> WithJsonSchema:
    """A number (a whole one by that pattern), the same as text, or one of `words`."""
    number = {"type": "integer" if pattern == _WHOLE else "number", **({} if minimum is None else {"minimum": minimum})}
    allowed = [{"enum": list(words)}] if words else []
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": pattern}, *allowed]})


def _matching(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$"})


Size = Annotated[int, BeforeValidator(parse_size), _number_or(SIZE_PATTERN, 0)]
Swap = Annotated[int, BeforeValidator(parse_swap), _number_or(SIZE_PATTERN, -1, "-1")]
Duration = Annotated[float, BeforeValidator(parse_duration), _number_or(_DURATION, 0)]


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic hears ValueError alone
    return value


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


def _pull_policy(value: object) -> object:
    if not re.fullmatch(PULL_POLICY, str(value)):
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


Whole = Annotated[int, BeforeValidator(_whole), _number_or(_WHOLE)]
Count = Annotated[int, BeforeValidator(_whole), Field(ge=-1), _number_or(_WHOLE, -1)]
Copies = Annotated[int, BeforeValidator(_whole), Field(ge=1), _number_or(_WHOLE, 1)]
Limit = Annotated[int, BeforeValidator(_limit), _number_or(_WHOLE, None, "unlimited")]
Cpus = Annotated[float, BeforeValidator(_number), Field(gt=0), _number_or(r"^\s*[-+]?[\d.][\d._eE+-]*\s*$", 0)]
ServerPort = Annotated[int, BeforeValidator(_port), Field(ge=0, le=65535), _number_or(_WHOLE, 1, "auto")]
Text = StrictStr
Flag = Annotated[
    StrictBool,
    BeforeValidator(parse_flag),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": FLAG_PATTERN}]}),
]
Image = Annotated[Text, BeforeValidator(_image), _matching(REFERENCE)]
Absolute = Annotated[Text, BeforeValidator(_absolute), _matching("/.*|")]
PullPolicy = Annotated[Text, BeforeValidator(_pull_policy), _matching(PULL_POLICY)]
Restart = Annotated[Text, BeforeValidator(check_restart), _matching(RESTART)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MountEntry(Strict):
    """A volume under its container path."""

    type: Literal["bind", "volume"] = Field(description="a path of the host, or a named volume of the engine")
    source: Text = Field("", description="path on the host, or name of the volume; none is an anonymous volume")
    read_only: Flag = Field(False, description="the container cannot write there")
    create_host_path: Flag = Field(False, description="make a missing source, as the user")
    propagation: Literal["", "shared", "slave", "private", "rshared", "rslave", "rprivate"] = Field(
        "", description="whether mounts beneath it are seen on the other side"
    )
    selinux: Literal["", "z", "Z"] = Field("", description="relabel it, shared (z) or for this container (Z)")
    nocopy: Flag = Field(False, description="a new volume stays empty instead of taking the image's files")


class PortEntry(Strict):
    port: Text = Field("", description="port of the host; none is any free one")
    ip: Text = Field("", description="address of the host; none is every one")


class DeviceEntry(Strict):
    path: Text = Field(description="device of the host, or a CDI name")
    permissions: Text = Field("rwm", description="read, write, mknod: letters of rwm")


class UlimitEntry(Strict):
    soft: Limit = Field(description="what a process begins with; -1 is unlimited")
    hard: Limit = Field(description="how far it may raise it; -1 is unlimited")


class HealthcheckEntry(Strict):
    test: list[Text] | None = Field(None, description="a shell line, or [CMD, words...]; [NONE] for none")
    interval: Duration | None = Field(None, description="time between two probes")
    timeout: Duration | None = Field(None, description="how long one may take")
    retries: Whole | None = Field(None, description="failures in a row that make it unhealthy")
    start_period: Duration | None = Field(None, description="time at the start in which failures do not count")
    disable: Flag = Field(False, description="no probe, the image's neither")


class NetworkEntry(Strict):
    aliases: list[Text] = Field([], description="further names of the container in this network")
    ipv4_address: Text = Field("", description="a fixed IPv4 address")
    ipv6_address: Text = Field("", description="a fixed IPv6 address")


class LoggingEntry(Strict):
    driver: Text = Field("", description="log driver, such as json-file or journald")
    options: dict[str, Text] = Field({}, description="options of the driver")


class DependencyEntry(Strict):
    condition: Literal["started", "service_started", "ready", "service_healthy"] = Field(
        "started", description="what is waited for; a service_ word is Compose's for the same"
    )


class EnvFileEntry(Strict):
    path: Text = Field(description="the file, relative to the file that writes this")
    required: Flag = Field(True, description="whether a missing file is an error")


class SecretEntry(Strict):
    file: Text = Field("", description="the file that holds the value; none: the variable of the caller")


class GpusEntry(Strict):
    count: Count | None = Field(None, description="how many idle devices; -1 or all is every one")
    ids: list[Text] | None = Field(None, description="these devices, by number or UUID")
    min_free: Size = Field(0, description="memory that each device must have free")
    idle: Flag = Field(False, description="with min_free: and no process on it")
    capabilities: list[Text] = Field([], description="driver capabilities, such as compute, utility")


class ReadyEntry(Strict):
    path: Annotated[Text, Field(pattern="^/")] | None = Field(None, description="path that answers when it is ready")
    timeout: Duration | None = Field(None, description="how long a start may take altogether")
    stall: Duration = Field(
        1200.0, description="how long a start may show no sign of progress: no log line, no growing download, no work"
    )


class ServerEntry(Strict):
    model: Annotated[Text, Field(min_length=1)] = Field(description="model id, or a path of the host")
    host: Text = Field("0.0.0.0", description="address it listens on in the container")  # noqa: S104 - as in spec/server
    port: ServerPort = Field(30000, description="port it listens on; auto takes the first free one")
    args: dict[str, Any] = Field({}, description="flags of sglang.launch_server, such as tp: 4")
    launcher: Annotated[list[Text], Field(min_length=1)] | None = Field(
        None, description="words before the flags; unwritten, the image decides"
    )
    api_key: Text = Field("", description="name of an entry of secret_env that holds the key")
    ready: ReadyEntry = Field(ReadyEntry.model_validate({}), description="when it counts as started")


class TolerationEntry(Strict):
    """A toleration of the Kubernetes API, under its own words."""

    key: Text = Field("", description="taint that is tolerated; empty for every one")
    operator: Literal["Exists", "Equal"] = Field("Equal", description="whether the taint's value counts")
    value: Text = Field("", description="value of the taint")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        "", description="effect of the taint; empty for every one"
    )
    tolerationSeconds: Whole | None = Field(  # noqa: N815 - the API's own word
        None, description="how long a pod stays once the taint is there"
    )


class KubernetesEntry(Strict):
    context: Text = Field("", description="context of kubectl, for the commands that are told")
    namespace: Annotated[Text, Field(pattern="^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$")] = Field(
        "", description="namespace of the objects"
    )
    node_selector: dict[str, Text] = Field({}, description="labels that a node must have")
    tolerations: list[TolerationEntry] = Field([], description="taints of nodes that do not matter")
    image_pull_secrets: list[Text] = Field([], description="Secrets with the login of the registry")
    service: Literal["ClusterIP", "NodePort", "LoadBalancer"] = Field("ClusterIP", description="type of the Service")
    gpu_resource: Text = Field("", description="resource that GPUs are asked by, such as nvidia.com/gpu")
    patch: dict[str, Any] = Field({}, description="merged into the pod template last, as kubectl patch does")


class BuildSecretEntry(Strict):
    environment: Text = Field("", description="variable of the caller that holds the value")
    file: Text = Field("", description="file that holds the value")


class BuildEntry(Strict):
    context: Text = Field("", description="folder or address whose files the build may copy")
    dockerfile: Text = Field("", description="its Dockerfile, relative to the context")
    dockerfile_inline: Text = Field("", description="the Dockerfile's text itself")
    args: dict[str, Text | None] = Field({}, description="arguments of the build; a bare name takes the caller's value")
    target: Text = Field("", description="the stage to build")
    tags: list[Image] = Field([], description="further names of the image")
    cache_from: list[Text] = Field([], description="where layers may be taken from")
    cache_to: list[Text] = Field([], description="where layers are put")
    platforms: list[Text] = Field([], description="platforms to build for")
    secrets: dict[str, BuildSecretEntry] = Field({}, description="secrets of a RUN --mount=type=secret")
    ssh: list[Text] = Field([], description="ssh agents or keys of a RUN --mount=type=ssh")
    labels: dict[str, Text] = Field({}, description="labels of the image")
    extra_hosts: dict[str, list[Text]] = Field({}, description="lines of /etc/hosts during the build")
    network: Text = Field("", description="network of its RUN lines")
    shm_size: Size | None = Field(None, description="size of /dev/shm during the build")
    no_cache: Flag = Field(False, description="build every layer anew")
    pull: Flag = Field(False, description="pull the image it is built on")
