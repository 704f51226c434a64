"""Recall: the passages of the whole view that the present prompt asks about.

The search reads an index of all units. `SqliteIndex` keeps it in SQLite, `MemoryIndex` holds a few units in memory;
both belong to one view, since how rare a word is depends on every turn that was counted.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from trooper_cli.memory import terms
from trooper_cli.memory.clauses import Unit
from trooper_cli.memory.weigh import CODE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from trooper_cli.turn import Label

MOST_TERMS = 24  # of a prompt, the rarest
MOST_POSTINGS = 300  # of a term, the newest: what makes a search cost the same in any session
MOST_TURNS = 40  # that are read
_LETTERS = 4000  # of a prompt at either end: a pasted file is not a question

_K1 = 1.2
_B = 0.4
_USUAL_LENGTH = 7.0
_OWN_TURN = 0.6
_TURN_BEFORE = 0.4
_TURN_AFTER = 0.2
_RELEVANT = 0.12


class Posting(NamedTuple):
    """Where a term occurs, and how many terms are there."""

    turn: int
    position: int
    length: int


class Index(Protocol):
    """All units of one view, to be searched."""

    def __len__(self) -> int: ...

    def document_frequency(self, terms: Sequence[str]) -> dict[str, int]:
        """Return in how many units each term occurs; terms that occur nowhere are left out."""
        ...

    def postings(self, term: str, most: int) -> list[Posting]:
        """Return where a term occurs, the newest first, at most so many."""
        ...

    def postings_in(self, term: str, turns: Sequence[int]) -> list[Posting]:
        """Return where a term occurs in these turns."""
        ...

    def units(self, turns: Sequence[int]) -> list[Unit]:
        """Return all units of these turns in their order."""
        ...


class MemoryIndex:
    """An index over units that are in memory."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units = sorted(units, key=lambda unit: (unit.turn, unit.position))
        self._postings: defaultdict[str, list[Posting]] = defaultdict(list)
        for unit in reversed(self._units):
            for term in unit.terms:
                self._postings[term].append(Posting(unit.turn, unit.position, len(unit.terms)))

    def __len__(self) -> int:
        return len(self._units)

    def document_frequency(self, terms: Sequence[str]) -> dict[str, int]:
        return {term: len(self._postings[term]) for term in terms if term in self._postings}

    def postings(self, term: str, most: int) -> list[Posting]:
        return self._postings.get(term, [])[:most]

    def postings_in(self, term: str, turns: Sequence[int]) -> list[Posting]:
        wanted = set(turns)
        return [posting for posting in self._postings.get(term, []) if posting.turn in wanted]

    def units(self, turns: Sequence[int]) -> list[Unit]:
        wanted = set(turns)
        return [unit for unit in self._units if unit.turn in wanted]


def schema(label: Label) -> str:
    """Return the statements that make the tables of one view's index."""
    unit, term, document_frequency = _tables(label)
    return (
        f"CREATE TABLE {unit} (turn INTEGER, place INTEGER, kind INTEGER,"
        " score REAL, cost REAL, text TEXT, terms TEXT, PRIMARY KEY (turn, place)) WITHOUT ROWID;\n"
        f"CREATE TABLE {term} (term TEXT, turn INTEGER, place INTEGER, length INTEGER,"
        " PRIMARY KEY (term, turn, place)) WITHOUT ROWID;\n"
        # The row with the empty term counts all units.
        f"CREATE TABLE {document_frequency} (term TEXT PRIMARY KEY, units INTEGER) WITHOUT ROWID;\n"
    )


def _tables(label: Label) -> tuple[str, str, str]:
    name = f"memory_{label.value}"  # an enumeration's own word: nothing from outside enters the SQL
    return f"{name}_unit", f"{name}_term", f"{name}_spread"


