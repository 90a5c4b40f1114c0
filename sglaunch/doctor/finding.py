"""A finding: what was looked at, how it is, and what mends it; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sglaunch.doctor.facts import Facts
from sglaunch.plain import Struct

OK, WARN, FAIL = "ok", "warn", "fail"
# Family of a distribution -> what stands before the packages' names.
_INSTALL = {
    "debian": "sudo apt-get install -y",
    "fedora": "sudo dnf install -y",
    "arch": "sudo pacman -S",
    "suse": "sudo zypper install -y",
}
_PACKAGES: Mapping[str, Mapping[str, str]] = {
    "docker": {"debian": "docker.io", "fedora": "moby-engine", "arch": "docker", "suse": "docker"},
    "cni": {"": "containernetworking-plugins", "arch": "cni-plugins", "suse": "cni-plugins"},
    "catatonit": {"": "catatonit"},
    "tini": {"": "tini"},
}


class Finding(Struct, frozen=True):
    """One line of the answer: what was looked at, how it is, and the command or edit that mends it."""

    check: str
    status: str
    message: str
    fix: str = ""


Found = Iterator[Finding]


def install(facts: Facts, what: str) -> str:
    """The command that installs something on this distribution."""
    packages = _PACKAGES[what]
    package = packages.get(facts.family, packages.get("", what))
    return f"{_INSTALL[facts.family]} {package}" if facts.family in _INSTALL else f"install {package}"
