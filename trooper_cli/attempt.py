"""The attempts of one turn: which engine is tried with which view, how often, and what is written down of it."""

from __future__ import annotations

import contextlib
import random
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from trooper_cli import memory
from trooper_cli.engines import End, Engine, Usage
from trooper_cli.engines.anthropic import Anthropic
from trooper_cli.engines.choose import local_engine
from trooper_cli.errors import (
    BrokenAnswerError,
    ContextExceededError,
    OverloadError,
    QuotaError,
    RefusedError,
    StorageError,
    TrooperError,
    UnavailableError,
)
from trooper_cli.locality import this_machine_only
from trooper_cli.memory_store import recollect
from trooper_cli.question import Answer, UnderWay
from trooper_cli.route import Decision
from trooper_cli.turn import Context, Label, Side, View
from trooper_cli.views import StoredPrivateView, StoredPublicView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trooper_cli.settings import Settings
    from trooper_cli.transport import Request

# What the memory may add to a prompt where --budget does not say it.
MEMORY_TOKENS = {Side.CLOUD: 16_000, Side.LOCAL: 6_000}
ANSWER_TOKENS = {Side.CLOUD: 16_000, Side.LOCAL: 2_048}
SILENCE_SECONDS = {Side.CLOUD: 120.0, Side.LOCAL: 600.0}
# Claude counts up to 40 % more than the estimate, small local models up to 25 %; its own counts correct this.
SCALE = {Side.CLOUD: 1.4, Side.LOCAL: 1.25}
SLACK = 1.08
LEARN_FROM = 300
LEAST_RATIO, MOST_RATIO = 0.85, 1.7
MANY_TURNS = 2_000
RETRY_SECONDS = 8.0
LONGEST_PENDING = 200
LONGEST_ANSWER = 16 << 20
RETRIES = 2

V = TypeVar("V", StoredPublicView, StoredPrivateView)


def execute(turn: UnderWay, settings: Settings, home: Path) -> Answer:
    """Give the turn to its side; only here can a public turn change sides, and a private one cannot."""
    if turn.decision.label is Label.PRIVATE:
        with this_machine_only():
            local = local_engine_of(turn, settings, home)
            return _attempt(turn, local, turn.private_view, settings)
    cause = None
    if turn.decision.side is Side.CLOUD:
        cloud = cloud_engine(turn, settings)
        try:
            return _with_retries(turn, cloud, settings)
        except (QuotaError, UnavailableError) as error:
            if turn.begun:
                raise BrokenAnswerError(f"the answer broke off: {error}") from error
            if not turn.question.fallback:
                raise
            cause = error
        turn.pieces.clear()
    try:
        local = local_engine_of(turn, settings, home)
    except TrooperError as error:
        if cause is None:
            error.args = (f"{error}; or set ANTHROPIC_API_KEY to ask Claude",)
            raise
        raise UnavailableError(f"{cause}; and no fallback: {error}") from error
    if cause is not None:
        turn.tell(f"{cause}; answered by {local.name} on this machine instead")
        turn.decision = Decision(Label.PUBLIC, Side.LOCAL, "fallback")
    elif turn.decision.reason == "no_key":
        turn.tell(f"no ANTHROPIC_API_KEY, so {local.name} on this machine answers")
    answer = _attempt(turn, local, turn.public_view, settings)
    answer.fallback = {"from": Anthropic.name, "cause": type(cause).__name__} if cause else None
    return answer


def _with_retries(turn: UnderWay, cloud: Anthropic, settings: Settings) -> Answer:
    """Ask the cloud; where the trouble may pass, wait a little and ask again, within a few seconds in all."""
    deadline = time.monotonic() + RETRY_SECONDS
    for attempt in range(RETRIES + 1):
        try:
            return _attempt(turn, cloud, turn.public_view, settings)
        except (OverloadError, UnavailableError) as error:
            wait = 0.5 * 2**attempt * random.uniform(0.5, 1.0)  # noqa: S311
            if isinstance(error, OverloadError) and error.retry_after is not None:
                wait = error.retry_after
            if turn.begun or attempt == RETRIES or time.monotonic() + wait > deadline:
                raise
            turn.pieces.clear()
            time.sleep(wait)
    raise AssertionError


