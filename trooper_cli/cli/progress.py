"""How far a download is, on a terminal: one line that is drawn over itself and wiped away at the end."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self, TextIO

from trooper_cli.engines.model_fetch import gigabytes

if TYPE_CHECKING:
    from collections.abc import Mapping

from trooper_cli.cli.terminal import is_screen

_EVERY = 0.1
_BAR = 24
_WIPE = "\r\x1b[K"


class ProgressBar:
    """It is drawn inside its `with`, on a stream that is a terminal, and nowhere else."""

    def __init__(self, stream: TextIO | None, environ: Mapping[str, str], *, quiet: bool) -> None:
        self._stream = stream if stream is not None and not quiet and is_screen(stream, environ) else None
        self._began: tuple[float, int] | None = None
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._drawn:
            self._draw(_WIPE)

    def __call__(self, here: int, size: int) -> None:
        """Show that of `size` bytes `here` have arrived."""
        now = time.monotonic()
        if self._stream is None or (now - self._drawn < _EVERY and here < size):
            return
        self._began = self._began or (now, here)
        self._drawn = now
        self._draw(f"{_WIPE}{self._line(here, size, now)[: self._columns() - 1]}")

    def _line(self, here: int, size: int, now: float) -> str:
        assert self._began is not None  # noqa: S101
        seconds, arrived = now - self._began[0], here - self._began[1]
        done = here * _BAR // size
        line = f"[{'#' * done}{'-' * (_BAR - done)}] {here * 100 // size:3} %  {gigabytes(here)} of "
        line += gigabytes(size)
        if here >= size:
            return f"{line}  checking"
        if seconds > 1 and arrived:
            left = int((size - here) * seconds / arrived)
            line += f"  {gigabytes(arrived / seconds)}/s  {left // 60}:{left % 60:02} left"
        return line

    def _columns(self) -> int:
        assert self._stream is not None  # noqa: S101
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def _draw(self, text: str) -> None:
        assert self._stream is not None  # noqa: S101
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            # A terminal that went away has nobody who watches.
            self._stream = None
            self._drawn = 0.0
