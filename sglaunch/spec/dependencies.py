"""The order in which things that need one another come: the one walk for profiles in files and for containers; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence


def _accept(path: Sequence[str], name: str) -> None:
    """A cycle is no error where files were checked before."""


def dependency_order(
    names: Iterable[str],
    needs: Callable[[str], Iterable[str]],
    on_cycle: Callable[[Sequence[str], str], None] = _accept,
) -> list[str]:
    """Every name after all that it needs; otherwise in the given order. What is needed is added to `names`.

    Each name is visited once, however many paths lead to it. `on_cycle` gets the names from the root to the one that
    closes a cycle, and the name that it needs again; of a cycle the first visited name comes last.
    """
    ordered: dict[str, None] = {}
    for root in names:
        path: list[str] = []
        open_needs: dict[str, Iterator[str]] = {}
        name: str | None = root if root not in ordered else None
        while name is not None or path:
            if name is not None:
                path.append(name)
                open_needs[name] = iter(needs(name))
            name = None
            for needed in open_needs[path[-1]]:
                if needed in open_needs:
                    on_cycle(path, needed)
                elif needed not in ordered:
                    name = needed
                    break
            else:
                done = path.pop()
                del open_needs[done]
                ordered[done] = None
    return list(ordered)
