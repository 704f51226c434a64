"""The one owner of a turn's record."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from trooper_cli import database
from trooper_cli.errors import InputError, NotFoundError, StorageError
from trooper_cli.store.catalog import path_of
from trooper_cli.store.schema import FORMAT
from trooper_cli.store.session import Session


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
