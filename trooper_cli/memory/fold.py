"""The folded state of a view: the units worth keeping of all its turns so far, bounded whatever the view's length.

It is a cache. It grows by one turn at a time, and folding a view's turns again gives the same bytes.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from trooper_cli.memory import clauses, select, supersede, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trooper_cli.memory.clauses import Unit
    from trooper_cli.turn import Exchange, View

# Raise it when turns are cut, weighed or written differently: stored states of another form are folded again.
FORM = 4
KEPT = 800
_SLACK = 1.25
_CHANGED_COST = 4  # tokens of the mark that a replaced unit is written with
_MOST_OF_A_TURN = 240  # units of one turn that enter the state: of a pasted log the rest is only searched


class Folded:
    """The folded state. `kept` is how many units it holds at least, once there are that many."""

    def __init__(self, kept: int = KEPT) -> None:
        """Begin with no turn."""
        self.kept = kept
        self.turns = 0
        self.tokens = 0
        self.asked = ""
        self.units: list[Unit] = []
        self._spread: Counter[str] | None = None

    def add(self, exchange: Exchange, mask: Callable[[str], str] | None = None) -> list[Unit]:
        """Fold the view's next turn in, in proportion to that turn; give its units, for an index.

        What `mask` hides never enters the state. It is shown whole texts, since a key of many lines is
        not found line by line.
        """
        masked = type(exchange)(mask(exchange.prompt), mask(exchange.answer)) if mask else exchange
        fresh, self.asked = clauses.cut(self.turns, masked, self.asked)
        entering = list(_weightiest(fresh))
        self._mark_replaced(entering)
        self.units += entering
        self.turns += 1
        self.tokens += cost(exchange)
        if len(self.units) > self.kept * _SLACK:
            self.units, self._spread = _best(self.units, self.kept), None
        elif self._spread is not None:
            self._spread.update(_terms(entering))
        return fresh

    def _counted(self) -> Counter[str]:
        """Return in how many units each term occurs; what was counted for one turn serves the next."""
        if self._spread is None:
            self._spread = Counter(_terms(self.units))
        return self._spread

    def _mark_replaced(self, entering: list[Unit]) -> None:
        """Mark what the new units replace; each takes over the importance of what it stands for now."""
        if not any(map(supersede.may_replace, entering)):
            return
        slots = supersede.Slots(self.units, self._counted())
        gone: dict[tuple[int, int], int] = {}
        for position, new in enumerate(entering):
            for old in slots.replaced(new):
                gone[old.turn, old.position] = new.turn
                if not old.stale and old.score > entering[position].score:
                    entering[position] = entering[position]._replace(score=old.score)
        if gone:
            self.units = [
                unit
                if unit.stale or (by := gone.get((unit.turn, unit.position), 0)) == 0
                else unit._replace(stale=by, cost=unit.cost + _CHANGED_COST)
                for unit in self.units
            ]

    def dump(self) -> bytes:
        """Write the state as bytes: the same turns give the same bytes."""
        head = [FORM, self.kept, self.turns, self.tokens, self.asked]
        rows = [[*unit[:6], " ".join(unit.terms), unit.stale] for unit in self.units]
        return json.dumps([head, rows], separators=(",", ":")).encode()

    @classmethod
    def load(cls, stored: bytes) -> Folded | None:
        """Read a state back; None if it is of another form or broken, and has to be folded again."""
        try:
            (form, kept, turns, tokens, asked), rows = json.loads(stored)
            if form != FORM:
                return None
            read = [
                clauses.Unit(turn, position, kind, score, price, text, tuple(terms.split(" ")), stale)
                for turn, position, kind, score, price, text, terms, stale in rows
            ]
        except (ValueError, TypeError, AttributeError):
            return None
        state = cls(kept)
        state.turns, state.tokens, state.asked, state.units = turns, tokens, asked, read
        return state


def _terms(found: list[Unit]) -> Iterator[str]:
    return chain.from_iterable(unit.terms for unit in found)


def _weightiest(fresh: list[Unit]) -> list[Unit]:
    """Return the units of one turn that enter the state, in their order."""
    if len(fresh) <= _MOST_OF_A_TURN:
        return fresh
    best = sorted(fresh, key=lambda unit: (-unit.score, unit.position))[:_MOST_OF_A_TURN]
    return sorted(best, key=lambda unit: unit.position)


def cost(exchange: Exchange) -> int:
    """Return the tokens of one turn sent verbatim: as counted before, or by the estimate."""
    if exchange.tokens is not None:
        return exchange.tokens
    return round(tokens.message_cost(exchange.prompt) + tokens.message_cost(exchange.answer))


def fold(view: View, kept: int = KEPT, mask: Callable[[str], str] | None = None) -> Folded:
    """Fold all turns of a view."""
    state = Folded(kept)
    for exchange in reversed(list(view.latest())):
        state.add(exchange, mask)
    return state


def _best(found: list[Unit], most: int) -> list[Unit]:
    """Keep the units that tell most beyond what better ones tell: one pass, best first, then in their old order."""
    weights = select.term_weights(found)

    def worth(unit: Unit, *, included: set[str]) -> float:
        gain = select.gain(unit, included, weights)
        return math.exp(unit.score + (supersede.STALE if unit.stale else 0.0)) * gain / math.sqrt(unit.cost)

    first = {(unit.turn, unit.position): worth(unit, included=set()) for unit in found}
    included: set[str] = set()
    second: list[tuple[float, int, int]] = []
    for unit in sorted(found, key=lambda unit: (-first[unit.turn, unit.position], -unit.turn, unit.position)):
        second.append((-worth(unit, included=included), -unit.turn, unit.position))
        included.update(unit.terms)
    keep = {(-turn, position) for _, turn, position in sorted(second)[:most]}
    return [unit for unit in found if (unit.turn, unit.position) in keep]
