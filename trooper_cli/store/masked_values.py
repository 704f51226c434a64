"""The table of values of a session: which placeholder stands for which value, and which turns hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli import database
from trooper_cli.store.attempts import AttemptTable
from trooper_cli.store.schema import MASKED_SINCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trooper_cli.guard.placeholders import ValueTable

# A filter's values belong to no turn, and go with the session.
_FILTER = 0
_COUNT = "SELECT count(*), count(text) FROM masked"
_ERASE = (
    "UPDATE masked SET value = NULL, text = NULL WHERE text IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM masked_in WHERE masked_in.kind = masked.kind AND masked_in.number = masked.number)"
)


class MaskedValues(AttemptTable):
    """The masked values of an open session."""

    def masked_values(self) -> ValueTable:
        """Return the session's values with their placeholders."""
        from trooper_cli.guard.placeholders import Name, Row, ValueTable

        # A file of an earlier format that cannot be written has none.
        if self.name is not None and database.version_of(self._connection) < MASKED_SINCE:
            return ValueTable()
        rows = self._connection.execute("SELECT kind, number, spelling, value, text FROM masked ORDER BY rowid")
        return ValueTable(Row(Name(*row[:3]), *row[3:]) for row in rows)

    def newer_masked(self, table: ValueTable) -> ValueTable:
        """Return the table as it is now; the same one if nothing was added since it was read."""
        return table if self._masked_count() == table.read else self.masked_values()

    def _masked_count(self) -> tuple[int, int]:
        if self.name is not None and database.version_of(self._connection) < MASKED_SINCE:
            return 0, 0
        row: tuple[int, int] = self._connection.execute(_COUNT).fetchone()
        return row

    def add_masked(self, table: ValueTable, turn: int = _FILTER) -> bool:
        """Write what was added to the table since it was read, and which values the turn holds.

        Return False, and write nothing, if another process has changed the table since: what the new values are called
        is to be settled again.

        Raises:
            StorageError: it cannot be written.

        """
        with self._writing():
            if self._masked_count() != table.read:
                return False
            self._connection.executemany(
                "INSERT INTO masked (kind, number, spelling, value, text) VALUES (?, ?, ?, ?, ?)",
                ((*row.name, row.value, row.text) for row in table.added),
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO masked_in VALUES (?, ?, ?)", ((*which, turn) for which in table.used)
            )
        return True

    def _forget_masked(self, numbers: Iterable[int]) -> None:
        """Erase the values that no other turn holds, as part of a transaction."""
        self._connection.executemany("DELETE FROM masked_in WHERE turn = ?", ((number,) for number in numbers))
        self._connection.execute(_ERASE)

    def erase_masked(self) -> None:
        """Erase all values; what is left of them in the file is overwritten by the next `vacuum_and_truncate_wal`.

        Raises:
            StorageError: it cannot be written.

        """
        with self._writing():
            self._connection.execute("DELETE FROM masked_in")
            self._connection.execute(_ERASE)
