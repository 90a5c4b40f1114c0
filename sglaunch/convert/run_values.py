"""Each flag's value as the profile's value: one function a kind, by one table; pure.

What engines would refuse at create, and what nobody can know, is left out and told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sglaunch.convert.draft import Draft
from sglaunch.convert.run_environment import variable
from sglaunch.convert.run_gpus import gpus
from sglaunch.convert.run_line import Given
from sglaunch.convert.run_mounts import mount, tmpfs, volume
from sglaunch.convert.run_networks import attached, network
from sglaunch.convert.shell_text import Word
from sglaunch.spec.mounts import CDI_NAME
from sglaunch.spec.values import check_restart, parse_duration, parse_port, parse_size, parse_swap

Handler = Callable[[Draft, Given, Word], None]


def _scalar(check: Callable[[str], Any] = str, convert: Callable[[str], Any] = str) -> Handler:
    """A single value; `check` raises ValueError for what no engine takes, `convert` makes a number of it."""

    def run(draft: Draft, given: Given, word: Word) -> None:
        path = given.flag.key
        text = draft.text(given, word, path)
        if text is None:
            return
        value: Any = text
        if (plain := word.plain) is not None:
            try:
                check(plain)
                value = convert(plain) if convert is not str else text
            except ValueError as error:
                draft.refuse(given, error)
                return
        if value is not None:
            draft.put(path, value)

    return run


def _listed(check: Callable[[str], Any] = str) -> Handler:
    def run(draft: Draft, given: Given, word: Word) -> None:
        text = draft.text(given, word, given.flag.key)
        if text is None:
            return
        try:
            check(word.plain if word.plain is not None else "")
        except ValueError as error:
            if word.plain is not None:
                draft.refuse(given, error)
                return
        draft.add(given.flag.key, text)

    return run


def _number(text: str) -> int | float | None:
    """A number as YAML would write it again; 0 is what engines take for no limit."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{text} is not a number of CPUs; write one such as 4 or 1.5")
    return (int(number) if number.is_integer() else number) or None


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise ValueError(f"{text!r} is not a number; write a whole one")
    return int(text)


def _seconds(text: str) -> str:
    if _whole(text) < 0:
        raise ValueError("a container that is never killed is not carried; write stop_grace_period: 1h")
    return f"{text}s"


def _absolute(text: str) -> None:
    if not text.startswith("/"):
        raise ValueError(f"{text!r} must be an absolute path of the container")


def _device(text: str) -> None:
    parts = text.split(":")
    is_path = parts[0].startswith("/") and len(parts) <= 3
    if re.search(r"[*?]", text):
        raise ValueError(f"{text!r} is a pattern, which only a shell expands; write each device")
    if text and not CDI_NAME.fullmatch(text) and not (is_path and re.fullmatch(r"[rwm]{0,3}", (parts[2:] or [""])[0])):
        raise ValueError(f"{text!r} is not a device; write /dev/name or vendor/class=x")


def _host(text: str) -> None:
    if text and not re.fullmatch(r"[^:=\s]+[:=]\S+", text):
        raise ValueError(f"{text!r} is not an entry of /etc/hosts; write name:address")


def _port(text: str) -> None:
    if text:
        parse_port(text)


def _pull(draft: Draft, given: Given, word: Word) -> None:
    if word.plain in ("always", "never"):
        draft.put("pull_policy", word.plain)
    elif word.plain != "missing":
        draft.lose(given, "is not a pull policy of ours", "write pull_policy: daily, weekly or always")


def _entrypoint(draft: Draft, given: Given, word: Word) -> None:
    """One word, whatever blanks are in it; "" resets that of the image."""
    text = draft.text(given, word, "entrypoint")
    if text is not None:
        draft.put("entrypoint", [text] if text else [])


