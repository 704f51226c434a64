"""Does a text repeat private text? Keyed fingerprints of all private turns, of any session and of none.

Fingerprints are BLAKE2b hashes, 8 bytes, keyed, of runs of 32 reduced characters, winnowed (Schleimer, Wilkerson, Aiken
2003): of any 17 neighbouring runs the one with the least selector is kept, so that a shared run of 48 characters is
always found. The selector is a CRC, which is cheap and never stored. Fingerprints that occur in public turns too do not
count. Whoever has both key and index can test guesses; he has the sessions too.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import zlib
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from trooper_cli import database
from trooper_cli.errors import InputError, StorageError
from trooper_cli.guard import exact
from trooper_cli.guard.exact import Known
from trooper_cli.guard.find import PRIVATE_TEXT, Find
from trooper_cli.guard.forms import Form, forms, reduced, unescaped
from trooper_cli.lazy import pattern
from trooper_cli.places import close_to_others, private_folder

try:
    # The same function, without OpenSSL, which hashlib loads for its others: 3 ms of an ask.
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

RUN = 32
WINDOW = 17
# Asking with a smaller window finds all that the stored window finds, and most of the shorter shared runs.
ASKING_WINDOW = 8
_PART = 1 << 16
_LONGEST_WHOLE = 400
_SHORT_LINE = range(16, RUN + WINDOW)
_LINE, _WHOLE = pattern(r"[^\n]+"), pattern(r"(?s).+")
_TOKEN = pattern(r"[^\s\"'`,;(){}<>\[\]=]{10,200}")
# Versions and addresses, sizes, dates, times, and words with a year or a version.
_COMMON_TOKEN = pattern(
    r"v?\d+(?:\.\d+)+(?:(?:a|b|rc|dev)\d{1,3}|[a-zµ%]{1,3})?(?:[-+._][a-z]{0,10}\d{0,4})*(?::\d{1,5})?(?:/\d{1,2})?"
    r"|\d{4}-\d\d-\d\d(?:[T_]\d\d[:.-]?\d\d[\d:.,+Z-]*)?(?:[._-][a-z]{1,8})*"
    r"|\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?Z?(?:[+-]\d\d:?\d\d)?"
    r"|[A-Z]?[a-z]{1,9}[\d.]{1,4}|[A-Z]?[a-z]+[\d.]{1,2}|[A-Z]?[a-z]+\d?\.\d{1,2}|[A-Z]+[\d.]{1,4}"
)
_PLACE = pattern(r"https?://\S*|[./~][\w./-]*", re.IGNORECASE)
_PART_OF_PLACE = pattern(r"(?=[^/?&=#]*[a-z])(?=[^/?&=#]*[A-Z])(?=[^/?&=#]*\d)[A-Za-z0-9_-]{10,}(?=[/?&=#]|$)")
_LITERAL = pattern(r'"((?:[^"\\\n]|\\.){16,400})"')
APPLICATION_ID = 0x54525047
VERSION = 1
_SCHEMA = """
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


