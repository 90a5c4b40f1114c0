"""An engine in memory. It keeps containers as the inspect JSON of Docker 20.10, so that our reader of that JSON is
used, and refuses what Docker refuses in Docker's own words, so that our table of them is used.

The suite in contract/ holds it and the real engine to the same behaviour. Faults are armed per call: `fail_on`,
`interrupt_on`, `kill_on`.

What a container does once started is read from its command: `sleep` and `python3` stay; `true` and `false` end at once
with 0 and 1; `echo WORDS` logs them and ends with 0; any other program is not in the image.
"""

from __future__ import annotations

import contextlib
import re
import signal
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builders import IMAGE, IMAGE_ID, identity

from sglaunch.convert.from_inspect import container as observed
from sglaunch.convert.to_create import CreateCall, update_arguments
from sglaunch.engine.explain import failure
from sglaunch.engine.machine import Machine
from sglaunch.engine.protocol import Tell
from sglaunch.plain import replace
from sglaunch.plan.capabilities import Capabilities
from sglaunch.plan.observation import ObservedContainer
from sglaunch.spec.build import Build
from sglaunch.spec.labels import PROFILE, PROJECT, encode
from sglaunch.spec.values import NetworkAttachment

CHANGING = (
    *("pull", "push", "build", "tag", "discard"),
    *("create", "connect", "start", "stop", "restart", "unpause", "update", "rename", "remove"),
    *("remove_volume", "snapshot"),
)
STAYING = ("sleep", "python3")
EXIT_CODES = {"true": 0, "false": 1, "echo": 0}
KILLED = 137
_MODES = {"network_mode": "NetworkMode", "ipc": "IpcMode", "pid": "PidMode"}
_IMAGE_ENV = "PATH=/bin"
_NANO = 1e9
_NUMBERS = {
    "memory": "Memory",
    "memory_swap": "MemorySwap",
    "memory_reservation": "MemoryReservation",
    "cpu_shares": "CpuShares",
    "cpu_quota": "CpuQuota",
    "cpu_period": "CpuPeriod",
}


class Killed(BaseException):
    """Stands for SIGKILL: nothing of sglaunch runs after it."""


@dataclass(frozen=True)
class Fault:
    """What happens at the `number`-th call of an op; `after` it took effect, or instead of it."""

    op: str
    number: int
    error: BaseException
    after: bool = False


class FakeLog(list[str]):
    """A log that is followed, and has ended."""

    def close(self) -> None:
        """Nothing goes on."""