def _attempt(turn: UnderWay, engine: Engine[V], view: V, settings: Settings) -> Answer:
    """Have one engine execute the turn; if it counts more tokens than fit, once more with a smaller memory."""
    context = context_of(turn, view, engine, settings)
    try:
        return _send(turn, engine, context)
    except ContextExceededError as error:
        if turn.begun or not error.limit or len(context.messages) == 1:
            raise
        smaller = int(context.tokens * error.limit / max(error.tokens, 1) * 0.9)
        return _send(turn, engine, context_of(turn, view, engine, settings, at_most=smaller))


def _send(turn: UnderWay, engine: Engine[V], context: Context[V]) -> Answer:
    request = request_of(turn, engine, context)
    turn.engine, turn.model = engine.name, engine.model
    told = told_turns(context)
    if turn.question.carried is not None:
        turn.question.carried.reply.begin(turn, told)
    record = _begin_attempt(turn, engine, request, told)
    began, outcome, usage = time.monotonic(), "failed", None
    try:
        end, size = None, 0
        for piece in _pieces(turn, engine, request):
            if isinstance(piece, End):
                end = piece
                continue
            turn.pieces.append(piece)
            if (size := size + len(piece)) > LONGEST_ANSWER:
                raise BrokenAnswerError(f"{engine.name} does not end its answer; it was given up after 16 MiB")
            if turn.question.live:
                _show(turn, piece)
        _show(turn, "", last=True)
        if end is None:
            raise BrokenAnswerError(f"{engine.name} gave no end to its answer")
        usage, outcome, turn.model = end.usage, end.stop or "end_turn", end.model
        _learn_ratio(turn, engine, context, usage)
        _check_end(turn, end)
        return Answer(
            turn.text,
            turn.number or 0,
            turn.decision,
            engine.name,
            end.model,
            end.stop,
            end.usage,
            told,
            _host(request, engine),
            engine.on_network,
            stop_sequence=end.sequence,
        )
    except TrooperError as error:
        outcome = type(error).__name__
        raise
    finally:
        _end_attempt(turn, record, outcome, time.monotonic() - began, usage)


def _pieces(turn: UnderWay, engine: Engine[V], request: Request) -> Iterator[str | End]:
    pieces = engine.send(request, turn.question.silence or SILENCE_SECONDS[engine.side])
    if engine.side is Side.LOCAL and turn.question.stop_sequences:
        from trooper_cli.messages.stopping import until_stopped

        return until_stopped(pieces, turn.question.stop_sequences, engine.model)
    return pieces


def _show(turn: UnderWay, piece: str, *, last: bool = False) -> None:
    """Show a piece; of a private answer whole lines, once the guard knows them, since a pipe may carry them on."""
    turn.pending += piece
    if turn.decision.label is Label.PRIVATE and not last and "\n" not in piece and len(turn.pending) < LONGEST_PENDING:
        return
    if turn.pending:
        if turn.decision.label is Label.PRIVATE:
            with contextlib.suppress(StorageError):
                known = turn.text[-len(turn.pending) - LONGEST_PENDING :]
                turn.guard.remember(Label.PRIVATE, turn.session.name, turn.number, answer=known)
        turn.shown = True
        turn.show(turn.pending)
        turn.pending = ""


def _check_end(turn: UnderWay, end: End) -> None:
    if end.stop == "refusal":
        raise RefusedError("the model refused to answer; later turns are not told of this one", after_text=turn.begun)
    # Tool calls, or nothing after a tool's result, are whole answers to a program.
    whole = end.sequence is not None or (turn.question.carried is not None and turn.decision.side is Side.CLOUD)
    if not turn.text.strip() and not whole:
        hint = "; it spent its tokens on thinking, see --max-tokens" if end.stop == "max_tokens" else ""
        raise BrokenAnswerError(f"{turn.engine} gave an empty answer{hint}")
    if end.stop in {"max_tokens", "model_context_window_exceeded"}:
        turn.tell(f"the answer was cut at {end.usage.output or 'its limit of'} tokens; see --max-tokens")


def cloud_engine(turn: UnderWay, settings: Settings) -> Anthropic:
    if turn.question.carried is not None:
        from trooper_cli.messages.forward import Forwarding

        return Forwarding(turn.question, turn.question.carried, settings.environ)
    return Anthropic(turn.question.model or settings.text("cloud_model") or "", settings.environ)


