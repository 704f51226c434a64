"""What an engine is told: the memory of a view within a budget, the prompt, and the request that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trooper_cli import memory
from trooper_cli.store.memory_cache import recollect
from trooper_cli.turn import Side

if TYPE_CHECKING:
    from trooper_cli import json_output
    from trooper_cli.ask.caller import V
    from trooper_cli.ask.turn_in_progress import TurnInProgress
    from trooper_cli.engines.engine import Engine
    from trooper_cli.net.http import Request
    from trooper_cli.turn import Context, Message

# What the memory may add to a prompt where --budget does not say it.
MEMORY_TOKENS = {Side.CLOUD: 16_000, Side.LOCAL: 4_000}
# Where a model is to think, thought and answer have so many at the least.
THINKING_TOKENS = 8_192
# Claude counts up to 40 % more than the estimate, small local models up to 25 %; its own counts correct this.
SCALE = {Side.CLOUD: 1.4, Side.LOCAL: 1.25}
SLACK = 1.08
MANY_TURNS = 2_000


def context_of(
    turn: TurnInProgress,
    view: V,
    engine: Engine[V],
    *,
    at_most: int | None = None,
    after: tuple[Message, ...] = (),
) -> Context[V]:
    """Return the context of a view: its memory within the budget and `at_most` tokens, and the prompt.

    `after` is what was said since the prompt in this turn; it takes its room from the window alone.
    """
    from trooper_cli.guard.credentials import mask

    ask_request = turn.ask_request
    if (given := turn.caller.given_context(ask_request, view, engine)) is not None:
        return _followed(given, after, 1.0)
    system = ask_request.system or view.system
    factor = _factor(turn, engine)
    room = engine.window() - answer_tokens(turn, engine) - _tokens(after, factor)
    stated = turn.settings.number("budget", ask_request.budget)
    limit = _limit_of(turn, engine) if stated is None or stated > room else ""
    price = memory.price(ask_request.prompt, system)

    def wanted(factor: float) -> int:
        return int(price * factor) + 1 + MEMORY_TOKENS[engine.side] if stated is None else stated

    def recollected(view: V) -> memory.Memory:
        return recollect(view, mask, lambda unread: _tell_unread(turn, unread))

    def built(factor: float) -> Context[V]:
        budget = min(wanted(factor), room) if at_most is None else min(wanted(factor), room, at_most)
        return memory.build(
            view,
            ask_request.prompt,
            budget,
            system=system,
            recollect=recollected,
            mask=mask,
            factor=factor,
            limit=limit,
        )

    if at_most is None and engine.side is Side.CLOUD and wanted(factor) > room:
        from trooper_cli.ask.exact_window import counter_of, fitted

        if (count := counter_of(engine.model, turn.settings.environ, turn.home)) is not None:
            return _followed(fitted(built, count, room, factor, ([system, ask_request.prompt], price)), after, factor)
    return _followed(built(factor), after, factor)


def _followed(context: Context[V], after: tuple[Message, ...], factor: float) -> Context[V]:
    """Return a context with what was said since its prompt."""
    return context._replace(
        messages=(*context.messages, *after),
        estimate=context.estimate + _tokens(after, 1.0),
        tokens=context.tokens + _tokens(after, factor),
    )


def _tokens(messages: tuple[Message, ...], factor: float) -> int:
    return int(sum(memory.price(message.text) for message in messages) * factor)


def _limit_of(turn: TurnInProgress, engine: Engine[V]) -> str:
    """Return in words what an engine's model takes, and what can be done about a prompt that is longer."""
    kept = answer_tokens(turn, engine)
    fewer = ", keep fewer with --max-tokens" if turn.ask_request.max_tokens else ""
    return (
        f"and {engine.model or engine.name} takes {engine.window():,} tokens, {kept:,} kept for the answer; "
        f"shorten it{fewer}, or choose a model that takes more with -m"
    )


def _tell_unread(turn: TurnInProgress, unread: int) -> None:
    if unread >= MANY_TURNS:
        turn.notify(f"{unread} earlier turns are read for the first time, which takes a while; later asks need not")


def _factor(turn: TurnInProgress, engine: Engine[V]) -> float:
    """Return how many tokens the engine counts per estimated token, with some slack.

    What turns of one label taught serves that label alone.
    """
    known = turn.session.ratio(turn.decision.label, engine.name, engine.model)
    return known * SLACK if known else SCALE[engine.side]


def answer_tokens(turn: TurnInProgress, engine: Engine[V]) -> int:
    """Return the tokens kept for the answer: never more than half of the engine's window."""
    tokens = turn.ask_request.max_tokens or engine.answer_tokens
    if turn.ask_request.max_tokens is None and turn.ask_request.thinking.effort not in {None, "none"}:
        tokens = max(tokens, THINKING_TOKENS)
    return min(tokens, engine.window() // 2)


def request_of(turn: TurnInProgress, engine: Engine[V], context: Context[V]) -> Request:
    ask_request = turn.ask_request
    return engine.prepare(
        context,
        answer_tokens(turn, engine),
        stream=ask_request.stream,
        sampling=ask_request.sampling,
        thinking=ask_request.thinking,
        schema=ask_request.schema,
    )


def included_of(context: Context[V]) -> json_output.Context:
    """Return what is included, the turns by the numbers the user knows them by. For the user alone."""
    numbers = context.view.numbers
    return {
        "anchor": numbers(context.anchor),
        "sitrep": numbers(context.sitrep),
        "tail": numbers(context.tail),
        "tokens": context.tokens,
        "budget": context.budget,
    }
