"""The flags of `docker run`, `podman run` and `nerdctl run`: what each says in a profile, or why no profile says it.

Importing a pasted line and exporting a shell line read the same rows. Their spelling is that of Docker 28, Podman 4.3
and nerdctl 2.0 (`run --help`), with the hidden older names that Docker still takes.
"""

from __future__ import annotations

from collections.abc import Mapping

from sglaunch.plain import Struct

NOT_CARRIED = "no profile says it"
_CLIENT = "concerns the client that runs the line, not the container"


class Flag(Struct, frozen=True):
    """A row. `names` are all spellings, the one to write first. `takes`: a value follows; else it is true or false.

    `many`: each further use adds a value; else the last one counts. `key` is the path in a profile, `field` the field
    of the spec; several flags may fill one. Where `key` is empty, `why` says why it is not carried and `hint` what to
    do instead; `implied`: nothing is lost, for sglaunch always does so.
    """

    names: tuple[str, ...]
    takes: bool = True
    many: bool = False
    key: str = ""
    field: str = ""
    why: str = ""
    hint: str = ""
    implied: bool = False

    @property
    def name(self) -> str:
        """The spelling to write."""
        return self.names[0]


def _one(names: str, key: str, field: str = "") -> Flag:
    """A value, of which the last one counts."""
    return Flag(tuple(names.split()), key=key, field=field or key)


def _many(names: str, key: str, field: str = "") -> Flag:
    """A value each time."""
    return Flag(tuple(names.split()), many=True, key=key, field=field or key)


def _switch(names: str, key: str) -> Flag:
    """True where it stands, unless it says `=false`."""
    return Flag(tuple(names.split()), takes=False, key=key, field=key)


def _lost(names: str, why: str = NOT_CARRIED, hint: str = "", *, takes: bool = True, many: bool = False) -> Flag:
    return Flag(tuple(names.split()), takes, many, why=why, hint=hint)


def _each(
    names: str, why: str = NOT_CARRIED, hint: str = "", *, takes: bool = True, many: bool = False
) -> tuple[Flag, ...]:
    """Flags that are lost for one reason."""
    return tuple(_lost(name, why, hint, takes=takes, many=many) for name in names.split())


CARRIED: tuple[Flag, ...] = (
    _one("--name", "container_name"),
    _one("--platform", "platform"),
    Flag(("--pull",), key="pull_policy"),
    _one("--entrypoint", "entrypoint"),
    _one("--gpus", "gpus"),
    _one("--runtime", "runtime"),
    _many("--device", "devices"),
    _many("--device-cgroup-rule", "device_cgroup_rules"),
    _one("--shm-size", "shm_size"),
    _one("--ipc", "ipc"),
    _many("--network --net", "networks"),
    Flag(("--network", "--net"), many=True, key="network_mode", field="network_mode"),
    _many("--network-alias --net-alias", "networks.aliases", "networks"),
    _one("--ip", "networks.ipv4_address", "networks"),
    _one("--ip6", "networks.ipv6_address", "networks"),
    _many("--publish -p", "ports"),
    _many("--mount", "volumes"),
    _many("--volume -v", "volumes"),
    _many("--volumes-from", "volumes_from"),
    _many("--tmpfs", "tmpfs"),
    _many("--env -e", "environment"),
    Flag(("--env-file",), many=True, key="env_file", field="environment"),
    _one("--workdir -w", "working_dir"),
    _one("--user -u", "user"),
    _many("--group-add", "group_add"),
    _switch("--tty -t", "tty"),
    _switch("--interactive -i", "stdin_open"),
    _switch("--init", "init"),
    _switch("--rm", "auto_remove"),
    _one("--restart", "restart"),
    _switch("--privileged", "privileged"),
    _many("--cap-add", "cap_add"),
    _many("--cap-drop", "cap_drop"),
    _many("--security-opt", "security_opt"),
    _many("--ulimit", "ulimits"),
    _many("--sysctl", "sysctls"),
    _one("--memory -m", "mem_limit"),
    _one("--memory-reservation", "mem_reservation"),
    _one("--memory-swap", "memswap_limit"),
    _one("--cpus", "cpus"),
    _one("--cpu-shares -c", "cpu_shares"),
    _one("--cpu-quota", "cpu_quota"),
    _one("--cpu-period", "cpu_period"),
    _one("--cpuset-cpus", "cpuset"),
    _one("--pids-limit", "pids_limit"),
    _one("--hostname -h", "hostname"),
    _many("--add-host", "extra_hosts"),
    _many("--dns", "dns"),
    _many("--dns-search", "dns_search"),
    _many("--dns-option --dns-opt", "dns_opt"),
    _one("--pid", "pid"),
    _one("--uts", "uts"),
    _one("--userns", "userns_mode"),
    _one("--cgroupns", "cgroup"),
    _many("--label -l", "labels"),
    _one("--stop-signal", "stop_signal"),
    _one("--stop-timeout", "stop_grace_period"),
    _one("--health-cmd", "healthcheck.test", "healthcheck"),
    _one("--health-interval", "healthcheck.interval", "healthcheck"),
    _one("--health-timeout", "healthcheck.timeout", "healthcheck"),
    _one("--health-retries", "healthcheck.retries", "healthcheck"),
    _one("--health-start-period", "healthcheck.start_period", "healthcheck"),
    Flag(("--no-healthcheck",), takes=False, key="healthcheck.disable", field="healthcheck"),
    _switch("--read-only", "read_only"),
    _one("--log-driver", "logging.driver", "logging_driver"),
    _many("--log-opt", "logging.options", "logging_options"),
)
"""What a profile says too."""

