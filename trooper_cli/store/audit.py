"""What left this machine, read from the session's own attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict

from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trooper_cli.turn import StoredTurn


class StoredAttempt(NamedTuple):
    """One request, or one act of sharing, as the session file holds it; `private_turns` was counted when it left."""

    turn: int | None
    at: str
    side: str
    engine: str
    host: str
    bytes: int
    sha256: str
    turns: tuple[int, ...]
    private_turns: int
    outcome: str
    inference_geo: str | None = None


class Record(TypedDict):
    """One request that left, or one act of sharing. `private` names those of its turns that are private."""

    at: str
    to: str
    host: str
    bytes: int
    sha256: str
    turn: int | None
    turns: list[int]
    private: list[int]
    counted_private: int
    outcome: str
    inference_geo: str | None


def records(turns: Iterable[StoredTurn], attempts: Iterable[StoredAttempt]) -> list[Record]:
    """Return every request to the cloud or to a trusted host of the network, and every act of sharing, in order.

    The labels are read from the turns; what was counted when the request left stands beside them, since a turn may
    have been forgotten in the meantime.
    """
    private = {turn.number for turn in turns if turn.label is not Label.PUBLIC}
    found: list[Record] = []
    for attempt in attempts:
        if attempt.side in {"local", "again"}:
            continue
        own = [attempt.turn] if attempt.turn is not None else []
        found.append(
            Record(
                at=attempt.at,
                to=attempt.side,
                host=attempt.host,
                bytes=attempt.bytes,
                sha256=attempt.sha256,
                turn=attempt.turn,
                turns=list(attempt.turns),
                private=[number for number in (*own, *attempt.turns) if number in private],
                counted_private=attempt.private_turns,
                outcome=attempt.outcome,
                inference_geo=attempt.inference_geo,
            )
        )
    return found


def leaked(found: list[Record]) -> bool:
    """Return whether a private turn took part in a request to the cloud."""
    return any(record["to"] == "cloud" and (record["private"] or record["counted_private"]) for record in found)
