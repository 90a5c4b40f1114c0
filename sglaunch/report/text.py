"""The table of containers, for people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone

from sglaunch.plan.observation import ObservedContainer
from sglaunch.report.clean import clean
from sglaunch.report.data import devices, endpoints_data, gpus, ready
from sglaunch.report.since import since
from sglaunch.spec.columns import table
from sglaunch.spec.container import Wanted

_DIGITS = 6


def containers_table(
    containers: Sequence[ObservedContainer],
    now: datetime,
    *,
    states: Mapping[str, str],
    indices: Mapping[str, int],
    moved: Collection[str],
    projects: bool,
    columns: int | None = None,
) -> list[str]:
    """Profile, container, state, ready, image, GPUs, ports, uptime; project and owner first where several are shown.

    `moved`: ids of containers whose image's name means another image by now. `indices`: UUID -> number of each
    device of this machine, as far as they are known. `columns`: of the terminal that it must fit.
    """
    head = ["PROFILE", "CONTAINER", "STATE", "READY", "IMAGE", "GPUS", "PORTS", "UPTIME"]
    rows = [["PROJECT", "OWNER", *head] if projects else head]
    for one in containers:
        applied, state = one.applied, states.get(one.id, "")
        row = [
            applied.profile if applied else "-",
            one.name,
            one.status if one.status != "exited" else f"exited ({one.exit_code})",
            {True: "yes", False: state or one.health or "no", None: "-"}[ready(one, state)],
            f"{one.image_ref} (moved)" if one.id in moved else one.image_ref,
            _gpus(one, indices),
            ", ".join(_ports(one.ports)) or ("host" if one.network_mode == "host" else "-"),
            uptime(one, now),
        ]
        owner = [applied.project, applied.owner.name] if applied else ["-", "-"]
        rows.append([clean(cell) for cell in ([*owner, *row] if projects else row)])
    return table(rows, columns)


def _ports(published: Sequence[str]) -> list[str]:
    """Ports as people say them: `30000`, or `8080->80`; with the address or protocol where it is not the usual one."""
    shown = []
    for port in published:
        host, arrow, inside = port.removeprefix("0.0.0.0:").removeprefix("[::]:").partition("->")
        inside = inside.removesuffix("/tcp")
        shown.append(host if not arrow or host == inside else f"{host}->{inside}")
    return list(dict.fromkeys(shown))


def _gpus(one: ObservedContainer, indices: Mapping[str, int]) -> str:
    """What was asked; for a count the devices it was given, by the numbers that `sglaunch gpus` shows."""
    given = [str(indices[uuid]) if uuid in indices else "?" for uuid in devices(one)]
    return f"{gpus(one)} ({','.join(given)})" if given else gpus(one) or "-"


def endpoint_lines(wanted: Sequence[Wanted], answers: Mapping[str, str], hostname: str) -> list[str]:
    """Where each server answers, and a request that works; a key comes from the caller's shell."""
    lines = []
    keys = {one.spec.container_name: one.spec.server.api_key for one in wanted if one.spec.server is not None}
    for found in endpoints_data(wanted, answers, hostname):
        key = keys.get(found["container"])
        header = f' -H "Authorization: Bearer ${key}"' if key else ""
        others = f"  (other machines: {found['host_url']})" if found["host_url"] else ""
        lines += [
            f"ready      {found['url']}  {found['model']}{others}",
            f"try        curl{header} {found['url']}/v1/models",
        ]
        where, _, port = answers[found["container"]].rpartition(":")
        if where == hostname:
            lines.append(f"tunnel     ssh -L {port}:127.0.0.1:{port} {hostname}")
    return lines


def uptime(one: ObservedContainer, now: datetime) -> str:
    """How long it has run, in its largest unit."""
    began = running_since(one)
    return "-" if began is None else since(now.timestamp() - began)


def running_since(one: ObservedContainer) -> float | None:
    """When it was started, in seconds since 1970, if it runs."""
    return parse_time(one.started).timestamp() if one.status in ("running", "paused") and one.started else None


def parse_time(text: str) -> datetime:
    """RFC 3339 with nanoseconds, which Python before 3.11 does not read."""
    head, _, rest = text.rstrip("Z").partition(".")
    fraction = rest[:_DIGITS].rstrip("+-:").ljust(_DIGITS, "0") if rest else "000000"
    return datetime.fromisoformat(f"{head[:19]}.{fraction}").replace(tzinfo=timezone.utc)