class Index:
    """The fingerprints of one user's turns, in two files: the index and its key."""

    def __init__(self, connection: sqlite3.Connection, key: bytes) -> None:
        self._connection = connection
        self._keyed = blake2b(digest_size=8, key=key)
        self._seed = int.from_bytes(blake2b(b"selector", key=key, digest_size=4).digest())

    @classmethod
    def in_memory(cls) -> Index:
        """Give an index that is gone when the process ends."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(_SCHEMA)
        return cls(connection, os.urandom(32))

    @staticmethod
    def is_there(home: Path) -> bool:
        """Tell whether an index was begun, whatever has become of it."""
        return os.path.lexists(_path(home))

    @classmethod
    def open(cls, home: Path) -> Index:
        """Open the index, or begin it.

        Raises:
            StorageError: it cannot be made or opened.
            InputError: the file there is no index; it is left as it is.

        """
        path = _path(home)
        private_folder(home)
        key = _key(home / "guard.key")
        if not os.path.lexists(path):
            database.create(path, _SCHEMA, APPLICATION_ID, VERSION)
        database.check(path, APPLICATION_ID, VERSION)
        try:
            return cls(database.connect(path), key)
        except sqlite3.DatabaseError as error:
            raise database.translated(error, "the guard's index") from error

    def begin(self) -> None:
        """Forget what was marked under another key, if this one has marked nothing yet."""
        if self._listed("all"):
            return
        with self._writing():
            # Another process may have begun in the meantime, and has marked what no other place tells of.
            if not self._listed("all"):
                self._connection.execute("DELETE FROM origin")
                self._connection.execute("DELETE FROM complete")
                self._connection.execute("INSERT INTO complete VALUES (?)", (self._hash("all"),))

    def unknown(self, files: Mapping[str, int]) -> list[str]:
        """Tell which of these sessions have not been taken in; each is known by its name and its file's number."""
        listed = self._all_listed()
        return [name for name, file in files.items() if self._hash(f"{name} {file}") not in listed]

    def keep_only(self, files: Mapping[str, int]) -> None:
        """List no other session as taken in: a file's number may be given to another file once it is free."""
        gone = self._all_listed() - {
            self._hash(what) for what in ("all", *(f"{n} {file}" for n, file in files.items()))
        }
        if gone:
            with self._writing():
                self._connection.executemany("DELETE FROM complete WHERE mark = ?", ((mark,) for mark in gone))

    def take_in(self, session: str, file: int, turns: Iterable[tuple[set[int], bool, int]]) -> None:
        """Add the marks of a session's turns, each public or not and with its number, and list the file as known."""
        with self._writing():
            if not self._listed(f"{session} {file}"):
                self._insert_turns(session, turns)
                self._connection.execute("INSERT INTO complete VALUES (?)", (self._hash(f"{session} {file}"),))

    def _all_listed(self) -> set[int]:
        return {row[0] for row in self._connection.execute("SELECT mark FROM complete")}

    def _listed(self, what: str) -> bool:
        query = "SELECT 1 FROM complete WHERE mark = ?"
        return self._connection.execute(query, (self._hash(what),)).fetchone() is not None

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def marks(self, texts: Iterable[tuple[str, bool]], *, public: bool, names: Iterable[str] = ()) -> set[int]:
        """Give the marks of the texts of one turn; each says whether it is an answer, whose short lines count too.

        The `names` are those of exact.py.
        """
        marks = {self._hash_of_name(name) for name in names}
        for text, is_answer in texts:
            for form in forms(text):
                for run in self._stored_runs(form.text):
                    marks.add(self._hash(run))
            marks.update(self._hash(token) for _, _, token in _tokens(text))
            if is_answer or public:
                marks.update(self._hash(line) for _, _, line in _short_lines(text))
        return marks

    def new_marks(self, texts: Iterable[tuple[str, bool]]) -> set[int]:
        """Give the marks of texts that no private turn has yet: a report is told again and again."""
        marks = self.marks(texts, public=False)
        return marks - self._known(marks)[0].keys()

    def add(self, marks: set[int], *, public: bool, session: str | None, turn: int | None) -> None:
        """Add the marks of one turn."""
        if marks:
            with self._writing():
                self._insert(marks, public=public, session=session, turn=turn)

    def add_turns(self, session: str | None, turns: Iterable[tuple[set[int], bool, int | None]]) -> None:
        """Add the marks of many turns, each public or not and with its number; all or none."""
        with self._writing():
            self._insert_turns(session, turns)

    def _insert_turns(self, session: str | None, turns: Iterable[tuple[set[int], bool, int | None]]) -> None:
        for marks, public, turn in turns:
            self._insert(marks, public=public, session=session, turn=turn)

    def _insert(self, marks: set[int], *, public: bool, session: str | None, turn: int | None) -> None:
        row = self._connection.execute(
            "INSERT INTO origin (public, session, turn) VALUES (?, ?, ?)", (public, session, turn)
        )
        self._connection.executemany("INSERT INTO mark VALUES (?, ?)", ((mark, row.lastrowid) for mark in marks))

    def _stored_runs(self, text: str) -> Iterator[str]:
        """Give the runs whose marks are stored; part by part, for their selectors take much memory."""
        for start in range(0, max(1, len(text) - RUN + 1), _PART):
            # Each window of neighbours lies whole in one of the parts.
            part = text[start : start + _PART + WINDOW + RUN - 2]
            for place in _minima(self._selectors(part), WINDOW):
                yield part[place : place + RUN]

    def remove(self, session: str, turn: int | None = None) -> None:
        """Remove the fingerprints of a session, or of one turn of it; no byte of them stays in the files."""
        with self._writing():
            self._connection.execute(
                "DELETE FROM origin WHERE session = ? AND (? IS NULL OR turn = ?)", (session, turn, turn)
            )
        database.settle(self._connection, "the guard's index")

    def known(self, names: Iterable[str]) -> Known:
        """Tell which of these names private turns have, and which public ones."""
        hashes = {self._hash_of_name(name): name for name in names}
        private, public = self._known(hashes)
        return Known(frozenset(hashes[mark] for mark in private), frozenset(hashes[mark] for mark in public))

    def find(self, text: str, known_as: str | None = None) -> list[Find]:
        """Give the places of `text` that repeat private text; turns with the name `known_as` are passed over."""
        finds: list[Find] = []
        passed_over = self._origins(known_as) if known_as else set[int]()
        # Most of a decoded form is the text as it was, whose runs need no second look.
        known: dict[str, int] = {}
        for form in forms(text):
            finds += self._runs(form, known, passed_over)
        asked: dict[int, list[tuple[int, int]]] = {}
        for offset, length, unit in (*_tokens(text), *_short_lines(text), *_literals(text)):
            asked.setdefault(self._hash(unit), []).append((offset, length))
        private, public = self._known(asked, passed_over)
        for mark, (session, turn) in private.items():
            if mark not in public:
                finds += [Find(PRIVATE_TEXT, offset, length, session, turn) for offset, length in asked[mark]]
        return _merged([*finds, *self.whole(text, passed_over)])

    def whole(self, text: str, passed_over: Collection[int] = ()) -> list[Find]:
        """Return a find if a text as a whole is a private turn's prompt or answer, and says enough."""
        # What is longer is found by its runs.
        if len(text) > _LONGEST_WHOLE:
            return []
        # Turns of before the loose names have strict ones.
        names = [*map(exact.said, exact.loosely(text)), exact.of_prompt(text), exact.of_answer(text)]
        private, public = self._known(map(self._hash_of_name, names), passed_over)
        if not private or public:
            return []
        from trooper_cli.guard.telling import is_telling

        if not is_telling(exact.bare(text)):
            return []
        session, turn = next(iter(private.values()))
        return [Find(PRIVATE_TEXT, 0, len(text), session, turn)]

    def _origins(self, name: str) -> set[int]:
        """Give the private turns that have a name."""
        query = "SELECT origin FROM mark JOIN origin ON origin.id = origin WHERE hash = ? AND NOT public"
        return {row[0] for row in self._connection.execute(query, (self._hash_of_name(name),))}

    def _runs(self, form: Form, known: dict[str, int], passed_over: set[int]) -> Iterator[Find]:
        """Find runs that private turns have; `known` are the marks of runs that other forms were asked about."""
        text, selectors = form.text, self._selectors(form.text)
        asked: dict[int, int] = {}
        for place in _minima(selectors, ASKING_WINDOW):
            run = text[place : place + RUN]
            if run not in known:
                known[run] = asked[place] = self._hash(run)
        private, public = self._known(asked.values(), passed_over)
        if private.keys() <= public:
            return
        settled = _minima(selectors, WINDOW)
        for place, mark in asked.items():
            if mark not in private or mark in public:
                continue
            # At the edge of a run that public turns hold as well, its mark may be missing; its neighbours' are not.
            near = settled[bisect_left(settled, place - WINDOW) : bisect_right(settled, place + WINDOW)]
            others = [text[other : other + RUN] for other in near if other != place]
            if others and all(known.get(run) in public for run in others):
                continue
            first, last = form.places[place], form.places[place + RUN - 1]
            session, turn = private[mark]
            yield Find(PRIVATE_TEXT, first, last - first + 1, session, turn)

    def _known(
        self, marks: Iterable[int], passed_over: Collection[int] = ()
    ) -> tuple[dict[int, tuple[str | None, int | None]], set[int]]:
        """Tell which marks private turns have, with one origin each, and which of them public turns have too."""
        private: dict[int, tuple[str | None, int | None]] = {}
        public: set[int] = set()
        wanted = list(set(marks))
        for at in range(0, len(wanted), 30_000):
            chunk = wanted[at : at + 30_000]
            rows = self._connection.execute(
                "SELECT hash, public, session, turn, origin FROM mark JOIN origin ON origin.id = mark.origin "  # noqa: S608
                f"WHERE hash IN ({','.join('?' * len(chunk))})",
                chunk,
            )
            for mark, is_public, session, turn, origin in rows:
                if is_public:
                    public.add(mark)
                elif origin not in passed_over:
                    private[mark] = (session, turn)
        return private, public

    def _selectors(self, text: str) -> list[int]:
        """Give the selector of the run at each place."""
        # Four bytes a character for all texts alike: the same run has the same selector wherever it stands.
        data, size, seed, crc = text.encode("utf-32-le", "replace"), RUN * 4, self._seed, zlib.crc32
        return [crc(data[at : at + size], seed) for at in range(0, (len(text) - RUN + 1) * 4, 4)]

    def _hash(self, text: str) -> int:
        # To copy what has taken in the key already takes half the time.
        keyed = self._keyed.copy()
        keyed.update(text.encode("utf-8", "replace"))
        return int.from_bytes(keyed.digest(), signed=True)

    def _hash_of_name(self, name: str) -> int:
        # No reduced text holds this character, so that a name is never taken for one.
        return self._hash(f"\0{name}")

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return database.writing(self._connection, "the guard's index")


