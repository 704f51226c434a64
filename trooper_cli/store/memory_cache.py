"""What a session file keeps of each view's memory: the folded state and an index of its units.

Both are a cache. They follow from the view's turns alone, are continued where they end, and can be thrown away.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from trooper_cli.database import writing
from trooper_cli.errors import StorageError
from trooper_cli.memory import Memory, fold, remember, search
from trooper_cli.turn import Label

if TYPE_CHECKING:
    from collections.abc import Callable

    from trooper_cli.memory.clauses import Unit
    from trooper_cli.store.views import StoredPrivateView, StoredPublicView

# Turns folded in one transaction: of a long import, what was done before a kill need not be done again.
_BATCH = 500


def schema() -> str:
    """Return the SQL that creates the tables."""
    own = "CREATE TABLE memory (label TEXT PRIMARY KEY, turns INTEGER NOT NULL, state BLOB NOT NULL) STRICT;\n"
    return own + "".join(map(search.schema, Label))


def clear(connection: sqlite3.Connection, label: Label) -> None:
    """Forget all that is kept of one label's view; the caller owns the transaction."""
    connection.execute("DELETE FROM memory WHERE label = ?", (label.value,))
    search.SqliteIndex(connection, label).clear()


def recollect(
    view: StoredPublicView | StoredPrivateView,
    mask: Callable[[str], str],
    tell_unread: Callable[[int], object] = lambda _: None,
) -> Memory:
    """Return the memory of a view, after folding in and storing its new turns.

    The view grows by turns that others have folded meanwhile. Where nothing can be stored the memory is made for this
    call only. `tell_unread` is called with the number of turns to fold in.

    Raises:
        StorageError: turns were erased meanwhile.

    """
    store = _Store(view)
    state = store.load()
    view.grow(state.turns)
    if state.turns > len(view):
        # It ends before a turn that is asked again, and others have been folded since: it is made for this call only.
        tell_unread(len(view))
        return remember(view, mask)
    tell_unread(len(view) - state.turns)
    while state.turns < len(view):
        before = state.turns
        units = [unit for exchange in view.since(before, _BATCH) for unit in state.add(exchange, mask)]
        if state.turns == before:
            raise StorageError("turns of the session were erased while it was read; ask again")
        try:
            if not store.save(state, before, units):
                return recollect(view, mask)
        except (StorageError, sqlite3.Error):
            # What is included follows from the view alone, not from who holds the file.
            return remember(view, mask)
    return Memory(state, store.index)


class _Store:
    """The rows that belong to one view."""

    def __init__(self, view: StoredPublicView | StoredPrivateView) -> None:
        self._connection = view.connection
        self._label = view.label.value
        self.index = search.SqliteIndex(view.connection, view.label)

    def load(self) -> fold.Folded:
        row = None
        with contextlib.suppress(sqlite3.Error):
            row = self._connection.execute("SELECT state FROM memory WHERE label = ?", (self._label,)).fetchone()
        state = fold.Folded.load(row[0]) if row else None
        return state or fold.Folded()

    def save(self, state: fold.Folded, before: int, units: list[Unit]) -> bool:
        """Store a state that had `before` turns when it was read; False if another process was quicker."""
        with writing(self._connection, "the memory"):
            query = "SELECT turns FROM memory WHERE label = ?"
            row = self._connection.execute(query, (self._label,)).fetchone()
            if before and (row is None or row[0] != before):
                return False
            if not before:
                # Nothing was stored, or what cannot be read any more.
                self.index.clear()
            self.index.add(units)
            self._connection.execute(
                "INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", (self._label, state.turns, state.dump())
            )
        return True
