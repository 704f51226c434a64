"""Sessions as JSON Lines, one turn an object: to be read elsewhere and to come from elsewhere."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, NotFoundError, UsageError
from trooper_cli.memory import fold
from trooper_cli.store.schema import now
from trooper_cli.turn import Exchange, ImportedTurn, Label, Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from trooper_cli import json_output
    from trooper_cli.turn import StoredTurn

LONGEST_LINE = 64 << 20


def as_record(turn: StoredTurn) -> json_output.ExportedTurn:
    """Return a turn as an object of JSON Lines; `system` is present only where the turn has one."""
    record: json_output.ExportedTurn = {
        "turn": turn.number,
        "at": turn.at,
        "label": turn.label,
        "prompt": turn.prompt,
        "answer": turn.answer,
        "engine": turn.engine,
        "model": turn.model,
        "status": turn.status,
    }
    return record | ({"system": turn.system} if turn.system else {})


def read_turns(path: Path | None, stdin: TextIO | None) -> Iterator[ImportedTurn]:
    """Read turns from a file of JSON Lines, or from standard input.

    Raises:
        InputError: a line is none, with its number.
        NotFoundError: there is no such file.
        UsageError: standard input is closed.

    """
    with contextlib.ExitStack() as stack:
        if path is None:
            if stdin is None:
                raise UsageError("standard input is closed; name a file, or pipe one in")
            source = stdin.buffer
        else:
            try:
                source = stack.enter_context(path.open("rb"))
            except OSError as error:
                raise NotFoundError(f"cannot read the file {path}: {error.strerror}") from error
        try:
            for number, line in enumerate(iter(lambda: source.readline(LONGEST_LINE + 1), b""), 1):
                if len(line) > LONGEST_LINE:
                    raise InputError(f"line {number} is longer than 64 MiB; nothing was imported")
                if line.strip():
                    yield _turn(line, number)
        except OSError as error:
            raise InputError(f"{path or 'standard input'} cannot be read ({error.strerror})") from error


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError
    return record


def _turn(line: bytes, number: int) -> ImportedTurn:
    try:
        record = json.loads(line, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError) as error:
        raise InputError(f"line {number} is not JSON in UTF-8; nothing was imported") from error
    if (
        not isinstance(record, dict)
        or not isinstance(record.get("prompt"), str)
        or not isinstance(record.get("answer"), str)
    ):
        raise InputError(f"line {number} needs a prompt and an answer, both texts; nothing was imported")

    def text(key: str) -> str | None:
        value = record.get(key)
        return value if isinstance(value, str) else None

    status = text("status")
    turn = ImportedTurn(
        at=text("at") or now(),
        label=Label.read(record.get("label")),
        # A turn that was under way elsewhere will not be ended here.
        status=Status(status)
        if status in {"answered", "incomplete", "refused", "failed"}
        else Status.INCOMPLETE
        if status == "asked"
        else Status.ANSWERED,
        system=text("system"),
        prompt=record["prompt"],
        answer=record["answer"],
        engine=text("engine"),
        model=text("model"),
        tokens=fold.cost(Exchange(record["prompt"], record["answer"])),
    )
    try:
        "".join(value for value in turn if isinstance(value, str)).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"line {number} holds half of a surrogate pair, which is no text; nothing was imported"
        ) from error
    return turn
