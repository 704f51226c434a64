"""SQLite files of ours: made whole, looked at before they are opened, for their owner alone."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trooper_cli.errors import InputError, NotFoundError, StorageError
from trooper_cli.files import chmod_private

try:
    # The same function, without OpenSSL, which hashlib loads for its others: 3 ms of an ask.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

BUSY_SECONDS = 60.0
COMPANIONS = ("", "-wal", "-shm")
REMEDY = "move it away to start again, or remove a session with `trooper rm`"


class Format(NamedTuple):
    """What a file of ours must be: the mark in its head, and the digest of the whole schema of each version we read."""

    application: int
    schemas: Mapping[int, str]

    @property
    def version(self) -> int:
        """The version that is written."""
        return max(self.schemas)


def create_atomically(path: Path, fill: Callable[[Path], object]) -> None:
    """Make a file under another name and link it into place, so that nobody ever meets half of it.

    If another process was quicker, its file stands.

    Raises:
        StorageError: it cannot be made.

    """
    import tempfile

    try:
        descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
        os.close(descriptor)
        try:
            fill(Path(name))
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
        finally:
            for companion in COMPANIONS:
                Path(name + companion).unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        cause = error.strerror if isinstance(error, OSError) else "the database refuses"
        raise StorageError(f"cannot make {path} ({cause}); is the disk full or read-only?") from error


def create(
    path: Path, schema: str, form: Format, begin: Callable[[sqlite3.Connection], object] = lambda _: None
) -> None:
    """Make a database by these statements, with the marks of its format in its head; `begin` fills it."""

    def fill(temporary: Path) -> None:
        with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA application_id = {form.application}")
            connection.execute(f"PRAGMA user_version = {form.version}")
            connection.executescript(schema)
            begin(connection)

    create_atomically(path, fill)


def check(path: Path, form: Format) -> None:
    """Look at a file's head before SQLite does, which would recover, and so change, what is not ours.

    Raises:
        NotFoundError: there is no such file.
        InputError: it is no file of ours, or of another version; it is left as it is.

    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror}) and is left as it is; move it away") from error
    try:
        head = os.read(descriptor, 100) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    finally:
        os.close(descriptor)
    if len(head) < 100 or head[:16] != b"SQLite format 3\0" or int.from_bytes(head[68:72]) != form.application:
        raise InputError(f"{path} is not a file of Trooper's and is left as it is; move it away")
    _check_version(path, form, int.from_bytes(head[60:64]))
    with contextlib.suppress(OSError):
        chmod_private(path)


def check_alone(path: Path) -> None:
    """Look for other names of a file that is about to be emptied: they would be emptied with it.

    Raises:
        InputError: it has one; nothing is changed.

    """
    try:
        for left_over in path.parent.glob(".new-*") if path.stat().st_nlink > 1 else ():
            # `create_atomically` was killed before it took its own name away.
            if left_over.samefile(path):
                left_over.unlink()
        links = path.stat().st_nlink
    except OSError as error:
        raise StorageError(f"cannot look at {path}: {error.strerror}") from error
    if links > 1:
        raise InputError(
            f"{path} has another name (a hard link), and what is erased here would be gone there too; it is left as it "
            f"is. Make the other a copy, or remove one of the names: `find DIR -samefile {path}` shows them"
        )


def _check_version(path: Path, form: Format, found: int) -> None:
    if found not in form.schemas:
        raise InputError(
            f"{path} is of format {found} and this Trooper reads format {form.version}; it is left as it is: use the "
            "Trooper that wrote it, or move it away"
        )