def _assigned(draft: Draft, given: Given, word: Word) -> None:
    """`name=value` as an entry of a mapping; a name alone has an empty value."""
    head, _, value = word.partition("=")
    name = head.plain
    if not name or "{{" in name:
        draft.lose(given, "the name cannot be known, and it is left out", f"write it under {given.flag.key}")
        return
    if given.flag.key == "labels" and name.startswith("sglaunch."):
        draft.lose(given, "labels under sglaunch. are sglaunch's own")
        return
    text = draft.text(given, value)
    if text is not None:
        draft.put(given.flag.key, {**_there(draft, given.flag.key), name: text})


def _there(draft: Draft, path: str) -> Mapping[str, Any]:
    found: Any = draft.keys
    for step in path.split("."):
        found = found.get(step, {})
    return dict(found)


def _ulimit(draft: Draft, given: Given, word: Word) -> None:
    head, found, value = word.partition("=")
    soft, both, hard = value.partition(":")
    if not found or not head.plain or value.unknown is not None:
        draft.lose(given, "is not name=limit", "write it under ulimits")
        return
    try:
        limits = [
            _whole(one.plain) if one.plain is not None else one.template for one in ((soft, hard) if both else (soft,))
        ]
    except ValueError as error:
        draft.refuse(given, error)
        return
    same = len(limits) == 1 or limits[0] == limits[1]
    draft.put(
        "ulimits",
        {
            **_there(draft, "ulimits"),
            head.plain: limits[0] if same else dict(zip(("soft", "hard"), limits, strict=True)),
        },
    )


HANDLERS: Mapping[str, Handler] = {
    "pull_policy": _pull,
    "entrypoint": _entrypoint,
    "gpus": gpus,
    "devices": _listed(_device),
    "ports": _listed(_port),
    "extra_hosts": _listed(_host),
    "networks": network,
    "networks.aliases": lambda draft, given, word: attached(draft, given, word, "aliases"),
    "networks.ipv4_address": lambda draft, given, word: attached(draft, given, word, "ipv4_address"),
    "networks.ipv6_address": lambda draft, given, word: attached(draft, given, word, "ipv6_address"),
    "environment": variable,
    "labels": _assigned,
    "sysctls": _assigned,
    "logging.options": _assigned,
    "ulimits": _ulimit,
    "tmpfs": tmpfs,
    "working_dir": _scalar(_absolute),
    "restart": _scalar(check_restart),
    "cpus": _scalar(str, _number),
    "stop_grace_period": _scalar(str, _seconds),
    "memswap_limit": _scalar(parse_swap),
    **dict.fromkeys(("shm_size", "mem_limit", "mem_reservation"), _scalar(parse_size)),
    **dict.fromkeys(
        ("healthcheck.interval", "healthcheck.timeout", "healthcheck.start_period"), _scalar(parse_duration)
    ),
    **dict.fromkeys(
        ("cpu_shares", "cpu_quota", "cpu_period", "pids_limit", "healthcheck.retries"), _scalar(str, _whole)
    ),
}
"""By key of the profile, what reads a value of its flag; what is not here is a text, or a list of texts."""


def take(draft: Draft, given: Given) -> None:
    """One flag of the line into the draft."""
    flag = given.flag
    if not flag.takes:
        _switch(draft, given)
    elif given.value is not None and flag.key:
        default = _listed() if flag.many else _scalar()
        by_flag = {"--mount": mount, "--volume": volume}.get(flag.name)
        (by_flag or HANDLERS.get(flag.key, default))(draft, given, given.value)
    elif not flag.implied:
        draft.lose(given, flag.why, flag.hint)


def _switch(draft: Draft, given: Given) -> None:
    flag = given.flag
    if given.on and flag.key:
        draft.put(flag.key, True)
    elif given.on and not flag.implied:
        draft.lose(given, flag.why, flag.hint)
    elif given.value is not None:
        draft.lose(given, "is neither true nor false here, and is left out", "write true or false in the profile")
    elif flag.key:
        draft.keys.pop(flag.key, None)
