"""One attempt: what an engine is told of a view, what it answers, and what is written down of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from trooper_cli import memory
from trooper_cli.engines import End, Engine, Usage
from trooper_cli.errors import (
    BrokenAnswerError,
    ContextExceededError,
    LocalityError,
    RefusedError,
    StorageError,
    TrooperError,
)
from trooper_cli.patience import Patience
from trooper_cli.question import Answer, UnderWay
from trooper_cli.store.memory_cache import recollect
from trooper_cli.store.views import StoredPrivateView, StoredPublicView
from trooper_cli.turn import Context, Label, Side, View

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trooper_cli.settings import Settings
    from trooper_cli.transport import Request

# What the memory may add to a prompt where --budget does not say it.
MEMORY_TOKENS = {Side.CLOUD: 16_000, Side.LOCAL: 4_000}
ANSWER_TOKENS = {Side.CLOUD: 16_000, Side.LOCAL: 2_048}
SILENCE_SECONDS = {Side.CLOUD: 120.0, Side.LOCAL: 600.0}
# Claude counts up to 40 % more than the estimate, small local models up to 25 %; its own counts correct this.
SCALE = {Side.CLOUD: 1.4, Side.LOCAL: 1.25}
SLACK = 1.08
LEARN_FROM = 300
LEAST_RATIO, MOST_RATIO = 0.85, 1.7
MANY_TURNS = 2_000
LONGEST_PENDING = 200
# What says by itself that an answer is not whole.
TELLS_ENOUGH = (BrokenAnswerError, ContextExceededError, LocalityError, RefusedError, StorageError)
LONGEST_ANSWER = 4 << 20

V = TypeVar("V", StoredPublicView, StoredPrivateView)


def attempt(turn: UnderWay, engine: Engine[V], view: V, settings: Settings) -> Answer:
    """Have one engine execute the turn; if it counts more tokens than fit, once more with a smaller memory."""
    context = context_of(turn, view, engine, settings)
    try:
        return _send(turn, engine, context)
    except ContextExceededError as error:
        if turn.begun:
            raise BrokenAnswerError(f"the answer is to a part of the conversation only: {error}") from error
        if not error.limit or len(context.messages) == 1:
            raise
        turn.pieces.clear()
        smaller = int(context.tokens * error.limit / max(error.tokens, 1) * 0.9)
        return _send(turn, engine, context_of(turn, view, engine, settings, at_most=smaller))


def _send(turn: UnderWay, engine: Engine[V], context: Context[V]) -> Answer:
    request = request_of(turn, engine, context)
    turn.engine, turn.model = engine.name, engine.model
    told = told_turns(context)
    if turn.question.carried is not None:
        turn.question.carried.reply.begin(turn, told)
    record = _begin_attempt(turn, engine, request, told)
    check_recorded(turn)
    began, outcome, usage = time.monotonic(), "failed", None
    try:
        end, size, silence = None, 0, turn.question.silence or SILENCE_SECONDS[engine.side]
        with Patience(silence) as patience:
            for piece in _pieces(turn, engine, request, silence):
                patience.heard()
                if isinstance(piece, End):
                    end = piece
                    continue
                turn.pieces.append(piece)
                if (size := size + len(piece)) > LONGEST_ANSWER:
                    raise BrokenAnswerError(f"{engine.name} does not end its answer; it was given up after 4 MiB")
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
    except (KeyboardInterrupt, SystemExit):
        _show(turn, "", last=True)
        raise
    except TrooperError as error:
        if not isinstance(error, LocalityError):
            _show(turn, "", last=True)
        outcome = type(error).__name__
        if _is_out(turn, engine) and not isinstance(error, TELLS_ENOUGH):
            # What came of one model is not gone on with by another, nor said twice.
            raise BrokenAnswerError(f"the answer broke off: {error}") from error
        raise
    finally:
        _end_attempt(turn, record, outcome, time.monotonic() - began, usage)


def _is_out(turn: UnderWay, engine: Engine[V]) -> bool:
    """Tell whether a part of an answer is beyond recall: it was shown, or no other engine may answer in its place."""
    return turn.begun or (engine.side is Side.LOCAL and bool(turn.pieces))


def _pieces(turn: UnderWay, engine: Engine[V], request: Request, silence: float) -> Iterator[str | End]:
    pieces = engine.send(request, silence)
    if turn.question.stop_sequences:
        from trooper_cli.messages.forward import Forwarding
        from trooper_cli.messages.stopping import until_stopped

        # Claude is told of them itself.
        if isinstance(engine, Forwarding):
            return pieces
        return until_stopped(pieces, turn.question.stop_sequences, engine.model)
    return pieces


def _show(turn: UnderWay, piece: str, *, last: bool = False) -> None:
    """Show a piece at once; but of a private answer whole lines, once the guard knows them, where a pipe takes them."""
    at_once = turn.question.on_terminal or turn.decision.label is Label.PUBLIC
    if piece and at_once:
        turn.shown = True
        turn.show(piece)
    turn.pending += piece
    if not turn.pending or not (last or "\n" in piece or len(turn.pending) >= LONGEST_PENDING):
        return
    if turn.decision.label is Label.PRIVATE:
        known = turn.text[-len(turn.pending) - LONGEST_PENDING :]
        try:
            turn.store.record_piece(turn.session, turn.number, turn.decision.label, known)
        except StorageError as error:
            if not at_once:
                # What the guard does not know is never printed, not even when the turn ends.
                turn.pending, turn.failure = "", error
                check_recorded(turn)
    if not at_once:
        turn.shown = True
        turn.show(turn.pending)
    turn.pending = ""


def check_recorded(turn: UnderWay) -> None:
    """Let a private turn end where it could not be written down and a pipe could carry its answer to the cloud.

    Raises:
        StorageError: it could not, and standard output is not a terminal.

    """
    if turn.failure is None or turn.decision.label is Label.PUBLIC or turn.question.on_terminal:
        return
    raise StorageError(f"{turn.failure}; a private answer that is not on record is printed on a terminal only")


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


def local_engine_of(turn: UnderWay, settings: Settings, home: Path, *, connect: bool = True) -> Engine[View]:
    from trooper_cli.engines.choose import local_engine

    # A model named for a turn that was meant for the cloud is no local model's name.
    decision = turn.decision
    named = turn.question.model if decision.side is Side.LOCAL and decision.reason != "breaker" else None
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
            turn.number,
            turn.decision.label,
            side=side,
            engine=engine.name,
            model=engine.model,
            host=_host(request, engine),
            body=request.body,
            turns=turns,
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
        turn.session.end_attempt(record, outcome, seconds, turn.model, usage)
    except StorageError as error:
        turn.failure = error
