"""The folded state of a view: the units worth keeping of all its turns so far, bounded whatever the view's length.

It is a cache. It grows by one turn at a time, and folding all of a view's turns again yields the same bytes.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from trooper_cli.memory import choose, count, supersede, units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trooper_cli.memory.units import Unit
    from trooper_cli.turn import Exchange, View

# Raise it when turns are cut, weighed or written differently: stored states of another form are folded again.
FORM = 3
KEPT = 800
_SLACK = 1.25


@dataclass(slots=True)
class Folded:
    """The folded state. `kept` is how many units it holds at least, once there are that many."""

    kept: int = KEPT
    turns: int = 0
    tokens: int = 0
    asked: str = ""
    units: list[Unit] = field(default_factory=list)
    _spread: Counter[str] | None = None

    def add(self, exchange: Exchange, mask: Callable[[str], str] | None = None) -> list[Unit]:
        """Fold in the view's next turn, in time proportional to that turn; return its units, for an index.

        What `mask` hides never enters the state. It is shown whole texts, since a key of many lines is
        not found line by line.
        """
        told = type(exchange)(mask(exchange.prompt), mask(exchange.answer)) if mask else exchange
        fresh, self.asked = units.cut(self.turns, told, self.asked)
        self._mark_replaced(fresh)
        self.units += fresh
        self.turns += 1
        self.tokens += cost(exchange)
        if len(self.units) > self.kept * _SLACK:
            self.units, self._spread = _best(self.units, self.kept), None
        elif self._spread is not None:
            self._spread.update(_terms(fresh))
        return fresh

    def _counted(self) -> Counter[str]:
        """Return in how many units each term occurs; the count is kept for the next turn."""
        if self._spread is None:
            self._spread = Counter(_terms(self.units))
        return self._spread

    def _mark_replaced(self, fresh: list[Unit]) -> None:
        """Mark what the new units replace; each takes over the importance of what it stands for now."""
        telling = [unit for unit in fresh if unit.kind != units.CODE]
        if not telling:
            return
        spread = self._counted()
        gone: dict[tuple[int, int], int] = {}
        for new in telling:
            for old in supersede.replaced(new, self.units, spread):
                gone[old.turn, old.place] = new.turn
                place = new.place
                if not old.stale and old.score > fresh[place].score:
                    fresh[place] = fresh[place]._replace(score=old.score)
        if gone:
            self.units = [
                unit._replace(stale=unit.stale or gone.get((unit.turn, unit.place), 0)) for unit in self.units
            ]

    def dump(self) -> bytes:
        """Return the state as bytes: the same turns yield the same bytes."""
        head = [FORM, self.kept, self.turns, self.tokens, self.asked]
        rows = [[*unit[:6], " ".join(unit.terms), unit.stale] for unit in self.units]
        return json.dumps([head, rows], separators=(",", ":")).encode()

    @classmethod
    def load(cls, stored: bytes) -> Folded | None:
        """Read a state back; return None if it is of another form or broken, so that the view must be folded again."""
        try:
            (form, kept, turns, tokens, asked), rows = json.loads(stored)
            if form != FORM:
                return None
            read = [
                units.Unit(turn, place, kind, score, price, text, tuple(terms.split(" ")), stale)
                for turn, place, kind, score, price, text, terms, stale in rows
            ]
        except (ValueError, TypeError, AttributeError):
            return None
        return cls(kept, turns, tokens, asked, read)


def _terms(found: list[Unit]) -> Iterator[str]:
    return chain.from_iterable(unit.terms for unit in found)


def cost(exchange: Exchange) -> int:
    """Return the tokens of one turn sent verbatim: as counted before, or estimated."""
    if exchange.tokens is not None:
        return exchange.tokens
    return round(count.message_cost(exchange.prompt) + count.message_cost(exchange.answer))


def fold(view: View, kept: int = KEPT, mask: Callable[[str], str] | None = None) -> Folded:
    """Fold all turns of a view."""
    state = Folded(kept)
    for exchange in reversed(list(view.latest())):
        state.add(exchange, mask)
    return state


def _best(found: list[Unit], most: int) -> list[Unit]:
    """Return the units that add most to what better ones say: one pass, best first, then in their old order."""
    weights = choose.term_weights(found)

    def worth(unit: Unit, *, told: set[str]) -> float:
        gain = choose.gain(unit, told, weights)
        return math.exp(unit.score + (supersede.STALE if unit.stale else 0.0)) * gain / math.sqrt(unit.cost)

    first = {(unit.turn, unit.place): worth(unit, told=set()) for unit in found}
    told: set[str] = set()
    second: list[tuple[float, int, int]] = []
    for unit in sorted(found, key=lambda unit: (-first[unit.turn, unit.place], -unit.turn, unit.place)):
        second.append((-worth(unit, told=told), -unit.turn, unit.place))
        told.update(unit.terms)
    keep = {(-turn, place) for _, turn, place in sorted(second)[:most]}
    return [unit for unit in found if (unit.turn, unit.place) in keep]