def local_engine_of(turn: UnderWay, settings: Settings, home: Path, *, connect: bool = True) -> Engine[View]:
    # A model named for a turn that was meant for the cloud is no local model's name.
    named = turn.question.model if turn.decision.side is Side.LOCAL else None
    return local_engine(settings, home, named, connect=connect)


def context_of(
    turn: UnderWay, view: V, engine: Engine[V], settings: Settings, *, at_most: int | None = None
) -> Context[V]:
    from trooper_cli.guard.credentials import mask

    question = turn.question
    if question.carried is not None and question.session is None and engine.side is Side.CLOUD:
        from trooper_cli.messages.forward import as_given

        return as_given(view, question, engine.window())
    system = question.system or view.system
    factor = _factor(turn, engine)
    room = engine.window() - _answer_tokens(turn, engine)
    budget = settings.number("budget", question.budget)
    if budget is None:
        budget = int(memory.price(question.prompt, system) * factor) + 1 + MEMORY_TOKENS[engine.side]
    budget = min(budget, room) if at_most is None else min(budget, room, at_most)

    def recollected(view: V) -> memory.Memory:
        return recollect(view, mask, lambda unread: _tell_unread(turn, unread))

    return memory.build(view, question.prompt, budget, system=system, recollect=recollected, mask=mask, factor=factor)


def _tell_unread(turn: UnderWay, unread: int) -> None:
    if unread >= MANY_TURNS:
        turn.tell(f"{unread} earlier turns are read for the first time, which takes a while; later asks need not")


def _factor(turn: UnderWay, engine: Engine[V]) -> float:
    """Give how many tokens the engine counts for one of the estimate, with some slack.

    What turns of one label taught serves that label alone.
    """
    known = turn.session.ratio(turn.decision.label, engine.name, engine.model)
    return known * SLACK if known else SCALE[engine.side]


def _learn_ratio(turn: UnderWay, engine: Engine[V], context: Context[V], usage: Usage) -> None:
    if turn.number is None or turn.failure is not None or context.estimate < LEARN_FROM or not usage.input:
        return
    ratio = min(max(usage.input / context.estimate, LEAST_RATIO), MOST_RATIO)
    try:
        turn.session.learn_ratio(turn.decision.label, engine.name, engine.model, ratio)
    except StorageError as error:
        turn.failure = error


def _answer_tokens(turn: UnderWay, engine: Engine[V]) -> int:
    """Give the room kept for the answer: never more than half of what the model takes."""
    return min(turn.question.max_tokens or ANSWER_TOKENS[engine.side], engine.window() // 2)


def request_of(turn: UnderWay, engine: Engine[V], context: Context[V]) -> Request:
    return engine.prepare(
        context, _answer_tokens(turn, engine), stream=turn.question.stream, sampling=turn.question.sampling
    )


def told_turns(context: Context[V]) -> dict[str, object]:
    """Name the turns that take part, by the numbers the user knows them by. For the user alone."""
    numbers = context.view.numbers
    return {
        "anchor": numbers(context.anchor),
        "sitrep": numbers(context.sitrep),
        "tail": numbers(context.tail),
        "tokens": context.tokens,
        "budget": context.budget,
    }


def _begin_attempt(turn: UnderWay, engine: Engine[V], request: Request, told: dict[str, object]) -> int | None:
    if turn.number is None or turn.failure is not None:
        return None
    turns = [number for layer in ("anchor", "sitrep", "tail") for number in told[layer]]  # type: ignore[attr-defined]
    side = "network" if engine.on_network else engine.side
    try:
        return turn.session.begin_attempt(
            turn.number, side=side, engine=engine.name, host=_host(request, engine), body=request.body, turns=turns
        )
    except StorageError as error:
        turn.failure = error
        return None


def _host(request: Request, engine: Engine[V]) -> str:
    return urlsplit(request.url).netloc or engine.name


def _end_attempt(turn: UnderWay, record: int | None, outcome: str, seconds: float, usage: Usage | None) -> None:
    if record is None or turn.failure is not None:
        return
    try:
        turn.session.end_attempt(record, outcome, seconds, usage)
    except StorageError as error:
        turn.failure = error
