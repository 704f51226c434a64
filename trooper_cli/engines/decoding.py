"""Reading what engines send: JSON that may be anything, and the two ways of streaming it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trooper_cli.errors import BrokenAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


LONGEST_EVENT = 8 << 20


def parse(data: bytes | str, engine: str) -> object:
    """Parse JSON from an engine.

    Raises:
        BrokenAnswerError: it is none; what it was is not repeated.

    """
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenAnswerError(f"{engine} sent something that is not JSON; is it the right address?") from error
    return value


def parse_or_none(data: bytes | str) -> object:
    """Return the parsed JSON, or None where it is none, as in the body of an error."""
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value


def get_path(value: object, *path: str | int) -> object:
    """Follow keys and places into parsed JSON; None where the way ends."""
    for step in path:
        if (isinstance(step, str) and isinstance(value, dict)) or (
            isinstance(step, int) and isinstance(value, list) and -len(value) <= step < len(value)
        ):
            value = value.get(step) if isinstance(value, dict) else value[step]  # type: ignore[index]
        else:
            return None
    return value


def text(value: object, *path: str | int) -> str:
    """Return the text at a path, or "". Half a surrogate pair, which no file can hold, becomes U+FFFD."""
    found = get_path(value, *path)
    if not isinstance(found, str):
        return ""
    try:
        found.encode()
    except UnicodeEncodeError:
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return found


def count(value: object, *path: str | int) -> int:
    found = get_path(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 53 else 0


def items(value: object, *path: str | int) -> list[object]:
    found = get_path(value, *path)
    return found if isinstance(found, list) else []


def server_sent_events(lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event of a `text/event-stream`; comments, names and ids are skipped.

    Raises:
        BrokenAnswerError: an event is larger than 8 MiB.

    """
    data: list[str] = []
    size = 0
    for line in lines:
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
            if (size := size + len(line)) > LONGEST_EVENT:
                raise BrokenAnswerError("the engine sent an event of more than 8 MiB; the answer was given up")
        elif not line and data:
            yield "\n".join(data)
            data, size = [], 0
    if data:
        yield "\n".join(data)
