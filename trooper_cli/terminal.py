"""What may be written where: bytes to a pipe as they are, to a terminal nothing that could steer it."""

from __future__ import annotations

import os
import re
import sys

from trooper_cli.errors import StorageError

# C0 but tab and newline, DEL, C1, and the characters that reorder text on the screen.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Show every character that could steer a terminal as a visible escape."""
    return _STEERING.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}", text
    )


class ReaderGoneError(Exception):
    """Nobody reads standard output any more. Not an OSError: those the command library takes for its own."""


class Output:
    """Standard output in UTF-8, whatever the locale: the answer and nothing else."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout is not None and sys.stdout.isatty()

    def write(self, text: str) -> None:
        """Write and flush.

        Raises:
            ReaderGoneError: nobody reads any more.
            StorageError: it is closed or full.

        """
        if sys.stdout is None:
            raise StorageError("standard output is closed, so nothing was printed")
        data = (escaped(text) if self.is_terminal else text).encode("utf-8", "replace")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            _discard_output()
            raise ReaderGoneError from error
        except OSError as error:
            _discard_output()
            raise StorageError(f"standard output cannot be written: {error.strerror}") from error


def _discard_output() -> None:
    """Let what Python flushes at its end go nowhere: that it cannot be written is said by the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


class Notices:
    """Lines on standard error, each `trooper: …`; none of them with `-q`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet

    def tell(self, text: str) -> None:
        if not self.quiet:
            say(text)


def say(text: str) -> None:
    """Write one line to standard error, where there is one."""
    if sys.stderr is None:
        # print() would take standard output instead.
        return
    line = " ".join(escaped(text).split("\n"))
    try:
        print(f"trooper: {line}", file=sys.stderr, flush=True)
    except (OSError, UnicodeEncodeError):
        return