def _minima(values: list[int], window: int) -> list[int]:
    """Give the places whose value is the least of some window of neighbours, or of the whole list if it is shorter."""
    least = values
    window, reach = min(window, len(values)), 1
    while reach < window:
        step = min(reach, window - reach)
        # min() takes twice as long.
        least = [one if one < other else other for one, other in zip(least, least[step:], strict=False)]  # noqa: FURB136
        reach += step
    # Where one value stands twice, so does one run.
    chosen = set(least)
    return [place for place, value in enumerate(values) if value in chosen]


def _tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Give offset, length and reduced form of the words that look like secrets, machines or account numbers."""
    for match in _TOKEN.finditer(text):
        word = match[0].strip(".:!?*_-")
        if _PLACE.fullmatch(match[0]):
            # Places are named everywhere; what looks like a secret within one is not.
            for part in _PART_OF_PLACE.finditer(match[0]):
                yield match.start(), len(match[0]), reduced(part[0])
            continue
        letters = reduced(word)
        if not 10 <= len(letters) < RUN + WINDOW or _COMMON_TOKEN.fullmatch(word):
            continue
        digits = sum(map(str.isdigit, letters))
        if 0 < digits < len(letters) or digits >= 12:
            yield match.start(), len(match[0]), letters


def _short_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Give the lines, and the text as a whole if it is one, that are too short to hold a run."""
    for match in (*_LINE.finditer(text), *(_WHOLE.finditer(text) if len(text) < 4 * RUN else ())):
        if len(match[0]) >= _SHORT_LINE.start and len(line := reduced(match[0])) in _SHORT_LINE:
            yield match.start(), len(match[0]), line


