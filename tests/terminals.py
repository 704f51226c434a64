"""An interactive program on a terminal of its own, typed to as a person would."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class Terminal:
    """The keyboard and the screen of a program."""

    def __init__(self, controller: int) -> None:
        self._controller = controller
        self.screen = ""

    def type(self, keys: str) -> None:
        os.write(self._controller, keys.encode())

    def wait_for(self, text: str, seconds: float = 20.0) -> str:
        """Read until `text` is on the screen; give what was read up to its end."""
        limit = time.monotonic() + seconds
        while text not in self.screen:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self._controller], [], [], left)[0]:
                raise AssertionError(f"{text!r} did not appear; the screen holds {self.screen!r}")
            self.screen += os.read(self._controller, 65536).decode(errors="replace")
        seen, _, self.screen = self.screen.partition(text)
        return seen + text


@contextlib.contextmanager
def terminal(command: Sequence[str], environ: Mapping[str, str], folder: Path) -> Iterator[Terminal]:
    """Run a program on a pseudo-terminal, which hangs up at the end."""
    import pty

    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, env=environ, cwd=folder, start_new_session=True
    )
    os.close(terminal)
    try:
        yield Terminal(controller)
    finally:
        process.kill()
        process.wait(timeout=20)
        os.close(controller)
