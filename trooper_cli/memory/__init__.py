"""The memory: a view, a prompt and a budget in; the messages for one engine out.

Three layers: Anchor (the first two turns), SITREP (a situation report of the middle), Tail (the latest turns).
The same view, prompt and budget give the same bytes. Positions count within the view and are not rendered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from trooper_cli.errors import InputError
from trooper_cli.memory.count import message_cost
from trooper_cli.memory.sitrep import lead_line
from trooper_cli.turn import Context, Exchange, Message, View

if TYPE_CHECKING:
    from collections.abc import Sequence

V = TypeVar("V", bound=View)

ANCHOR_TURNS = 2
# Shares of what is left beside the prompt; the report takes the rest.
_ANCHOR_SHARE = 0.10
_TAIL_SHARE = 0.30
_REPORT_HEAD = "Situation report: what was said between the first and the latest messages, shortened, in order."
CLIPPED = "[…]"


def build(view: V, prompt: str, budget: int, *, system: str | None, scale: float) -> Context[V]:
    """Compress `view` so that it fits beside the whole `prompt`.

    Args:
        view: the turns that may be told.
        prompt: the present prompt; it is always sent whole.
        budget: the most tokens of everything together.
        system: the system prompt, sent whole as well.
        scale: how many tokens the engine counts for one of the estimate.

    Raises:
        InputError: the prompt and the system prompt alone are over the budget.

    """
    fixed = message_cost(prompt, scale) + (message_cost(system, scale) if system else 0)
    if fixed > budget:
        raise InputError(f"the prompt does not fit: about {fixed} tokens, and the budget is {budget}; see --budget")
    room = budget - fixed
    recent, everything = _recent(view, room, scale)
    middle: Sequence[Exchange] = ()
    if everything:
        anchor, tail = recent[:ANCHOR_TURNS], recent[ANCHOR_TURNS:]
    else:
        anchor, tail, middle = _layers(view, recent, room, scale)
    used = sum(_cost(exchange, scale) for exchange in (*anchor, *tail))
    report, reported = _report(middle, room - used, scale)
    total = len(view)
    messages = [message for exchange in (*anchor, *tail) for message in _messages(exchange)]
    told = "\n\n".join(part for part in (system, report) if part) or None
    end_of_middle = total - len(tail)
    return Context(
        view=view,
        system=told,
        messages=(*messages, Message("user", prompt)),
        anchor=tuple(range(len(anchor))),
        sitrep=tuple(range(end_of_middle - reported, end_of_middle)),
        tail=tuple(range(end_of_middle, total)),
        tokens=fixed + used + (message_cost(report, scale) if report else 0),
        budget=budget,
    )


def _messages(exchange: Exchange) -> tuple[Message, Message]:
    return Message("user", exchange.prompt), Message("assistant", exchange.answer)


def _cost(exchange: Exchange, scale: float) -> int:
    return message_cost(exchange.prompt, scale) + message_cost(exchange.answer, scale)


def _recent(view: View, room: int, scale: float) -> tuple[list[Exchange], bool]:
    """Read backwards as many turns as would fit verbatim, and one more; say whether that is all there are."""
    found: list[Exchange] = []
    left = room
    for exchange in view.latest():
        left -= _cost(exchange, scale)
        found.append(exchange)
        if left < 0:
            break
    found.reverse()
    return found, left >= 0


def _layers(
    view: View, recent: Sequence[Exchange], room: int, scale: float
) -> tuple[list[Exchange], list[Exchange], Sequence[Exchange]]:
    """Give anchor, tail, and those turns between them that may get a line in the report."""
    anchor_turns = min(ANCHOR_TURNS, len(view) - 1)
    share = int(room * _ANCHOR_SHARE / ANCHOR_TURNS)
    anchor = [clipped for exchange in view.first(anchor_turns) if (clipped := _clip(exchange, share, scale))]
    tail: list[Exchange] = []
    left = int(room * _TAIL_SHARE)
    between = recent[max(0, len(recent) - (len(view) - anchor_turns)) :]
    for exchange in reversed(between):
        cost = _cost(exchange, scale)
        if cost > left:
            break
        left -= cost
        tail.insert(0, exchange)
    if not tail and (clipped := _clip(between[-1], int(room * _TAIL_SHARE), scale)):
        tail = [clipped]
    return anchor, tail, between[: len(between) - len(tail)]


def _clip(exchange: Exchange, room: int, scale: float) -> Exchange | None:
    """Keep the heads of both texts so that they cost at most `room` together; None if nothing worth it fits."""
    if _cost(exchange, scale) <= room:
        return exchange
    half = max(room // 2, room - message_cost(exchange.answer, scale))
    prompt = _head(exchange.prompt, half, scale)
    answer = _head(exchange.answer, room - message_cost(prompt, scale), scale)
    return Exchange(prompt, answer) if prompt and answer else None


def _head(text: str, room: int, scale: float) -> str:
    if message_cost(text, scale) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if message_cost(f"{text[:middle]} {CLIPPED}", scale) <= room:
            low = middle
        else:
            high = middle - 1
    return f"{text[:low].rstrip()} {CLIPPED}" if low else ""


def _report(middle: Sequence[Exchange], room: int, scale: float) -> tuple[str | None, int]:
    """Give one line for each of the newest middle turns that fit, oldest first, and their number."""
    lines: list[str] = []
    left = room - message_cost(_REPORT_HEAD, scale)
    for exchange in reversed(middle):
        line = lead_line(exchange)
        left -= message_cost(line, scale)
        if left < 0:
            break
        lines.insert(0, line)
    return ("\n".join((_REPORT_HEAD, *lines)), len(lines)) if lines else (None, 0)
