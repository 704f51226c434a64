"""What an earlier run of a batch has answered, so that it is not asked again."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from trooper_cli.cli.batch.line import Key, Line, key_in, loaded
from trooper_cli.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    from trooper_cli.cli.terminal import Output


class Answered:
    """The lines that are answered: by their id, or if they have none by their number."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def add(self, record: object) -> None:
        """Add an object of the output; one without an answer says that its line is to be asked again."""
        if isinstance(record, dict) and isinstance(record.get("answer"), str):
            number = record.get("line")
            self._names.add(_name(key_in(record, number if isinstance(number, int) else 0)))

    def has(self, line: Line) -> bool:
        return bool(self._names) and _name(key_in(loaded(line.data), line.number)) in self._names


def _name(key: Key) -> str:
    return f"line {key.number}" if key.id is None else json.dumps(key.id)


def read_answered(path: Path, stream: TextIO | None, output: Output, notify: Callable[[str], None]) -> Answered:
    """Read what is answered; standard output that is appended to the same file ends with a whole line then.

    A last line without its end is what a run left that was killed as it wrote. If it is whole but for that, it counts
    and the end is added; else it is cut off, since nobody can read it, and its line is asked again.

    Raises:
        NotFoundError: there is no such file, or it cannot be read.
        StorageError: standard output cannot be written.

    """
    answered, last, size = Answered(), b"\n", 0
    try:
        with path.open("rb") as file:
            # A line at a time: answers may be large, and many.
            for last in file:
                answered.add(loaded(last))
                size += len(last)
            is_output = _is_same(file.fileno(), stream)
    except OSError as error:
        raise NotFoundError(f"cannot read the file {path}: {error.strerror}") from error
    if is_output and not last.endswith(b"\n"):
        assert stream is not None  # noqa: S101
        if isinstance(loaded(last), dict):
            output.write("\n")
        else:
            os.ftruncate(stream.fileno(), size - len(last))
            notify(f"the last line of {path} was not whole and is removed; what it answered is asked again")
    return answered


def _is_same(file: int, stream: TextIO | None) -> bool:
    try:
        return stream is not None and os.path.samestat(os.fstat(file), os.fstat(stream.fileno()))
    except (OSError, ValueError):
        # It is no file.
        return False