def connect(
    path: Path, form: Format, read_first: Callable[[sqlite3.Connection], object] = lambda _: None
) -> sqlite3.Connection:
    """Open a checked file; what is deleted from it is overwritten.

    What `read_first` cannot read is closed again, so that SQLite takes its companions of the file away.

    Raises:
        sqlite3.Error: SQLite cannot.
        InputError: the file is torn, or holds anything but the tables and indexes of its format.

    """
    if _ends_within_a_page(path):
        raise InputError(f"{path} is damaged, its end is missing; {REMEDY}")
    place = path.absolute().as_uri()
    try:
        writable = sqlite3.connect(f"{place}?mode=rw", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        return _prepared(writable, path, form, read_first)
    except sqlite3.OperationalError:
        # A read-only disk cannot hold the files that WAL needs; what is there can still be read, unless the log beside
        # it holds the newest.
        if _has_log(path):
            raise
        with contextlib.suppress(sqlite3.Error):
            readable = sqlite3.connect(f"{place}?mode=ro&immutable=1", uri=True, isolation_level=None)
            return _prepared(readable, path, form, read_first)
        raise


def _ends_within_a_page(path: Path) -> bool:
    """Return whether a file ends within a page, which SQLite would not notice, since it reads the rest as zeros."""
    with path.open("rb") as file:
        page = int.from_bytes(file.read(18)[16:])
    # What a crash left half written stands whole in the log beside it.
    return path.stat().st_size % (page if page > 1 else 65536) != 0 and not _has_log(path)


def _has_log(path: Path) -> bool:
    log = Path(f"{path}-wal")
    return log.exists() and log.stat().st_size > 0


def overwrite(path: Path) -> None:
    """Fill a file and its log with zeros.

    Raises:
        StorageError: it cannot be written.

    """
    try:
        for name in (path, Path(f"{path}-wal")):
            if name.exists():
                with name.open("r+b") as file:
                    for _ in range(0, name.stat().st_size, 1 << 16):
                        file.write(bytes(1 << 16))
                    os.fsync(file.fileno())
    except OSError as error:
        raise StorageError(f"{path} could not be overwritten: {error.strerror}") from error


def _prepared(
    connection: sqlite3.Connection, path: Path, form: Format, read_first: Callable[[sqlite3.Connection], object]
) -> sqlite3.Connection:
    try:
        # Nothing of the file is used before its schema is known to be ours.
        connection.execute("PRAGMA trusted_schema = OFF")
        _check_schema(connection, path, form)
        for pragma in ("secure_delete = ON", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        read_first(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_schema(connection: sqlite3.Connection, path: Path, form: Format) -> None:
    """Refuse a file with any other table, index, column, default or reference: each could change labels or texts.

    Raises:
        InputError: the schema is not that of its version, or two of its parts share their pages.

    """
    rows = connection.execute("SELECT type, name, tbl_name, sql, rootpage FROM sqlite_master").fetchall()
    version = version_of(connection)
    # The newest head may stand in the log beside the file.
    _check_version(path, form, version)
    roots = {row[4] for row in rows}
    # The first page is that of the schema itself.
    are_apart = len(roots) == len(rows) and all(type(root) is int and root > 1 for root in roots)
    if not are_apart or digest_of(row[:4] for row in rows) != form.schemas[version]:
        raise InputError(f"{path} holds tables or code that are not Trooper's and is left as it is; move it away")


def digest_of(rows: Iterable[tuple[object, ...]]) -> str:
    """Return the digest of a schema: of type, name, table and statement of each of its parts, in any order."""
    return blake2b("\n".join(sorted(map(repr, rows))).encode("utf-8", "replace"), digest_size=16).hexdigest()


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version that a file of ours says it has."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextlib.contextmanager
def writing(connection: sqlite3.Connection, what: str) -> Iterator[None]:
    """Write in one transaction, all or nothing; on the disk when it ends.

    Raises:
        StorageError: the disk is full or read-only.
        InputError: the file is damaged.

    """
    try:
        try:
            # Within, since a signal may come at the instant at which it has begun.
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
    except sqlite3.DatabaseError as error:
        raise translated(error, what) from error


def translated(error: sqlite3.Error, what: str) -> StorageError | InputError:
    """Return the exception for an error of SQLite; its own text is not repeated."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    # Python's own errors have no code; they mean that the file holds text that is not UTF-8.
    if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,
    }:
        return InputError(f"{what} is damaged ({name}); {REMEDY}")
    return StorageError(f"{what} could not be written ({name}); is the disk full or read-only?")


def vacuum_and_truncate_wal(connection: sqlite3.Connection, what: str) -> None:
    """Rewrite the file without what was deleted, and empty the log beside it.

    Deleted rows are overwritten as it is, but a page that was rearranged may hold an older copy of one.

    Raises:
        StorageError: another process reads it just now.

    """
    try:
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise translated(error, what) from error
    if busy:
        raise StorageError(f"{what} is in use, so traces may remain in its log; run the same again")
