"""What engines say when they fail, recognised by text, and the next step for each.

Exit codes tell nothing: the docker CLI derives 125, 126 and 127 from the words of the message. Rows are the wordings of
docker 20.10 to 28, podman 4.3 and nerdctl; the first that matches wins, whatever the case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from sglaunch.errors import EngineError, Failure
from sglaunch.plain import Struct
from sglaunch.spec.sglang_images import OLD_DRIVER_HINT

_MAX_DETAIL = 600
_LOGGED = re.compile(r'level=(\w+) msg="((?:[^"\\]|\\.)*)"')


class Row(Struct, frozen=True):
    """A kind of failure: how it reads, what we say (groups of the match fill in), and what to do."""

    kind: str
    pattern: str
    message: str
    hint: str


# Programs that engines run on their own host, and the Debian package of each; NVIDIA's are in NVIDIA's repository.
HOST_PROGRAMS: Mapping[str, str] = {
    **dict.fromkeys(("newuidmap", "newgidmap"), "uidmap"),
    **dict.fromkeys(("slirp4netns", "fuse-overlayfs", "runc", "crun", "conmon", "catatonit", "iptables"), ""),
    **dict.fromkeys(("netavark", "aardvark-dns"), ""),
    "pasta": "passt",
    "containerd-shim-runc-v2": "containerd",
    "nvidia-container-cli": "libnvidia-container-tools",
    **dict.fromkeys(("nvidia-container-runtime-hook", "nvidia-container-runtime"), "nvidia-container-toolkit"),
    **dict.fromkeys(("nvidia-ctk", "nvidia-cdi-hook"), "nvidia-container-toolkit-base"),
}


def _host_program(name: str, package: str) -> Row:
    """A program of the host. Of the container's own the engine says that its process was to be started."""
    path = rf'[\\"]*(?:/\S*/)?{re.escape(name)}[\\"]*'
    missing = r"(?:executable file not found|stat \S+: no such file)"
    return Row(
        "host-program",
        rf"(?<!process: )(?<!process caused: )exec: {path}: {missing}|fork/exec {path}: no such file|"
        rf"(?:could not find|cannot find|OCI runtime) {path}(?:,|:| in | not found|\s*$)",
        f"the host has no program {name}, which {{engine}} needs",
        f"install it on the host: `sudo apt-get install {package or name}` on Debian and Ubuntu",
    )