class SqliteIndex:
    """An index in three tables of an SQLite database, named after the view's label. The caller owns the transaction."""

    def __init__(self, connection: sqlite3.Connection, label: Label) -> None:
        self._connection = connection
        self._unit, self._term, self._spread = _tables(label)

    def clear(self) -> None:
        """Empty the index, to build it again."""
        for table in (self._unit, self._term, self._spread):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the tables' own names

    def add(self, units: Sequence[Unit]) -> None:
        """Add the units of the next turn."""
        if not units:
            return
        many = self._connection.executemany
        many(
            f"INSERT INTO {self._unit} VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            [(*unit[:6], " ".join(unit.terms)) for unit in units],
        )
        many(
            f"INSERT INTO {self._term} VALUES (?, ?, ?, ?)",  # noqa: S608
            [(term, unit.turn, unit.position, len(unit.terms)) for unit in units for term in unit.terms],
        )
        seen = Counter(term for unit in units for term in unit.terms)
        seen[""] = len(units)
        many(
            f"INSERT INTO {self._spread} VALUES (?, ?) ON CONFLICT (term) DO UPDATE SET units = units + excluded.units",  # noqa: S608
            list(seen.items()),
        )

    def __len__(self) -> int:
        row = self._connection.execute(f"SELECT units FROM {self._spread} WHERE term = ''").fetchone()  # noqa: S608
        return int(row[0]) if row else 0

    def document_frequency(self, terms: Sequence[str]) -> dict[str, int]:
        marks = ",".join("?" * len(terms))
        rows = self._connection.execute(f"SELECT term, units FROM {self._spread} WHERE term IN ({marks})", terms)  # noqa: S608
        return {str(term): int(units) for term, units in rows}

    def postings(self, term: str, most: int) -> list[Posting]:
        rows = self._connection.execute(
            f"SELECT turn, place, length FROM {self._term} WHERE term = ? ORDER BY turn DESC, place DESC LIMIT ?",  # noqa: S608
            (term, most),
        )
        return [Posting(*row) for row in rows]

    def postings_in(self, term: str, turns: Sequence[int]) -> list[Posting]:
        marks = ",".join("?" * len(turns))
        rows = self._connection.execute(
            f"SELECT turn, place, length FROM {self._term} WHERE term = ? AND turn IN ({marks})",  # noqa: S608
            (term, *turns),
        )
        return [Posting(*row) for row in rows]

    def units(self, turns: Sequence[int]) -> list[Unit]:
        marks = ",".join("?" * len(turns))
        rows = self._connection.execute(
            f"SELECT * FROM {self._unit} WHERE turn IN ({marks}) ORDER BY turn, place",  # noqa: S608
            tuple(turns),
        )
        return [
            Unit(turn, position, kind, score, cost, text, tuple(terms.split(" ")))
            for turn, position, kind, score, cost, text, terms in rows
        ]


class Found(NamedTuple):
    """A unit that the prompt asks about, and how much it has of what is asked."""

    unit: Unit
    relevance: float


class Search(NamedTuple):
    """What a search found, best first; `strength` tells how much of the prompt it answers to."""

    found: list[Found]
    strength: float


def asked_terms(prompt: str) -> tuple[str, ...]:
    """Return the terms a prompt may be asking about."""
    return terms.terms(prompt if len(prompt) <= 2 * _LETTERS else prompt[:_LETTERS] + "\n" + prompt[-_LETTERS:])


def find(index: Index, prompt: str) -> Search:
    """Find the units that a prompt asks about, with those beside them.

    The question's words often stand a turn before the answer.
    """
    total = len(index)
    asked = asked_terms(prompt)[:900]
    document_frequency = index.document_frequency(asked) if asked and total else {}
    rarest = sorted(
        (term for term in asked if term in document_frequency), key=lambda term: (document_frequency[term], term)
    )[:MOST_TERMS]
    if not rarest:
        return Search([], 0.0)
    own: defaultdict[tuple[int, int], float] = defaultdict(float)
    by_turn: defaultdict[int, float] = defaultdict(float)
    for term in rarest:
        rarity = math.log(1 + (total - document_frequency[term] + 0.5) / (document_frequency[term] + 0.5))
        postings = index.postings(term, MOST_POSTINGS)
        if document_frequency[term] > len(postings):
            likely = sorted(by_turn, key=lambda turn: (-by_turn[turn], -turn))[: 2 * MOST_TURNS]
            postings = list(dict.fromkeys([*postings, *index.postings_in(term, likely)]))
        seen: set[int] = set()
        for turn, position, length in postings:
            own[turn, position] += rarity * (_K1 + 1) / (1 + _K1 * (1 - _B + _B * length / _USUAL_LENGTH))
            if turn not in seen:
                seen.add(turn)
                by_turn[turn] += rarity
    return _rank(index, own, by_turn)


def _rank(index: Index, own: dict[tuple[int, int], float], by_turn: dict[int, float]) -> Search:
    around: dict[int, float] = {}
    for turn in by_turn:
        for near in (turn, turn + 1):
            around[near] = (
                _OWN_TURN * by_turn.get(near, 0.0)
                + _TURN_BEFORE * by_turn.get(near - 1, 0.0)
                + _TURN_AFTER * by_turn.get(near + 1, 0.0)
            )
    best_own: defaultdict[int, float] = defaultdict(float)
    for (turn, _), value in own.items():
        best_own[turn] = max(best_own[turn], value)
    turns = sorted(around, key=lambda turn: (-around[turn] - best_own.get(turn, 0.0), -turn))[:MOST_TURNS]
    units = index.units(turns)
    # A line of code stands for itself: of a pasted log only the lines that hold what is asked.
    scored = [
        Found(unit, own.get((unit.turn, unit.position), 0.0) + around[unit.turn])
        for unit in units
        if unit.kind != CODE or (unit.turn, unit.position) in own
    ]
    scored.sort(key=_best_first)
    if not scored:
        return Search([], 0.0)
    floor = _RELEVANT * scored[0].relevance
    return Search([found for found in scored if found.relevance >= floor], max(by_turn.values()))


def _best_first(found: Found) -> tuple[float, int, int]:
    return -found.relevance, -found.unit.turn, found.unit.position
