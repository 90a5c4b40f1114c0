"""What engines really said, and what we make of it: the kind, the words that matter, and a next step.

The texts are those of docker 20.10, 26 and 28, and of podman 4.3, as they came.
"""

from __future__ import annotations

import re

import pytest

from sglaunch.engine.explain import ROWS, cli_missing, explain, failure

D = "Error response from daemon: "
RUNC = (
    D + "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: "
)
NET = D + "driver failed programming external connectivity on endpoint x (0f5e): "
CONFLICT = (
    'Conflict. The container name "/ana-dev" is already in use by container "3f138a02". You have to remove (or rename) '
    "that container to be able to reuse that name."
)
DOWN = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
SOCKET = 'Get "http://%2Fvar%2Frun%2Fdocker.sock/v1.41/containers/json": dial unix /var/run/docker.sock: connect: '
GATHER = "error gathering device information while adding custom device"
SSH = "command [ssh -- host docker system dial-stdio] has exited with exit status 255"

# name -> (what the engine said, kind, what the message must say)
SAID = {
    "daemon down": (DOWN, "daemon-down", "does not answer"),
    "daemon host unknown": (
        'error during connect: Get "http://gpu9:2375/v1.41/info": dial tcp: lookup gpu9: no such host',
        "daemon-down",
        "does not answer",
    ),
    "daemon behind ssh": (f'error during connect: Get "http://docker/v1.41/info": {SSH}', "daemon-down", ""),
    "podman down": ("Cannot connect to Podman. Please verify your connection", "daemon-down", ""),
    "podman socket": ("Error: unable to connect to Podman socket: connection refused", "daemon-down", ""),
    "socket permission": (
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: "
        f"{SOCKET}permission denied",
        "permission",
        "permission denied",
    ),
    "socket permission, 28": (
        "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
        "permission",
        "permission denied",
    ),
    "context missing, 20": ('context "gpu9" does not exist', "context-missing", "gpu9"),
    "context missing, 28": (
        'context "gpu9": context not found: open meta.json: no such file',
        "context-missing",
        "gpu9",
    ),
    "image absent": ("Error: No such image: lmsysorg/sglang:dev", "image-missing", "lmsysorg/sglang:dev is not"),
    "image absent, 28": (
        "Error response from daemon: no such image: x:1: No such image: x:1",
        "image-missing",
        "image x:1 is not",
    ),
    "image absent, podman": ("Error: lmsysorg/x:1: image not known", "image-missing", "image lmsysorg/x:1 is not"),
    "registry unknown": (
        D + 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
        "no-route",
        "cannot be reached",
    ),
    "registry refuses": (
        D + 'Get "http://127.0.0.1:5999/v2/": dial tcp 127.0.0.1:5999: connect: connection refused',
        "no-route",
        "cannot be reached",
    ),
    "registry slow": (
        D + 'Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection',
        "no-route",
        "cannot be reached",
    ),
    "tag missing": (
        D + "manifest for lmsysorg/sglang:v9 not found: manifest unknown: manifest unknown",
        "tag-missing",
        "no image lmsysorg/sglang:v9",
    ),
    "tag missing, podman": (
        "Error: initializing source: reading manifest v9 in docker.io/lmsysorg/sglang: manifest unknown",
        "tag-missing",
        "",
    ),
    "login needed": (
        D + 'Head "http://r:5001/v2/a/manifests/1": no basic auth credentials',
        "auth",
        "login",
    ),
    "login needed, hub": (
        D + "pull access denied for ana/x, repository does not exist or may require 'docker login': denied: requested "
        "access to the resource is denied",
        "auth",
        "login",
    ),
    "bad reference": ("invalid reference format: repository name must be lowercase", "bad-reference", "reference"),
    "name conflict": (D + CONFLICT, "name-conflict", "name ana-dev was taken"),
    "rename conflict": (D + f"Error when allocating new name: {CONFLICT}", "name-conflict", "name ana-dev was taken"),
    "name conflict, podman": (
        'Error: creating container storage: the container name "ana-dev" is already in use by 3f138a02. You have to',
        "name-conflict",
        "name ana-dev was taken",
    ),
    "port of a container": (
        NET + "Bind for 0.0.0.0:31800 failed: port is already allocated",
        "port-taken",
        "port 31800",
    ),
    "port of a container, v6": (
        NET + "Bind for :::31800 failed: port is already allocated",
        "port-taken",
        "port 31800",
    ),
    "port of a process, 20": (
        NET + "Error starting userland proxy: listen tcp4 0.0.0.0:31800: bind: address already in use",
        "port-taken",
        "port 31800",
    ),
    "port of a process, 28": (
        NET + "failed to bind host port for 0.0.0.0:31800:172.17.0.2:80/tcp: address already in use",
        "port-taken",
        "port 31800",
    ),
    "port of a process, podman": (
        "Error: cannot listen on the TCP port: listen tcp4 :31800: bind: address already in use",
        "port-taken",
        "port 31800",
    ),
    "address of another host, 20": (
        NET + "Error starting userland proxy: listen tcp4 10.9.9.9:80: bind: cannot assign requested address",
        "address-not-local",
        "no such address",
    ),
    "address of another host, 28": (
        NET + "failed to bind host port for 10.9.9.9:80:172.17.0.2:80/tcp: cannot assign requested address",
        "address-not-local",
        "no such address",
    ),
    "no GPU toolkit": (D + 'could not select device driver "" with capabilities: [[gpu]].', "no-gpu-support", "GPUs"),
    "no nvidia runtime, 20": (D + "Unknown runtime specified nvidia.", "no-gpu-support", "GPUs"),
    "no nvidia runtime, 28": (D + "unknown or invalid runtime name: nvidia", "no-gpu-support", "GPUs"),
    "CDI unknown": (
        D + "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
        "no-gpu-support",
        "GPUs",
    ),
    "broken driver": (
        RUNC
        + "error during container init: error running hook #0: error running hook: exit status 1, stdout: , stderr: "
        "nvidia-container-cli: initialization error: load library failed: libnvidia-ml.so.1",
        "no-gpu-support",
        "GPUs",
    ),
    "old driver": (
        RUNC + "error running hook #0: stderr: nvidia-container-cli: requirement error: unsatisfied condition: "
        "cuda>=12.9, please update your driver to a newer version",
        "driver-too-old",
        "cuda>=12.9",
    ),
    "device missing": (
        D + f'{GATHER} "/dev/nvidia0": no such file or directory',
        "device-missing",
        "no device /dev/nvidia0",
    ),
    "device missing, podman": ("Error: stat /dev/nvidia0: no such file or directory", "device-missing", "/dev/nvidia0"),
    "network missing": (D + "network ana-net not found", "network-missing", "network ana-net"),
    "network missing, podman": (
        "Error: unable to find network with name or ID ana-net: network not found",
        "network-missing",
        "network ana-net",
    ),
    "mount source missing": (
        D + 'invalid mount config for type "bind": bind source path does not exist: /data/models.\n'
        "See 'docker create --help'.",
        "bad-mount",
        "the host has no /data/models",
    ),
    "mount source with spaces": (
        D + 'invalid mount config for type "bind": bind source path does not exist: /data/my models\n\n'
        "Run 'docker create --help' for more information",
        "bad-mount",
        "the host has no /data/my models",
    ),
    "mount source missing, podman": (
        "Error: statfs /data/models: no such file or directory",
        "bad-mount",
        "/data/models",
    ),
    "file over folder": (
        RUNC + 'error during container init: error mounting "/etc/hosts" to rootfs at "/data": mount /etc/hosts:/data: '
        "not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the "
        "specified host path exists and is the expected type",
        "file-over-folder",
        "a file is mounted on a folder",
    ),
    "mounted twice": (D + "Duplicate mount point: /data", "duplicate-mount", "/data is mounted twice"),
    "mounted twice, podman": ("Error: /data: duplicate mount destination", "duplicate-mount", "/data is mounted twice"),
    "volumes_from missing": (D + "No such container: ana-data", "volumes-from", "no container ana-data"),
    "rlimit": (
        RUNC + "error during container init: error setting rlimit type 8: operation not permitted: unknown",
        "rlimit",
        "ulimits",
    ),
    "no builder, nerdctl": (
        "`buildctl` needs to be installed and `buildkitd` needs to be running, see https://github.com/moby/buildkit: "
        'exec: "buildctl": executable file not found in $PATH',
        "no-builder",
        "builds with BuildKit",
    ),
    "host: newuidmap": (
        'Error: cannot find newuidmap: exec: "newuidmap": executable file not found in $PATH',
        "host-program",
        "the host has no program newuidmap",
    ),
    "host: newuidmap, podman 4": (
        "Error: command required for rootless mode with multiple IDs: "
        'exec: "newuidmap": executable file not found in $PATH',
        "host-program",
        "newuidmap, which docker needs",
    ),
    "host: slirp4netns": (
        "Error: could not find slirp4netns, the network namespace can't be configured: "
        'exec: "slirp4netns": executable file not found in $PATH',
        "host-program",
        "no program slirp4netns",
    ),
    "host: netavark": (
        'Error: could not find "netavark" in one of [/usr/local/libexec/podman /usr/lib/podman]',
        "host-program",
        "no program netavark",
    ),
    "host: crun": ('Error: default OCI runtime "crun" not found: invalid argument', "host-program", "no program crun"),
    "host: fuse-overlayfs": (
        "Error: mounting overlay: fork/exec /usr/bin/fuse-overlayfs: no such file or directory",
        "host-program",
        "no program fuse-overlayfs",
    ),
    "host: NVIDIA's hook": (
        RUNC + "error during container init: error running hook #0: fork/exec /usr/bin/nvidia-container-runtime-hook: "
        "no such file or directory: unknown",
        "host-program",
        "no program nvidia-container-runtime-hook,",
    ),
    "host: nvidia-container-cli": (
        RUNC + "error during container init: error running hook #0: error running hook: exit status 1, stdout: , "
        'stderr: exec: "nvidia-container-cli": executable file not found in $PATH: unknown',
        "host-program",
        "no program nvidia-container-cli",
    ),
    "a command of the image with the name of a program of hosts": (
        RUNC + 'exec: "iptables": executable file not found in $PATH: unknown',
        "command-not-found",
        "no command iptables",
    ),
    "the same, as older runc said it": (
        D + "OCI runtime create failed: container_linux.go:380: starting container process caused: "
        'exec: "runc": executable file not found in $PATH: unknown',
        "command-not-found",
        "no command runc",
    ),
    "command missing": (
        RUNC + 'exec: "zsh": executable file not found in $PATH: unknown',
        "command-not-found",
        "no command zsh",
    ),
    "command missing, path": (
        RUNC + 'exec: "/bin/zsh": stat /bin/zsh: no such file or directory: unknown',
        "command-not-found",
        "no command /bin/zsh",
    ),
    "command is a folder": (
        RUNC + 'exec: "/etc": permission denied: unknown',
        "not-executable",
        "/etc is not executable",
    ),
    "working folder": (
        D + "the working directory 'rel' is invalid, it needs to be an absolute path",
        "workdir",
        "working_dir rel",
    ),
    "user missing": (
        D + "unable to find user ana: no matching entries in passwd file",
        "unknown-user",
        "no user ana",
    ),
    "group missing": (
        D + "Unable to find group render: no matching entries in group file",
        "unknown-group",
        "no group render",
    ),
    "cpus, 20": (
        D + "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available.",
        "too-many-cpus",
        "fewer CPUs",
    ),
    "cpuset": (D + "Requested CPUs are not available - requested 0-63, available: 0-1.", "too-many-cpus", "fewer CPUs"),
    "memory too small": (D + "Minimum memory limit allowed is 6MB.", "small-memory", "mem_limit"),
    "other platform, 20": (
        "Error: image with reference x:1 was found but does not match the specified platform: wanted linux/arm64, "
        "actual: linux/amd64",
        "wrong-platform",
        "another platform",
    ),
    "other platform, 28": (
        D + "image with reference x:1 was found but its platform (linux/amd64) does not match the specified platform "
        "(linux/arm64)",
        "wrong-platform",
        "another platform",
    ),
    "disk full, pull": (
        "failed to register layer: write /opt/lib.so: no space left on device",
        "disk-full",
        "disk of the engine is full",
    ),
    "no init, podman": ("Error: container-init binary not found on the host: stat /usr/libexec", "no-init", "no init"),
    "exec in a stopped one": (D + "Container 3f138a02 is not running", "not-running", "does not run"),
    "exec in a loop": (
        D + "Container 3f138a02 is restarting, wait until the container is running",
        "not-running",
        "does not run",
    ),
    "exec in a paused one": (D + "Container ana-dev is paused, unpause the container before exec", "paused", "paused"),
    "push, the registry gone": (
        'Put "http://127.0.0.1:5000/v2/x/blobs/uploads/1": write tcp 127.0.0.1:1->127.0.0.1:5000: write: broken pipe',
        "broken-off",
        "broke off",
    ),
    "pull, the registry gone": ("error pulling image configuration: unexpected EOF", "broken-off", "broke off"),
    "nerdctl build": (
        'time="x" level=error msg="`buildctl` needs to be installed and `buildkitd` needs to be running" error="no '
        'buildkit host is available, tried 2 candidates"\nno buildkit host is available, tried 2 candidates',
        "no-builder",
        "builds with BuildKit",
    ),
    "engine too old": (
        '"--annotation" requires API version 1.43, but the Docker daemon API version is 1.41',
        "too-new",
        "--annotation (needs API 1.43)",
    ),
}


