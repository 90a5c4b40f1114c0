"""A profile in the making: keys, remarks and losses, with no secret in any of them; pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from sglaunch.convert.concealed import hidden, without_secrets
from sglaunch.convert.run_line import Given, Loss
from sglaunch.convert.shell_text import Literal, Word
from sglaunch.plain import Struct, field

# The order in which people read a profile.
ORDER = (
    *("extends", "container_name", "image", "platform", "pull_policy", "entrypoint", "command", "server", "gpus"),
    *("runtime", "devices", "device_cgroup_rules", "shm_size", "ipc", "ulimits", "network_mode", "networks", "ports"),
    *("hostname", "extra_hosts", "dns", "dns_search", "dns_opt", "volumes", "tmpfs", "volumes_from", "working_dir"),
    *("user", "group_add", "environment", "env_file", "secret_env", "privileged", "cap_add", "cap_drop"),
    *("security_opt", "read_only", "sysctls", "pid", "uts", "userns_mode", "cgroup", "mem_limit", "mem_reservation"),
    *("memswap_limit", "cpus", "cpu_shares", "cpu_quota", "cpu_period", "cpuset", "pids_limit", "init", "tty"),
    *("stdin_open", "auto_remove", "restart", "stop_signal", "stop_grace_period", "healthcheck", "logging", "labels"),
    *("shell", "attach"),
)
PLACEHOLDER = re.compile(r"<[^<>\s][^<>\n]*>|(?<![$\w\"'])\{[A-Za-z][\w .-]*\}|(?<=_)\{[A-Za-z][\w .-]*\}")
MAKE_NEW = "and make a new one, for this one was pasted"
LEFT_OUT = "cannot be known here, and is left out"


class Draft(Struct):
    """`targets`: container paths that are taken. `names`: variables, by what they were given.

    `attached`: how the container hangs in a network, kept until all flags are read.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    losses: list[Loss] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)
    names: dict[str, Word] = field(default_factory=dict)
    attached: list[tuple[Given, str, str]] = field(default_factory=list)

    def remark(self, path: str, text: str) -> None:
        """A remark beside a value; "" for the profile as a whole. What it quotes of the line is without secrets."""
        said = self.comments.get(path, "")
        if text not in said.splitlines():
            self.comments[path] = f"{said}\n{text}" if said else text

    def lose(self, given: Given, message: str, hint: str = "") -> None:
        """What a flag said and the profile does not."""
        value = f" {hidden(given.value.written)}" if given.value is not None else ""
        self.losses.append(Loss(given.at, given.written, f"{value.strip()}: {message}" if value else message, hint))

    def refuse(self, given: Given, error: object) -> None:
        """What engines would refuse too is left out."""
        self.lose(given, f"is left out: {error}", "see what was meant, and write it in the profile")

    def put(self, path: str, value: Any) -> None:
        """A value under a path such as `healthcheck.test`."""
        *owners, last = path.split(".")
        there = self.keys
        for owner in owners:
            there = there.setdefault(owner, {})
        there[last] = value

    def add(self, path: str, value: Any) -> None:
        """One more value of a list; the same one is there once."""
        listed = self.keys.setdefault(path, [])
        if value not in listed:
            listed.append(value)

    def text(self, given: Given, word: Word, path: str = "") -> str | None:
        """A word as a text of the profile; None, told, where it cannot be known. Secrets become variables."""
        if word.unknown is not None:
            self.lose(given, LEFT_OUT, "write its value in the profile")
            return None
        safe = self.safe(word, given.at, given.written)
        if (found := PLACEHOLDER.search(word.plain or "")) and path:
            self.placeholder(given, found[0], path)
        return safe.template

    def safe(self, word: Word, at: int, where: str) -> Word:
        """The word with a variable in place of each secret, told."""
        safe, names = without_secrets(word)
        for name in names:
            hint = f"set {name} in the environment or in .env beside sglaunch.yaml; {MAKE_NEW}"
            self.losses.append(
                Loss(at, where, f"a secret is written nowhere; {{{{ env.{name} }}}} stands for it", hint)
            )
        return safe

    def placeholder(self, given: Given, written: str, path: str) -> None:
        """What people are to fill in themselves stays, and is told."""
        written = hidden(written)
        self.lose(given, f"{written} stands for what you choose", f"fill it in at {path}")
        self.remark(path, f"{written}: fill it in")

    def ordered(self) -> Mapping[str, Any]:
        """The keys in the order people read them; a key that is in none comes last."""
        rank = {key: number for number, key in enumerate(ORDER)}
        return {key: self.keys[key] for key in sorted(self.keys, key=lambda key: rank.get(key, len(rank)))}


def fields_of(text: str) -> list[str]:
    """The fields of a line of CSV, which engines' long options are."""
    try:
        return next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error:
        return text.split(",")


def slug(text: str, allowed: str) -> str:
    """A text with placeholders as a valid one: their brackets go, and what is not allowed becomes a dash."""
    bare = PLACEHOLDER.sub(lambda match: re.sub(rf"[^{allowed}]+", "-", match[0][1:-1]).strip("-"), text)
    return re.sub(rf"[^{allowed}]+", "-", bare)


def is_sole_variable(word: Word, name: str) -> bool:
    """Whether a word is `$NAME` and nothing else."""
    return word.names == [name] and not any(isinstance(part, Literal) and part.text for part in word.parts)
