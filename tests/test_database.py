"""A transaction ends with its block, whenever a signal comes."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from trooper_cli.database import writing


class Interrupted(sqlite3.Connection):
    """A connection of whose process a signal comes as soon as a statement has been carried out."""

    after = ""

    def execute(self, sql: str, *rest: Any) -> sqlite3.Cursor:
        done = super().execute(sql, *rest)
        if sql.startswith(self.after or "never"):
            self.after = ""
            raise KeyboardInterrupt
        return done


@pytest.mark.parametrize(("after", "left"), [("BEGIN", 0), ("INSERT", 0), ("COMMIT", 1)])
def test_an_interrupt_leaves_no_transaction_open(after: str, left: int) -> None:
    """So that what has arrived can be written down afterwards."""
    connection = sqlite3.connect(":memory:", isolation_level=None, factory=Interrupted)
    connection.execute("CREATE TABLE turn (answer TEXT)")
    connection.after = after
    with pytest.raises(KeyboardInterrupt), writing(connection, "the session"):
        connection.execute("INSERT INTO turn VALUES ('cut short')")
    with writing(connection, "the session"):
        connection.execute("INSERT INTO turn VALUES ('what arrived')")
    assert connection.execute("SELECT count(*) FROM turn").fetchone() == (1 + left,)
    connection.close()