class FakeEngine:
    """The twin of engine/client.py. `missing` are bind sources that the host lacks, `registry` what can be pulled.

    `changed` holds the changed paths of a container's layer, `saved` the snapshots: image -> container and the
    variables that were blanked, `denied` the devices that a container may not open, `answers` the status of each
    (port, path) that is asked for inside a container.
    """

    capabilities = Capabilities()
    machine = Machine()
    identity = "fake"

    def __init__(
        self,
        containers: Iterable[ObservedContainer] = (),
        *,
        images: Mapping[str, str | None] | None = None,
        registry: Mapping[str, str] | None = None,
        networks: Iterable[str] = (),
        missing: Iterable[str] = (),
    ) -> None:
        self.containers: dict[str, dict[str, Any]] = {one.id: inspect_data(one) for one in containers}
        known = {IMAGE: IMAGE_ID} if images is None else images
        self.images = {tag: image for tag, image in known.items() if image is not None}
        self.registry = dict(registry or {})
        self.networks = {"bridge", "host", "none", *networks}
        self.missing = set(missing)
        self.logs: dict[str, list[str]] = {}
        self.written: dict[str, list[str]] = {}  # the time of each line that a container wrote itself
        self.calls: list[tuple[str, str]] = []
        self.changed: dict[str, list[str]] = {}
        self.answers: dict[tuple[int, str], int] = {}
        self.denied: dict[str, list[str] | None] = {}
        self.saved: dict[str, tuple[str, tuple[str, ...]]] = {}
        self.image_labels: dict[str, dict[str, str]] = {}
        self.image_volumes: dict[str, tuple[str, ...]] = {}
        self.volumes = {mount["Name"] for data in self.containers.values() for mount in data["Mounts"]}
        self._seconds = 0
        self._counts: Counter[str] = Counter()
        self._faults: list[Fault] = []

    # Faults

    def fail_on(self, op: str, number: int = 1) -> None:
        """The call fails, and nothing of it was done."""
        self._faults.append(Fault(op, number, failure(f"Error response from daemon: {op} was made to fail")))

    def interrupt_on(self, op: str, number: int = 1, *, after: bool = False) -> None:
        """Ctrl-C during the call: before it took effect, or after. As ever, it is a signal."""
        self._faults.append(Fault(op, number, KeyboardInterrupt(), after))

    def kill_on(self, op: str, number: int = 1, *, after: bool = False) -> None:
        """The caller is killed during the call."""
        self._faults.append(Fault(op, number, Killed(), after))

    def disarm(self) -> None:
        """Forgets the faults that did not come, and starts to count anew."""
        self._faults.clear()
        self._counts.clear()
        self.calls.clear()

    @contextlib.contextmanager
    def _call(self, op: str, target: str) -> Iterator[None]:
        self.calls.append((op, target))
        self._counts[op] += 1
        due = next((fault for fault in self._faults if (fault.op, fault.number) == (op, self._counts[op])), None)
        if due is not None and not due.after:
            _strike(due.error)
        yield
        if due is not None and due.after:
            _strike(due.error)

    # The protocol

    def list_ids(self, project: str | None) -> list[str]:
        with self._call("list_ids", project or ""):
            labels = {key: data["Config"]["Labels"] for key, data in self.containers.items()}
            return [key for key, own in labels.items() if project in (None, own.get(PROJECT)) and PROFILE in own]

    def inspect(self, names: Sequence[str], *, size: bool) -> dict[str, Mapping[str, Any]]:
        with self._call("inspect", " ".join(names)):
            found: dict[str, Mapping[str, Any]] = {}
            for name in names:
                data = self._find(name) or self._image(name)
                if data is not None:
                    found[name] = {key: value for key, value in data.items() if key != "SizeRw" or size}
            for data in found.values():
                # The removal that was under way is over by the next look.
                if "State" in data and data["State"]["Status"] == "removing":
                    self.containers.pop(data["Id"], None)
            return found

    def pull(self, image: str, platform: str, tell: Tell) -> None:
        del platform, tell
        with self._call("pull", image):
            if image not in self.registry:
                raise failure(f"Error response from daemon: manifest for {image} not found: manifest unknown")
            self.images[image] = self.registry[image]

    def push(self, image: str, tell: Tell) -> str:
        del tell
        with self._call("push", image):
            if image not in self.images:
                raise failure(f"An image does not exist locally with the tag: {image}")
            self.registry[image] = self.images[image]
            return self.images[image]

    def build(self, build: Build, image: str, labels: Mapping[str, str], files: Mapping[str, str]) -> None:
        del files
        with self._call("build", image):
            self.images[image] = identity(f"{build}{sorted(labels.items())}")
            self.image_labels[self.images[image]] = dict(labels)

    def tag(self, image: str, name: str) -> None:
        with self._call("tag", image):
            self.images[name] = self.images[image]

    def discard(self, image: str) -> None:
        with self._call("discard", image):
            self.images = {tag: known for tag, known in self.images.items() if image not in (tag, known)}

    def tags(self, repository: str) -> list[str]:
        with self._call("tags", repository):
            return [tag.rpartition(":")[2] for tag in self.images if tag.rpartition(":")[0] == repository]

    def labelled_images(self, label: str) -> list[str]:
        with self._call("labelled_images", label):
            name, _, value = label.partition("=")
            here = set(self.images.values())
            return [
                one
                for one, labels in self.image_labels.items()
                if one in here and name in labels and (not value or labels[name] == value)
            ]

    def every_id(self) -> list[str]:
        with self._call("every_id", ""):
            return list(self.containers)

    def expect(self, calls: Sequence[CreateCall]) -> None:
        """Nothing to make ready."""

    def create(self, call: CreateCall) -> None:
        name = str(call.arguments["name"])
        with self._call("create", name):
            if call.image not in self.images:
                raise failure(f"Error: No such image: {call.image}")
            self._free(name)
            for source in _bind_sources(call.arguments):
                if source in self.missing:
                    text = 'Error response from daemon: invalid mount config for type "bind": bind source path does not'
                    raise failure(f"{text} exist: {source}\nSee 'docker create --help'.")
            data = created(call, self.images[call.image], len(self.containers), self._now())
            for key in _MODES.values():
                kind, found, partner = str(data["HostConfig"].get(key) or "").partition("container:")
                if found and not kind:
                    data["HostConfig"][key] = f"container:{self._get(partner)['Id']}"
            data["Mounts"] = _mounts(call, self.image_volumes.get(call.image, ()), data["Id"])
            self.volumes |= {mount["Name"] for mount in data["Mounts"]}
            self.containers[data["Id"]] = data

    def connect(self, container: str, network: str, attachment: NetworkAttachment) -> None:
        with self._call("connect", container):
            data = self._get(container)
            # Of one that does not run, a missing network is told when it starts.
            if network not in self.networks and data["State"]["Status"] == "running":
                raise failure(f"Error response from daemon: network {network} not found")
            joined = data["NetworkSettings"]["Networks"]
            if network in joined:
                text = f"endpoint with name {container} already exists in network {network}"
                raise failure(f"Error response from daemon: {text}")
            joined[network] = _endpoint(list(attachment.aliases), attachment.ipv4_address, attachment.ipv6_address)

    def start(self, container: str) -> None:
        with self._call("start", container):
            self._start(self._get(container))

    def stop(self, container: str) -> None:
        with self._call("stop", container):
            self._stop(self._get(container))

    def restart(self, container: str) -> None:
        with self._call("restart", container):
            data = self._get(container)
            data["State"].update(Status="exited")
            self._start(data)

    def unpause(self, container: str) -> None:
        with self._call("unpause", container):
            data = self._get(container)
            if data["State"]["Status"] != "paused":
                raise failure(f"Error response from daemon: Container {data['Id']} is not paused")
            data["State"]["Status"] = "running"

    def update(self, container: str, values: Mapping[str, Any]) -> None:
        with self._call("update", container):
            data, arguments = self._get(container), update_arguments(values)
            refusal = _update_refusal(data["HostConfig"], arguments)
            if refusal:
                raise failure(f"Error response from daemon: Cannot update container {data['Id']}: {refusal}")
            # A limit of 0 is taken for "not given": the call succeeds and changes nothing.
            _set_limits(data["HostConfig"], {name: value for name, value in arguments.items() if value not in (0, "")})

    def rename(self, container: str, to: str) -> None:
        with self._call("rename", container):
            data = self._get(container)
            if data["Name"] == f"/{to}":
                text = "Renaming a container with the same name as its current name"
                raise failure(f"Error response from daemon: {text}")
            self._free(to)
            data["Name"] = f"/{to}"

    def remove(self, container: str, *, volumes: bool = False) -> None:
        with self._call("remove", container):
            data = self._find(container)
            if data is None:
                return
            status = data["State"]["Status"]
            if status in ("running", "paused", "restarting"):
                text = f"You cannot remove a {status} container {data['Id']}. Stop the container before attempting"
                raise failure(f"Error response from daemon: {text} removal or force remove")
            self._drop(data, volumes=volumes)

    def remove_volume(self, volume: str) -> bool:
        with self._call("remove_volume", volume):
            if self._uses(volume):
                return False
            self.volumes.discard(volume)
            return True

    def _uses(self, volume: str) -> bool:
        return any(volume == mount["Name"] for data in self.containers.values() for mount in data["Mounts"])

    def _drop(self, data: Mapping[str, Any], *, volumes: bool) -> None:
        """`volumes`: those that were made for it go, unless another uses them; one mounted by name stays."""
        del self.containers[data["Id"]]
        made = {mount["Name"] for mount in data["Mounts"] if mount["Anonymous"]} if volumes else set()
        self.volumes -= {name for name in made if not self._uses(name)}

    def changed_paths(self, container: str) -> list[str]:
        with self._call("changed_paths", container):
            return self.changed.get(self._get(container)["Name"].removeprefix("/"), [])

    def publishing(self, ports: Collection[int]) -> dict[int, str]:
        with self._call("publishing", " ".join(map(str, sorted(ports)))):
            found = {}
            for data in self.containers.values():
                owner = data["Config"]["Labels"].get("sglaunch.owner", "").partition(":")[2]
                name = data["Name"].removeprefix("/")
                taken = {int(binding["HostPort"]) for binding in _bindings(data) if binding["HostPort"]}
                if data["State"]["Status"] == "running":
                    found.update(dict.fromkeys(taken & set(ports), f"{name} of {owner}" if owner else name))
            return found

    def snapshot(self, container: str, image: str, secrets: Collection[str], labels: Mapping[str, str]) -> None:
        del labels
        with self._call("snapshot", container):
            self.images[image] = identity(image)
            self.saved[image] = (self._get(container)["Id"], tuple(secrets))

    def snapshots(self, project: str) -> list[tuple[str, str, str]]:
        with self._call("snapshots", project):
            return [(image, "now", "1MB") for image in self.saved]

    def follow(self, container: str, since: str) -> FakeLog:
        del since
        with self._call("follow", container):
            return FakeLog(self.logs.get(self._get(container)["Id"], []))

    def probe_inside(self, container: str, port: int, path: str, timeout: float) -> int:
        with self._call("probe_inside", container):
            data = self._find(container)
            return self.answers.get((port, path), 0) if data is not None and data["State"]["Status"] == "running" else 0

    def denied_devices(self, container: str) -> list[str] | None:
        with self._call("denied_devices", container):
            return self.denied.get(self._get(container)["Name"].removeprefix("/"), [])

    def log_tail(self, container: str, lines: int, since: str = "") -> list[str]:
        with self._call("log_tail", container):
            identity = (self._find(container) or {}).get("Id", "")
            found, times = self.logs.get(identity, []), self.written.get(identity, [])
            if len(times) == len(found):
                found = [line for line, time in zip(found, times, strict=True) if time >= since]
            return found[-lines:]

    # What it knows

    def names(self) -> dict[str, str]:
        """Name -> status of every container."""
        return {data["Name"].removeprefix("/"): data["State"]["Status"] for data in self.containers.values()}

    def look(self, name: str) -> ObservedContainer:
        """A container as sglaunch sees it; not a call."""
        return observed(self._get(name))

    def changing_calls(self) -> list[tuple[str, str]]:
        """The calls so far that were meant to change something."""
        return [call for call in self.calls if call[0] in CHANGING]

    def _now(self) -> str:
        """A clock that moves by a second whenever it is read."""
        self._seconds += 1
        return f"2026-03-01T10:{self._seconds // 60:02}:{self._seconds % 60:02}Z"

    def _find(self, name: str) -> dict[str, Any] | None:
        by_name = (data for data in self.containers.values() if data["Name"] == f"/{name}")
        return self.containers.get(name) or next(by_name, None)

    def _get(self, name: str) -> dict[str, Any]:
        data = self._find(name)
        if data is None:
            raise failure(f"Error response from daemon: No such container: {name}")
        return data

    def _image(self, name: str) -> dict[str, Any] | None:
        tag = name if name in self.images else name.removesuffix(":latest")
        image = name if name in self.images.values() else self.images.get(tag)
        tags = [known for known, identity in self.images.items() if identity == image]
        if image is None:
            return None
        config = {"Labels": self.image_labels.get(image)}
        return {"Id": image, "RepoTags": tags, "RepoDigests": [], "Config": config}

    def _free(self, name: str) -> None:
        taken = self._find(name)
        if taken is not None:
            text = f'The container name "/{name}" is already in use by container "{taken["Id"]}"'
            raise failure(
                f"Error response from daemon: Conflict. {text}. You have to remove (or rename) that container"
            )

    def _start(self, data: dict[str, Any]) -> None:
        state, host, config = data["State"], data["HostConfig"], data["Config"]
        if state["Status"] in ("running", "restarting"):
            return
        if state["Status"] == "paused":
            raise failure("Error response from daemon: cannot start a paused container, try unpause instead")
        for mode in (str(host.get(key) or "") for key in _MODES.values()):
            if mode.startswith("container:"):
                self._get(mode.removeprefix("container:"))
        for network in data["NetworkSettings"]["Networks"]:
            if network not in self.networks:
                raise failure(f"Error response from daemon: network {network} not found")
        self._bind_ports(data)
        words = [*(config["Entrypoint"] or []), *(config["Cmd"] or [])]
        program = words[0] if words else STAYING[0]
        if program not in STAYING and program not in EXIT_CODES:
            state.update(Status="created", ExitCode=127)
            raise failure(f'exec: "{program}": executable file not found in $PATH: unknown')
        state.update(Status="running", ExitCode=0, StartedAt=self._now())
        if program == "echo":
            self.logs.setdefault(data["Id"], []).append(" ".join(words[1:]))
            self.written.setdefault(data["Id"], []).append(self._now())
        if program in EXIT_CODES:
            self._end(data, EXIT_CODES[program], by_itself=True, policy=host["RestartPolicy"]["Name"])

    def _stop(self, data: dict[str, Any]) -> None:
        if data["State"]["Status"] in ("running", "paused", "restarting"):
            self._end(data, KILLED)

    def _end(self, data: dict[str, Any], code: int, *, by_itself: bool = False, policy: str = "") -> None:
        again = by_itself and (policy in ("always", "unless-stopped") or (policy == "on-failure" and code != 0))
        data["State"].update(Status="restarting" if again else "exited", ExitCode=code, FinishedAt=self._now())
        data["RestartCount"] += again
        if data["HostConfig"]["AutoRemove"]:
            self._drop(data, volumes=True)

    def _bind_ports(self, data: Mapping[str, Any]) -> None:
        held = {
            binding["HostPort"]
            for other in self.containers.values()
            if other["State"]["Status"] in ("running", "paused") and other is not data
            for binding in _bindings(other)
        }
        for binding in _bindings(data):
            if binding["HostPort"] and binding["HostPort"] in held:
                address = f"{binding['HostIp'] or '0.0.0.0'}:{binding['HostPort']}"
                text = "driver failed programming external connectivity on endpoint"
                raise failure(
                    f"Error response from daemon: {text}: Bind for {address} failed: port is already allocated"
                )


