"""The session file: one SQLite database a session. It holds turns, their attempts, and nothing else."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

from trooper_cli import database
from trooper_cli.errors import NotFoundError, StorageError
from trooper_cli.files import ensure_private_dir
from trooper_cli.guard.identity import Identity
from trooper_cli.store.catalog import check_case, create, path_of, unknown_session
from trooper_cli.store.masked_values import MaskedValues
from trooper_cli.store.schema import FORMAT, IDENTITY_SINCE, migrate, new_id, now, read_first, schema
from trooper_cli.store.views import StoredPrivateView, StoredPublicView
from trooper_cli.turn import Label, Status, StoredTurn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from trooper_cli.turn import ImportedTurn

    # Gets a turn's number and the identity that the session's file will have.
    OnCommit = Callable[[int, Identity | None], object]

_TOLD = (Status.ANSWERED, Status.INCOMPLETE)
_COLUMNS = "id, at, label, status, system, prompt, answer, engine, model, stop"


def settings_of(home: Path, name: str | None) -> dict[str, str]:
    """Return the user's settings for a session; empty where there is no session of that name.

    Raises:
        UsageError: it is no name, or one that differs from that of a session in case alone.

    """
    if name is None:
        return {}
    if not os.path.lexists(path_of(home, name)):
        # Before anything is decided by the settings of a session that is not the one that was meant.
        check_case(home, name)
        return {}
    with contextlib.closing(Session.open(home, name)) as session:
        return session.settings()


class Session(MaskedValues):
    """An open session. What is written is on the disk when the call returns."""

    @classmethod
    def of_one_turn(cls) -> Session:
        """Return a session without a name, which exists in memory only."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(schema())
        return cls(connection, None)

    @classmethod
    def open(cls, home: Path, name: str) -> Session:
        """Open a session that is there.

        Raises:
            NotFoundError: there is none of that name.
            InputError: the file is not a session of this version; it is left as it is.

        """
        path = path_of(home, name)
        if not os.path.lexists(path):
            raise unknown_session(home, name)
        database.check(path, FORMAT)
        with contextlib.suppress(StorageError):
            ensure_private_dir(path.parent)
        try:
            connection = database.connect(path, FORMAT, read_first)
        except sqlite3.DatabaseError as error:
            raise database.translated(error, f"session {name}") from error
        # What cannot be written can still be read.
        with contextlib.suppress(StorageError):
            migrate(connection, name)
        return cls(connection, name)

    @classmethod
    def open_or_create(cls, home: Path, name: str) -> Session:
        """Open a session, or begin it.

        Raises:
            InputError: the file is not a session of this version; it is left as it is.
            StorageError: it cannot be made.

        """
        path = path_of(home, name)
        if not os.path.lexists(path):
            create(home, name)
        return cls.open(home, name)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def public_view(self, before: int | None = None) -> StoredPublicView:
        """Return a view of the public turns answered so far, or before this turn and its repetitions."""
        return StoredPublicView(self._connection, before)

    def private_view(self, before: int | None = None) -> StoredPrivateView:
        """Return a view of all turns answered so far, or before this turn and its repetitions."""
        return StoredPrivateView(self._connection, before)

    def identity(self) -> Identity | None:
        """Return the identity of the file; None for a session without one.

        Raises:
            InputError: the file is damaged.

        """
        if self.name is None:
            return None
        try:
            if database.version_of(self._connection) < IDENTITY_SINCE:
                return None
            row = self._connection.execute("SELECT id, stamp FROM identity").fetchone()
        except sqlite3.DatabaseError as error:
            raise database.translated(error, f"session {self.name}") from error
        # What is no id of ours could be taken for another session's.
        if row is None or len(row[0]) != 32 or row[0].strip("0123456789abcdef"):
            return None
        return Identity(row[0], self.name, row[1], row[1])

    @contextlib.contextmanager
    def held(self) -> Iterator[Identity | None]:
        """Keep others from writing for as long as the block runs, and yield the file's identity meanwhile.

        Raises:
            StorageError: another process does not let go of it.

        """
        with self._writing():
            yield self.identity()

    def become_another(self, session: str) -> None:
        """Write a new id into a copy of a session that still has the id of the original.

        Raises:
            StorageError: it cannot be written.

        """
        with self._writing():
            self._connection.execute(
                "UPDATE identity SET id = ?, stamp = ? WHERE id = ?", (new_id(), new_id(), session)
            )

    def _stamp(self) -> Identity | None:
        """Write a new stamp, as part of a transaction that private turns take part in, and return the new identity."""
        before = self.identity()
        if before is None:
            return None
        stamp = new_id()
        self._connection.execute("UPDATE identity SET stamp = ?", (stamp,))
        return before._replace(stamp=stamp)

    def begin(self, label: Label, prompt: str, system: str | None, on_commit: OnCommit | None = None) -> int:
        """Write the prompt of a turn before it is sent, and return the turn's number.

        `on_commit` gets the number and the file's new identity, before the turn is on the disk.
        """
        with self._writing():
            cursor = self._connection.execute(
                "INSERT INTO turn (at, label, status, system, prompt) VALUES (?, ?, ?, ?, ?)",
                (now(), label.value, Status.ASKED.value, system, prompt),
            )
            number = cursor.lastrowid
            assert number is not None  # noqa: S101
            self._call_before_commit(on_commit, number, is_stamped=label is Label.PRIVATE)
        return number

    def _call_before_commit(self, on_commit: OnCommit | None, number: int, *, is_stamped: bool) -> None:
        """Call `on_commit`, which writes the turn's fingerprints, at the end of a transaction, before the commit.

        It is on the disk before the turn is: a crash between the two leaves the guard with fingerprints of a turn that
        never was, which may stop too much. The other order would leave a turn that the guard does not know.
        """
        identity = self._stamp() if is_stamped else None
        if on_commit is not None:
            on_commit(number, identity or self.identity())

    def share(self, numbers: Sequence[int]) -> tuple[list[StoredTurn], Identity | None]:
        """Copy private turns into new public ones, all or none, and log it; the private ones stay as they are.

        Return the new turns, and the file's identity with them.
        """
        copies: list[int] = []
        with self._writing():
            for number in dict.fromkeys(numbers):
                cursor = self._connection.execute(
                    "INSERT INTO turn (at, label, status, prompt, answer, engine, model, stop, tokens) "
                    "SELECT ?, 'public', status, prompt, answer, engine, model, stop, tokens FROM turn WHERE id = ?",
                    (now(), number),
                )
                copy = cursor.lastrowid
                assert copy is not None  # noqa: S101
                self._place(copy, Label.PUBLIC)
                self._record_share(number, copy)
                copies.append(copy)
            identity = self._stamp()
        return [self.turn(copy) for copy in copies], identity

    def forget(self, numbers: list[int]) -> Identity | None:
        """Erase turns, all or none; their bytes are overwritten in the file and gone from the log beside it.

        Return the file's identity without them. The guard does not know this state until it has erased their
        fingerprints as well: after a crash between the two it reads the file again, and sees which turns are gone.

        Raises:
            NotFoundError: one of them is not there.
            StorageError: another process is reading, so that the log cannot be emptied; try again.

        """
        from trooper_cli.store import memory_cache

        try:
            for number in numbers:
                self.turn(number)
        except NotFoundError:
            # The same call may be the second try of one that could not empty the log.
            self.vacuum_and_truncate_wal()
            raise
        with self._writing():
            self._connection.executemany(
                "DELETE FROM attempt WHERE turn = ? AND side <> 'cloud'", ((number,) for number in numbers)
            )
            # A private turn goes from the private view alone: the public one's memory and counts stay as they are.
            is_public = any(self.turn(number).label is Label.PUBLIC for number in numbers)
            for label in Label if is_public else (Label.PRIVATE,):
                memory_cache.clear(self._connection, label)
                self._connection.execute("DELETE FROM counted WHERE label = ?", (label.value,))
            self._connection.executemany("DELETE FROM turn WHERE id = ?", ((number,) for number in numbers))
            self._forget_masked(numbers)
            for place in ("public_place", "private_place"):
                self._connection.execute(
                    f"UPDATE turn SET {place} = ranked.place FROM "  # noqa: S608
                    f"(SELECT id, row_number() OVER (ORDER BY {place}) - 1 AS place FROM turn "
                    f"WHERE {place} IS NOT NULL) AS ranked WHERE turn.id = ranked.id"
                )
            identity = self._stamp()
        self.vacuum_and_truncate_wal()
        return identity

    def vacuum_and_truncate_wal(self) -> None:
        """Overwrite what was erased, in the file and in the log beside it.

        Raises:
            StorageError: another process is reading.

        """
        database.vacuum_and_truncate_wal(self._connection, f"session {self.name}")

    def turn(self, number: int) -> StoredTurn:
        """Return one turn.

        Raises:
            NotFoundError: it is not there.

        """
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM turn WHERE id = ?", (number,)).fetchone()  # noqa: S608
        if row is None:
            raise NotFoundError(f"session {self.name} has no turn {number}; `trooper show -s {self.name}` lists them")
        return StoredTurn(row[0], row[1], Label.read(row[2]), *row[3:])

    def finish(  # noqa: PLR0913 - each is a column of its own
        self,
        turn: int,
        status: Status,
        answer: str,
        *,
        label: Label,
        engine: str,
        model: str,
        stop: str,
        tokens: int | None = None,
        on_commit: OnCommit | None = None,
    ) -> None:
        """Write the outcome of a turn; `on_commit` as for `begin`. With an answer it gets its place in the views.

        Which views follows from the label that the turn was begun with, never from what the file says it is.
        """
        with self._writing():
            found = self._connection.execute(
                "UPDATE turn SET status = ?, answer = ?, engine = ?, model = ?, stop = ?, tokens = ? WHERE id = ?",
                (status.value, answer, engine, model, stop, tokens, turn),
            ).rowcount
            if found and answer and status in _TOLD:
                self._place(turn, label)
            self._call_before_commit(on_commit, turn, is_stamped=label is Label.PRIVATE)

    def add(self, turns: Iterable[ImportedTurn], on_commit: OnCommit | None = None) -> int:
        """Append whole turns, all or none, and return how many they are; `on_commit` gets the number of the first."""
        with self._writing():
            public, private = self.public_view().stored(), self.private_view().stored()
            count = first = 0
            for count, turn in enumerate(turns, 1):  # noqa: B007
                is_told = bool(turn.answer) and turn.status in _TOLD
                is_public = is_told and turn.label is Label.PUBLIC
                cursor = self._connection.execute(
                    "INSERT INTO turn (at, label, status, system, prompt, answer, engine, model, tokens, "
                    "public_place, private_place) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*turn, public if is_public else None, private if is_told else None),
                )
                public, private = public + is_public, private + is_told
                # A number is never given twice, so that of the first need not follow from the turns that are there.
                first = first or cursor.lastrowid or 0
            self._call_before_commit(on_commit, first, is_stamped=True)
        return count

    def _place(self, number: int, label: Label) -> None:
        """Put an answered turn at the end of the views that may show it."""
        for column in ("public_place", "private_place") if label is Label.PUBLIC else ("private_place",):
            self._connection.execute(
                f"UPDATE turn SET {column} = ? WHERE id = ?",  # noqa: S608
                ((self.public_view() if column == "public_place" else self.private_view()).stored(), number),
            )

    def settings(self) -> dict[str, str]:
        """Return the user's settings for this session."""
        return dict(self._connection.execute("SELECT name, value FROM setting ORDER BY name"))

    def set(self, name: str, value: str | None) -> None:
        """Set a default of this session, or take it back where `value` is None."""
        with self._writing():
            self._connection.execute("DELETE FROM setting WHERE name = ?", (name,))
            if value is not None:
                self._connection.execute("INSERT INTO setting VALUES (?, ?)", (name, value))

    def turns(self) -> Iterator[StoredTurn]:
        """Yield all turns, in their order."""
        for row in self._connection.execute(f"SELECT {_COLUMNS} FROM turn ORDER BY id"):  # noqa: S608
            yield StoredTurn(row[0], row[1], Label.read(row[2]), *row[3:])

    def counts(self) -> tuple[int, int, str | None]:
        """Return the number of turns, the number of private turns, and the time of the newest turn."""
        row: tuple[int, int, str | None] = self._connection.execute(
            "SELECT count(*), coalesce(sum(label <> 'public'), 0), max(at) FROM turn"
        ).fetchone()
        return row
