"""The ledger: what requests to the clouds used, in all sessions and in none, and what those under way may use.

Spending caps are counted from it and from nothing else. It begins where a cap is looked at for the first time, with the
attempts that the sessions have on record; from then on each request is entered before it is sent. It holds tokens, the
model's name, the day and the random id of a session: no text, no session's name, and nothing of turns on this machine.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli import database
from trooper_cli.errors import ConfigurationError, TrooperError
from trooper_cli.files import ensure_private_dir
from trooper_cli.store.catalog import LEDGER, names
from trooper_cli.store.session import Session

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

    from trooper_cli.engines.engine import Usage
    from trooper_cli.store.prices import Price, Prices

FORMAT = database.Format(0x5452504C, {1: "a98faf652d8feb6be1599c92cf65d52c"})
_SCHEMA = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    at REAL NOT NULL,
    session TEXT,
    is_settled INTEGER NOT NULL,
    model TEXT NOT NULL,
    answered_by TEXT NOT NULL DEFAULT '',
    inference_geo TEXT,
    input INTEGER NOT NULL,
    output INTEGER NOT NULL,
    cache_read INTEGER NOT NULL DEFAULT 0,
    cache_write INTEGER NOT NULL DEFAULT 0,
    cache_write_1h INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX entry_of_day ON entry (day);
CREATE INDEX entry_of_session ON entry (session) WHERE session IS NOT NULL;
"""
_WHAT = "the ledger of what was spent"
_DAY_SECONDS = 86_400.0


class Entry(NamedTuple):
    """A request that is about to leave, with the most tokens that it may use.

    `session` is the id of a session, None without one; `for_an_hour` says that some of it may go to a cache of an hour.
    """

    session: str | None
    model: str
    inference_geo: str | None
    input: int
    output: int
    for_an_hour: bool = False


class Scope(NamedTuple):
    """What a cap is over: a day, a session's id, or the numbers of entries."""

    day: str | None = None
    session: str | None = None
    entries: Sequence[int] = ()


def today() -> str:
    """Return the day of the local calendar."""
    return time.strftime("%Y-%m-%d")


class Ledger:
    """An open ledger."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, home: Path, notify: Callable[[str], None]) -> Self:
        """Open the ledger, or begin it with what is on record.

        Raises:
            StorageError: it cannot be made or written.
            InputError: the file is damaged, or not ours.

        """
        path = ensure_private_dir(home) / LEDGER
        if not path.exists():
            database.create(path, _SCHEMA, FORMAT, lambda connection: _enter_recorded(connection, home, notify))
        database.check(path, FORMAT)
        try:
            return cls(database.connect(path, FORMAT))
        except sqlite3.DatabaseError as error:
            raise database.translated(error, _WHAT) from error

    @classmethod
    def look(cls, home: Path, notify: Callable[[str], None]) -> Self:
        """Open the ledger to read it; where there is none yet, return what it would begin with.

        Raises:
            StorageError: it cannot be opened.
            InputError: the file is damaged, or not ours.

        """
        if (home / LEDGER).exists():
            return cls.open(home, notify)
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(_SCHEMA)
        _enter_recorded(connection, home, notify)
        return cls(connection)

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self._connection.close()

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Keep others from entering anything for as long as the block runs; on the disk when it ends.

        Raises:
            StorageError: the disk is full or read-only.

        """
        return database.writing(self._connection, _WHAT)

    def enter(self, entry: Entry) -> int:
        """Enter a request with the most that it may use, as part of a transaction; return the entry's number."""
        # Without a session an entry counts for its day alone.
        self._connection.execute(
            "DELETE FROM entry WHERE session IS NULL AND at < ?", (time.time() - 3 * _DAY_SECONDS,)
        )
        cursor = self._connection.execute(
            "INSERT INTO entry (day, at, session, is_settled, model, inference_geo, input, output, cache_write_1h) "
            "VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?)",
            (
                today(),
                time.time(),
                entry.session,
                entry.model,
                entry.inference_geo,
                entry.input,
                entry.output,
                int(entry.for_an_hour),
            ),
        )
        assert cursor.lastrowid is not None  # noqa: S101
        return cursor.lastrowid

    def settle(self, number: int, model: str, usage: Usage) -> None:
        """Put what a request used, and the model that answered, in place of the most that it might have used.

        Raises:
            StorageError: it cannot be written; then the most of it still counts.

        """
        figures = (usage.inference_geo, usage.input, usage.output, usage.cache_read, usage.cache_write)
        with self.writing():
            self._connection.execute(
                "UPDATE entry SET is_settled = 1, answered_by = ?, inference_geo = ?, input = ?, output = ?, "
                "cache_read = ?, cache_write = ?, cache_write_1h = ? WHERE id = ?",
                (model, *figures, usage.cache_write_1h, number),
            )

    def release(self, number: int) -> None:
        """Remove the entry of a request that cost nothing.

        Raises:
            StorageError: it cannot be written; then the most of it still counts.

        """
        with self.writing():
            self._connection.execute("DELETE FROM entry WHERE id = ?", (number,))

    def spent(self, scope: Scope, prices: Prices) -> float:
        """Return in USD what was spent within a scope, at today's prices.

        A request of which nobody said what it used counts with the most that it might have used: on its day, and
        in its session for a day.

        Raises:
            ConfigurationError: a model has no price.
            StorageError: the ledger cannot be read.
            InputError: it is damaged.

        """
        if scope.day is not None:
            condition, value = "day = ?", scope.day
        elif scope.session is not None:
            # What is under way may have begun before midnight.
            earliest = time.time() - _DAY_SECONDS
            condition, value = f"(is_settled OR at > {earliest!r}) AND session = ?", scope.session
        else:
            condition, value = "id IN (SELECT value FROM json_each(?))", str(list(scope.entries))
        query = f"SELECT {', '.join(_Row._fields)} FROM entry WHERE {condition}"  # noqa: S608
        try:
            return sum(_cost(prices, _Row(*row)) for row in self._connection.execute(query, (value,)))
        except sqlite3.DatabaseError as error:
            raise database.translated(error, _WHAT) from error


