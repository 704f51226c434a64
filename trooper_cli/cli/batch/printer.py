"""What a batch prints: a line for each answer, and on standard error what is said of it."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

from trooper_cli.cli.batch.signals import signals_held
from trooper_cli.cli.terminal import is_screen

if TYPE_CHECKING:
    from typing import Self

    from trooper_cli import json_output
    from trooper_cli.cli.batch.line import Batch, Line

_WIPE = "\r\x1b[K"
# Of so many notices it is remembered that they were said.
_MOST_TOLD = 1_000


class Printer:
    """Standard output of a batch, its exit code, and what standard error says of it."""

    def __init__(self, batch: Batch) -> None:
        self.code = 0
        environment = batch.environment
        self._output = environment.output()
        self._stderr, self._say, self._quiet = environment.stderr, environment.say, batch.quiet
        self._shows = not batch.quiet and is_screen(environment.stderr, environment.environ)
        self._shows = self._shows and not self._output.is_terminal
        self._answered = self._failed = 0
        self._began = time.monotonic()
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._draw(_WIPE)

    def write(self, record: json_output.BatchAnswer | json_output.BatchFailure) -> None:
        """Print the object of a line, whole.

        Raises:
            ReaderGoneError: nobody reads any more.
            StorageError: standard output cannot be written.

        """
        line = f"{json.dumps(record, ensure_ascii=False)}\n"
        # Half a line is none: a signal ends the batch after it.
        with signals_held(signal.SIGTERM):
            self._output.write(line)
        code = record.get("exit", 0)
        self.code = self.code or code
        self._failed += bool(code)
        self._answered += not code
        failed = f", {self._failed} failed" if self._failed else ""
        self._draw(f"{_WIPE}{self._answered} answered{failed}, {time.monotonic() - self._began:.0f} s")

    def notify(self, text: str, line: Line | None = None) -> None:
        """Write a notice; what was said of an earlier line is not said of each later one."""
        if text not in self._told and not self._quiet:
            if len(self._told) < _MOST_TOLD:
                self._told.add(text)
            self.report(text, line)

    def report(self, text: str, line: Line | None) -> None:
        """Write what is said of a line, or of the batch."""
        self._draw(_WIPE)
        self._say(f"line {line.number}: {text}" if line else text)

    def _draw(self, text: str) -> None:
        if not self._shows or self._stderr is None:
            return
        try:
            self._stderr.write(text)
            self._stderr.flush()
        except (OSError, ValueError):
            # A terminal that went away has nobody who watches.
            self._shows = False