_IO = "limits of block devices are not carried"
_OOM = "what the kernel kills first is not carried"
_REALTIME = "real-time CPU time is not carried"
_WINDOWS = "is for Windows containers"
_IDS = "maps of user ids are not carried"
_TRUST = "signatures are not checked by sglaunch"
_FILE = "sglaunch writes no such file"

LOST: tuple[Flag, ...] = (
    Flag(("--detach", "-d"), takes=False, why="up leaves the container running", implied=True),
    Flag(("--help",), takes=False, why="asks for help", implied=True),
    _lost("--attach -a", _CLIENT, "`sglaunch attach` is that for a running container", many=True),
    _lost("--detach-keys", _CLIENT, "set detachKeys in ~/.docker/config.json"),
    _lost("--sig-proxy", _CLIENT, "`sglaunch down` stops the container", takes=False),
    _lost("--cidfile", _FILE, "`sglaunch ps --json` tells the container"),
    _lost("--quiet -q", _CLIENT, "say `sglaunch --quiet up`", takes=False),
    _lost("--disable-content-trust", _TRUST, "pin the image by its digest: `sglaunch lock`", takes=False),
    _lost("--label-file", "labels are written in the profile", "copy the file's lines under labels", many=True),
    _lost("--annotation", "engines before Docker 25 have no place for them", "write labels", many=True),
    _lost(
        "--expose", "containers reach each other's ports without it", "write ports to reach it from outside", many=True
    ),
    _lost("--publish-all -P", "it picks a port anew at every start", "write each port under ports", takes=False),
    _lost("--link", "is of the past", "use networks with aliases", many=True),
    _lost("--link-local-ip", many=True),
    _lost("--mac-address"),
    _lost("--domainname", NOT_CARRIED, "write hostname: name.domain"),
    _lost("--volume-driver", NOT_CARRIED, "create the volume with its driver and name it under volumes"),
    _lost("--storage-opt", many=True),
    _lost("--use-api-socket", NOT_CARRIED, "mount the socket under volumes, if you must", takes=False),
    _lost("--health-start-interval", "engines before Docker 25 do not know it", "write healthcheck.interval"),
    _lost("--blkio-weight", _IO),
    *_each(
        "--blkio-weight-device --device-read-bps --device-read-iops --device-write-bps --device-write-iops",
        _IO,
        many=True,
    ),
    _lost("--cgroup-parent"),
    *_each("--cpu-rt-period --cpu-rt-runtime", _REALTIME),
    _lost("--cpuset-mems", NOT_CARRIED, "cpuset says which CPUs; memory nodes follow them by default"),
    _lost("--kernel-memory", "engines since Docker 23 ignore it", "write mem_limit"),
    _lost("--memory-swappiness", NOT_CARRIED, "write memswap_limit"),
    _lost("--oom-kill-disable", _OOM, "write mem_reservation", takes=False),
    _lost("--oom-score-adj", _OOM),
    _lost("--isolation", _WINDOWS),
    *_each("--cpu-count --cpu-percent --io-maxbandwidth --io-maxiops", _WINDOWS, "write cpus"),
    # Podman's own.
    *_each("--uidmap --gidmap", _IDS, "write userns_mode, if the engine knows the mode", many=True),
    *_each("--subuidname --subgidname", _IDS),
    _lost("--tz", NOT_CARRIED, "write environment: {TZ: Europe/Berlin}, or mount /etc/localtime"),
    _lost("--replace", "up decides whether a new container is needed", "`sglaunch up --force-recreate`", takes=False),
    _lost("--secret", "engines' own secrets are not carried", "write secret_env: {NAME: {file: path}}", many=True),
    *_each("--pod --pod-id-file", "pods are not carried", "write one profile a container, with depends_on"),
    _lost("--requires", "other containers are named in the profile", "write depends_on", many=True),
    _lost(
        "--env-host", "the caller's whole environment is not passed", "name each variable in environment", takes=False
    ),
    *_each("--env-merge --unsetenv", NOT_CARRIED, "write the values in environment", many=True),
    _lost("--unsetenv-all", NOT_CARRIED, "write the values in environment", takes=False),
    _lost("--http-proxy", "proxies are passed by name", "write environment: [http_proxy, https_proxy]", takes=False),
    _lost("--timeout", NOT_CARRIED, "write command: [timeout, SECONDS, ...]"),
    _lost("--umask", NOT_CARRIED, "set it in the command"),
    *_each("--systemd --cgroups --init-path --init-binary --image-volume --personality --seccomp-policy --sdnotify"),
    *_each("--hostuser --chrootdirs --cgroup-conf", many=True),
    *_each("--init-ctr --passwd-entry --preserve-fds --health-on-failure --rdt-class --arch --os --variant"),
    *_each("--passwd --read-only-tmpfs --no-hosts --rootfs --rmi", takes=False),
    _lost("--authfile", _CLIENT, "`docker login` keeps logins where sglaunch finds them"),
    _lost("--tls-verify", _CLIENT, "registries without TLS are set in the engine", takes=False),
    *_each("--conmon-pidfile --pidfile", _FILE),
    # nerdctl's own, and its global flags, which it takes after `run` too.
    *_each("--verify --cosign-key --cosign-certificate-identity --cosign-certificate-identity-regexp", _TRUST),
    *_each("--cosign-certificate-oidc-issuer --cosign-certificate-oidc-issuer-regexp", _TRUST),
    _lost("--ipfs-address", _CLIENT),
    *_each("--snapshotter --storage-driver", "the engine's own setting is used", "set it in nerdctl.toml"),
    _lost("--selinux-enabled", "the engine's own setting is used", "set it in nerdctl.toml", takes=False),
)
"""What a profile does not say, each with the reason."""

