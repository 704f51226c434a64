"""The session file: one SQLite database a session. It holds turns, their attempts, and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli import database
from trooper_cli.database import writing
from trooper_cli.errors import InputError, NotFoundError, StorageError, UsageError
from trooper_cli.lazy import pattern
from trooper_cli.places import private_folder
from trooper_cli.store.views import StoredPrivateView, StoredPublicView
from trooper_cli.turn import Label, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from trooper_cli.engines import Usage

    # Gets a turn's number and what the session's file will be known by.
    Also = Callable[[int, "Identity | None"], object]

FORMAT = database.Format(
    0x54525052,
    {1: "2ae85e85143950ea3635163ad20a25a8", 2: "c83e75692dadb7d02b3f7ee2fe83a559"},
)
_NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_SCHEMA = """
CREATE TABLE turn (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    label TEXT NOT NULL DEFAULT 'private' CHECK (label IN ('public', 'private')),
    status TEXT NOT NULL CHECK (status IN ('asked', 'answered', 'incomplete', 'refused', 'failed')),
    system TEXT,
    prompt TEXT NOT NULL,
    answer TEXT NOT NULL DEFAULT '',
    engine TEXT,
    model TEXT,
    stop TEXT,
    tokens INTEGER,
    public_place INTEGER CHECK (public_place IS NULL OR label = 'public'),
    private_place INTEGER
) STRICT;
CREATE INDEX public_order ON turn (public_place) WHERE public_place IS NOT NULL;
CREATE INDEX private_order ON turn (private_place) WHERE private_place IS NOT NULL;
CREATE INDEX public_system ON turn (public_place) WHERE system IS NOT NULL AND public_place IS NOT NULL;
CREATE INDEX private_system ON turn (private_place) WHERE system IS NOT NULL AND private_place IS NOT NULL;
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    turn INTEGER REFERENCES turn (id) ON DELETE SET NULL,
    at TEXT NOT NULL,
    side TEXT NOT NULL,
    engine TEXT NOT NULL,
    model TEXT NOT NULL DEFAULT '',
    host TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    turns TEXT NOT NULL,
    private_turns INTEGER NOT NULL,
    outcome TEXT NOT NULL DEFAULT 'sent',
    seconds REAL,
    input INTEGER,
    output INTEGER,
    cache_read INTEGER,
    cache_write INTEGER
) STRICT;
CREATE INDEX attempt_of ON attempt (turn);
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
CREATE TABLE counted (
    label TEXT NOT NULL,
    engine TEXT NOT NULL,
    model TEXT NOT NULL,
    ratio REAL NOT NULL,
    PRIMARY KEY (label, engine, model)
) STRICT;
"""
# What format 2 added.
_IDENTITY = """CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    stamp TEXT NOT NULL
) STRICT"""


class Identity(NamedTuple):
    """What a session's file is known by, whatever its name.

    `id` is made with the file, `stamp` is new with every write that private turns take part in; `before` is the stamp
    that such a write replaces, and the same outside of one.
    """

    id: str
    name: str
    stamp: str
    before: str


class FileState(NamedTuple):
    """What the file system says of a session's file and of the log beside it."""

    text: str
    inode: tuple[int, int]
    changed: int

    @property
    def is_settled(self) -> bool:
        """Whether a later change must show: some file systems count in steps of two seconds."""
        return time.time_ns() - self.changed > 2_500_000_000


class StoredTurn(NamedTuple):
    """A turn as the session file holds it."""

    number: int
    at: str
    label: Label
    status: str
    system: str | None
    prompt: str
    answer: str
    engine: str | None
    model: str | None
    stop: str | None


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


class Spending(NamedTuple):
    """What one request used, as its engine counted it; None where the engine did not come to the end.

    `bytes` is the size of a request to the cloud, `verbatim` that of its prompt and all earlier public turns as text.
    """

    side: str
    engine: str
    model: str
    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    bytes: int
    verbatim: int