def _strike(error: BaseException) -> None:
    if not isinstance(error, KeyboardInterrupt):
        raise error
    signal.raise_signal(signal.SIGINT)


def inspect_data(one: ObservedContainer) -> dict[str, Any]:
    """The JSON that our reader makes this observation of: the way back, but for what the host alone shows."""
    applied = one.applied
    labels = {}
    if applied is not None:
        readable = applied.spec is not None
        labels = encode(applied if readable else _with_any_spec(applied))
        if not readable:
            labels["sglaunch.digest"] = "tampered with"
    spec = applied.spec if applied is not None else None
    host: dict[str, Any] = {"AutoRemove": one.auto_remove, "NetworkMode": one.network_mode, "RestartPolicy": {}}
    cdi = [name for name in one.gpu_ids if "=" in name]
    ids = [name for name in one.gpu_ids if "=" not in name]
    host["DeviceRequests"] = _requests("all" if ids == ["all"] else f"device={','.join(ids)}" if ids else "", cdi)
    host["Devices"] = [{"PathOnHost": node, "PathInContainer": node} for node in one.device_nodes]
    words = {"restart": one.live.get("restart") or "no"}
    words |= update_arguments({name: value for name, value in one.live.items() if value and name != "restart"})
    _set_limits(host, words)
    host |= {_MODES[name]: f"container:{held}" for name, held in one.partners.items()}
    host["PortBindings"] = {}
    for shown in one.ports:
        address, _, port = shown.partition("->")
        ip, _, number = address.rpartition(":")
        host["PortBindings"].setdefault(port, []).append({"HostIp": ip.strip("[]"), "HostPort": number})
    return {
        "Id": one.id,
        "Name": f"/{one.name}",
        "Image": one.image_id,
        "Created": one.created,
        "RestartCount": one.restart_count,
        "State": {
            "Status": one.status,
            "ExitCode": one.exit_code,
            "Error": one.error,
            "OOMKilled": one.oom_killed,
            "StartedAt": one.started or "0001-01-01T00:00:00Z",
            "FinishedAt": one.finished or "0001-01-01T00:00:00Z",
            **({"Health": {"Status": one.health}} if one.health else {}),
        },
        "HostConfig": host,
        "Config": {
            "Image": one.image_ref,
            "Labels": labels,
            "Env": [f"{name}={value.reveal()}" for name, value in one.env.items()],
            "Entrypoint": None,
            "Cmd": list((spec or {}).get("command", STAYING[:1])),
        },
        "NetworkSettings": {"Networks": {name: _endpoint([], "", "") for name in one.networks}},
        "Mounts": [_volume_mount(volume.target, volume.name) for volume in one.volumes],
        "SizeRw": one.layer_size,
    }