FLAGS: Mapping[str, tuple[Flag, ...]] = {
    name: tuple(flag for flag in (*CARRIED, *LOST) if name in flag.names)
    for name in dict.fromkeys(name for flag in (*CARRIED, *LOST) for name in flag.names)
}
"""By spelling, the rows of a flag; several where its value decides which is meant."""

OF_FIELD: Mapping[str, tuple[Flag, ...]] = {
    field: tuple(flag for flag in CARRIED if flag.field == field)
    for field in dict.fromkeys(flag.field for flag in CARRIED if flag.field)
}
"""By field of the spec, the flags that fill it, the one to write first."""

WITHOUT_FLAG: Mapping[str, str] = {
    "image": "the first word after the flags",
    "command": "the words after the image",
    "server": "becomes a command before anything is created (spec.container.expand)",
}
"""Fields of the spec that no flag fills, and why."""

GLOBAL: tuple[Flag, ...] = (
    _lost("--context -c", "the line's engine", "write engine: in your personal file, or say --context"),
    _lost("--host -H", "the line's engine", "write engine: {host: ...} in your personal file", many=True),
    *_each("--url --connection --identity", "the line's engine", "write engine: in your personal file"),
    *_each("--namespace -n --address -a", "the line's engine", "write engine: {namespace: ...} in your personal file"),
    *_each("--config --log-level -l --tlscacert --tlscert --tlskey", _CLIENT),
    *_each(
        "--debug -D --tls --tlsverify --remote -r --debug-full --insecure-registry --experimental", _CLIENT, takes=False
    ),
    *_each(
        "--cgroup-manager --runtime --root --runroot --storage-opt --tmpdir --hooks-dir --module", _CLIENT, many=True
    ),
    *_each("--conmon --events-backend --network-cmd-path --network-config-dir --volumepath --ssh --out", _CLIENT),
    *_each(
        "--cni-path --cni-netconfpath --data-root --hosts-dir --host-gateway-ip --bridge-ip --kube-hide-dupe", _CLIENT
    ),
    *_each("--snapshotter --storage-driver", "the engine's own setting is used", "set it in nerdctl.toml"),
)
"""Flags before the word `run`: where the engine is, and how the client behaves."""
