"""What `pull` and `push` of the engines draw on a terminal, as layers and bytes; pure.

Docker 20.10 to 28 and Podman 4.3 as recorded, nerdctl 2.0 as in its sources. What is not known is passed over.
"""

from __future__ import annotations

import re

from sglaunch.plain import Struct

_BREAKS = re.compile(r"[\r\n]|\x1b\[[0-9;?]*[A-Za-ln-z]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*)?$")
_UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
_SIZE = r"([\d.]+) ?([kKMG]i?)?B?"
_PAIR = re.compile(rf"{_SIZE} ?/ ?{_SIZE}")
_ONE = re.compile(rf"\]\s+{_SIZE}\s*$")
_DOCKER = re.compile(r"([0-9a-f]{12}): ([A-Z][\w ]+?)\s*(?:\[|$)")
_PODMAN = re.compile(r"Copying (blob|config) (?:sha256:)?([0-9a-f]{10,64})\s+(.*)")
_NERDCTL = re.compile(r"layer-sha256:([0-9a-f]{12})[0-9a-f.]*:\s+(\w+)")
_DIGEST = re.compile(r"(?i)digest: (sha256:[0-9a-f]{64})")
_DONE = (
    *("Pull complete", "Already exists", "Pushed", "Layer already exists", "Mounted from", "Download complete"),
    *("done", "exists", "skipped"),
)
_WITHOUT_BYTES = ("Already exists", "Layer already exists", "Mounted from", "exists", "skipped")
_WINDOW = 5.0


class Moved(Struct, frozen=True):
    """How far a transfer is: layers, and bytes of those whose size is known."""

    layers: int = 0
    layers_done: int = 0
    done: int = 0
    total: int = 0
    extracting: bool = False
    retrying: bool = False
    digest: str = ""


class _Layer(Struct):
    state: str = ""
    done: int = 0
    total: int = 0


class Transfer:
    """Fed with what was drawn, in pieces of any cut."""

    def __init__(self) -> None:
        self._rest = ""
        self._layers: dict[str, _Layer] = {}
        self._digest = ""
        self.said: list[str] = []
        """Lines that are no progress, such as an error's."""

    def feed(self, text: str) -> Moved:
        """How far it is after some more text. An escape sequence may be cut, so the last piece waits for more."""
        text = self._rest + text
        cut = _UNFINISHED.search(text)
        kept = text[cut.start() :] if cut else ""
        *pieces, rest = _BREAKS.split(_COLOUR.sub("", text.removesuffix(kept)))
        self._rest = rest + kept
        for piece in pieces:
            self._piece(piece.strip())
        return self.moved()

    def end(self) -> Moved:
        """The last piece, too."""
        self._piece(self._rest.strip())
        self._rest = ""
        return self.moved()

    def moved(self) -> Moved:
        layers = self._layers.values()
        return Moved(
            len(layers),
            sum(1 for one in layers if one.state.startswith(_DONE)),
            sum(one.done for one in layers),
            sum(one.total for one in layers),
            any(one.state.startswith(("Extracting", "extracting", "unpacking")) for one in layers),
            any(one.state.startswith("Retrying") for one in layers),
            self._digest,
        )

    def _piece(self, text: str) -> None:
        if digest := _DIGEST.search(text):
            self._digest = digest[1]
        elif found := _DOCKER.match(text) or _NERDCTL.match(text):
            self._layer(found[1], found[2], text)
        elif podman := _PODMAN.match(text):
            if podman[1] == "blob":
                self._layer(podman[2][:12], re.sub(r"^\[[^\]]*\]\s*|\s*\|.*$", "", podman[3]) or "copying", text)
        elif text and not _NOISE.match(text):
            self.said.append(text)

    def _layer(self, name: str, state: str, text: str) -> None:
        layer = self._layers.setdefault(name, _Layer())
        layer.state = state
        if state.startswith(_WITHOUT_BYTES):
            layer.done = layer.total
        elif (pair := _PAIR.search(text)) and not state.startswith("Extracting"):
            layer.done, layer.total = _bytes(pair[1], pair[2]), _bytes(pair[3], pair[4])
        elif state.startswith(_DONE):
            layer.done = layer.total
        elif (one := _ONE.search(text)) and state.startswith("Pushing"):
            layer.done = layer.total = max(_bytes(one[1], one[2]), layer.total)
        layer.done = min(layer.done, layer.total)


_NOISE = re.compile(
    r"[\w.-]+: Pulling from |Status: |The push refers to|Using default tag|Trying to pull|Getting image source|"
    r"Writing manifest|Storing signatures|elapsed:|[0-9a-f]{64}$|\S+/\S+[:@]\S+$|\S+:\s+(resolving|resolved|waiting)|"
    r"(?:config|manifest|index)-sha256:|"
    r"Copying config|Copying blob"
)


def _bytes(number: str, unit: str | None) -> int:
    try:
        return int(float(number) * _UNITS.get((unit or "").lower(), 1))
    except ValueError:
        return 0


class Rate:
    """Bytes a second over the last seconds."""

    def __init__(self) -> None:
        self._samples: list[tuple[float, int]] = []

    def add(self, seconds: float, done: int) -> float:
        """The rate after a sample, 0 where nothing can be told."""
        self._samples = [one for one in self._samples if seconds - one[0] <= _WINDOW][-50:]
        self._samples.append((seconds, done))
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return max(0.0, (after - before) / (last - first)) if last > first else 0.0


def told(moved: Moved, rate: float) -> str:
    """`3/7 layers, 120 MB of 300 MB, 35 MB/s, 5 s left`."""
    words = [f"{moved.layers_done}/{moved.layers} layers"] if moved.layers else []
    if moved.total:
        words.append(f"{_size(moved.done)} of {_size(moved.total)}")
    left = moved.total - moved.done
    if left > 0 and rate > 0:
        words += [f"{_size(int(rate))}/s", f"{max(1, round(left / rate))} s left"]
    if moved.retrying:
        words.append("no answer, trying again")
    elif moved.extracting and left <= 0:
        words.append("extracting")
    return ", ".join(words)


def _size(count: int) -> str:
    """As the engines write it: 300 MB."""
    if count >= 1000**3:
        return f"{count / 1000**3:.1f} GB"
    return f"{count / 1000**2:.0f} MB" if count >= 1000**2 else f"{count / 1000:.0f} kB"


def percent(moved: Moved) -> int | None:
    """Of the bytes that are known; None where none are."""
    return int(100 * moved.done / moved.total) if moved.total else None
