"""The attempts of a session: each request that left for an engine, each act of sharing, and what was asked again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trooper_cli.database import writing
from trooper_cli.store.schema import now
from trooper_cli.turn import Label

if TYPE_CHECKING:
    import contextlib
    import sqlite3
    from collections.abc import Iterator, Sequence

    from trooper_cli.engines.engine import Usage
    from trooper_cli.net.http import Request
    from trooper_cli.store.audit import StoredAttempt
    from trooper_cli.store.usage import Spending

_SAME_RATIO = 0.08
# The outcome of a request that had the cloud count a text: it left, and costs nothing.
COUNTED = "counted"


class AttemptTable:
    """The attempts of an open session, and what their engines counted."""

    def __init__(self, connection: sqlite3.Connection, name: str | None) -> None:
        self._connection = connection
        self.name = name

    def copies(self, numbers: Sequence[int]) -> list[int]:
        """Return the public turns that `share` made of these turns, as far as they are still there."""
        rows = self._connection.execute(
            "SELECT turn FROM attempt JOIN turn ON turn.id = attempt.turn WHERE side = 'share' AND "
            "attempt.turns IN (SELECT '[' || value || ']' FROM json_each(?)) ORDER BY turn",
            (json.dumps(numbers),),
        )
        return [number for (number,) in rows]

    def _record_share(self, number: int, copy: int) -> None:
        self._connection.execute(
            "INSERT INTO attempt (turn, at, side, engine, host, bytes, sha256, turns, private_turns, outcome) "
            "VALUES (?, ?, 'share', '', '', 0, '', ?, 1, 'shared')",
            (copy, now(), json.dumps([number])),
        )

    def begin_attempt(
        self,
        turn: int | None,
        label: Label,
        *,
        side: str,
        engine: str,
        model: str,
        host: str,
        request: Request,
        turns: list[int],
    ) -> int:
        """Write down that a request is about to leave, and which turns take part in it; `turn` is None for no turn.

        Whether the turn itself is private is its caller's word; of those before it the labels are counted.
        """
        digest = ""
        # A digest of a private request would let its text be guessed; only what leaves is to be accounted for.
        if side != "local":
            import hashlib

            digest = hashlib.sha256(request.body).hexdigest()
        with self._writing():
            cursor = self._connection.execute(
                "INSERT INTO attempt (turn, at, side, engine, host, bytes, sha256, turns, model, private_turns) "
                "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 + count(*) FROM turn "
                "WHERE label <> 'public' AND id <> ?1 AND id IN (SELECT value FROM json_each(?8))",
                (
                    turn,
                    now(),
                    side,
                    engine,
                    host,
                    len(request.body) if digest else 0,
                    digest,
                    json.dumps(turns),
                    model,
                    label is not Label.PUBLIC,
                ),
            )
            self._bill(cursor.lastrowid, request.inference_geo)
        assert cursor.lastrowid is not None  # noqa: S101
        return cursor.lastrowid

    def last_number(self) -> int | None:
        """Return the number of the turn that was asked last, whatever became of it, or None if there are no turns."""
        number: int | None = self._connection.execute("SELECT max(id) FROM turn").fetchone()[0]
        return number

    def write_repetition(self, turn: int, repeated: int) -> None:
        """Write down which turn's prompt a turn repeats, and first of all; the caller owns the transaction."""
        query = "SELECT json_extract(turns, '$[0]') FROM attempt WHERE turn = ? AND side = 'again'"
        row = self._connection.execute(query, (repeated,)).fetchone()
        self._connection.execute(
            "INSERT INTO attempt (turn, at, side, engine, host, bytes, sha256, turns, private_turns, outcome) "
            "VALUES (?, ?, 'again', '', '', 0, '', ?, 0, 'again')",
            (turn, now(), json.dumps([row[0] if row else repeated])),
        )

    def attempts(self) -> Iterator[StoredAttempt]:
        """Yield all attempts in their order."""
        from trooper_cli.store.audit import StoredAttempt

        geo, joined = self._billed("inference_geo")
        columns = f"turn, at, side, engine, host, bytes, sha256, turns, private_turns, outcome, {geo}"
        for row in self._connection.execute(f"SELECT {columns} FROM attempt {joined} ORDER BY attempt.id"):  # noqa: S608
            at, side, engine, host, size, sha256, turns, *rest = row[1:]
            yield StoredAttempt(row[0], at, side, engine, host, size, sha256, tuple(json.loads(turns)), *rest)

    def spendings(self) -> Iterator[Spending]:
        """Yield what each request used, in their order."""
        from trooper_cli.store.usage import Spending

        verbatim = (
            "SELECT id, length(CAST(prompt AS BLOB)) + coalesce(sum(CASE WHEN public_place IS NOT NULL THEN "
            "length(CAST(prompt AS BLOB)) + length(CAST(answer AS BLOB)) END) "
            "OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS size FROM turn"
        )
        billed, joined = self._billed("coalesce(cache_write_1h, 0), inference_geo", "0, NULL")
        rows = self._connection.execute(
            "SELECT side, engine, model, input, output, cache_read, cache_write, bytes, coalesce(size, 0), "  # noqa: S608
            f"{billed} FROM attempt {joined} "
            f"LEFT JOIN ({verbatim}) AS told ON told.id = attempt.turn AND side = 'cloud' "
            f"WHERE side NOT IN ('share', 'again') AND outcome <> '{COUNTED}' ORDER BY attempt.id"
        )
        return (Spending(*row) for row in rows)

    def paid(self) -> Iterator[tuple[object, ...]]:
        """Yield what each request to a cloud used of which there are figures: time, model, tokens, place."""
        billed, joined = self._billed("coalesce(cache_write_1h, 0), inference_geo", "0, NULL")
        return self._connection.execute(
            f"SELECT at, model, input, output, cache_read, cache_write, {billed} FROM attempt {joined} "  # noqa: S608
            "WHERE side = 'cloud' AND input IS NOT NULL AND output IS NOT NULL"
        )

    def end_attempt(self, attempt: int, outcome: str, seconds: float, model: str, usage: Usage | None) -> None:
        figures = (usage.input, usage.output, usage.cache_read, usage.cache_write) if usage else (None,) * 4
        with self._writing():
            self._connection.execute(
                "UPDATE attempt SET outcome = ?, seconds = ?, model = ?, "
                "input = ?, output = ?, cache_read = ?, cache_write = ? WHERE id = ?",
                (outcome, round(seconds, 3), model, *figures, attempt),
            )
            if usage is not None:
                self._bill(attempt, usage.inference_geo, usage.cache_write_1h)

    def _bill(self, attempt: int | None, inference_geo: str | None, cache_write_1h: int = 0) -> None:
        if inference_geo is not None or cache_write_1h:
            self._connection.execute(
                "INSERT OR REPLACE INTO billing VALUES (?, ?, ?)", (attempt, inference_geo, cache_write_1h)
            )

    def _billed(self, columns: str, without: str = "NULL") -> tuple[str, str]:
        """Return the columns and the join of `billing`, which a file of an earlier format that is only read has not."""
        found = self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'billing'").fetchone()
        return (columns, "LEFT JOIN billing ON billing.attempt = attempt.id") if found else (without, "")

    def ratio(self, label: Label, engine: str, model: str) -> float | None:
        """Return the tokens this model counted per estimated token in turns of this label, or None if unknown."""
        query = "SELECT ratio FROM counted WHERE label = ? AND engine = ? AND model = ?"
        row = self._connection.execute(query, (label.value, engine, model)).fetchone()
        return row[0] if row else None

    def learn_ratio(self, label: Label, engine: str, model: str, ratio: float) -> None:
        """Store the tokens counted per estimated token. Ignore small changes: each moves the budget and the memory."""
        known = self.ratio(label, engine, model)
        if known is not None and abs(known - ratio) < _SAME_RATIO:
            return
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO counted VALUES (?, ?, ?, ?)", (label.value, engine, model, ratio)
            )

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return writing(self._connection, f"session {self.name}")
