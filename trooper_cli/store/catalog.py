"""The session files of a data folder: their names, their paths, and what the file system says of them."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from trooper_cli import database
from trooper_cli.errors import NotFoundError, StorageError, UsageError
from trooper_cli.files import ensure_private_dir
from trooper_cli.guard.identity import FileState
from trooper_cli.lazy_re import pattern
from trooper_cli.store.schema import FORMAT, new_identity, schema

if TYPE_CHECKING:
    from pathlib import Path

LEDGER = "spending.db"  # of store/ledger.py, which is loaded where it is needed alone
_NAME = pattern(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_name(text: str) -> bool:
    """Return whether a text may be a session's name."""
    return _NAME.fullmatch(text) is not None and not text.endswith(".")


def check_name(name: str) -> str:
    """Check a session's name.

    Raises:
        UsageError: it is none.

    """
    if not is_name(name):
        raise UsageError(
            "a session's name is 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first"
        )
    return name


def folder(home: Path) -> Path:
    return home / "sessions"


def path_of(home: Path, name: str) -> Path:
    return folder(home) / f"{check_name(name)}.db"


def names(home: Path) -> list[str]:
    """Return the names of all sessions, sorted."""
    return sorted(path.stem for path in folder(home).glob("*.db") if _NAME.fullmatch(path.stem))


def unknown_session(home: Path, name: str) -> NotFoundError:
    """Return the error for a session that is not there; it names the one that was meant."""
    from trooper_cli.near import nearest

    if near := nearest(name, names(home)):
        return NotFoundError(f'no session "{name}"; did you mean {near}?')
    return NotFoundError(f"there is no session {name}; `trooper sessions` lists those that are")


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


def create(home: Path, name: str) -> None:
    ensure_private_dir(home)
    ensure_private_dir(folder(home))
    check_case(home, name)
    database.create(path_of(home, name), f"{schema()}{new_identity()};", FORMAT)


def twin_of(home: Path, name: str) -> str | None:
    """Return the session whose name differs from this one in case alone; None where there is this one, or no other."""
    twins = [other for other in names(home) if other.lower() == name.lower()]
    return next(iter(twins), None) if name not in twins else None


def check_case(home: Path, name: str) -> None:
    """Check that a new session's name differs from that of each other session in more than its case.

    Raises:
        UsageError: it does not.

    """
    if twin := twin_of(home, name):
        raise UsageError(f"there is a session {twin} already; names that differ only in case are not kept apart")


def delete(home: Path, name: str) -> None:
    """Delete a session's file and its companions.

    Raises:
        StorageError: they cannot be deleted.

    """
    path = path_of(home, name)
    try:
        # A log that is left alone would be taken for that of the next session of the name.
        for companion in reversed(database.COMPANIONS):
            path.with_name(path.name + companion).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"session {name} could not be removed: {error.strerror}") from error
