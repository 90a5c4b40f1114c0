"""Small values that parse and print: sizes, durations, ports, mounts, devices, limits, secrets.

Each parser takes what people write and raises ValueError with a sentence that says what is allowed.
Sizes are Docker's: powers of 1024, whatever the suffix says (github.com/docker/go-units, RAMInBytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sglaunch.plain import Struct

SIZE_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)(i?b)?", re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s|d)")
_DURATION_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_SECRET_NAME = re.compile(
    r"(^|[_-])(TOKEN|API_?KEY|APIKEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|PRIVATE_KEY|ACCESS_KEY)(_|-|$|\d)",
    re.IGNORECASE,
)
RESTART = r"no|always|unless-stopped|on-failure(:\d+)?"
PULL_POLICY = r"always|missing|if_not_present|never|daily|weekly|build|every_(\d+[smhdw])+"
_FLAGS = {**dict.fromkeys(("true", "yes", "y", "on"), True), **dict.fromkeys(("false", "no", "n", "off"), False)}
MASK = "********"
_SHORT = 4
"""Characters of a line of a secret that is masked by itself; a shorter one (a brace of JSON) says nothing."""
MAX_PORT = 65535


TOKEN = re.compile(r"\b(?:hf_|sk-|ghp_|github_pat_|glpat-)\w{6,}|://[^/@\s:]*:[^/@\s]+@")
"""What is a secret wherever it is written: the tokens of the usual services, a password in a URL."""


class Secret:
    """A value that prints, dumps and formats as asterisks; only `reveal` opens it.

    Equality compares the values, so that a changed secret is seen without being shown.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: for the engine client and the fingerprint, nobody else."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __reduce__(self) -> Any:
        raise TypeError("a secret is never serialised")


def masked(text: str, values: Iterable[str]) -> str:
    """The text with stars where a value stands, or a line of one that has several; the longer ones first."""
    parts = {part for value in values for part in (value, *value.splitlines()) if part == value or len(part) >= _SHORT}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, MASK)
    return text


def looks_secret(name: str) -> bool:
    """Whether a variable of this name usually holds a secret (HF_TOKEN, X_API_KEY, DB_PASSWORD)."""
    return _SECRET_NAME.search(name) is not None


def parse_flag(value: object) -> object:
    """True or false of the texts that Compose reads as one, in any case; every other value unchanged."""
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def parse_size(value: object) -> int:
    """Bytes of `32g`, `64m`, `1.5gb`, `16GiB` or a plain number; every unit is a power of 1024."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    text = str(value).strip()
    match = _SIZE.fullmatch(text)
    if match is None or isinstance(value, bool):
        raise ValueError(f"{text!r} is not a size; write a number with a unit such as 512m or 32g (powers of 1024)")
    return int(float(match[1]) * SIZE_UNITS[match[2].lower()]) if "." in match[1] else _whole(match)


def _whole(match: re.Match[str]) -> int:
    return int(match[1]) * SIZE_UNITS[match[2].lower()]


def parse_swap(value: object) -> int:
    """A size, or -1 for "no limit" (memswap_limit)."""
    return -1 if str(value).strip() == "-1" else parse_size(value)


def check_restart(value: object) -> object:
    """The value as it is, where it is a restart policy."""
    if not re.fullmatch(RESTART, str(value)):
        raise ValueError(f"{value!r} is not a restart policy; allowed are no, always, unless-stopped, on-failure[:3]")
    return value


def format_size(size: int) -> str:
    """The shortest exact form: 34359738368 is `32g`."""
    for unit in "ptgmk":
        if size and size % SIZE_UNITS[unit] == 0:
            return f"{size // SIZE_UNITS[unit]}{unit}"
    return str(size)


def readable_size(size: int) -> str:
    """About how much: 3221225472 is `3.0g`."""
    for unit in "gmk":
        if size >= SIZE_UNITS[unit]:
            return f"{size / SIZE_UNITS[unit]:.1f}{unit}"
    return f"{size} bytes"


def parse_duration(value: object) -> float:
    """Seconds of `90s`, `1m30s`, `500ms`, `2h`, or a plain number of seconds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    text = str(value).strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write it as 90s, 1m30s or 2h")
    return sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)


def format_duration(seconds: float) -> str:
    """`90.0` is `1m30s`; fractions of a second stay."""
    if seconds != int(seconds):
        return f"{seconds:g}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    text = "".join(f"{number}{unit}" for number, unit in ((hours, "h"), (minutes, "m"), (rest, "s")) if number)
    return text or "0s"


