"""The prompt: arguments, standard input and files, joined as the contract says."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, cast

from trooper_cli.errors import InputError, NotFoundError, TrooperError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import BufferedIOBase
    from pathlib import Path
    from typing import TextIO

# `trooper guard` looks at texts of this size; the Messages API takes no larger bodies.
LARGEST_INPUT = 32_000_000
# A million tokens, which is what the largest models take, and more than most.
LARGEST_PROMPT = 4_000_000
_PATIENCE_SECONDS = 2.0
# So long is waited for a pipe that holds nothing at the moment, and for all that it holds.
_SILENCE_SECONDS, _MOST_SECONDS = 0.2, 2.0
_PIECE = 1 << 16


class UnreadableError(InputError):
    """A text cannot be used as it is; `readable` is as much of it as was read and is text."""

    def __init__(self, message: str, readable: str) -> None:
        super().__init__(message)
        self.readable = readable


def gather(
    arguments: Sequence[str],
    files: Sequence[Path],
    *,
    stdin: TextIO | None,
    notify: Callable[[str], None],
    parts: list[str],
) -> str:
    """Join the arguments, what standard input holds, and the files under their names.

    Files are read first, since standard input may be waited for. What was read stands in `parts`, in the order of the
    prompt, also where the rest could not be.

    Raises:
        UsageError: all of them are empty.
        InputError: something is not UTF-8 text, or it is more than 4 MB.
        NotFoundError: a file is not there.

    """
    failure: TrooperError | None = None

    def read(place: int, of: Callable[[bytearray], str]) -> None:
        nonlocal failure
        data = bytearray()
        # What it breaks off with, or a signal, leaves what was read by then.
        text = None
        try:
            text = of(data)
        except UnreadableError as error:
            failure, text = failure or error, None if data else error.readable
        except TrooperError as error:
            failure = failure or error
        finally:
            parts.insert(place, readable(data) if text is None else text)

    read(0, lambda _: utf8(" ".join(arguments), "the prompt"))
    for path in files:
        read(len(parts), partial(_file_part, path, notify))
    if stdin is not None:
        read(1, lambda data: stdin_text(stdin, notify, data))
    if failure is not None:
        raise failure
    prompt = "\n\n".join(part for part in parts if part.strip())
    if not prompt:
        raise UsageError("there is no prompt: pipe it in, or give it as arguments; see `trooper ask --help`")
    if len(prompt) > LARGEST_PROMPT:
        raise InputError("the prompt is larger than 4 MB, which no engine takes; nothing was sent")
    return prompt


def _file_part(path: Path, notify: Callable[[str], None], data: bytearray) -> str:
    text = text_of(path, notify, data)
    return f"File {utf8(str(path), 'the name of a file')}:\n\n{text}"


def utf8(text: str, what: str) -> str:
    """Return the text if it is valid UTF-8; arguments that are not reach Python as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        shown = text.encode("utf-8", "replace").decode()
        raise UnreadableError(f"{what} is not UTF-8; nothing was sent", shown) from error
    return text


def readable(data: bytes | bytearray) -> str:
    """Return as much of what was read as is text, also where it cannot be used or broke off."""
    if len(data) > LARGEST_INPUT:
        data = data[:LARGEST_PROMPT]
    # The shell of Windows writes UTF-16, with a mark in front.
    return data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace")


def _decoded(data: bytes | bytearray, what: str) -> str:
    if len(data) > LARGEST_INPUT:
        message = f"{what} is larger than 32 MB, which no engine takes; nothing was sent"
        raise UnreadableError(message, readable(data))
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        message = f"{what} is not UTF-8 (byte {error.start}); convert it, for instance with iconv"
        raise UnreadableError(message, readable(data)) from error


def stdin_text(stdin: TextIO | None, notify: Callable[[str], None], data: bytearray | None = None) -> str:
    """Return the text of standard input, or "" if it is a terminal or closed; `data` holds what was read of it."""
    if stdin is None or stdin.isatty():
        return ""
    stream, data = cast("BufferedIOBase", stdin.buffer), bytearray() if data is None else data
    try:
        with patience(
            "standard input: what fills the pipe is at work, or nobody closes it; -n ignores it", notify
        ) as arrived:
            data += stream.read(1)
            arrived()
            _read_into(data, stream)
    except OSError as error:
        raise InputError(f"standard input cannot be read ({error.strerror}); -n ignores it") from error
    return _decoded(data, "standard input")


@contextlib.contextmanager
def patience(what: str, notify: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Notify the user after a while of what is awaited: a CI runner may hand down a pipe that nobody ever closes."""
    notice = threading.Timer(_PATIENCE_SECONDS, notify, [f"waiting for {what}"])
    notice.daemon = True
    notice.start()
    try:
        yield notice.cancel
    finally:
        notice.cancel()


def _read_into(data: bytearray, stream: BufferedIOBase) -> None:
    """Append what a stream holds, piece by piece: nothing that was read is lost if it breaks off."""
    while len(data) <= LARGEST_INPUT and (piece := stream.read1(_PIECE)):
        data += piece


def text_of(path: Path, notify: Callable[[str], None], data: bytearray | None = None) -> str:
    """Return the text of a file without the line ends at its end; `data` holds what was read of it."""
    data = bytearray() if data is None else data
    try:
        with contextlib.ExitStack() as stack:
            if path.is_fifo():
                stack.enter_context(patience(f"the pipe {path}", notify))
            _read_into(data, stack.enter_context(path.open("rb")))
    except OSError as error:
        raise NotFoundError(f"cannot read the file {path}: {error.strerror}") from error
    return _decoded(data, f"the file {path}")


def read_stream(stdin: TextIO | None, data: bytearray) -> None:
    """Append what standard input holds at the moment, if it is no terminal."""
    if stdin is None or stdin.isatty():
        return
    try:
        file = stdin.fileno()
    except (OSError, ValueError):
        # It is no file, and nobody is waited for.
        data += stdin.buffer.read(LARGEST_INPUT + 1)
        return
    with contextlib.suppress(OSError):
        read_at_once(file, data)


def read_at_once(file: int, data: bytearray) -> None:
    """Append what a file holds, or of a pipe what it holds at the moment."""
    import select

    until = time.monotonic() + _MOST_SECONDS
    while len(data) <= LARGEST_INPUT and time.monotonic() < until:
        if not select.select([file], [], [], _SILENCE_SECONDS)[0] or not (piece := os.read(file, _PIECE)):
            return
        data += piece
