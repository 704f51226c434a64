"""Sessions as JSON Lines, one turn an object: to be read elsewhere and to come from elsewhere."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING

from trooper_cli.errors import InputError, NotFoundError
from trooper_cli.session import ImportedTurn, Session, now, path_of, remove
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from trooper_cli.guard import Guard
    from trooper_cli.session import StoredTurn

LONGEST_LINE = 64 << 20


def as_record(turn: StoredTurn) -> dict[str, object]:
    """Give a turn as an object of JSON Lines; `system` stands in it where the turn brought one."""
    record: dict[str, object] = {
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


def import_file(home: Path, name: str, path: Path | None, guard: Guard) -> int:
    """Append the turns of a file, or of standard input, to a session: all or none. Gives their number.

    Raises:
        NotFoundError: the file is not there.
        InputError: a line is not a turn; the message names the line.

    """
    is_new = not path_of(home, name).exists()
    with contextlib.ExitStack() as stack:
        if path is None:
            lines: Iterable[bytes] = _lines(sys.stdin.buffer.readline)
        else:
            try:
                lines = _lines(stack.enter_context(path.open("rb")).readline)
            except OSError as error:
                raise NotFoundError(f"cannot read the file {path}: {error.strerror}") from error
        session = Session.open_or_create(home, name)
        try:
            # All is read before anything is written: nobody waits for a pipe that goes on.
            turns = [_turn(line, number) for number, line in enumerate(lines, 1) if line.strip()]
            count, first = session.add(turns)
        except BaseException:
            session.close()
            if is_new:
                remove(home, name)
            raise
        guard.remember_turns(name, session.turns(first))
        session.close()
    return count


def _lines(readline: object) -> Iterator[bytes]:
    while line := readline(LONGEST_LINE):  # type: ignore[operator]
        yield line


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
    )
    try:
        "".join(value for value in turn if value).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"line {number} holds half of a surrogate pair, which is no text; nothing was imported"
        ) from error
    return turn