def _volume_mount(target: str, name: str, *, anonymous: bool = True) -> dict[str, Any]:
    return {"Type": "volume", "Name": name, "Destination": target, "Source": "", "Anonymous": anonymous}


def _mounts(call: CreateCall, of_image: Iterable[str], container: str) -> list[dict[str, Any]]:
    """The volumes of a new container; a bind is no concern of theirs."""
    asked = [dict(word.partition("=")[::2] for word in words) for words in call.arguments.get("mounts", ())]
    names = {one["target"]: one.get("source", "") for one in asked if one["type"] == "volume"}
    for target in of_image:
        if target not in [one["target"] for one in asked]:
            names[target] = ""
    return [
        _volume_mount(target, name or identity(f"{container} {target}").removeprefix("sha256:"), anonymous=not name)
        for target, name in names.items()
    ]


def created(call: CreateCall, image_id: str, number: int, now: str) -> dict[str, Any]:
    """What inspect shows of a container that a call has just made."""
    arguments = call.arguments
    networks = [str(name) for name in arguments.get("networks", ())] or ["default"]
    endpoint = _endpoint(list(arguments.get("network_aliases", ())), arguments.get("ip", ""), arguments.get("ip6", ""))
    host: dict[str, Any] = {
        "AutoRemove": bool(arguments.get("remove")),
        "NetworkMode": networks[0],
        "IpcMode": arguments.get("ipc", ""),
        "PidMode": arguments.get("pid", ""),
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "PortBindings": _port_bindings(arguments.get("publish", ())),
        "Mounts": [list(words) for words in arguments.get("mounts", ())],
    }
    devices = [str(word).partition(":")[0] for word in arguments.get("devices", ())]
    cdi = [name for name in devices if "=" in name]
    host["DeviceRequests"] = _requests(str(arguments.get("gpus", "")), cdi)
    host["Devices"] = [{"PathOnHost": name, "PathInContainer": name} for name in devices if name not in cdi]
    host["Runtime"] = arguments.get("runtime", "runc")
    _set_limits(host, arguments)
    environment = {**arguments.get("envs", {}), **{name: value.reveal() for name, value in call.secrets.items()}}
    entrypoint = arguments.get("entrypoint")
    return {
        "Id": identity(f"{arguments['name']} {number}"),
        "Name": f"/{arguments['name']}",
        "Image": image_id,
        "Created": now,
        "RestartCount": 0,
        "State": {
            "Status": "created",
            "ExitCode": 0,
            "Error": "",
            "OOMKilled": False,
            "StartedAt": "0001-01-01T00:00:00Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "HostConfig": host,
        "Config": {
            "Image": call.image,
            "Labels": dict(arguments.get("labels", {})),
            "Env": [*(f"{name}={value}" for name, value in environment.items()), _IMAGE_ENV],
            "Entrypoint": [entrypoint] if entrypoint else None,
            "Cmd": list(call.command) or None,
        },
        "NetworkSettings": {
            "Networks": {} if networks == ["default"] or ":" in networks[0] else {networks[0]: endpoint}
        },
        "SizeRw": 0,
    }


def _requests(gpus: str, cdi: Sequence[str]) -> list[dict[str, Any]]:
    """`--gpus` and devices by CDI name, as HostConfig.DeviceRequests shows them."""
    ids = gpus.strip('"').removeprefix("device=").split(",") if "device=" in gpus else None
    count = 0 if ids else -1 if gpus == "all" else int(gpus or 0)
    asked = {"Driver": "", "Count": count, "DeviceIDs": ids, "Capabilities": [["gpu"]]}
    named = {"Driver": "cdi", "Count": 0, "DeviceIDs": list(cdi), "Capabilities": None}
    return [*([asked] if gpus else []), *([named] if cdi else [])]


def _with_any_spec(applied: Any) -> Any:
    return replace(applied, spec={})


def _endpoint(aliases: list[str], ipv4: str, ipv6: str) -> dict[str, Any]:
    return {"Aliases": aliases, "IPAMConfig": {"IPv4Address": ipv4, "IPv6Address": ipv6}}


def _bind_sources(arguments: Mapping[str, Any]) -> Iterator[str]:
    for words in arguments.get("mounts", ()):
        if "type=bind" in words:
            yield from (word.removeprefix("source=") for word in words if word.startswith("source="))


def _bindings(data: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    for bindings in data["HostConfig"].get("PortBindings", {}).values():
        yield from bindings


def _port_bindings(publish: Iterable[tuple[str, ...]]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for words in publish:
        port = words[-1] if "/" in words[-1] else f"{words[-1]}/tcp"
        address = words[0] if len(words) > 1 else ""
        ip, _, number = address.rpartition(":")
        bindings.setdefault(port, []).append({"HostIp": ip.strip("[]"), "HostPort": number})
    return bindings


def _update_refusal(host: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    if "restart" in arguments and host["AutoRemove"]:
        return "Restart policy cannot be updated because AutoRemove is enabled for the container"
    memory, swap = arguments.get("memory"), arguments.get("memory_swap")
    limit = swap or host.get("MemorySwap") or 0
    if memory and 0 < limit < memory:
        advice = "" if swap else ", update the memoryswap at the same time"
        return f"Memory limit should be smaller than already set memoryswap limit{advice}"
    if arguments.get("cpus") and host.get("CpuQuota"):
        return "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set"
    return ""


def _set_limits(host: dict[str, Any], arguments: Mapping[str, Any]) -> None:
    """The words of create and update, as HostConfig shows them."""
    for word, key in _NUMBERS.items():
        if word in arguments:
            host[key] = int(arguments[word])
    if arguments.get("memory") and not host.get("MemorySwap"):
        host["MemorySwap"] = 2 * host["Memory"]
    if "cpus" in arguments:
        host["NanoCpus"] = round(float(arguments["cpus"]) * _NANO)
    if "cpuset_cpus" in arguments:
        word = arguments["cpuset_cpus"]
        host["CpusetCpus"] = word if isinstance(word, str) else ",".join(word)
    if "pids_limit" in arguments:
        host["PidsLimit"] = max(int(arguments["pids_limit"]), 0)
    if "restart" in arguments:
        name, _, count = re.fullmatch(r"([a-z-]+)(:?)(\d*)", arguments["restart"]).groups()
        host["RestartPolicy"] = {"Name": name, "MaximumRetryCount": int(count or 0)}
