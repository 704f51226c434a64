"""A sign on a terminal that something is awaited; wiped away before anything else is written."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FIRST_AFTER, _EVERY = 0.3, 0.1
_WIPE = "\r\x1b[K"


class Spinner:
    """It turns inside its `with`, until the first text is shown."""

    def __init__(
        self, show: Callable[[str], None], notify: Callable[[str], None], think: Callable[[str], None]
    ) -> None:
        self._show, self._tell, self._think = show, notify, think
        self._began, self._what, self._since = time.monotonic(), "", 0.0
        self._stopped = threading.Event()
        self._screen = threading.Lock()
        self._thread = threading.Thread(target=self._turn, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()

    def show(self, text: str) -> None:
        """Show text of the answer, with which the waiting is over."""
        if text:
            self._stop()
        self._show(text)

    def think(self, text: str) -> None:
        """Show text that the model thinks, which is its own sign that something happens."""
        if text:
            self._stop()
        self._think(text)

    def wait(self, what: str) -> None:
        """Show what is being waited for, with its own seconds; nothing for what takes no time of its own."""
        if what != self._what:
            self._what, self._since = what, time.monotonic()

    def notify(self, text: str) -> None:
        """Write a notice; the spinner continues below it."""
        with self._screen:
            if self._thread.is_alive():
                self._draw(_WIPE)
            self._tell(text)

    def _stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _turn(self) -> None:
        frame, drawn = 0, False
        while not self._stopped.wait(_EVERY if drawn else _FIRST_AFTER):
            with self._screen:
                what, since = (f"{self._what}, ", self._since) if self._what else ("", self._began)
                self._draw(f"{_WIPE}{_FRAMES[frame % len(_FRAMES)]} {what}{time.monotonic() - since:.0f} s")
            frame, drawn = frame + 1, True
        if drawn:
            self._draw(_WIPE)

    def _draw(self, text: str) -> None:
        try:
            sys.stderr.buffer.write(text.encode())
            sys.stderr.buffer.flush()
        except (OSError, ValueError):
            # A terminal that went away has nobody who waits.
            self._stopped.set()