ROWS: Sequence[Row] = (
    *(_host_program(name, package) for name, package in HOST_PROGRAMS.items()),
    Row(
        "permission",
        r"permission denied while trying to connect|dial unix [^:]*: connect: permission denied",
        "{engine}: permission denied for this user on the engine's socket",
        "ask to be added to the group docker (`sudo usermod -aG docker $USER`), then log in again",
    ),
    Row(
        "daemon-down",
        r"cannot connect to the docker daemon|is the docker daemon running|cannot connect to podman|"
        r"unable to connect to podman|cannot access containerd socket|error during connect",
        "{engine}: the engine does not answer",
        "start it (`sudo systemctl start docker`), or check DOCKER_HOST and `docker context ls`",
    ),
    Row(
        "context-missing",
        r'context "?([^"\s]+)"?:? (?:context )?(?:not found|does not exist)',
        "{engine}: no context {1}",
        "see `docker context ls`",
    ),
    Row(
        "name-conflict",
        r'container name "/?([^"]+)" is already in use|name-store error.*"([^"]+)".*already used|'
        r"name (\S+) already in use, cannot rename",
        "the container name {1} was taken meanwhile",
        "run the command again, or choose another container_name",
    ),
    Row(
        "port-taken",
        r"bind for [^\s]*?:(\d+) failed: port is already allocated|(?:listen tcp[46]?|host port for) \S*?:(\d+)"
        r"(?::\S+)?:(?: bind:)? address already in use|ports? (\d+).*already in use",
        "port {1} of the host is taken",
        "choose another host port in ports, or see who holds it with `ss -ltnp`",
    ),
    Row(
        "address-not-local",
        r"cannot assign requested address",
        "the host has no such address to publish a port on",
        "write an address of this host in ports, or none",
    ),
    Row(
        "no-gpu-support",
        r'could not select device driver "[^"]*" with capabilities: \[\[.*gpu|unresolvable cdi devices|'
        r"unknown or invalid runtime name: nvidia|unknown runtime specified nvidia|"
        r"nvidia-container-cli: initialization",
        "the engine cannot give GPUs to containers",
        "install the NVIDIA container toolkit and restart the engine (Podman and nerdctl 2.3 need "
        "`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml`); or write gpus: null to go without",
    ),
    Row(
        "driver-too-old",
        r"nvidia-container-cli: requirement error: unsatisfied condition: ([^,]+)",
        "the NVIDIA driver is too old for this image ({1})",
        OLD_DRIVER_HINT,
    ),
    Row(
        "device-missing",
        r'error gathering device information while adding custom device "([^"]+)"|stat (/dev/[^:]+): no such file',
        "the host has no device {1}",
        "check devices and accelerator in the profile",
    ),
    Row(
        "network-missing",
        r"network ([\w.-]+) not found|unable to find network with name or ID ([\w.-]+)|"
        r'no such network: [\\"]*([\w.-]+)',
        "the engine has no network {1}",
        "create it: `docker network create {1}`",
    ),
    Row(
        "bad-mount",
        r"bind source path does not exist: ([^\n]+)|statfs ([^:]+): no such file",
        "the host has no {1}",
        "create it, or correct volumes",
    ),
    Row(
        "file-over-folder",
        r"not a directory.*mount a directory onto a file|are you trying to mount a directory onto a file",
        "a file is mounted on a folder, or a folder on a file",
        "check both sides of volumes",
    ),
    Row(
        "duplicate-mount",
        r"duplicate mount point: (\S+)|(?<!\S)(\S+): duplicate mount destination",
        "{1} is mounted twice",
        "check volumes",
    ),
    Row(
        "volumes-from",
        r"no such container: (\S+)",
        "there is no container {1}",
        "run the command again; if it stays, see `sglaunch ps`",
    ),
    Row(
        "rlimit",
        r"error setting rlimit type (\d+)|setrlimit",
        "the engine may not raise a limit that ulimits asks for",
        "lower it in ulimits, or write ulimits: null; inside a container the engine needs CAP_SYS_RESOURCE",
    ),
    Row(
        "no-builder",
        r"`?buildctl`? needs to be installed",
        "{engine} builds with BuildKit, which does not run here",
        "install buildkit and start buildkitd, or build with Docker or Podman and load the image",
    ),
    Row(
        "command-not-found",
        r'exec: "([^"]+)": (?:executable file not found|stat [^:]+: no such file)|'
        r"stat (\S+): no such file or directory: unknown",
        "the image has no command {1}",
        "check command, entrypoint or shell, or take an image that has it",
    ),
    Row("not-executable", r'exec: "([^"]+)": permission denied', "{1} is not executable in the image", "check command"),
    Row(
        "workdir",
        r"working directory '([^']+)' is invalid",
        "working_dir {1} is not an absolute path",
        "write it with a leading /",
    ),
    Row("unknown-user", r"unable to find user ([^:\s]+)", "the image has no user {1}", "write a uid in user"),
    Row(
        "unknown-group",
        r"unable to find group ([^:\s]+)",
        "the image has no group {1}",
        "write its number in group_add (`getent group {1}`)",
    ),
    Row(
        "auth",
        r"pull access denied|no basic auth credentials|unauthorized|denied: requested access|authentication required",
        "the registry wants a login, or has no such repository",
        "`docker login REGISTRY`, and check the image's spelling",
    ),
    Row(
        "tag-missing",
        r"manifest for (\S+) not found|manifest unknown|reading manifest (\S+)",
        "the registry has no image {1}",
        "check the tag; `docker images` lists those here",
    ),
    Row(
        "broken-off",
        r"unexpected EOF|connection reset by peer|broken pipe|use of closed network connection|"
        r"stream error|received unexpected HTTP status: 5\d\d|server misbehaving",
        "the transfer broke off",
        "run it again: what has arrived is kept",
    ),
    Row(
        "no-route",
        r"dial tcp: lookup (\S+)|dial tcp [^:]+:\d+: (?:connect|i/o)|no such host|tls handshake timeout|"
        r"temporary failure in name resolution|net/http: request canceled",
        "the registry cannot be reached",
        "check network and proxy: the engine has its own proxy setting; or name a mirror under registry_mirrors",
    ),
    Row(
        "no-builder",
        r"no buildkit host is available|buildctl.*(?:not found|no such file)",
        "{engine} builds with BuildKit, which does not run here",
        "start buildkitd (`sudo systemctl start buildkit`), or build with another engine",
    ),
    Row(
        "image-missing",
        r"no such image: ([^\s,;]+?)[:.]?(?:\s|$)|(?<!\S)(\S+): image not known|"
        r'does not exist locally with the tag: (\S+)|image "([^"]+)": not found|'
        r'image not available: "?([^"\s]+)',
        "the image {1} is not on this machine",
        "`sglaunch pull`, or `sglaunch build`",
    ),
    Row(
        "bad-reference",
        r"invalid reference format",
        "the image name is not a valid reference",
        "lower case, as in registry/name:tag",
    ),
    Row("disk-full", r"no space left on device", "the disk of the engine is full", "`docker system df` tells of what"),
    Row(
        "wrong-platform",
        r"does not match the specified platform|its platform",
        "the image here is for another platform than the profile asks",
        "pull it for that platform, or correct platform",
    ),
    Row(
        "too-many-cpus",
        r"range of cpus is from|requested cpus are not available",
        "the host has fewer CPUs than cpus or cpuset ask for",
        "lower cpus, or correct cpuset",
    ),
    Row("small-memory", r"minimum memory limit allowed", "mem_limit is below what the engine allows", "raise it"),
    Row(
        "no-init", r"container-init binary not found|init binary", "the engine has no init to run", "write init: false"
    ),
    Row(
        "not-running",
        r"container \S+ is not running|is restarting, wait until",
        "the container does not run",
        "`sglaunch up` starts it",
    ),
    Row("paused", r"is paused", "the container is paused", "`sglaunch up` resumes it"),
    Row(
        "too-new",
        r'"(--[\w-]+)" requires API version ([\d.]+)',
        "this engine is too old for {1} (needs API {2})",
        "remove the option, or update the engine",
    ),
)