@pytest.mark.parametrize("case", SAID)
def test_what_an_engine_says_is_recognised_and_has_a_next_step(case: str) -> None:
    text, kind, message = SAID[case]
    found = explain(text)
    assert found.kind == kind
    assert message in found.message
    assert found.hint
    assert not re.search(r"^\s|\s$|\s{2}|\{|\}|\( | \)|: *$", found.message), "a gap that no word filled"


@pytest.mark.parametrize("case", SAID)
def test_case_and_surrounding_lines_do_not_matter(case: str) -> None:
    text, kind, _ = SAID[case]
    assert explain(f"WARNING: No swap limit support\n{text.upper()}\n").kind == kind


@pytest.mark.parametrize(
    ("name", "package"),
    [("newuidmap", "uidmap"), ("runc", "runc"), ("pasta", "passt"), ("nvidia-ctk", "nvidia-container-toolkit-base")],
)
def test_a_missing_program_of_the_host_is_named_with_its_package(name: str, package: str) -> None:
    hint = explain(f'Error: exec: "{name}": executable file not found in $PATH', "podman").hint
    assert hint == f"install it on the host: `sudo apt-get install {package}` on Debian and Ubuntu"


def test_every_row_has_a_text_that_it_was_made_for() -> None:
    assert {row.kind for row in ROWS} == {kind for _, kind, _ in SAID.values()}


def test_an_unknown_text_is_passed_on_as_it_came() -> None:
    found = explain("Error: the moon is full\n\nRun 'docker create --help' for more information\n")
    assert (found.kind, found.message) == ("unknown", "docker: Error: the moon is full")


def test_silence_is_told() -> None:
    assert explain("").message == "docker: failed without a word"


def test_the_engine_is_called_by_its_name() -> None:
    assert explain(DOWN, "nerdctl").message.startswith("nerdctl: ")


def test_the_detail_is_the_engines_own_words_without_its_advice_on_usage() -> None:
    said = D + "invalid reference format.\nSee 'docker create --help'.\n"
    assert explain(said).detail == D + "invalid reference format."


def test_a_long_text_is_cut() -> None:
    assert len(explain("x" * 10_000).detail) == len(explain("y" * 5_000).detail) < 1000


def test_an_error_carries_the_message_and_the_next_step() -> None:
    error = failure(DOWN)
    assert (error.message, error.hint) == (error.failure.message, error.failure.hint)
    assert error.status == 1


def test_an_engine_that_is_not_installed_is_an_error_with_a_next_step() -> None:
    error = cli_missing("docker")
    assert "docker" in error.message
    assert "install" in error.hint
