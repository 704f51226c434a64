"""A view in, messages out: Anchor, SITREP, Tail.

`build` is the entry: a pure function of the view, the prompt and the budget. What it is given besides (the folded
state and the index) is a cache of the view's turns. Nothing here knows a session, an engine, or turns outside the view.

Where things stand, for every engine alike: the system prompt holds the user's own, then how the conversation began and
the part of the report that stays the same from ask to ask, so that an engine which drops the oldest messages cannot
lose them and a prefix cache can serve them. The latest turns are messages. The last message holds what the prompt asks
about and more of the report between <notes> and </notes>, and then the prompt as it was given.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar

from trooper_cli.errors import InputError
from trooper_cli.memory import assemble, fold, render, search, select
from trooper_cli.memory.assemble import Memory
from trooper_cli.turn import Context, View

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V", bound=View)

# How much larger a text may be than its estimate; callers replace it by what an engine's own counts taught them.
FACTOR = 1.08

__all__ = ["FACTOR", "Memory", "build", "chosen", "fold", "price", "remember", "search"]


def build(
    view: V,
    prompt: str,
    budget: int,
    *,
    system: str | None = None,
    recollect: Callable[[V], Memory] | None = None,
    mask: Callable[[str], str] | None = None,
    factor: float = FACTOR,
    limit: str = "",
) -> Context[V]:
    """Return the context for an engine: at most `budget` tokens, the whole prompt at the end.

    `recollect` returns the memory folded from the same view, and is called where the view does not fit as it is;
    without it the view is read and folded here. `mask` hides credentials in what is included of earlier turns. An
    estimated token counts as `factor` tokens of the engine; `budget` is in the engine's. `limit` says in words what
    the budget comes from and how it grows, for a prompt over it.

    Raises:
        InputError: the prompt and the system prompt alone are over the budget.

    """
    if not prompt.strip():
        raise InputError("there is nothing to ask: the prompt is blank")
    # The same parts are written more than once while the whole is made to fit.
    masked = functools.cache(mask) if mask else None
    ask = assemble.Ask(view, prompt, budget, factor, system if system and system.strip() else None, masked)
    need = price(prompt, ask.system) * factor
    if need > budget:
        raise InputError(
            f"the prompt does not fit: with the system prompt it has about {round(need):,} tokens, "
            f"{limit or f'the budget is {budget:,}; shorten it, or raise the budget'}"
        )
    whole = assemble.verbatim(ask)
    return whole or assemble.compress(ask, recollect(view) if recollect else remember(view, mask))


def price(prompt: str, system: str | None = None) -> float:
    """Estimate the tokens of a request that holds no more than this."""
    return assemble.price(system, [prompt])


def remember(view: View, mask: Callable[[str], str] | None = None) -> Memory:
    """Fold a view that has no stored state."""
    state = fold.Folded()
    everything = [unit for exchange in list(view.latest())[::-1] for unit in state.add(exchange, mask)]
    return Memory(state, search.MemoryIndex(everything))


def chosen(memory: Memory, budget: int) -> list[tuple[str, int, str]]:
    """Choose what a report includes within so many tokens: heading, place of the turn in the view, and line."""
    units = memory.state.units
    return render.listed(select.by_importance(units, budget / FACTOR, set(), select.term_weights(units)))