class ImportedTurn(NamedTuple):
    """A turn that comes from elsewhere, in the order of the columns it goes to; its tokens where they are counted."""

    at: str
    label: Label
    status: Status
    system: str | None
    prompt: str
    answer: str
    engine: str | None
    model: str | None
    tokens: int | None = None


def check_name(name: str) -> str:
    """Check a session's name.

    Raises:
        UsageError: it is none.

    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UsageError(
            "a session's name is 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first"
        )
    return name


def folder(home: Path) -> Path:
    return home / "sessions"


def path_of(home: Path, name: str) -> Path:
    return folder(home) / f"{check_name(name)}.db"


def names(home: Path) -> list[str]:
    """Give the names of all session files, sorted."""
    return sorted(path.stem for path in folder(home).glob("*.db") if _NAME.fullmatch(path.stem))


def settings_of(home: Path, name: str | None) -> dict[str, str]:
    """Give what the user has set for a session; nothing where there is none of that name."""
    if name is None or not os.path.lexists(path_of(home, name)):
        return {}
    with contextlib.closing(Session.open(home, name)) as session:
        return session.settings()


def files_of(home: Path) -> dict[str, FileState]:
    """Return the names of all session files, each with what the file system says of it."""
    found: dict[str, os.stat_result] = {}
    with contextlib.suppress(OSError), os.scandir(folder(home)) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found[entry.name] = entry.stat(follow_symlinks=False)
    return {
        name: _state(status, found.get(f"{file}-wal"))
        for file, status in sorted(found.items())
        if file.endswith(".db") and _NAME.fullmatch(name := file.removesuffix(".db"))
    }


def _state(file: os.stat_result, log: os.stat_result | None) -> FileState:
    both = [file, log] if log is not None else [file]
    values = [(one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for one in both]
    changed = max(max(one.st_mtime_ns, one.st_ctime_ns) for one in both)
    return FileState(str(values), (file.st_dev, file.st_ino), changed)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Session:
    """An open session. What is written is on the disk when the call returns."""

    def __init__(self, connection: sqlite3.Connection, name: str | None) -> None:
        self._connection = connection
        self.name = name

    @classmethod
    def of_one_turn(cls) -> Session:
        """Give a session without a name, which is gone when the process ends."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(_schema())
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
            raise NotFoundError(f"there is no session {name}; `trooper sessions` lists those that are")
        database.check(path, FORMAT)
        with contextlib.suppress(StorageError):
            private_folder(path.parent)
        try:
            connection = database.connect(path, FORMAT, _read_first)
        except sqlite3.DatabaseError as error:
            raise database.translated(error, f"session {name}") from error
        # What cannot be written can be read all the same.
        with contextlib.suppress(StorageError):
            _migrate(connection, name)
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
            _create(home, name)
        return cls.open(home, name)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def public_view(self) -> StoredPublicView:
        """Give the public turns that are answered by now."""
        return StoredPublicView(self._connection)

    def private_view(self) -> StoredPrivateView:
        """Give all turns that are answered by now."""
        return StoredPrivateView(self._connection)

    def identity(self) -> Identity | None:
        """Return what the file is known by; None for a session without one.

        Raises:
            InputError: the file is damaged.

        """
        if self.name is None:
            return None
        try:
            if database.version_of(self._connection) < FORMAT.version:
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
        """Keep others from writing for as long as the block runs, and give what the file is known by meanwhile.

        Raises:
            StorageError: another process does not let go of it.

        """
        with self._writing():
            yield self.identity()

    def become_another(self, session: str) -> None:
        """Give a copy of a session an id of its own, if it still has that of the other.

        Raises:
            StorageError: it cannot be written.

        """
        with self._writing():
            self._connection.execute(
                "UPDATE identity SET id = ?, stamp = ? WHERE id = ?", (_new_id(), _new_id(), session)
            )

    def _stamp(self) -> Identity | None:
        """Give the file a new stamp, as a part of a write that private turns take part in."""
        before = self.identity()
        if before is None:
            return None
        stamp = _new_id()
        self._connection.execute("UPDATE identity SET stamp = ?", (stamp,))
        return before._replace(stamp=stamp)

    def begin(self, label: Label, prompt: str, system: str | None, also: Also | None = None) -> int:
        """Write the prompt of a turn before it is sent, and return the turn's number.

        `also` gets the number and what the file will be known by. It is done and on the disk before the turn is: a
        crash between the two leaves the guard with fingerprints of a turn that never was, which may stop too much. The
        other order would leave a turn that the guard does not know.
        """
        with self._writing():
            cursor = self._connection.execute(
                "INSERT INTO turn (at, label, status, system, prompt) VALUES (?, ?, ?, ?, ?)",
                (now(), label.value, Status.ASKED.value, system, prompt),
            )
            number = cursor.lastrowid
            assert number is not None  # noqa: S101
            identity = self._stamp() if label is Label.PRIVATE else None
            if also is not None:
                also(number, identity or self.identity())
        return number

    def begin_attempt(
        self, turn: int, label: Label, *, side: str, engine: str, model: str, host: str, body: bytes, turns: list[int]
    ) -> int:
        """Write down that a request is about to leave, and which turns take part in it.

        Whether the turn itself is private is its caller's word; of those before it the labels are counted.
        """
        digest = ""
        # A digest of a private request would let its text be guessed; only what leaves is to be accounted for.
        if side != "local":
            import hashlib

            digest = hashlib.sha256(body).hexdigest()
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
                    len(body) if digest else 0,
                    digest,
                    json.dumps(turns),
                    model,
                    label is not Label.PUBLIC,
                ),
            )
        assert cursor.lastrowid is not None  # noqa: S101
        return cursor.lastrowid

    def attempts(self) -> Iterator[StoredAttempt]:
        """Give all attempts in their order."""
        columns = "turn, at, side, engine, host, bytes, sha256, turns, private_turns, outcome"
        for row in self._connection.execute(f"SELECT {columns} FROM attempt ORDER BY id"):  # noqa: S608
            at, side, engine, host, size, sha256, turns, private, outcome = row[1:]
            yield StoredAttempt(
                row[0], at, side, engine, host, size, sha256, tuple(json.loads(turns)), private, outcome
            )

    def spendings(self) -> Iterator[Spending]:
        """Give what each request used, in their order."""
        verbatim = (
            "SELECT id, length(CAST(prompt AS BLOB)) + coalesce(sum(CASE WHEN public_place IS NOT NULL THEN "
            "length(CAST(prompt AS BLOB)) + length(CAST(answer AS BLOB)) END) "
            "OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS size FROM turn"
        )
        rows = self._connection.execute(
            "SELECT side, engine, model, input, output, cache_read, cache_write, bytes, coalesce(size, 0) "  # noqa: S608
            f"FROM attempt LEFT JOIN ({verbatim}) AS told ON told.id = attempt.turn AND side = 'cloud' "
            "WHERE side <> 'share' ORDER BY attempt.id"
        )
        return (Spending(*row) for row in rows)

    def share(self, number: int) -> tuple[StoredTurn, Identity | None]:
        """Copy a private turn into a new public one, and log it; the private one stays as it is.

        Returns the new turn, and what the file is known by with it.

        Raises:
            NotFoundError: there is no such turn, or it holds no answer.
            UsageError: the turn is public already.

        """
        source = self.turn(number)
        if source.label is Label.PUBLIC:
            raise UsageError(f"turn {number} of {self.name} is public already")
        if source.status not in {"answered", "incomplete"} or not source.answer:
            raise NotFoundError(f"turn {number} of {self.name} has no answer to share")
        with self._writing():
            cursor = self._connection.execute(
                "INSERT INTO turn (at, label, status, prompt, answer, engine, model, stop, tokens) "
                "SELECT ?, 'public', status, prompt, answer, engine, model, stop, tokens FROM turn WHERE id = ?",
                (now(), number),
            )
            copy = cursor.lastrowid
            assert copy is not None  # noqa: S101
            self._place(copy, Label.PUBLIC)
            self._connection.execute(
                "INSERT INTO attempt (turn, at, side, engine, host, bytes, sha256, turns, private_turns, outcome) "
                "VALUES (?, ?, 'share', '', '', 0, '', ?, 1, 'shared')",
                (copy, now(), json.dumps([number])),
            )
            identity = self._stamp()
        return self.turn(copy), identity

    def forget(self, numbers: list[int]) -> Identity | None:
        """Erase turns, all or none; their bytes are overwritten in the file and gone from the log beside it.

        Returns what the file is known by without them. The guard does not know this state until it has erased their
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
            self.settle()
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
            for place in ("public_place", "private_place"):
                self._connection.execute(
                    f"UPDATE turn SET {place} = ranked.place FROM "  # noqa: S608
                    f"(SELECT id, row_number() OVER (ORDER BY {place}) - 1 AS place FROM turn "
                    f"WHERE {place} IS NOT NULL) AS ranked WHERE turn.id = ranked.id"
                )
            identity = self._stamp()
        self.settle()
        return identity

    def settle(self) -> None:
        """Leave no byte of what was erased, in the file or in the log beside it.

        Raises:
            StorageError: another process is reading.

        """
        database.settle(self._connection, f"session {self.name}")

    def turn(self, number: int) -> StoredTurn:
        """Give one turn.

        Raises:
            NotFoundError: it is not there.

        """
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM turn WHERE id = ?", (number,)).fetchone()  # noqa: S608
        if row is None:
            raise NotFoundError(f"session {self.name} has no turn {number}; `trooper show -s {self.name}` lists them")
        return StoredTurn(row[0], row[1], Label.read(row[2]), *row[3:])

    def ratio(self, label: Label, engine: str, model: str) -> float | None:
        """Give how many tokens this model counted for one of the estimate, in turns of this label; None if unknown."""
        query = "SELECT ratio FROM counted WHERE label = ? AND engine = ? AND model = ?"
        row = self._connection.execute(query, (label.value, engine, model)).fetchone()
        return row[0] if row else None

    def learn_ratio(self, label: Label, engine: str, model: str, ratio: float) -> None:
        """Keep what a turn of this label taught; small changes are passed over, since each makes the memory anew."""
        known = self.ratio(label, engine, model)
        if known is not None and abs(known - ratio) < _SAME_RATIO:
            return
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO counted VALUES (?, ?, ?, ?)", (label.value, engine, model, ratio)
            )

    def end_attempt(self, attempt: int, outcome: str, seconds: float, model: str, usage: Usage | None) -> None:
        figures = (usage.input, usage.output, usage.cache_read, usage.cache_write) if usage else (None,) * 4
        with self._writing():
            self._connection.execute(
                "UPDATE attempt SET outcome = ?, seconds = ?, model = ?, "
                "input = ?, output = ?, cache_read = ?, cache_write = ? WHERE id = ?",
                (outcome, round(seconds, 3), model, *figures, attempt),
            )

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
        also: Also | None = None,
    ) -> None:
        """Write what became of a turn; `also` as for `begin`. With an answer it gets its place in the views.

        Which views is told by the label that the turn was begun with, never by what the file says it is.
        """
        with self._writing():
            found = self._connection.execute(
                "UPDATE turn SET status = ?, answer = ?, engine = ?, model = ?, stop = ?, tokens = ? WHERE id = ?",
                (status.value, answer, engine, model, stop, tokens, turn),
            ).rowcount
            if found and answer and status in _TOLD:
                self._place(turn, label)
            identity = self._stamp() if label is Label.PRIVATE else None
            if also is not None:
                also(turn, identity or self.identity())

    def add(self, turns: Iterable[ImportedTurn], also: Also | None = None) -> int:
        """Append whole turns, all or none, and give how many they are; `also` gets the number of the first."""
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
            identity = self._stamp()
            if also is not None:
                also(first, identity)
        return count

    def _place(self, number: int, label: Label) -> None:
        """Put an answered turn at the end of the views that may show it."""
        for column in ("public_place", "private_place") if label is Label.PUBLIC else ("private_place",):
            self._connection.execute(
                f"UPDATE turn SET {column} = ? WHERE id = ?",  # noqa: S608
                ((self.public_view() if column == "public_place" else self.private_view()).stored(), number),
            )

    def settings(self) -> dict[str, str]:
        """Give what the user has set for this session."""
        return dict(self._connection.execute("SELECT name, value FROM setting ORDER BY name"))

    def set(self, name: str, value: str | None) -> None:
        """Set a default of this session, or take it back where `value` is None."""
        with self._writing():
            self._connection.execute("DELETE FROM setting WHERE name = ?", (name,))
            if value is not None:
                self._connection.execute("INSERT INTO setting VALUES (?, ?)", (name, value))

    def turns(self) -> Iterator[StoredTurn]:
        """Give all turns, in their order."""
        for row in self._connection.execute(f"SELECT {_COLUMNS} FROM turn ORDER BY id"):  # noqa: S608
            yield StoredTurn(row[0], row[1], Label.read(row[2]), *row[3:])

    def counts(self) -> tuple[int, int, str | None]:
        """Give the number of turns, of private turns, and the time of the newest."""
        row: tuple[int, int, str | None] = self._connection.execute(
            "SELECT count(*), coalesce(sum(label <> 'public'), 0), max(at) FROM turn"
        ).fetchone()
        return row

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return writing(self._connection, f"session {self.name}")


_SAME_RATIO = 0.08
_TOLD = (Status.ANSWERED, Status.INCOMPLETE)
_COLUMNS = "id, at, label, status, system, prompt, answer, engine, model, stop"


def _schema() -> str:
    from trooper_cli.store import memory_cache

    return f"{_SCHEMA}{memory_cache.schema()}{_IDENTITY};\n"


def _new_id() -> str:
    return os.urandom(16).hex()


def _new_identity() -> str:
    # Hexadecimal digits of our own making.
    return f"INSERT INTO identity VALUES (1, '{_new_id()}', '{_new_id()}')"  # noqa: S608


def _migrate(connection: sqlite3.Connection, name: str) -> None:
    if database.version_of(connection) == FORMAT.version:
        return
    with writing(connection, f"session {name}"):
        # Another process may have been quicker.
        if database.version_of(connection) == 1:
            connection.execute(_IDENTITY)
            connection.execute(_new_identity())
            connection.execute(f"PRAGMA user_version = {FORMAT.version}")


def _read_first(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT id, label, status, system, prompt, answer FROM turn LIMIT 1").fetchone()
    connection.execute("SELECT name, value FROM setting LIMIT 1").fetchone()


def _create(home: Path, name: str) -> None:
    private_folder(home)
    private_folder(folder(home))
    twin = next((other for other in names(home) if other != name and other.lower() == name.lower()), None)
    if twin:
        raise UsageError(f"there is a session {twin} already; names that differ only in case are not kept apart")
    database.create(path_of(home, name), f"{_schema()}{_new_identity()};", FORMAT)


def remove(home: Path, name: str) -> str | None:
    """Delete a session with everything SQLite keeps beside it; returns its id, if it could be read.

    Raises:
        NotFoundError: there is none of that name.
        InputError: the file is not a session of Trooper's; it is left as it is.

    """
    path, session_id = path_of(home, name), None
    if not os.path.lexists(path):
        raise NotFoundError(f"there is no session {name}; `trooper sessions` lists those that are")
    database.check(path, FORMAT)
    # What is deleted is overwritten before its file goes.
    try:
        with contextlib.closing(Session.open(home, name)) as session:
            identity = session.forget([turn.number for turn in session.turns()])
            session_id = identity and identity.id
    except (InputError, sqlite3.DatabaseError):
        # Ours, but damaged: SQLite cannot delete from it.
        database.overwrite(path)
    try:
        # A log that is left alone would be taken for that of the next session of the name.
        for companion in reversed(database.COMPANIONS):
            Path(f"{path}{companion}").unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"session {name} could not be removed: {error.strerror}") from error
    return session_id