def price_of(prices: Prices, model: str, inference_geo: str | None, input_tokens: int, *others: str) -> Price:
    """Return the price of a request to a model, or of the first of `others` that has one.

    Raises:
        ConfigurationError: none has.

    """
    for name in (*others, model):
        if name and (price := prices.of(name, input_tokens)) is not None:
            return prices.in_place(price, inference_geo)
    printable = "".join(filter(str.isprintable, model))[:200]
    raise ConfigurationError(
        f"no price of {printable} is known, so that no spending cap can be kept; add it to {prices.own}: [[price]] "
        f'with model = "{printable}" and input, output, cache_read and cache_write in USD for a million tokens'
    )


class _Row(NamedTuple):
    is_settled: int
    model: str
    answered_by: str
    inference_geo: str | None
    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_write_1h: int


def _cost(prices: Prices, row: _Row) -> float:
    if not row.input and not row.output:
        return 0.0
    try:
        price = price_of(prices, row.model, row.inference_geo, row.input, row.answered_by)
    except ConfigurationError as error:
        raise ConfigurationError(f"an earlier request counts towards the cap, and {error}") from error
    if not row.is_settled:
        return price.most(row.input, row.output, for_an_hour=bool(row.cache_write_1h))
    fresh = max(0, row.input - row.cache_read - row.cache_write)
    return price.cost(fresh, row.output, row.cache_read, row.cache_write, row.cache_write_1h)


def _enter_recorded(connection: sqlite3.Connection, home: Path, notify: Callable[[str], None]) -> None:
    """Enter what all sessions have on record; requests of which there are no figures are not counted."""
    connection.execute("BEGIN")
    for name in names(home):
        try:
            with closing(Session.open(home, name)) as session:
                identity = session.identity()
                rows = [_recorded(row, identity.id if identity else None) for row in session.paid()]
        except (TrooperError, sqlite3.Error) as error:
            notify(f"what session {name} spent before is not counted: {error}")
            continue
        connection.executemany(
            "INSERT INTO entry (day, at, session, is_settled, model, inference_geo, input, output, cache_read, "
            "cache_write, cache_write_1h) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
    connection.execute("COMMIT")


def _recorded(row: tuple[object, ...], session: str | None) -> tuple[object, ...]:
    from datetime import datetime

    at, model, fed, output, read, written, hour, geo = row
    moment = datetime.fromisoformat(str(at)).astimezone()
    return (f"{moment:%Y-%m-%d}", moment.timestamp(), session, model, geo, fed, output, read or 0, written or 0, hour)