def explain(text: str, engine: str = "docker") -> Failure:
    """An engine's text as a failure: what it means, what to do, and the engine's own words."""
    text = _messages(text)
    detail = _tidy(text)
    for row in ROWS:
        match = re.search(row.pattern, text, re.IGNORECASE | re.DOTALL)
        if match:
            first = next((group for group in match.groups() if group), "")
            second = match.group(2) if match.re.groups >= 2 and match.group(2) else ""
            words = {"engine": engine}
            message = row.message.format("", first.rstrip(".,;"), second.rstrip("., "), **words)
            hint = row.hint.format("", first.rstrip(".,;"))
            return Failure(row.kind, re.sub(r"\s+", " ", message).strip(), hint, detail)
    return Failure("unknown", f"{engine}: {detail or 'failed without a word'}", "", detail)


def failure(text: str, engine: str = "docker") -> EngineError:
    """The same as an exception."""
    return EngineError(explain(text, engine))


def cli_missing(command: str) -> EngineError:
    """The engine's program is not there."""
    hint = "install Docker (Debian, Ubuntu: `sudo apt-get install docker.io`), Podman or nerdctl"
    return EngineError(Failure("cli-missing", f"there is no program {command} on PATH", hint))


def _messages(text: str) -> str:
    """What nerdctl and Podman log as `level=fatal msg="..."`, without what they only warn of."""
    told = [(level, json.loads(f'"{message}"', strict=False)) for level, message in _LOGGED.findall(text)]
    grave = [message for level, message in told if level in ("fatal", "error")]
    rest = [line for line in text.splitlines() if line.strip() and not _LOGGED.search(line)]
    return "\n".join([*grave, *rest]) or "\n".join(message for _, message in told) or text


def _tidy(text: str) -> str:
    """The engine's words without its usage advice."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not re.match(r"(See|Run) '.*--help'", line)]
    return " ".join(kept)[:_MAX_DETAIL]
