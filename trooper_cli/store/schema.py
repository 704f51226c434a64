"""The tables of a session file, and what brings a file of an earlier version to the present one."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trooper_cli import database
from trooper_cli.database import writing

if TYPE_CHECKING:
    import sqlite3

FORMAT = database.Format(
    0x54525052,
    {
        1: "2ae85e85143950ea3635163ad20a25a8",
        2: "c83e75692dadb7d02b3f7ee2fe83a559",
        3: "c099db00eff0ed1879f9b53a71a7a879",
        4: "b7e5372fffb70beeb3d0d08100293068",
    },
)
# The first formats whose files have an identity, and masked values.
IDENTITY_SINCE, MASKED_SINCE = 2, 4

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


# What format 3 added: what a request costs beside its tokens, as far as its cloud says it.
_BILLING = """CREATE TABLE billing (
    attempt INTEGER PRIMARY KEY,
    inference_geo TEXT,
    cache_write_1h INTEGER NOT NULL DEFAULT 0
) STRICT"""

# What format 4 added: which placeholder stands for which value, and the turns that hold it.
# A value that is erased leaves its number, which no other value gets: an answer may still hold the placeholder.
_MASKED = (
    """CREATE TABLE masked (
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    spelling INTEGER NOT NULL,
    value TEXT,
    text TEXT,
    PRIMARY KEY (kind, number, spelling)
) STRICT""",
    """CREATE TABLE masked_in (
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    PRIMARY KEY (kind, number, turn)
) STRICT, WITHOUT ROWID""",
)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def schema() -> str:
    from trooper_cli.store import memory_cache

    masked = "".join(f"{statement};\n" for statement in _MASKED)
    return f"{_SCHEMA}{memory_cache.schema()}{_IDENTITY};\n{_BILLING};\n{masked}"


def new_id() -> str:
    return os.urandom(16).hex()


def new_identity() -> str:
    # Hexadecimal digits of our own making.
    return f"INSERT INTO identity VALUES (1, '{new_id()}', '{new_id()}')"  # noqa: S608


def migrate(connection: sqlite3.Connection, name: str) -> None:
    if database.version_of(connection) == FORMAT.version:
        return
    with writing(connection, f"session {name}"):
        # Another process may have been quicker.
        if database.version_of(connection) == 1:
            connection.execute(_IDENTITY)
            connection.execute(new_identity())
        if database.version_of(connection) < 3:
            connection.execute(_BILLING)
        if database.version_of(connection) < FORMAT.version:
            for statement in _MASKED:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {FORMAT.version}")


def read_first(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT id, label, status, system, prompt, answer FROM turn LIMIT 1").fetchone()
    connection.execute("SELECT name, value FROM setting LIMIT 1").fetchone()
