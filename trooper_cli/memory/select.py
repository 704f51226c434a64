"""Which units to include when there is no room for all: those that say most that is new for their tokens."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import TYPE_CHECKING

from trooper_cli.memory import supersede

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from trooper_cli.memory.clauses import Unit
    from trooper_cli.memory.search import Found

_SAID = "\n"  # before a whole text that is included; no term begins so
_NOVEL = 0.15  # what a term is worth that is already included
_SHAPED = 3.0
_RECALL_COST = 0.35
_RECALL_NOVEL = 0.35
_PRIOR = 0.15


def document_frequency(units: Sequence[Unit]) -> Counter[str]:
    """Return in how many units each term occurs."""
    return Counter(term for unit in units for term in unit.terms)


def term_weights(units: Sequence[Unit]) -> dict[str, float]:
    """Return the weights of the terms of some units: figures, hosts and paths count thrice, rare ones more."""
    total = len(units)
    return {
        term: (1.0 if term.isalpha() else _SHAPED) * math.sqrt(math.log(1 + total / seen))
        for term, seen in document_frequency(units).items()
    }


def gain(unit: Unit, included: set[str], weights: Mapping[str, float]) -> float:
    """Return what a unit tells, where little is had from terms that are included already."""
    found = 0.0
    for term in unit.terms:
        found += weights[term] * (_NOVEL if term in included else 1.0)
    return found


def _take(
    units: Sequence[Unit], most: Sequence[float], worth: Callable[[int], float], room: float, included: set[str]
) -> list[Unit]:
    """Add the best unit again and again while there is room.

    A unit's worth can only fall as more is included, so only the one that looks best is weighed again; they start from
    `most`.
    """
    heap = [
        (-value, -unit.turn, unit.position, position)
        for position, (unit, value) in enumerate(zip(units, most, strict=True))
    ]
    heapq.heapify(heap)
    taken: list[Unit] = []
    while heap and room > 0:
        _, turn, order, position = heap[0]
        unit = units[position]
        if unit.cost > room:
            heapq.heappop(heap)
            continue
        now = (-worth(position), turn, order, position)
        if len(heap) > 1 and now > min(heap[1:3]):
            heapq.heapreplace(heap, now)
            continue
        heapq.heappop(heap)
        if (key := _SAID + unit.text.casefold()) in included:
            continue
        taken.append(unit)
        included.add(key)
        included.update(unit.terms)
        room -= unit.cost
    return taken


def by_importance(units: Sequence[Unit], room: float, included: set[str], weights: Mapping[str, float]) -> list[Unit]:
    """Select what matters most when nothing is asked for; `included` grows by what was taken."""
    if room <= 0:
        return []
    base = [math.exp(unit.score + (supersede.STALE if unit.stale else 0.0)) / unit.cost for unit in units]
    most = [value * sum(map(weights.__getitem__, unit.terms)) for value, unit in zip(base, units, strict=True)]

    def worth(position: int) -> float:
        return base[position] * gain(units[position], included, weights)

    return _take(units, most, worth, room, included)


def by_relevance(found: Sequence[Found], room: float, included: set[str], weights: Mapping[str, float]) -> list[Unit]:
    """Select what was asked for; `included` grows by what was taken."""
    units = [item.unit for item in found]
    base = [item.relevance * math.exp(_PRIOR * item.unit.score) / item.unit.cost**_RECALL_COST for item in found]

    def worth(position: int) -> float:
        whole = new = 0.0
        for term in units[position].terms:
            weight = weights.get(term, 1.0)
            whole += weight
            new += weight * (_RECALL_NOVEL if term in included else 1.0)
        return float(base[position] * new / whole)

    return _take(units, base, worth, room, included)


def in_order(units: Iterable[Unit]) -> list[Unit]:
    """Return units in the order they were said."""
    return sorted(units, key=lambda unit: (unit.turn, unit.position))
