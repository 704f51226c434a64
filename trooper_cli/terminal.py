"""What may be written where: bytes to a pipe as they are, to a terminal nothing that could steer it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from trooper_cli.errors import StorageError
from trooper_cli.lazy import pattern

if TYPE_CHECKING:
    from typing import TextIO

# C0 but tab and newline, DEL, C1, and the characters that reorder text on the screen.
_STEERING = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Show every character that could steer a terminal as a visible escape."""
    return _STEERING.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}", text
    )


_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def is_screen(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that understands escape sequences."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def takes_colours(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal that shows colours, and NO_COLOR is not set."""
    return is_screen(stream) and not os.environ.get("NO_COLOR")


def styled(text: str, style: str) -> str:
    """Put a text that was escaped into a style, for a terminal that takes colours."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


class ReaderGoneError(Exception):
    """Nobody reads standard output any more. Not an OSError: those the command library takes for its own."""


class Output:
    """Standard output in UTF-8, whatever the locale: the answer and nothing else."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout is not None and sys.stdout.isatty()
        self._colours = self.is_terminal and takes_colours(sys.stdout)

    def write(self, text: str, style: str = "") -> None:
        """Write and flush; `style` is for a terminal that takes colours, and nothing anywhere else.

        Raises:
            ReaderGoneError: nobody reads any more.
            StorageError: it is closed or full.

        """
        if sys.stdout is None:
            raise StorageError("standard output is closed, so nothing was printed")
        shown = escaped(text) if self.is_terminal else text
        data = (styled(shown, style) if style and self._colours else shown).encode("utf-8", "replace")
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
    """Send what Python flushes at exit to /dev/null: the exit code already reports that output cannot be written."""
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


def say(text: str, style: str = "") -> None:
    """Write one line to standard error, where there is one."""
    if sys.stderr is None:
        # print() would take standard output instead.
        return
    line = f"trooper: {' '.join(escaped(text).split(chr(10)))}"
    try:
        print(styled(line, style) if style and takes_colours(sys.stderr) else line, file=sys.stderr, flush=True)
    except (OSError, UnicodeEncodeError):
        return