def _literals(text: str) -> Iterator[tuple[int, int, str]]:
    """Give the short lines within texts in quotation marks, as JSON has them."""
    for match in _LITERAL.finditer(text):
        for part in unescaped(match[1]).split("\n"):
            if len(line := reduced(part)) in _SHORT_LINE:
                yield match.start(), len(match[0]), line


def _merged(finds: list[Find]) -> list[Find]:
    """Join what overlaps, in order of place."""
    joined: list[Find] = []
    for find in sorted(finds, key=lambda found: (found.offset, -found.length)):
        last = joined[-1] if joined else None
        if last is not None and find.offset <= last.offset + last.length:
            end = max(last.offset + last.length, find.offset + find.length)
            joined[-1] = Find(last.kind, last.offset, end - last.offset, last.session, last.turn)
        else:
            joined.append(find)
    return joined


def _path(home: Path) -> Path:
    return home / "guard.db"


def _key(path: Path) -> bytes:
    """Read the key, or make one: whole under another name first, so that no process ever reads half of it."""
    for _ in range(2):
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
                key = file.read()
        except FileNotFoundError:
            database.make_whole(path, lambda temporary: temporary.write_bytes(os.urandom(32)))
            continue
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror}") from error
        close_to_others(path)
        if len(key) == 32:
            return key
        break
    raise InputError(f"{path} is not the guard's key; move it and guard.db away to begin anew")