class Mount(Struct, frozen=True):
    """A bind or a named volume at a container path (the key it is kept under). `source` is absolute or a volume name.

    An empty source is an anonymous volume. `create_host_path`: make a missing bind source, as the user.
    `propagation` and `selinux` are Compose's `bind.propagation` and `bind.selinux`.
    """

    type: str
    source: str = ""
    read_only: bool = False
    create_host_path: bool = False
    propagation: str = ""
    selinux: str = ""
    nocopy: bool = False

    def show(self) -> str:
        return f"{self.source or 'anonymous'}{':ro' if self.read_only else ''}"


class PortBinding(Struct, frozen=True):
    """The host's side of a published port; "" as port is any free one, "" as ip is every address."""

    port: str = ""
    ip: str = ""

    def show(self) -> str:
        ip = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{ip}:{self.port}" if ip else self.port or "any"


class Device(Struct, frozen=True):
    """A host device at a container path (its key), or a CDI name (`nvidia.com/gpu=0`, then key and path are equal)."""

    path: str
    permissions: str = "rwm"

    def show(self) -> str:
        return self.path if self.permissions == "rwm" else f"{self.path}:{self.permissions}"


class Ulimit(Struct, frozen=True):
    """Soft and hard limit in the unit of the resource; -1 is unlimited."""

    soft: int
    hard: int

    def show(self) -> str:
        return str(self.soft) if self.soft == self.hard else f"{self.soft}:{self.hard}"


class Healthcheck(Struct, frozen=True):
    """Compose's healthcheck; times in seconds. `test` is the shell line, "" with `disable`."""

    test: str = ""
    interval: float | None = None
    timeout: float | None = None
    retries: int | None = None
    start_period: float | None = None
    disable: bool = False


class NetworkAttachment(Struct, frozen=True):
    """How the container hangs in a named network."""

    aliases: tuple[str, ...] = ()
    ipv4_address: str = ""
    ipv6_address: str = ""


class Gpus(Struct, frozen=True):
    """A request for GPUs: every one, a number of them, or these. At most one of `count` and `ids` is set.

    `count` -1 is all. `min_free` in bytes is what each device must have free when a count chooses; then processes on it
    matter only with `idle`.
    """

    count: int = 0
    ids: tuple[str, ...] = ()
    min_free: int = 0
    idle: bool = False
    capabilities: tuple[str, ...] = ()

    @property
    def given(self) -> int:
        """How many devices the request gives; 0 for all of them. An id may be a list: `"4,5"` is two."""
        return sum(len(one.split(",")) for one in self.ids) or max(self.count, 0)

    def show(self) -> str:
        what = ",".join(self.ids) if self.ids else "all" if self.count == -1 else str(self.count)
        extra = [f"min_free={format_size(self.min_free)}"] if self.min_free else []
        return " ".join([what, *extra, *self.capabilities])


def parse_port_range(text: str, what: str) -> tuple[int, int]:
    """`30000` or `30000-30010` as first and last port."""
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    if match is None:
        raise ValueError(f"{text!r} is not a {what} port; write a number from 1 to {MAX_PORT}, or a range a-b")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 0 < first <= last <= MAX_PORT:
        raise ValueError(
            f"{text!r} is not a {what} port; write a number from 1 to {MAX_PORT}, or a range from low to high"
        )
    return first, last


def parse_port(text: str) -> list[tuple[str, PortBinding]]:
    """`[ip:][host:]container[/protocol]`, ranges included, as (`30000/tcp`, binding) pairs (Compose's short form)."""
    body, _, protocol = text.partition("/")
    protocol = protocol or "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise ValueError(f"{protocol!r} is not a protocol; allowed are tcp, udp and sctp")
    address = re.fullmatch(r"(?:(\[[0-9a-fA-F:.]+\]|[^:\[\]]*):)?(?:([^:]*):)?([^:]+)", body)
    if address is None:
        raise ValueError(f"{text!r} is not a port; write 30000:30000, 127.0.0.1:30000:30000 or 30000")
    ip, host, container = address[1] or "", address[2], address[3]
    if host is None:
        ip, host = "", ip
    if ip and not re.fullmatch(r"\[[0-9a-fA-F:.]+\]|\d+\.\d+\.\d+\.\d+", ip):
        raise ValueError(f"{ip!r} is not an address; write 127.0.0.1:30000:30000 or [::1]:30000:30000")
    first, last = parse_port_range(container, "container")
    bindings = [PortBinding("", ip.strip("[]"))] * (last - first + 1)
    if host:
        host_first, host_last = parse_port_range(host, "host")
        if host_last - host_first != last - first:
            raise ValueError(f"{text!r}: the host range and the container range differ in length; write as many ports")
        bindings = [PortBinding(str(port), ip.strip("[]")) for port in range(host_first, host_last + 1)]
    return [(f"{port}/{protocol}", binding) for port, binding in zip(range(first, last + 1), bindings, strict=True)]
