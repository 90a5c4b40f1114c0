"""Image references as Docker reads them (github.com/distribution/reference), and the order of release tags."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sglaunch.plain import Struct, replace

HUB = "docker.io"
HUB_HOST = "registry-1.docker.io"
"""Where the registry behind docker.io answers."""
_LIBRARY = "library/"
_VERSION = re.compile(r"v?(\d+(?:\.\d+)*)(?:[.-]?(rc|a|b|post)(\d+))?(?:-(.*))?")
# The grammar of github.com/distribution/reference: [host[:port]/]path[:tag][@digest]; an image id is a name too.
REFERENCE = (
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::\d+)?/|\[[0-9a-fA-F:]+\](?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,})?"
)
_STAGES = {"a": -3, "b": -2, "rc": -1, "": 0, "post": 1}


class Reference(Struct, frozen=True):
    """`registry/repository:tag@digest`, with what Docker fills in; no tag beside a digest unless both were written."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """As people write it, without tag and digest."""
        if self.registry != HUB:
            return f"{self.registry}/{self.repository}"
        return self.repository.removeprefix(_LIBRARY)

    @property
    def familiar(self) -> str:
        """As people write it."""
        return f"{self.name}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f"{f':{self.tag}' if self.tag else ''}{f'@{self.digest}' if self.digest else ''}"

    @property
    def full(self) -> str:
        """With the registry, which Podman does not take for granted."""
        return f"{self.registry}/{self.repository}{self._suffix}"

    def with_digest(self, digest: str) -> Reference:
        """By digest alone: engines other than Docker refuse a tag beside it."""
        return replace(self, tag="", digest=digest)

    def at(self, mirror: str) -> Reference:
        """The same image at another host, beneath a path of it perhaps."""
        host, _, path = mirror.strip("/").partition("/")
        return replace(self, registry=host, repository=f"{path}/{self.repository}" if path else self.repository)


def is_reference(text: str) -> bool:
    """Whether engines take a text as the name of an image."""
    return re.fullmatch(REFERENCE, text) is not None


def names_registry(text: str) -> bool:
    """Whether a reference begins with a registry's host."""
    head, slash, _ = text.partition("/")
    return bool(slash) and ("." in head or ":" in head or head == "localhost")


def parse(text: str) -> Reference:
    """Raises ValueError for what is no reference."""
    rest, _, digest = text.partition("@")
    head, _, tail = rest.partition("/")
    registry, path = (head, tail) if names_registry(rest) else (HUB, rest)
    repository, colon, tag = path.partition(":")
    if not repository or (colon and not tag) or (digest and ":" not in digest):
        raise ValueError(f"{text!r} is not an image reference, such as registry/name:tag")
    if registry in ("index.docker.io", HUB):
        registry = HUB
        repository = repository if "/" in repository else _LIBRARY + repository
    return Reference(registry, repository, tag or ("" if digest else "latest"), digest)


def newer_release(tag: str, tags: Iterable[str]) -> str | None:
    """The newest release of the same kind (`-cu129-runtime`) that is newer than `tag`; None for a tag that is none.

    Candidates are news only to who runs one.
    """
    mine = _release(tag)
    if mine is None:
        return None
    found = [(one, release) for one in tags if (release := _release(one)) is not None and release[2] == mine[2]]
    newer = [
        (release, one) for one, release in found if release[:2] > mine[:2] and (release[1][0] >= 0 or mine[1][0] < 0)
    ]
    return max(newer)[1] if newer else None


def is_release(tag: str) -> bool:
    """Whether a tag is a version, which later ones follow."""
    return _release(tag) is not None


def release_numbers(tag: str) -> tuple[int, ...]:
    """The version that a tag names, (0, 5, 5) of `v0.5.5.post1-cu129`; () for other tags."""
    release = _release(tag)
    return release[0] if release is not None else ()


def _release(tag: str) -> tuple[tuple[int, ...], tuple[int, int], str] | None:
    match = _VERSION.fullmatch(tag)
    if match is None or "." not in match[1]:
        return None
    numbers = tuple(int(part) for part in match[1].split("."))
    return numbers, (_STAGES[match[2] or ""], int(match[3] or 0)), match[4] or ""


def nearest_tags(tag: str, tags: Iterable[str], limit: int = 3) -> list[str]:
    """Those that somebody may have meant."""
    from difflib import get_close_matches

    return get_close_matches(tag, list(tags), n=limit, cutoff=0.4)
