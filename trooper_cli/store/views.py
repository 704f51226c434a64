"""The views of a session: the turns that a turn of one label may know, and nothing of the others.

A turn gets its place in a view when it is answered, counted in that view alone, so that a view only ever grows at its
end and no place reveals a turn that another view holds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from trooper_cli.turn import Exchange, Label

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator


class _StoredView:
    """The first turns of one label's view; how many is settled when the view is made.

    A view `before` a turn ends where that turn and its repetitions begin, and does not grow.
    """

    _place: str
    _condition: str

    def __init__(self, connection: sqlite3.Connection, before: int | None = None) -> None:
        self.connection = connection
        self._end = 0
        self._end = self.stored()
        self.grows = before is None
        if before is not None:
            query = f"SELECT min({self._place}) FROM turn WHERE {self._condition} AND id IN ({_ASKED_WITH})"  # noqa: S608
            first = connection.execute(query, {"turn": before}).fetchone()[0]
            self._end = self._end if first is None else int(first)

    def stored(self) -> int:
        """Return how many turns the session has for this view at present."""
        query = f"SELECT {self._place} FROM turn WHERE {self._place} >= ? ORDER BY {self._place} DESC LIMIT 1"  # noqa: S608
        last = self.connection.execute(query, (self._end,)).fetchone()
        return int(last[0]) + 1 if last else self._end

    def grow(self, end: int) -> None:
        """Add turns that were answered since."""
        if self.grows:
            self._end = max(self._end, end)

    def _select(self, columns: str, rest: str, *values: object) -> sqlite3.Cursor:
        query = f"SELECT {columns} FROM turn WHERE {self._condition} AND {self._place} < ? {rest}"  # noqa: S608
        return self.connection.execute(query, (self._end, *values))

    @property
    def system(self) -> str | None:
        row = self._select("system", f"AND system IS NOT NULL ORDER BY {self._place} DESC LIMIT 1").fetchone()
        return row[0] if row else None

    def __len__(self) -> int:
        return self._end

    def first(self, count: int) -> list[Exchange]:
        return [self._shown(row) for row in self._select(_SHOWN, f"ORDER BY {self._place} LIMIT ?", count)]

    def latest(self) -> Iterator[Exchange]:
        return map(self._shown, self._select(_SHOWN, f"ORDER BY {self._place} DESC"))

    def since(self, position: int, count: int) -> list[Exchange]:
        """Return the turns from this position on, at most `count`."""
        rest = f"AND {self._place} >= ? ORDER BY {self._place} LIMIT ?"
        return [self._shown(row) for row in self._select(_SHOWN, rest, position, count)]

    def numbers(self, positions: Iterable[int]) -> list[int]:
        """Return the session's turn numbers at these positions, which are shown to the user only."""
        wanted = json.dumps(list(positions))
        rest = f"AND {self._place} IN (SELECT value FROM json_each(?)) ORDER BY {self._place}"  # noqa: S608
        return [row[0] for row in self._select("id", rest, wanted)]

    def _shown(self, row: tuple[str, str, int | None, str]) -> Exchange:
        return Exchange(*row[:3])


_SHOWN = "prompt, answer, tokens, label"
# A turn, the one whose prompt it repeats, and all that repeat that one as well. The first may be forgotten by now.
_FIRST = "coalesce((SELECT json_extract(turns, '$[0]') FROM attempt WHERE turn = :turn AND side = 'again'), :turn)"
_ASKED_WITH = (
    f"SELECT :turn UNION SELECT {_FIRST} UNION SELECT turn FROM attempt "  # noqa: S608
    f"WHERE turn > {_FIRST} AND side = 'again' AND json_extract(turns, '$[0]') = {_FIRST}"
)


class StoredPublicView(_StoredView):
    """Public turns only. There is no way to make one that shows others."""

    _place = "public_place"
    # Whatever a file from elsewhere says of how its texts compare: one word means public.
    _condition = "label = 'public' COLLATE BINARY AND public_place IS NOT NULL"

    @property
    def label(self) -> Literal[Label.PUBLIC]:
        return Label.PUBLIC


class StoredPrivateView(_StoredView):
    """Every turn, for engines on this machine. Credentials that a public turn holds are masked."""

    _place = "private_place"
    _condition = "private_place IS NOT NULL"

    @property
    def label(self) -> Literal[Label.PRIVATE]:
        return Label.PRIVATE

    def _shown(self, row: tuple[str, str, int | None, str]) -> Exchange:
        exchange = super()._shown(row)
        if Label.read(row[3]) is Label.PRIVATE:
            return exchange
        from trooper_cli.guard.credentials import mask

        masked = Exchange(mask(exchange.prompt), mask(exchange.answer))
        return exchange if (masked.prompt, masked.answer) == (exchange.prompt, exchange.answer) else masked
