"""The file that fingerprints are kept in: which turns they come from, and which states of which session it knows.

Sessions are known by the id that is in their file, not by name or place. A session's file has a stamp, which changes
with each write of private turns; the index lists the stamps whose private turns it knows. A new stamp is listed before
the session has it, and only where the one before was listed: a file whose stamp is not listed was changed by someone
else, or was left by a `forget` that was cut short, and is read again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli import database
from trooper_cli.errors import StorageError
from trooper_cli.files import ensure_private_dir
from trooper_cli.guard.index_key import read_or_make

try:
    # The same function, without OpenSSL, which hashlib loads for its others: 3 ms of an ask.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path
    from typing import Self

    from trooper_cli.guard.identity import FileState, Identity

_WHAT = "the guard's index"
# How many sessions are opened once more at the next call, before a call that writes nothing else writes them down.
_MOST_PENDING = 4
SCHEMA = """
CREATE TABLE origin (
    id INTEGER PRIMARY KEY,
    public INTEGER NOT NULL,
    session TEXT,
    turn INTEGER
) STRICT;
CREATE INDEX origin_of ON origin (session, turn);
CREATE TABLE mark (
    hash INTEGER NOT NULL,
    origin INTEGER NOT NULL REFERENCES origin (id) ON DELETE CASCADE,
    PRIMARY KEY (hash, origin)
) STRICT, WITHOUT ROWID;
CREATE INDEX mark_of ON mark (origin);
CREATE TABLE complete (mark INTEGER NOT NULL) STRICT;
"""
# What format 2 added: sessions were known by their names and the numbers of their files before.
_STAMPS = "CREATE TABLE stamp (session TEXT, stamp TEXT, PRIMARY KEY (session, stamp)) STRICT, WITHOUT ROWID"
_SESSIONS = """CREATE TABLE session (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID"""
SCHEMA += f"{_STAMPS};\n{_SESSIONS};\n"
FORMAT = database.Format(
    0x54525047,
    {1: "0e40ba918c655b7500b9cb4ce0855586", 2: "80116988da4716669d4ce8b73384aae3"},
)


class ReadTurn(NamedTuple):
    """The fingerprints of one turn of a session's file."""

    marks: Collection[int]
    public: bool
    number: int


class IndexFile:
    """Fingerprints, by where they come from."""

    def __init__(self, connection: sqlite3.Connection, key: bytes) -> None:
        self._connection = connection
        self._key = key
        self._keyed = blake2b(digest_size=8, key=key)
        self._seed = int.from_bytes(blake2b(b"selector", key=key, digest_size=4).digest())
        self._pending: dict[str, tuple[str, str]] = {}
        self._names: dict[str, str] = {}
        # The file that must have been lost, since the other one was there.
        self.lost: str | None = None
        self.is_new = True

    @classmethod
    def in_memory(cls, key: bytes | None = None) -> Self:
        """Return an index that is gone when the process ends."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(SCHEMA)
        return cls(connection, key or os.urandom(32))

    def beside(self) -> Self:
        """Return an empty index under the same key that is gone when it is closed."""
        return self.in_memory(self._key)

    @staticmethod
    def is_there(home: Path) -> bool:
        """Return whether an index was begun, whatever has become of it."""
        return os.path.lexists(_path(home))

    @classmethod
    def open(cls, home: Path) -> Self:
        """Open the index, or begin it.

        Raises:
            StorageError: it cannot be made or opened.
            InputError: the file there is no index; it is left as it is.

        """
        path, key_path = _path(home), home / "guard.key"
        ensure_private_dir(home)
        # The key is made after the index and looked for before it: where it is alone, the index was lost.
        had_key, had_index = os.path.lexists(key_path), os.path.lexists(path)
        if not had_index:
            database.create(path, SCHEMA, FORMAT)
        key = read_or_make(key_path)
        database.check(path, FORMAT)
        try:
            index = cls(database.connect(path, FORMAT), key)
        except sqlite3.DatabaseError as error:
            raise database.translated(error, _WHAT) from error
        index.is_new = not had_index
        index.lost = "guard.db" if had_key and not had_index else None
        index._migrate()
        return index

    def _migrate(self) -> None:
        """Bring an index of format 1 to the present one; where it cannot be written, a copy in memory."""
        if database.version_of(self._connection) == FORMAT.version:
            return
        try:
            self._migrate_in_place()
        except StorageError:
            copy = sqlite3.connect(":memory:", isolation_level=None)
            copy.execute("PRAGMA foreign_keys = ON")
            self._connection.backup(copy)
            self._connection.close()
            self._connection = copy
            self._migrate_in_place()
            copy.execute("PRAGMA query_only = ON")

    def _migrate_in_place(self) -> None:
        with self._writing():
            # Another process may have been quicker.
            if database.version_of(self._connection) != 1:
                return
            for statement in (_STAMPS, _SESSIONS):
                self._connection.execute(statement)
            # Names have no colon and ids none either. The session of that name takes them over when it is read.
            self._connection.execute("UPDATE origin SET session = 'name:' || session WHERE session IS NOT NULL")
            if self._is_listed_as_begun():
                self._connection.execute("DELETE FROM complete WHERE mark <> ?", (self._hash("all"),))
            self._connection.execute(f"PRAGMA user_version = {FORMAT.version}")

    def begin(self, tell_lost: Callable[[str], object]) -> None:
        """Erase what was marked under another key, if this one has marked nothing yet; call `tell_lost` first."""
        # One look: between two, another process may begin, and what it marked would seem to be under another key.
        begun = {mark for (mark,) in self._connection.execute("SELECT mark FROM complete")}
        if self._hash("all") in begun:
            return
        if begun:
            self.lost = "guard.key"
        if self.lost:
            tell_lost(self.lost)
        with self._writing():
            # Another process may have begun in the meantime, and has marked what is stored nowhere else.
            if not self._is_listed_as_begun():
                for table in ("origin", "complete", "stamp", "session"):
                    self._connection.execute(f"DELETE FROM {table}")  # noqa: S608
                self._connection.execute("INSERT INTO complete VALUES (?)", (self._hash("all"),))

    def _is_listed_as_begun(self) -> bool:
        query = "SELECT 1 FROM complete WHERE mark = ?"
        return self._connection.execute(query, (self._hash("all"),)).fetchone() is not None

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def sessions(self) -> list[tuple[str, str, str]]:
        """Return id, last name and noted state of the file of all sessions that were read."""
        return self._connection.execute("SELECT id, name, state FROM session").fetchall()

    def name_of(self, session: str) -> str | None:
        """Return the name that a session has, or had last."""
        if session not in self._names:
            row = self._connection.execute("SELECT name FROM session WHERE id = ?", (session,)).fetchone()
            self._names[session] = row[0] if row else session.removeprefix("name:")
        return self._names[session]

    def is_known(self, session: str) -> bool:
        """Return whether a session of this id was read before."""
        query = "SELECT 1 FROM session WHERE id = ?"
        return self._connection.execute(query, (session,)).fetchone() is not None

    def is_listed(self, session: Identity) -> bool:
        """Return whether all private turns of this state of a session are known."""
        return self._is_stamp_listed(session.id, session.stamp)

    def _is_stamp_listed(self, session: str, stamp: str) -> bool:
        query = "SELECT 1 FROM stamp WHERE session = ? AND stamp = ?"
        return self._connection.execute(query, (session, stamp)).fetchone() is not None

    def note(self, session: Identity, state: FileState) -> None:
        """Note that this state of a file holds nothing unknown, so that it need not be opened again.

        It is written with the next write, or once there are some: to open a few files costs less than to write.
        """
        self._names[session.id] = session.name
        if not state.is_settled:
            return
        self._pending[session.id] = (session.name, state.text)
        if len(self._pending) > _MOST_PENDING:
            with contextlib.suppress(StorageError), self._writing():
                pass

    def index_session(
        self, session: Identity, state: FileState | None, turns: list[ReadTurn], numbers: list[int]
    ) -> None:
        """Index the file of a session as it is; `turns` are those that count, `numbers` those of all its turns.

        What private turns had before stays, since it may be of an answer that was printed and never stored; but not
        that of turns which are gone.
        """
        was_known = self.is_known(session.id)
        with self._writing():
            self._connection.execute(
                "UPDATE origin SET session = ? WHERE session = ?", (session.id, f"name:{session.name}")
            )
            self._connection.execute(
                "DELETE FROM origin WHERE session = ? AND turn IS NOT NULL "
                "AND (public OR turn NOT IN (SELECT value FROM json_each(?)))",
                (session.id, json.dumps(numbers)),
            )
            self._connection.execute("DELETE FROM stamp WHERE session = ?", (session.id,))
            for turn in turns:
                self._insert_missing(session.id, turn)
            if not was_known:
                self._list(session)
            noted = state.text if state is not None and state.is_settled else ""
            self._connection.execute(
                "INSERT OR REPLACE INTO session VALUES (?, ?, ?)", (session.id, session.name, noted)
            )
        if was_known:
            # What is left of turns that were forgotten goes before the file counts as known, or next time.
            try:
                database.vacuum_and_truncate_wal(self._connection, _WHAT)
            except StorageError:
                return
            with self._writing():
                self._list(session)

    def _insert_missing(self, session: str, turn: ReadTurn) -> None:
        query = "SELECT hash FROM mark JOIN origin ON origin.id = origin WHERE session = ? AND turn = ?"
        known = {row[0] for row in self._connection.execute(query, (session, turn.number))} if not turn.public else ()
        if marks := [mark for mark in turn.marks if mark not in known]:
            self._insert(marks, public=turn.public, session=session, turn=turn.number)

    def _list(self, session: Identity) -> None:
        self._connection.execute("INSERT OR IGNORE INTO stamp VALUES (?, ?)", (session.id, session.stamp))

    def add(self, marks: Collection[int], *, public: bool, session: Identity | None, turn: int | None) -> None:
        """Add the marks of one turn, and list the stamp that the session gets with it."""
        if marks or (session is not None and session.stamp != session.before):
            with self._writing():
                if marks:
                    self._insert(marks, public=public, session=session and session.id, turn=turn)
                self._follow(session)

    def add_turns(self, session: Identity | None, turns: Iterable[tuple[Collection[int], bool, int | None]]) -> None:
        """Add the marks of many turns, each public or not and with its number; all or none."""
        with self._writing():
            for marks, public, turn in turns:
                self._insert(marks, public=public, session=session and session.id, turn=turn)
            self._follow(session)

    def _follow(self, session: Identity | None) -> None:
        """List a session's new stamp if the one before is listed; if not, there is something that was not read."""
        if session is None:
            return
        if not self.is_known(session.id):
            # It was removed while a turn was under way.
            self._connection.execute("INSERT INTO session VALUES (?, ?, '')", (session.id, session.name))
        if session.stamp != session.before and self._is_stamp_listed(session.id, session.before):
            self._list(session)

    def _insert(self, marks: Iterable[int], *, public: bool, session: str | None, turn: int | None) -> None:
        row = self._connection.execute(
            "INSERT INTO origin (public, session, turn) VALUES (?, ?, ?)", (public, session, turn)
        )
        self._connection.executemany("INSERT INTO mark VALUES (?, ?)", ((mark, row.lastrowid) for mark in marks))

    def remove_turns(self, session: Identity, numbers: Iterable[int]) -> None:
        """Remove the fingerprints of turns that are gone from the session; no byte of them stays in the files.

        Earlier states of the session are no longer known: one that is put back holds the turns again.
        """
        was_listed = self._is_stamp_listed(session.id, session.before) or self.is_listed(session)
        with self._writing():
            self._connection.executemany(
                "DELETE FROM origin WHERE session = ? AND turn = ?", ((session.id, number) for number in numbers)
            )
            self._connection.execute("DELETE FROM stamp WHERE session = ?", (session.id,))
        database.vacuum_and_truncate_wal(self._connection, _WHAT)
        if was_listed:
            with self._writing():
                self._list(session)

    def remove_session(self, name: str, session: str | None, present: Collection[str]) -> None:
        """Remove the fingerprints of a session that is gone; no byte of them stays in the files.

        Where its id is not known, of all sessions that had the name last and are not `present`.
        """
        ids = {session} if session else {row[0] for row in self.sessions() if row[1] == name} - {*present}
        with self._writing():
            for gone in (*ids, f"name:{name}"):
                self._connection.execute("DELETE FROM origin WHERE session = ?", (gone,))
                self._connection.execute("DELETE FROM stamp WHERE session = ?", (gone,))
                self._connection.execute("DELETE FROM session WHERE id = ?", (gone,))
                self._pending.pop(gone, None)
        database.vacuum_and_truncate_wal(self._connection, _WHAT)

    def _hash(self, text: str) -> int:
        # To copy what has taken in the key already takes half the time.
        keyed = self._keyed.copy()
        keyed.update(text.encode("utf-8", "replace"))
        return int.from_bytes(keyed.digest(), signed=True)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with database.writing(self._connection, _WHAT):
            yield
            self._connection.executemany(
                "UPDATE session SET name = ?, state = ? WHERE id = ?",
                ((*noted, session) for session, noted in self._pending.items()),
            )
        self._pending.clear()


def _path(home: Path) -> Path:
    return home / "guard.db"
