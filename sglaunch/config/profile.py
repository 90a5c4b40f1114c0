"""What people may write in a profile, strictly, in its long form. With `entries` the only user of pydantic.

Every field of the class is a key of the profile reference; its description is the reference's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field, ValidationError

from sglaunch.config.entries import (
    Absolute,
    BuildEntry,
    Copies,
    Cpus,
    DependencyEntry,
    DeviceEntry,
    Duration,
    EnvFileEntry,
    Flag,
    GpusEntry,
    HealthcheckEntry,
    Image,
    KubernetesEntry,
    LoggingEntry,
    MountEntry,
    NetworkEntry,
    PortEntry,
    PullPolicy,
    Restart,
    SecretEntry,
    ServerEntry,
    Size,
    Strict,
    Swap,
    Text,
    UlimitEntry,
    Whole,
)
from sglaunch.config.node import Node, Problems, join
from sglaunch.config.suggest import nearest
from sglaunch.spec.accelerator import ACCELERATORS


class Profile(Strict):
    """A profile: Compose's service vocabulary and the launcher's own keys."""

    container_name: Text | None = Field(None, description="name of the container")
    image: Image = Field(description="image reference; of a profile that builds, the name of what it builds")
    build: BuildEntry | None = Field(None, description="how the image is built: a folder, or Compose's keys")
    command: list[Text] | None = Field(None, description="words run in place of the image's command")
    entrypoint: list[Text] | None = Field(None, description="words run in place of the image's entrypoint; [] for none")
    environment: dict[str, Text | None] = Field({}, description="variables; a bare name takes the caller's value")
    env_file: list[EnvFileEntry] = Field([], description="files of NAME=value lines; every value is secret")
    secret_env: dict[str, SecretEntry] = Field({}, description="variables whose values are secret")
    volumes: dict[str, MountEntry] = Field({}, description="binds and named volumes, by container path")
    tmpfs: dict[str, Text] = Field({}, description="memory file systems, by container path")
    volumes_from: list[Text] = Field([], description="containers whose volumes are mounted too")
    ports: dict[str, list[PortEntry]] = Field({}, description="published ports, by container port and protocol")
    network_mode: Text = Field("", description="host, bridge, none, container:NAME or service:PROFILE")
    networks: dict[str, NetworkEntry] = Field({}, description="existing networks of the engine")
    extra_hosts: dict[str, list[Text]] = Field({}, description="lines of /etc/hosts")
    dns: list[Text] = Field([], description="name servers")
    dns_search: list[Text] = Field([], description="search domains")
    dns_opt: list[Text] = Field([], description="resolver options")
    ipc: Text = Field("", description="IPC namespace: host, private, shareable, container:NAME, service:PROFILE")
    pid: Text = Field("", description="PID namespace: host, container:NAME or service:PROFILE")
    uts: Text = Field("", description="UTS namespace: host")
    userns_mode: Text = Field("", description="user namespace: host")
    cgroup: Text = Field("", description="cgroup namespace: host or private")
    shm_size: Size | None = Field(None, description="size of /dev/shm")
    gpus: GpusEntry | None = Field(
        None, description="all, a number of idle ones, or a list of ids; of NVIDIA's devices, or those of accelerator"
    )
    # A type checker reads no table.
    accelerator: Literal[ACCELERATORS] | None = Field(None, description="what the host computes with")  # type: ignore[valid-type]
    devices: dict[str, DeviceEntry] = Field({}, description="host devices and CDI names, by container path")
    device_cgroup_rules: list[Text] = Field([], description="rules of the device cgroup")
    privileged: Flag = Field(False, description="all devices and capabilities")
    cap_add: list[Text] = Field([], description="capabilities added")
    cap_drop: list[Text] = Field([], description="capabilities dropped")
    security_opt: list[Text] = Field([], description="seccomp, apparmor, label, no-new-privileges")
    group_add: list[Text] = Field([], description="further groups of the process")
    ulimits: dict[str, UlimitEntry] = Field({}, description="resource limits; -1 is unlimited")
    sysctls: dict[str, Text] = Field({}, description="kernel parameters of the container's namespaces")
    user: Text = Field("", description="user[:group] of the process; me is the caller, with a HOME that lasts")
    working_dir: Absolute = Field("", description="folder the command starts in")
    hostname: Text = Field("", description="host name in the container")
    labels: dict[str, Text] = Field({}, description="labels of the container")
    tty: Flag = Field(False, description="a terminal for the main process")
    stdin_open: Flag = Field(False, description="keep standard input open")
    init: Flag = Field(False, description="a small init as process 1, which reaps and forwards signals")
    auto_remove: Flag = Field(False, description="removed when it stops")
    restart: Restart = Field("no", description="no, always, unless-stopped or on-failure[:times]")
    stop_signal: Text = Field("", description="signal that asks the process to stop")
    stop_grace_period: Duration | None = Field(None, description="time from that signal to the kill")
    healthcheck: HealthcheckEntry | None = Field(None, description="the engine's own health probe")
    mem_limit: Size | None = Field(None, description="memory limit")
    mem_reservation: Size | None = Field(None, description="memory soft limit")
    memswap_limit: Swap | None = Field(None, description="memory and swap together; -1 for no limit")
    cpus: Cpus | None = Field(None, description="number of CPUs' worth of time")
    cpu_shares: Whole | None = Field(None, description="relative weight of CPU time")
    cpu_quota: Whole | None = Field(None, description="microseconds of CPU time per period")
    cpu_period: Whole | None = Field(None, description="length of that period in microseconds")
    cpuset: Text = Field("", description="CPUs the container may run on, such as 0-3")
    pids_limit: Whole | None = Field(None, description="number of processes; -1 for no limit")
    read_only: Flag = Field(False, description="root file system read-only")
    runtime: Text = Field("", description="OCI runtime")
    platform: Text = Field("", description="platform of the image, such as linux/arm64")
    pull_policy: PullPolicy = Field(
        "missing", description="when the image is pulled: always, missing, never, daily, weekly, every_12h; or build"
    )
    logging: LoggingEntry | None = Field(None, description="log driver and its options")
    depends_on: dict[str, DependencyEntry] = Field({}, description="profiles that are started before")
    caches: list[Literal["huggingface", "modelscope", "sglang"]] = Field([], description="host caches mounted")
    hub: Literal["huggingface", "hf-mirror", "modelscope"] | None = Field(None, description="where models come from")
    server: ServerEntry | None = Field(None, description="the SGLang server")
    nodes: Copies = Field(1, description="machines that one server spans, on Kubernetes")
    replicas: Copies = Field(1, description="servers side by side behind one address, on Kubernetes")
    kubernetes: KubernetesEntry | None = Field(
        None,
        description="what an export to Kubernetes needs beside: context, namespace, node_selector, tolerations, "
        "image_pull_secrets, service, gpu_resource, patch",
    )
    shell: Annotated[list[Text], Field(min_length=1)] = Field(["bash"], description="what up and shell run")
    attach: Flag = Field(False, description="whether up enters that shell on a terminal")
    recreate: Literal["ask", "always"] = Field("ask", description="when a change needs a new container")
    gpu_update: Literal["check", "recreate"] = Field(
        "check",
        description="how a running container with NVIDIA GPUs takes mem_limit, cpus, restart and their like: check "
        "updates it in place and checks that the GPUs are still there; recreate makes a new container",
    )
    protect: Flag = Field(True, description="removing it needs consent when its layer holds changes")


NOT_CARRIED: Mapping[str, str] = {
    "annotations": "the engine's command line has no place for them before Docker 25; write labels",
    "deploy": "write gpus, mem_limit, cpus and restart instead",
    "expose": "containers reach each other's ports without it; remove it, or write ports",
    "links": "use networks with aliases",
    "external_links": "use networks with aliases",
    "secrets": "write secret_env: [NAME] or secret_env: {NAME: {file: path}}",
    "configs": "write a read-only bind under volumes",
    "profiles": "every sglaunch profile is started by name: `sglaunch up NAME`",
    "scale": "write one profile per container",
    "cgroup_parent": "not carried",
    "cpu_count": "Windows only; write cpus",
    "cpu_percent": "Windows only; write cpus",
    "cpu_rt_period": "not carried",
    "cpu_rt_runtime": "not carried",
    "label_file": "write labels",
    "models": "write server: {model: ...}",
    "provider": "not carried",
    "use_api_socket": "mount the socket under volumes, if you must",
    "mem_swappiness": "write memswap_limit",
    "oom_kill_disable": "not carried; write mem_reservation",
    "oom_score_adj": "not carried",
    "storage_opt": "not carried",
    "blkio_config": "not carried",
    "credential_spec": "Windows only",
    "isolation": "Windows only",
    "mac_address": "not carried",
    "domainname": "write hostname: name.domain",
    "develop": "bind the folder under volumes",
    "post_start": "write it into command",
    "pre_stop": "write stop_signal",
    "attach_stdin": "write stdin_open",
    "net": "write network_mode",
    "volume_driver": "create the volume with its driver and name it under volumes",
    "rm": "write auto_remove",
    "env": "write environment",
    "name": "write container_name",
    "ports_range": "write ports",
    "mounts": "write volumes",
    "shm": "write shm_size",
}


def not_carried(node: Node, key: str, hint: str, problems: Problems) -> None:
    """A key of Compose that is none here."""
    problems.error(node.key or node, key, "is not carried by sglaunch", hint)


def unknown(node: Node, steps: Sequence[str | int], problems: Problems) -> None:
    """A key that nobody knows, with the nearest of those that may stand there."""
    model = model_at(steps[:-1])
    hint = nearest(str(steps[-1]), model.model_fields if model else ()) or "docs/reference.md lists the keys"
    problems.error(node.key or node, _path(steps), "unknown key", hint)


def _path(steps: Sequence[str | int]) -> str:
    path = ""
    for part in steps:
        path = f"{path}[{part}]" if isinstance(part, int) else join(path, part)
    return path


def validate(merged: Node, problems: Problems) -> Profile | None:
    """The merged document as a Profile; None with problems at the places of what is wrong."""
    plain = merged.plain()
    for key, hint in NOT_CARRIED.items():
        if key in plain:
            not_carried(merged.value[key], key, hint, problems)
            del plain[key]
    for key in [key for key in plain if key.startswith("x-")]:
        del plain[key]
    try:
        return Profile.model_validate(plain)
    except ValidationError as error:
        # A value that an earlier stage could not read has its problem; what the class says of it is noise.
        known = {problem.place for problem in problems.errors}
        for detail in error.errors():
            if merged.at(_steps(detail["loc"])).origin.place in known and detail["type"] != "extra_forbidden":
                continue
            _explain(detail["loc"], detail["type"], detail["msg"], merged, problems)
        return None


def _explain(loc: tuple[int | str, ...], kind: str, message: str, merged: Node, problems: Problems) -> None:
    steps = _steps(loc)
    node = merged.at(steps)
    path = _path(steps)
    if kind == "extra_forbidden":
        unknown(node, steps, problems)
    elif kind == "missing":
        hint = _REQUIRED.get(path, "")
        problems.error(node, path, "is required", hint)
    else:
        own = message.removeprefix("Value error, ")
        text = own.removeprefix("Input ").replace("should be", "must be").replace("a valid boolean", "true or false")
        problems.error(node, path, own if kind == "value_error" else f"{text}, found {_found(node)}")


def _steps(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A pydantic location without the names of its own wrappers."""
    return tuple(part for part in loc if not (isinstance(part, str) and part.startswith(("function-", "nullable"))))


