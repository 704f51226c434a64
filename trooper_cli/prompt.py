"""The prompt: arguments, standard input and files, joined as the contract says."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

# The Messages API takes bodies of 32 MB; nothing larger could be sent anywhere.
LARGEST_INPUT = 32_000_000
_PATIENCE_SECONDS = 2.0


def gather(arguments: Sequence[str], files: Sequence[Path], *, read_stdin: bool, tell: Callable[[str], None]) -> str:
    """Join the arguments, what standard input holds, and the files under their names.

    Raises:
        UsageError: all of them are empty.
        InputError: something is not UTF-8 text, or larger than 32 MB.
        NotFoundError: a file is not there.

    """
    parts = [utf8(" ".join(arguments), "the prompt")]
    if read_stdin:
        parts.append(stdin_text(tell))
    parts += [f"File {utf8(str(path), 'the name of a file')}:\n\n{text_of(path)}" for path in files]
    prompt = "\n\n".join(part for part in parts if part.strip())
    if not prompt:
        raise UsageError("there is no prompt: pipe it in, or give it as arguments; see `trooper ask --help`")
    if len(prompt) > LARGEST_INPUT:
        raise InputError("the prompt is larger than 32 MB, which no engine takes")
    return prompt


def utf8(text: str, what: str) -> str:
    """Give the text back if it is one; arguments that are not UTF-8 reach Python as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{what} is not UTF-8; nothing was sent") from error
    return text


def _decoded(data: bytes, what: str) -> str:
    if len(data) > LARGEST_INPUT:
        raise InputError(f"{what} is larger than 32 MB, which no engine takes; nothing was sent")
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{what} is not UTF-8 (byte {error.start}); convert it, for instance with iconv") from error


def stdin_text(tell: Callable[[str], None]) -> str:
    """Give what standard input holds, empty if it is a terminal or closed."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    # A CI runner may hand down a pipe that nobody ever closes: say what is awaited instead of hanging in silence.
    notice = threading.Timer(
        _PATIENCE_SECONDS, tell, ["waiting for standard input, which is open and silent; -n ignores it"]
    )
    notice.daemon = True
    notice.start()
    stream = sys.stdin.buffer
    try:
        data = stream.read(1)
        notice.cancel()
        data += stream.read(LARGEST_INPUT)
    except OSError as error:
        raise InputError(f"standard input cannot be read ({error.strerror}); -n ignores it") from error
    finally:
        notice.cancel()
    return _decoded(data, "standard input")


def text_of(path: Path) -> str:
    """Give the text of a file without the line ends at its end."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_INPUT + 1)
    except OSError as error:
        raise NotFoundError(f"cannot read the file {path}: {error.strerror}") from error
    return _decoded(data, f"the file {path}")
