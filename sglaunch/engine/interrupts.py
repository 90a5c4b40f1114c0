"""Ctrl-C, SIGTERM and SIGHUP while a plan is carried out.

The first one raises KeyboardInterrupt, but only in a block that may be broken off; elsewhere it is noted, and the step
under way ends first. The following ones never raise: an undo is not given up. Each signal is announced.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOMENT = 0.3
"""Seconds after a signal before it is announced: what ends sooner needs no word."""


class Interrupts:
    """Handles the signals while it is entered, in the main thread. `announce` is called in another thread."""

    def __init__(self, announce: Callable[[], None] = lambda: None) -> None:
        self.came = False
        self._breakable = False
        self._announce = announce
        # Its put is safe in a signal handler, which may interrupt another put.
        self._signals: SimpleQueue[bool] = SimpleQueue()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        threading.Thread(target=self._speak, daemon=True).start()
        for name in SIGNALS:
            # nohup and background jobs have signals ignored; only the main thread may set a handler.
            if (handler := signal.getsignal(name)) not in (signal.SIG_IGN, None):
                with contextlib.suppress(ValueError):
                    signal.signal(name, self._handle)
                    self._before[name] = handler
        return self

    def __exit__(self, *_: object) -> None:
        for name, handler in self._before.items():
            signal.signal(name, handler)
        self._signals.put(False)

    def check(self) -> None:
        """Raises KeyboardInterrupt where a signal has come."""
        if self.came:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def breakable(self) -> Iterator[None]:
        """While this block runs, the first signal raises KeyboardInterrupt at once."""
        self._breakable = True
        try:
            self.check()
            yield
        finally:
            self._breakable = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        self._signals.put(True)
        if self._breakable:
            self._breakable = False
            raise KeyboardInterrupt

    def _speak(self) -> None:
        while self._signals.get():
            time.sleep(_MOMENT)
            self._announce()


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Signals to this thread and to the programs it starts wait until the block ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