def _found(node: Node) -> str:
    if not node.is_scalar or node.value is None:
        return node.kind
    return "a secret" if node.secret else repr(node.value)


def model_at(steps: Sequence[str | int]) -> type[Strict] | None:
    """The model whose keys stand at a path; None where keys are of the writer's choice, or none can be."""
    model: type[Strict] | None = Profile
    rest = list(steps)
    while rest and model is not None:
        field = model.model_fields.get(str(rest.pop(0)))
        if field is None:
            return None
        containers, inner = shape(field.annotation)
        if len(rest) < containers:
            return None
        model, rest = inner, rest[containers:]
    return model


def shape(annotation: Any) -> tuple[int, type[Strict] | None]:
    """How many mappings and lists a field's type has around its entries, and the model of these."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return 0, annotation
    inner = [one for one in get_args(annotation) if one is not type(None)]
    if not inner or get_origin(annotation) is Literal:
        return 0, None
    containers, model = shape(inner[-1] if get_origin(annotation) in (dict, list) else inner[0])
    return containers + (get_origin(annotation) in (dict, list)), model


_REQUIRED = {
    "image": "write image: NAME, build: FOLDER, or extends: user, dev or server",
    "server.model": "write server: {model: org/name} or a host path; or `--set server.model=...`",
}
