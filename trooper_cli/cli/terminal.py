"""What may be written where: bytes to a pipe as they are, to a terminal nothing that could steer it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from trooper_cli.errors import StorageError
from trooper_cli.lazy_re import pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

# C0 but tab and newline, DEL, C1, the characters that reorder text on the screen (Unicode's Bidi_Control), and the line
# breaks that are no newline.
_STEERING = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def escaped(text: str) -> str:
    """Show every character that could steer a terminal as a visible escape."""
    return _STEERING.sub(
        lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else f"\\u{ord(match[0]):04x}", text
    )


_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def is_screen(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Return whether a stream is a terminal that understands escape sequences."""
    return stream is not None and stream.isatty() and environ.get("TERM", "") not in {"", "dumb"}


def takes_colours(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Return whether a stream is a terminal that shows colours, and NO_COLOR is not set."""
    return is_screen(stream, environ) and not environ.get("NO_COLOR")


def styled(text: str, style: str) -> str:
    """Put a text that was escaped into a style, for a terminal that takes colours."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


_NARROWEST = 20


class ReaderGoneError(Exception):
    """Nobody reads standard output any more. Not an OSError: those the command library takes for its own."""


class Output:
    """Standard output in UTF-8, whatever the locale: the answer and nothing else."""

    def __init__(self, stream: TextIO | None, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self.is_terminal = stream is not None and stream.isatty()
        self.takes_colours = self.is_terminal and takes_colours(stream, environ)
        self._environ = environ
        self._is_within_line = False
        self._is_line_ended = False

    @property
    def width(self) -> int:
        """The columns of the terminal: COLUMNS goes first, and what says nothing has 80."""
        columns = self._environ.get("COLUMNS", "")
        if columns.isascii() and columns.isdigit() and 0 < len(columns) < 5 and int(columns):
            return max(int(columns), _NARROWEST)
        with suppress(OSError, ValueError):
            if self._stream is not None and (found := os.get_terminal_size(self._stream.fileno()).columns):
                return max(found, _NARROWEST)
        return 80

    def before(self, write: Callable[[str], None]) -> Callable[[str], None]:
        """Return a function that writes to the same screen, on a line of its own and not behind text of the answer."""

        def end_and_write(text: str) -> None:
            self.end_line()
            write(text)

        return end_and_write

    def end_line(self) -> None:
        """End the line that the answer is in the middle of, on a terminal."""
        if self.is_terminal and self._is_within_line:
            with suppress(ReaderGoneError, StorageError):
                self.write("\n")
            self._is_line_ended = True

    def end(self) -> None:
        """Write the newline that follows an answer, unless a notice has ended the line by now."""
        if not self._is_line_ended:
            self.write("\n")

    def write(self, text: str, style: str = "") -> None:
        """Write and flush; `style` is for a terminal that takes colours, and nothing anywhere else.

        Raises:
            ReaderGoneError: nobody reads any more.
            StorageError: it is closed or full.

        """
        shown = escaped(text) if self.is_terminal else text
        self.draw(styled(shown, style) if style and self.takes_colours else shown)

    def draw(self, text: str) -> None:
        """Write and flush what was escaped and styled for this terminal already; raise as `write` does."""
        if self._stream is None:
            raise StorageError("standard output is closed, so nothing was printed")
        self._is_line_ended = False
        self._is_within_line = not text.endswith("\n") if text else self._is_within_line
        try:
            self._stream.buffer.write(text.encode("utf-8", "replace"))
            self._stream.buffer.flush()
        except BrokenPipeError as error:
            self._discard()
            raise ReaderGoneError from error
        except OSError as error:
            self._discard()
            raise StorageError(f"standard output cannot be written: {error.strerror}") from error

    def _discard(self) -> None:
        """Send what Python flushes at exit to /dev/null: the exit code already reports that it cannot be written."""
        if self._stream is sys.stdout:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)


class ThoughtWriter:
    """Standard error as it takes what a model thinks: text as it comes, on lines of its own."""

    def __init__(self, stream: TextIO | None, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._is_terminal = stream is not None and stream.isatty()
        self._colours = takes_colours(stream, environ)
        self._is_within_line = False

    def write(self, text: str) -> None:
        shown = escaped(text) if self._is_terminal else text
        self._write(styled(shown, "dim") if self._colours and shown else shown)
        self._is_within_line = not text.endswith("\n") if text else self._is_within_line

    def before(self, write: Callable[[str], None]) -> Callable[[str], None]:
        """Return a function that writes elsewhere, where what comes after a thought begins on a line of its own."""

        def end_and_write(text: str) -> None:
            self.end()
            write(text)

        return end_and_write

    def end(self) -> None:
        """End the line."""
        if self._is_within_line:
            self._write("\n")
            self._is_within_line = False

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        # A reader of thoughts that goes away does not end the answer.
        with suppress(OSError, ValueError):
            self._stream.buffer.write(text.encode("utf-8", "replace"))
            self._stream.buffer.flush()


class Notices:
    """Lines on standard error, each `trooper: …`; none of them with `-q`."""

    def __init__(self, *, quiet: bool, write: Callable[[str], None]) -> None:
        self.quiet = quiet
        self._write = write

    def notify(self, text: str) -> None:
        if not self.quiet:
            self._write(text)


def say(text: str, style: str = "") -> None:
    """Write one line to the standard error of this process, where there is one."""
    write_notice(sys.stderr, os.environ, text, style)


def write_notice(stream: TextIO | None, environ: Mapping[str, str], text: str, style: str = "") -> None:
    """Write one line to standard error, where there is one."""
    if stream is None:
        # print() would take standard output instead.
        return
    line = f"trooper: {' '.join(escaped(text).split(chr(10)))}"
    try:
        print(styled(line, style) if style and takes_colours(stream, environ) else line, file=stream, flush=True)
    except (OSError, UnicodeEncodeError):
        return
