"""Fitting a view under a budget: which turns are included how, and what is left out when there is too little room."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from trooper_cli.memory import fold, render, search, select, terms, tokens
from trooper_cli.repetition import told_once
from trooper_cli.turn import Context, Exchange, View

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trooper_cli.memory.clauses import Unit
    from trooper_cli.memory.fold import Folded
    from trooper_cli.memory.search import Index
    from trooper_cli.turn import Message

V = TypeVar("V", bound=View)

ANCHOR_TURNS = 2
_ANCHOR = 0.02
_ANCHOR_MOST = 600
_TAIL = 0.16
_TAIL_HARD = 0.4  # of what the prompt leaves: more than this the latest turn never takes
_REPORT = 0.7
_RECALL_MOST = 1400  # tokens kept free beside the prompt; what the report has beyond them stays from ask to ask
_STATE_FILLS = 14_000  # tokens; of a budget beyond what a state can tell the Tail has the rest
_PROMPT = 0.2  # of the budget: prompts up to this leave the stable part as it is
_STRONG = 6.0  # how much of a prompt has to be found for recall to have all its share
_RECALL = 0.7  # of the room beside the prompt; what matters in any case has the rest


class Memory:
    """What is stored of a view: its folded state, and an index of all its units if there is one."""

    def __init__(self, state: Folded, index: Index | None = None) -> None:
        """Hold the two together."""
        self.state = state
        self.index = index


class Ask(NamedTuple, Generic[V]):
    """One turn to be included: what `build` was given."""

    view: V
    prompt: str
    budget: int
    factor: float
    system: str | None
    mask: Callable[[str], str] | None

    def masked(self, text: str) -> str:
        """Hide the credentials of a text."""
        return self.mask(text) if self.mask and text else text


class _Parts:
    """What is to be included, before it is written."""

    def __init__(self, tail: list[Exchange], start: int) -> None:
        """Begin with the tail, which starts at `start` in the view."""
        self.tail = tail
        self.start = start
        self.shown = ""  # the anchor as text
        self.anchor: tuple[int, ...] = ()
        self.core: Sequence[Unit] = ()
        self.beside: Sequence[Unit] = ()


def price(system: str | None, messages: Sequence[str]) -> float:
    """Estimate the tokens of a request."""
    return (tokens.message_cost(system) if system else 0.0) + sum(map(tokens.message_cost, messages))


def verbatim(ask: Ask[V]) -> Context[V] | None:
    """Return the whole view as it is, if it fits: read from its end, and no further than there is room."""
    left = ask.budget / ask.factor - price(ask.system, [ask.prompt])
    turns: list[Exchange] = []
    for exchange in ask.view.latest():
        included = _without_repetitions(exchange)
        left -= fold.cost(included)
        if left < 0:
            return None
        turns.append(included)
    written = _write(ask, _Parts(turns[::-1], 0))
    if written.tokens > ask.budget:
        return None
    return written._replace(anchor=written.tail[:ANCHOR_TURNS], tail=written.tail[ANCHOR_TURNS:])


def compress(ask: Ask[V], memory: Memory) -> Context[V]:
    """Return the view under the budget: Anchor and report, Tail, and recall beside the prompt."""
    whole = ask.budget / ask.factor
    left = whole - price(ask.system, [ask.prompt])
    # The stable part must be the same from ask to ask: its shares are of the budget, unless the prompt is large.
    frame = whole - tokens.estimate(ask.system or "") if left >= (1 - _PROMPT) * whole else left / (1 - _PROMPT)
    share = max(_TAIL * frame, frame - _STATE_FILLS)
    tail, start = _tail(ask.view, memory.state.tokens, share, max(_TAIL_HARD * left, left - _STATE_FILLS))
    parts = _Parts(tail, start)
    first = list(map(_without_repetitions, ask.view.first(ANCHOR_TURNS)[:start]))
    if first:
        parts.shown, parts.anchor = render.anchor(first, min(_ANCHOR * frame, _ANCHOR_MOST))
    included = set(terms.terms(parts.shown))
    middle = [
        unit
        for unit in memory.state.units
        if unit.turn < start and (unit.turn > 1 or not included.issuperset(unit.terms))
    ]
    weights = select.term_weights(middle)
    # What a turn of the Tail replaces stands here as if it did not, so that the stable part stays the same.
    standing = [unit._replace(stale=0) if unit.stale >= start else unit for unit in middle]
    parts.core = select.by_importance(standing, _REPORT * frame - _RECALL_MOST, included, weights)
    sent = [message.text for message in _messages(ask, parts)]
    room = whole - price(_head(ask, parts), sent) - tokens.estimate(render.beside_prompt("x", ""))
    for turn in tail:
        included.update(terms.terms(turn.prompt))
        included.update(terms.terms(turn.answer))
    parts.beside = _recalled(ask.prompt, memory, parts, room, included, weights)
    taken = {(unit.turn, unit.position) for unit in (*parts.core, *parts.beside)}
    rest = [unit for unit in middle if (unit.turn, unit.position) not in taken]
    room -= sum(unit.cost for unit in parts.beside)
    parts.beside = [*parts.beside, *select.by_importance(rest, room, included, weights)]
    return _fitted(ask, parts)


def _recalled(
    prompt: str, memory: Memory, parts: _Parts, room: float, included: set[str], weights: dict[str, float]
) -> list[Unit]:
    """Choose what the prompt asks about and is not included yet."""
    index = memory.index if memory.index is not None else search.MemoryIndex(memory.state.units)
    result = search.find(index, prompt)
    taken = {(unit.turn, unit.position) for unit in parts.core}
    # What is replaced is included as well, and marked: the index does not know of it.
    replaced = {(unit.turn, unit.position): unit for unit in memory.state.units if unit.stale}
    found = [
        search.Found(replaced.get((item.unit.turn, item.unit.position), item.unit), item.relevance)
        for item in result.found
        if item.unit.turn < parts.start and (item.unit.turn, item.unit.position) not in taken
    ]
    return select.by_relevance(found, _RECALL * room * min(1.0, result.strength / _STRONG), included, weights)


def _tail(view: View, total: int, share: float, most: float) -> tuple[list[Exchange], int]:
    """Return the latest turns and where they start.

    The start moves in steps: only when the turns have outgrown their share, and then by half of it. Where the steps
    lie follows from the turns' sizes alone.
    """
    step = max(1.0, share / 2)
    mark = step * max(0, int(total // step) - 1)
    kept: list[Exchange] = []
    for exchange in view.latest():
        total -= fold.cost(exchange)
        if kept and total < mark:
            break
        kept.append(_without_repetitions(exchange))
    kept.reverse()
    room = min(max(share, most / 2), most)
    if kept and sum(map(fold.cost, kept)) > room:
        kept = [_shortened(kept[-1], room)]
    return kept, len(view) - len(kept)


def _without_repetitions(exchange: Exchange) -> Exchange:
    """Return a turn whose answer says each sentence once, if it says one of them again and again."""
    answer = told_once(exchange.answer)
    return exchange if answer == exchange.answer else Exchange(exchange.prompt, answer)


def _shortened(exchange: Exchange, room: float) -> Exchange:
    room = max(0.0, room - 2 * tokens.MESSAGE)
    prompt, answer = tokens.estimate(exchange.prompt), tokens.estimate(exchange.answer)
    for_prompt = min(prompt, max(room / 2, room - answer))
    return Exchange(render.shorten(exchange.prompt, for_prompt), render.shorten(exchange.answer, room - for_prompt))


def _fitted(ask: Ask[V], parts: _Parts) -> Context[V]:
    """Write the parts, and leave out the least of them while the whole is too large."""
    while True:
        written = _write(ask, parts)
        over = written.tokens - ask.budget
        if over <= 0:
            return written
        if parts.beside:
            parts.beside = _without_last(parts.beside, over)
        elif parts.core:
            parts.core = _without_last(parts.core, over)
        elif parts.shown:
            parts.shown, parts.anchor = "", ()
        else:
            parts.tail, parts.start = [], len(ask.view)


def _without_last(units: Sequence[Unit], over: float) -> Sequence[Unit]:
    """Remove the units chosen last, for at least so many tokens."""
    kept = len(units)
    while kept and over > 0:
        kept -= 1
        over -= units[kept].cost
    return units[:kept]


def _head(ask: Ask[V], parts: _Parts) -> str | None:
    """Write the part that stays the same from ask to ask."""
    notes = [render.NOTES] if parts.shown or parts.core else []
    if parts.shown:
        notes.append(f"{render.BEGAN}\n{parts.shown}")
    if parts.core:
        notes.append(render.headed(parts.core))
    return "\n\n".join(text for text in (ask.system, ask.masked("\n\n".join(notes))) if text) or None


def _messages(ask: Ask[V], parts: _Parts) -> tuple[Message, ...]:
    return render.messages(parts.tail, render.beside_prompt(ask.masked(render.lines(parts.beside)), ask.prompt))


def _write(ask: Ask[V], parts: _Parts) -> Context[V]:
    head, messages = _head(ask, parts), _messages(ask, parts)
    estimate = price(head, [message.text for message in messages])
    return Context(
        view=ask.view,
        system=head,
        messages=messages,
        anchor=parts.anchor,
        sitrep=tuple(sorted({unit.turn for unit in (*parts.core, *parts.beside)})),
        tail=tuple(range(parts.start, parts.start + len(parts.tail))),
        estimate=estimate,
        tokens=math.ceil(estimate * ask.factor),
        budget=ask.budget,
    )
