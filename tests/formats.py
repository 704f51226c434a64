"""Files as earlier versions of Trooper wrote them, by the statements that those versions ran."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SESSION_1 = """
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
CREATE TABLE memory (label TEXT PRIMARY KEY, turns INTEGER NOT NULL, state BLOB NOT NULL) STRICT;
CREATE TABLE memory_public_unit (turn INTEGER, place INTEGER, kind INTEGER, score REAL, cost REAL, text TEXT, terms TEXT, PRIMARY KEY (turn, place)) WITHOUT ROWID;
CREATE TABLE memory_public_term (term TEXT, turn INTEGER, place INTEGER, length INTEGER, PRIMARY KEY (term, turn, place)) WITHOUT ROWID;
CREATE TABLE memory_public_spread (term TEXT PRIMARY KEY, units INTEGER) WITHOUT ROWID;
CREATE TABLE memory_private_unit (turn INTEGER, place INTEGER, kind INTEGER, score REAL, cost REAL, text TEXT, terms TEXT, PRIMARY KEY (turn, place)) WITHOUT ROWID;
CREATE TABLE memory_private_term (term TEXT, turn INTEGER, place INTEGER, length INTEGER, PRIMARY KEY (term, turn, place)) WITHOUT ROWID;
CREATE TABLE memory_private_spread (term TEXT PRIMARY KEY, units INTEGER) WITHOUT ROWID;
"""  # noqa: E501
SESSION_2 = f"""{SESSION_1}CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id TEXT NOT NULL,
    stamp TEXT NOT NULL
) STRICT;
"""
SESSION_3 = f"""{SESSION_2}CREATE TABLE billing (
    attempt INTEGER PRIMARY KEY,
    inference_geo TEXT,
    cache_write_1h INTEGER NOT NULL DEFAULT 0
) STRICT;
"""
INDEX_1 = """
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


def made_old(home: Path, session_format: int = 1) -> None:
    """Replace the files of a home by those that an earlier format had for the same turns and fingerprints.

    The index was of its second format before the sessions were of their third.
    """
    for path in (home / "sessions").glob("*.db"):
        _rewrite(path, (SESSION_1, SESSION_2, SESSION_3)[session_format - 1], 0x54525052, session_format)
    if session_format > 1:
        return
    with closing(sqlite3.connect(home / "guard.db")) as connection:
        names = connection.execute("SELECT name, id FROM session").fetchall()
    _rewrite(home / "guard.db", INDEX_1, 0x54525047, 1)
    with closing(sqlite3.connect(home / "guard.db")) as connection:
        connection.executemany("UPDATE origin SET session = ? WHERE session = ?", names)
        connection.commit()


def _rewrite(path: Path, schema: str, application: int, version: int) -> None:
    old = path.with_suffix(".old")
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA application_id = {application}")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.executescript(schema)
        connection.execute("ATTACH ? AS new", (str(path),))
        tables = connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall()
        for (table,) in tables:
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM new.{table}")
    path.unlink()
    old.rename(path)
