"""Views for tests."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from trooper_cli.memory import chosen, remember, search
from trooper_cli.turn import Exchange, Label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Turns:
    """A view over turns in memory."""

    label = Label.PUBLIC

    def __init__(self, turns: Sequence[Exchange | tuple[str, str]], system: str | None = None) -> None:
        self.turns = [turn if isinstance(turn, Exchange) else Exchange(*turn) for turn in turns]
        self.system = system
        self.read = 0

    def __len__(self) -> int:
        return len(self.turns)

    def first(self, count: int) -> list[Exchange]:
        return self.turns[:count]

    def latest(self) -> Iterator[Exchange]:
        for turn in reversed(self.turns):
            self.read += 1
            yield turn


@contextlib.contextmanager
def tables() -> Iterator[dict[Label, search.SqliteIndex]]:
    """Return the empty indexes of both views in one SQLite database."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for label in Label:
            connection.executescript(search.schema(label))
        yield {label: search.SqliteIndex(connection, label) for label in Label}


def report(view: Turns, tokens: int) -> str:
    """Return the report of a view as headed lists."""
    return "\n".join(f"{heading}: {line}" for heading, _, line in chosen(remember(view), tokens))


def talk(count: int) -> Turns:
    """Return a view of so many ordinary turns."""
    positions = ("Lisbon", "Graz", "Oulu", "Leipzig", "Dublin", "Porto")
    turns = []
    for number in range(count):
        position, when = positions[number % 6], f"{number % 24:02}:15"
        prompt = (
            f"The host for {position} is node-{number}.{position.lower()}.example, it must not restart before {when}."
        )
        answer = f"Noted: node-{number} stays up until {when}. We go with {number * 3 + 4} GB for it, as it needs that."
        turns.append((prompt, answer))
    return Turns(turns)
